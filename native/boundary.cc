// The one file that knows Node. Typed page: src/datapath/native.ts.
#include <napi.h>

#include "boundary/registrations.h"
#include "generated/key_layout.h"

namespace {

Napi::Value Layout(const Napi::CallbackInfo& info) {
  Napi::Object out = Napi::Object::New(info.Env());
  for (const auto& s : weft::kSlots) {
    Napi::Array pair = Napi::Array::New(info.Env(), 2);
    pair[0u] = Napi::Number::New(info.Env(), s.offset);
    pair[1u] = Napi::Number::New(info.Env(), s.bytes);
    out[s.name] = pair;
  }
  return out;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports["layout"] = Napi::Function::New(env, Layout);
  exports["layoutVersion"] =
      Napi::Function::New(env, [](const Napi::CallbackInfo& i) { return Napi::Number::New(i.Env(), weft::kLayoutVersion); });
  weft::register_exec(env, exports);
  weft::register_datapath(env, exports);
  weft::register_memory(env, exports);
  weft::register_netdev(env, exports);
  weft::register_routes(env, exports);
  weft::register_pktgen(env, exports);
  weft::register_process(env, exports);
  weft::register_packet(env, exports);
  weft::register_peer(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(weft, Init)
