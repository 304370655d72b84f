// The class Datapath of the typed page: NativeDatapath in src/datapath/native.ts.
#include <napi.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "../worker/cycles.h"
#include "../worker/datapath.h"
#include "registrations.h"

namespace weft {
namespace {

// Calls JavaScript from a worker's thread. Like a listening socket it keeps the program alive until the datapath is closed.
//
// An async handle of the event loop and not a thread-safe function, which wakes the loop while it holds a lock that the loop asks for first thing: both threads
// then slept and woke once more for each ring.
class Bell final : public Doorbell {
 public:
  void set(Napi::Env env, Napi::Function callback) {
    end();
    uv_loop_s* loop = nullptr;
    if (napi_get_uv_event_loop(env, &loop) != napi_ok) throw Napi::Error::New(env, "there is no event loop");
    auto handle = std::make_unique<uv_async_t>();
    if (uv_async_init(loop, handle.get(), [](uv_async_t* h) { static_cast<Bell*>(h->data)->call(); }) != 0)
      throw Napi::Error::New(env, "the event loop takes no handle");
    handle->data = this;
    callback_ = Napi::Persistent(callback);
    context_ = std::make_unique<Napi::AsyncContext>(env, "weft upcalls");
    handle_ = handle.release();
  }
  void end() {
    if (handle_) uv_close(reinterpret_cast<uv_handle_t*>(handle_), [](uv_handle_t* h) { delete reinterpret_cast<uv_async_t*>(h); });
    handle_ = nullptr;
    callback_.Reset();
    context_.reset();
  }
  // While no worker runs, `end` and `set` may.
  void ring() override {
    if (handle_) uv_async_send(handle_);
  }

 private:
  void call() {
    const Napi::Env env = callback_.Env();
    const Napi::HandleScope scope(env);
    // It may close the datapath, and us with it.
    const Napi::Function callback = callback_.Value();
    try {
      callback.MakeCallback(env.Global(), std::initializer_list<napi_value>{}, *context_);
    } catch (const Napi::Error& e) {
      napi_fatal_exception(env, e.Value());
    }
  }

  uv_async_t* handle_ = nullptr;
  Napi::FunctionReference callback_;
  std::unique_ptr<Napi::AsyncContext> context_;
};

// An ArrayBuffer over memory of ours; it holds a share of the mapping.
Napi::ArrayBuffer view(Napi::Env env, const SharedMapping& m, size_t bytes) {
  return Napi::ArrayBuffer::New(
      env, m->data(), bytes, [](Napi::Env, void*, SharedMapping* share) { delete share; }, new SharedMapping(m));
}

uint32_t u32(const Napi::Object& o, const char* name) { return o.Get(name).As<Napi::Number>().Uint32Value(); }
bool flag(const Napi::Object& o, const char* name) { return o.Get(name).As<Napi::Boolean>().Value(); }
std::string text(const Napi::Object& o, const char* name) { return o.Get(name).As<Napi::String>().Utf8Value(); }

class DatapathObject final : public Napi::ObjectWrap<DatapathObject> {
 public:
  static void define(Napi::Env env, Napi::Object exports) {
    exports["Datapath"] = DefineClass(env, "Datapath",
                                      {
                                          InstanceMethod<&DatapathObject::port_add>("portAdd"),
                                          InstanceMethod<&DatapathObject::ports_remove>("portsRemove"),
                                          InstanceMethod<&DatapathObject::port_paths>("portPaths"),
                                          InstanceMethod<&DatapathObject::ports_pause>("portsPause"),
                                          InstanceMethod<&DatapathObject::steer>("steer"),
                                          InstanceMethod<&DatapathObject::submit>("submit"),
                                          InstanceMethod<&DatapathObject::applied>("applied"),
                                          InstanceMethod<&DatapathObject::poll>("poll"),
                                          InstanceMethod<&DatapathObject::set_clock>("setClock"),
                                          InstanceMethod<&DatapathObject::upcall_ring>("upcallRing"),
                                          InstanceMethod<&DatapathObject::upcall_index>("upcallIndex"),
                                          InstanceMethod<&DatapathObject::on_upcall>("onUpcall"),
                                          InstanceMethod<&DatapathObject::rearm>("rearm"),
                                          InstanceMethod<&DatapathObject::counters>("counters"),
                                          InstanceMethod<&DatapathObject::kernel_counters>("kernelCounters"),
                                          InstanceMethod<&DatapathObject::allow_shortcuts>("allowShortcuts"),
                                          InstanceMethod<&DatapathObject::shortcuts>("shortcuts"),
                                          InstanceMethod<&DatapathObject::meter_counts>("meterCounts"),
                                          InstanceMethod<&DatapathObject::set_microflow>("setMicroflow"),
                                          InstanceMethod<&DatapathObject::close>("close"),
                                      });
  }

