// The traffic generator's class for JavaScript: PacketGenerator of the typed page.
#include <napi.h>

#include <cerrno>
#include <cstring>

#include "../pktgen/generator.h"
#include "registrations.h"

namespace weft {
namespace {

std::unique_ptr<Port> open_port(Napi::Env env, const Napi::Object& o) {
  const std::string kind = o.Get("kind").As<Napi::String>();
  const std::string device = o.Get("device").As<Napi::String>();
  const std::string netns = o.Get("netns").As<Napi::String>();
  const PortOptions options{device.c_str(), "", netns.c_str(), 0, false, false, 0, true, false};
  char why[512] = "";
  int err = 0;
  std::unique_ptr<Port> port(kind == "tap" ? open_tap(options, why, &err) : open_system(options, why, &err));
  if (!port) {
    Napi::Error e = Napi::Error::New(env, why);
    e.Set("code", Napi::String::New(env, strerrorname_np(err) ? strerrorname_np(err) : "EIO"));
    throw e;
  }
  return port;
}

class PacketGenerator final : public Napi::ObjectWrap<PacketGenerator> {
 public:
  static void define(Napi::Env env, Napi::Object exports) {
    exports["PacketGenerator"] = DefineClass(
        env, "PacketGenerator", {InstanceMethod<&PacketGenerator::Stop>("stop"), InstanceMethod<&PacketGenerator::Counters>("counters")});
  }

  // (out, in | null, frames: Uint8Array[], flows: Uint32Array, stamps: Int32Array, nFlows, rate, count, durationNs, lingerNs)
  explicit PacketGenerator(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PacketGenerator>(info) {
    const Napi::Env env = info.Env();
    auto out = open_port(env, info[0].As<Napi::Object>());
    auto in = info[1].IsNull() ? nullptr : open_port(env, info[1].As<Napi::Object>());
    const Napi::Array frames = info[2].As<Napi::Array>();
    const Napi::Uint32Array flows = info[3].As<Napi::Uint32Array>();
    const Napi::Int32Array stamps = info[4].As<Napi::Int32Array>();
    std::vector<GeneratorFrame> list;
    for (uint32_t i = 0; i < frames.Length(); i++) {
      const Napi::Uint8Array bytes = frames.Get(i).As<Napi::Uint8Array>();
      list.push_back({{bytes.Data(), bytes.Data() + bytes.ByteLength()}, flows[i], stamps[i]});
    }
    const auto u64 = [&](size_t i) { return static_cast<uint64_t>(info[i].As<Napi::Number>().Int64Value()); };
    generator_ = std::make_unique<Generator>(out.release(), in.release(), std::move(list), static_cast<uint32_t>(u64(5)),
                                             GeneratorConfig{u64(6), u64(7), u64(8), u64(9)}, counters_);
  }

  void Stop(const Napi::CallbackInfo&) { generator_.reset(); }

  // A copy of the counters and latency buckets as numbers (exact up to 2^53).
  Napi::Value Counters(const Napi::CallbackInfo& info) {
    constexpr uint32_t n = kGenCounters + kLatencyBuckets;
    Napi::Float64Array out = Napi::Float64Array::New(info.Env(), n);
    for (uint32_t i = 0; i < n; i++) out[i] = static_cast<double>(__atomic_load_n(&counters_[i], __ATOMIC_RELAXED));
    return out;
  }

 private:
  uint64_t counters_[kGenCounters + kLatencyBuckets] = {};
  std::unique_ptr<Generator> generator_;
};

}  // namespace

void register_pktgen(Napi::Env env, Napi::Object exports) { PacketGenerator::define(env, exports); }

}  // namespace weft
