{
  "targets": [
    {
      "target_name": "weft",
      "sources": ["<!@(ls native/boundary.cc native/boundary/*.cc native/packet/*.cc native/cache/*.cc native/action/*.cc native/tunnel/*.cc native/port/*.cc native/worker/*.cc native/pktgen/*.cc 2>/dev/null || true)"],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_DEPRECATED", "NAPI_CPP_EXCEPTIONS"],
      "cflags!": ["-fno-exceptions", "-O2"],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20", "-O2"],
      "cflags_cc": ["-std=c++20", "-O3", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-fvisibility=hidden"],
      "libraries": ["-lpthread"]
    }
  ]
}