  explicit DatapathObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<DatapathObject>(info) {
    const auto o = info[0].As<Napi::Object>();
    if (u32(o, "layoutVersion") != kLayoutVersion) throw Napi::Error::New(info.Env(), "the datapath has another layout version");
    Config c{};
    c.workers = u32(o, "workers");
    c.manual = flag(o, "manual");
    c.busy = flag(o, "busy");
    c.max_flows = u32(o, "maxFlows");
    c.max_ports = u32(o, "maxPorts");
    c.upcall_ring_bytes = u32(o, "upcallRingBytes");
    c.command_ring_bytes = u32(o, "commandRingBytes");
    c.microflow = flag(o, "microflow");
    c.max_vlans = u32(o, "maxVlans");
    c.buffers = u32(o, "buffers");
    c.pending_depth = u32(o, "pendingDepth");
    c.seed = u32(o, "seed");
    datapath_ = std::make_unique<Datapath>(c, &bell_);
  }

  void Finalize(Napi::Env) override { end(); }

 private:
  // Some 40 MB a worker go here and not when the collector comes by. What JavaScript has a view of (rings, counters) stays as long as the view.
  void end() {
    datapath_.reset();
    bell_.end();
  }
  Datapath& open(const Napi::CallbackInfo& info) {
    if (!datapath_) throw Napi::Error::New(info.Env(), "the datapath is closed");
    return *datapath_;
  }
  uint32_t worker(const Napi::CallbackInfo& info) {
    const uint32_t w = info[0].As<Napi::Number>().Uint32Value();
    if (w >= open(info).workers()) throw Napi::RangeError::New(info.Env(), "no such worker");
    return w;
  }

  Napi::Value port_add(const Napi::CallbackInfo& info) {
    const auto o = info[2].As<Napi::Object>();
    PortRequest r;
    r.kind = text(o, "kind");
    r.device = text(o, "device");
    r.output = text(o, "output");
    r.netns = text(o, "netns");
    r.mtu = u32(o, "mtu");
    r.loop = flag(o, "loop");
    r.offload = flag(o, "offload");
    r.rx_bytes = u32(o, "rxBytes");
    r.programs = flag(o, "programs");
    r.keep = flag(o, "keep");
    r.xdp_mode = text(o, "xdpMode");
    r.queues = u32(o, "queues");
    r.need_wakeup = flag(o, "needWakeup");
    r.io_uring = flag(o, "ioUring");
    std::string why;
    const uint32_t vport = info[0].As<Napi::Number>().Uint32Value();
    const int err = open(info).port_add(vport, numbers<Napi::Uint32Array, uint32_t>(info[1]), r, &why);
    if (err == 0) return Napi::Number::New(info.Env(), datapath_->queues(vport));
    Napi::Error e = Napi::Error::New(info.Env(), why);
    const char* name = strerrorname_np(err);
    e.Set("code", Napi::String::New(info.Env(), name ? name : "EIO"));
    throw e;
  }
  Napi::Value port_paths(const Napi::CallbackInfo& info) {
    PortPaths paths;
    if (!open(info).describe(info[0].As<Napi::Number>().Uint32Value(), paths)) return info.Env().Undefined();
    Napi::Array words = Napi::Array::New(info.Env(), 4);
    uint32_t n = 0;
    for (const char* word : {paths.receive, paths.send, paths.mode, paths.shortfall}) words[n++] = Napi::String::New(info.Env(), word);
    return words;
  }
  template <typename Array, typename T>
  static std::vector<T> numbers(const Napi::Value& v) {
    const auto a = v.As<Array>();
    return std::vector<T>(a.Data(), a.Data() + a.ElementLength());
  }
  void ports_remove(const Napi::CallbackInfo& info) { open(info).ports_remove(numbers<Napi::Uint32Array, uint32_t>(info[0])); }
  void ports_pause(const Napi::CallbackInfo& info) { open(info).ports_pause(numbers<Napi::Uint32Array, uint32_t>(info[0])); }
  Napi::Value steer(const Napi::CallbackInfo& info) {
    const std::vector<uint32_t> triples = numbers<Napi::Uint32Array, uint32_t>(info[1]);
    std::vector<Move> moves;
    for (size_t i = 0; i + 3 <= triples.size(); i += 3) moves.push_back({triples[i], triples[i + 1], triples[i + 2]});
    const std::vector<uint32_t> loose = open(info).steer(numbers<Napi::Int32Array, int32_t>(info[0]), moves);
    auto out = Napi::Uint32Array::New(info.Env(), loose.size());
    std::copy(loose.begin(), loose.end(), out.Data());
    return out;
  }

