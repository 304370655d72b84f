// The action executor with a sink that writes down what it is asked, for suites. Typed page: NativeAddon.executeForTest in src/datapath/native.ts.
#include "registrations.h"

#include <cstring>

#include "../action/execute.h"
#include "../packet/bytes.h"
#include "../packet/heap_pool.h"

namespace weft {
namespace {

Napi::Uint8Array array_of(Napi::Env env, const void* from, size_t n) {
  auto out = Napi::Uint8Array::New(env, n);
  if (n != 0) std::memcpy(out.Data(), from, n);
  return out;
}

// Its answers are rules that the suite's TypeScript sink follows too: see TestSink in src/datapath/reference/execute.test.ts.
class Recorder final : public Sink {
 public:
  Recorder(Napi::Env env, const uint32_t* draws, size_t count) : env_(env), draws_(draws), count_(count), events_(Napi::Array::New(env)) {}

  Packet* packet(const uint8_t* frame, uint32_t len) {
    Packet* p = pool_.take(len > kSmallBuffer - kHeadroom);
    std::memcpy(p->data, frame, len);
    p->len = len;
    p->counted = 1;
    return p;
  }

  DropReason output(Packet* p, uint32_t port) override {
    const DropReason why = port >= 100 ? DropReason::kNoSuchPort : port % 10 == 9 ? DropReason::kPortDown : DropReason::kNone;
    event("output", port, p, nullptr, nullptr, 0);
    pool_.give(p);
    return why;
  }
  void recirculate(Packet* p, Key& key, uint32_t id) override {
    event("recirc", id, p, &key, nullptr, 0);
    pool_.give(p);
  }
  void drop(Packet* p, DropReason why) override {
    event("drop", static_cast<uint32_t>(why), p, nullptr, nullptr, 0);
    pool_.give(p);
  }
  void release(Packet* p) override {
    event("release", 0, p, nullptr, nullptr, 0);
    pool_.give(p);
  }
  DropReason userspace(Packet* p, const Key& key, const uint8_t* cookie, uint32_t cookie_len) override {
    event("userspace", cookie_len, p, &key, cookie, cookie_len);
    return ++upcalls_ % 3 == 0 ? DropReason::kUpcallRate : DropReason::kNone;
  }
  Packet* copy(const Packet* p) override {
    const uint32_t front = headroom(*p);
    Packet* c = pool_.take(front + p->len > kSmallBuffer);
    c->data = c->buffer + front;
    c->len = p->len;
    c->offload = p->offload;
    c->trunc = p->trunc;
    std::memcpy(c->data, p->data, p->len);
    return c;
  }
  bool meter(uint32_t id, uint32_t bytes) override {
    event("meter", bytes, nullptr, nullptr, nullptr, 0);
    return id % 4 != 0;
  }
  uint32_t encapsulated(Packet* p, uint32_t port, uint32_t bytes) override {
    event("encapsulated", port + (bytes << 8), p, nullptr, nullptr, 0);
    return 0x10203 + port;
  }
  DropReason arrive(Packet* p, uint32_t port, uint32_t bytes) override {
    if (port >= 100) return DropReason::kNoSuchPort;
    event("arrive", port + (bytes << 8), p, nullptr, nullptr, 0);
    p->counted = 1;
    p->delivered = 0;
    p->in_port = port;
    return DropReason::kNone;
  }
  void tally(uint32_t port, uint32_t counter, uint32_t n) override { event("tally", port + (counter << 8) + (n << 16), nullptr, nullptr, nullptr, 0); }
  Pool& pool() override { return pool_; }
  uint32_t random() override { return count_ == 0 ? 0 : draws_[at_++ % count_]; }

  Napi::Array events() const { return events_; }

 private:
  // [what, number, then of a packet: frame, offload, delivered and counted, headroom, key or undefined, cookie or undefined]
  void event(const char* what, uint32_t number, const Packet* p, const Key* key, const uint8_t* cookie, uint32_t cookie_len) {
    auto e = Napi::Array::New(env_, 8);
    e[0u] = Napi::String::New(env_, what);
    e[1u] = Napi::Number::New(env_, number);
    e[2u] = array_of(env_, p ? p->data : nullptr, p ? p->len : 0);
    e[3u] = array_of(env_, p ? &p->offload : nullptr, p ? sizeof p->offload : 0);
    e[4u] = Napi::Number::New(env_, p ? p->delivered + 2 * p->counted : 0);
    e[5u] = Napi::Number::New(env_, p ? headroom(*p) : 0);
    if (key) {
      Key whole = {};
      for (uint32_t n = 0; n < kKeyLines; n++) {
        const uint32_t at = n * kLineBytes;
        if (n == 0 || (key->lines >> (n - 1) & 1))
          std::memcpy(reinterpret_cast<uint8_t*>(&whole) + at, reinterpret_cast<const uint8_t*>(key) + at, kLineBytes);
      }
      e[6u] = array_of(env_, &whole, kKeyBytes);
    }
    if (cookie) e[7u] = array_of(env_, cookie, cookie_len);
    events_[events_.Length()] = e;
  }

  Napi::Env env_;
  HeapPool pool_;
  const uint32_t* draws_;
  size_t count_;
  size_t at_ = 0;
  uint32_t upcalls_ = 0;
  Napi::Array events_;
};

// (frame, offload, key, actions, maxVlans, draws) → events, or undefined when the actions are not well-formed.
Napi::Value ExecuteForTest(const Napi::CallbackInfo& info) {
  auto frame = info[0].As<Napi::Uint8Array>();
  auto offload = info[1].As<Napi::Uint8Array>();
  auto key_bytes = info[2].As<Napi::Uint8Array>();
  auto words = info[3].As<Napi::Uint32Array>();
  auto draws = info[5].As<Napi::Uint32Array>();
  if (frame.ByteLength() < 14 || frame.ByteLength() > kLargeBuffer - kHeadroom || offload.ByteLength() < sizeof(Offload) ||
      key_bytes.ByteLength() < kKeyBytes)
    throw Napi::RangeError::New(info.Env(), "a frame is 14 to 69440 bytes, an offload state 12, a key 576");
  if (!validate_actions(words.Data(), static_cast<uint32_t>(words.ElementLength()))) return info.Env().Undefined();
  Recorder sink(info.Env(), draws.Data(), draws.ElementLength());
  Packet* p = sink.packet(frame.Data(), static_cast<uint32_t>(frame.ByteLength()));
  std::memcpy(&p->offload, offload.Data(), sizeof p->offload);
  Key key;
  std::memcpy(&key, key_bytes.Data(), kKeyBytes);
  execute(sink, p, key, words.Data(), static_cast<uint32_t>(words.ElementLength()), info[4].As<Napi::Number>().Uint32Value());
  return sink.events();
}

}  // namespace

void register_exec(Napi::Env env, Napi::Object exports) { exports["executeForTest"] = Napi::Function::New(env, ExecuteForTest); }

}  // namespace weft
