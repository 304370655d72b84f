// Memory that nobody needs any more goes back to the kernel.
#include <dlfcn.h>
#include <malloc.h>
#include <napi.h>
#include <sys/mman.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstring>
#include <memory>

#include "registrations.h"

namespace weft {
namespace {

// Node-API has no word for this, and script neither: gc() leaves the young generation as large as it has grown (up to 32 MB). The engine's own functions are
// looked for by name, so that the addon goes on being one binary for every Node; without them nothing is collected.
void collect_garbage() {
  auto* current = reinterpret_cast<void* (*)()>(dlsym(RTLD_DEFAULT, "_ZN2v87Isolate10GetCurrentEv"));
  auto* notify = reinterpret_cast<void (*)(void*)>(dlsym(RTLD_DEFAULT, "_ZN2v87Isolate21LowMemoryNotificationEv"));
  if (current && notify) notify(current());
}

// Of the 85 MB of Node's program a start reads half, and never again. Those pages are the file's, and shared by all programs of that Node, so that the kernel
// would take them first anyway; but a cgroup and whoever looks at a process count them. What is used again is there again with the next access, 64 KB at a time.
// Safe because only parts of the file are let go that nobody may write to and of which there is no copy (no relocation, no breakpoint, no text moved to large pages).
void let_go_of_program() {
  char self[PATH_MAX] = "", line[PATH_MAX + 128];
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> maps(std::fopen("/proc/self/smaps", "re"), std::fclose);
  if (!maps || readlink("/proc/self/exe", self, sizeof self - 1) <= 0) return;
  unsigned long from = 0, to = 0;  // of the mapping in hand, where it is the program's
  while (std::fgets(line, sizeof line, maps.get())) {
    unsigned long a, b, kib;
    char mode[5];
    int path = 0;
    if (std::sscanf(line, "%lx-%lx %4s %*x %*x:%*x %*u %n", &a, &b, mode, &path) == 3) {
      line[std::strcspn(line, "\n")] = 0;
      const bool program = mode[1] == '-' && mode[3] == 'p' && std::strcmp(line + path, self) == 0;
      from = program ? a : 0;
      to = program ? b : 0;
    } else if (from != to && std::sscanf(line, "Anonymous: %lu kB", &kib) == 1 && kib == 0) {
      madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
    }
  }
}

// Each thread of the engine that compiles has a heap of its own in the C library, which keeps what is free at its end up to a threshold. Left alone that follows the
// largest block ever given back: after one message of 1.4 MB each of four threads keeps up to 2.8 MB for good, which malloc_trim does not take either (it takes
// whole pages between blocks). With 1,000 ports 35 MB are private instead of 41. A threshold that was said holds. Blocks above the second come from the kernel
// one by one: its own default, 128 KiB, would do so with every large message.
constexpr int kKeptAtEnd = 1 << 20;
constexpr int kOwnMapping = 8 << 20;

void say_thresholds() {
  mallopt(M_TRIM_THRESHOLD, kKeptAtEnd);
  mallopt(M_MMAP_THRESHOLD, kOwnMapping);
}

// trimMemory(collect): the engine's memory, where asked for, then the C library's, then what a start left.
Napi::Value TrimMemory(const Napi::CallbackInfo& info) {
  if (info[0].As<Napi::Boolean>()) collect_garbage();
  malloc_trim(0);
  let_go_of_program();
  return info.Env().Undefined();
}

}  // namespace

void register_memory(Napi::Env env, Napi::Object exports) {
  say_thresholds();
  exports["trimMemory"] = Napi::Function::New(env, TrimMemory);
}

}  // namespace weft