  Napi::Value submit(const Napi::CallbackInfo& info) {
    const uint32_t w = worker(info);
    const auto commands = info[1].As<Napi::Uint8Array>();
    const uint32_t length = info[2].As<Napi::Number>().Uint32Value();
    if (length > commands.ByteLength()) throw Napi::RangeError::New(info.Env(), "length exceeds the commands");
    return Napi::Boolean::New(info.Env(), datapath_->submit(w, commands.Data(), length));
  }
  Napi::Value applied(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), datapath_->worker(worker(info)).applied()); }
  Napi::Value poll(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), datapath_->poll(worker(info))); }
  void set_clock(const Napi::CallbackInfo& info) { open(info).set_clock(static_cast<uint64_t>(info[0].As<Napi::Number>().DoubleValue())); }
  Napi::Value upcall_ring(const Napi::CallbackInfo& info) {
    return view(info.Env(), datapath_->worker(worker(info)).upcall_memory(), datapath_->config().upcall_ring_bytes);
  }
  Napi::Value upcall_index(const Napi::CallbackInfo& info) {
    return Napi::Uint32Array::New(info.Env(), 2, view(info.Env(), datapath_->worker(worker(info)).upcall_index(), sizeof(RingIndex)), 0);
  }
  void on_upcall(const Napi::CallbackInfo& info) { bell_.set(info.Env(), info[0].As<Napi::Function>()); }
  Napi::Value rearm(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), datapath_->worker(worker(info)).rearm()); }
  Napi::Value counters(const Napi::CallbackInfo& info) {
    const SharedMapping& m = datapath_->worker(worker(info)).arena().memory();
    return view(info.Env(), m, m->bytes());
  }
  Napi::Value kernel_counters(const Napi::CallbackInfo& info) {
    const SharedMapping& m = open(info).shortcuts().memory();
    return view(info.Env(), m, m->bytes());
  }
  void allow_shortcuts(const Napi::CallbackInfo& info) { open(info).shortcuts().allow(info[0].As<Napi::Boolean>().Value()); }
  Napi::Value shortcuts(const Napi::CallbackInfo& info) {
    const std::vector<uint32_t> slots = open(info).shortcuts().list();
    auto out = Napi::Uint32Array::New(info.Env(), slots.size());
    std::copy(slots.begin(), slots.end(), out.Data());
    return out;
  }
  Napi::Value meter_counts(const Napi::CallbackInfo& info) {
    const auto counts = open(info).meter_counts(info[0].As<Napi::Number>().Uint32Value());
    auto out = Napi::Float64Array::New(info.Env(), 2 * counts.size());
    for (size_t i = 0; i < counts.size(); i++) {
      out[2 * i] = static_cast<double>(counts[i].packets);
      out[2 * i + 1] = static_cast<double>(counts[i].bytes);
    }
    return out;
  }
  void set_microflow(const Napi::CallbackInfo& info) { open(info).set_microflow(info[0].As<Napi::Boolean>().Value()); }
  void close(const Napi::CallbackInfo&) { end(); }

  Bell bell_;
  std::unique_ptr<Datapath> datapath_;
};

#if defined(__x86_64__)
double cycles_per_second() {
  const auto ns = [] {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
  };
  const double t0 = ns();
  const uint64_t c0 = __builtin_ia32_rdtsc();
  while (ns() - t0 < 2e7) {
  }
  return static_cast<double>(__builtin_ia32_rdtsc() - c0) / (ns() - t0) * 1e9;
}
#else
double cycles_per_second() { return 1e9; }
#endif

// Those that the program may use: its own affinity, whatever its threads have.
Napi::Value processors(const Napi::CallbackInfo& info) {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(getpid(), sizeof set, &set);
  Napi::Array out = Napi::Array::New(info.Env());
  uint32_t n = 0;
  for (uint32_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET(cpu, &set)) out[n++] = Napi::Number::New(info.Env(), cpu);
  return out;
}

void want_huge_pages(const Napi::CallbackInfo& info) { Mapping::want_huge = info[0].As<Napi::Boolean>().Value(); }

Napi::Value held_memory(const Napi::CallbackInfo& info) {
  Napi::Array out = Napi::Array::New(info.Env(), kPageKinds);
  for (uint32_t i = 0; i < kPageKinds; i++) out[i] = Napi::Number::New(info.Env(), static_cast<double>(Mapping::held[i].load()));
  return out;
}

}  // namespace

void register_datapath(Napi::Env env, Napi::Object exports) {
  DatapathObject::define(env, exports);
  exports["wantHugePages"] = Napi::Function::New(env, want_huge_pages);
  exports["heldMemory"] = Napi::Function::New(env, held_memory);
  exports["cycles"] = Napi::Function::New(env, [](const Napi::CallbackInfo& i) { return Napi::Number::New(i.Env(), static_cast<double>(cycles())); });
  exports["processors"] = Napi::Function::New(env, processors);
  exports["cyclesPerSecond"] =
      Napi::Function::New(env, [](const Napi::CallbackInfo& i) { return Napi::Number::New(i.Env(), cycles_per_second()); });
}

}  // namespace weft
