// Plain functions of the packet room, for tests and tools. Typed page: NativeAddon in src/datapath/native.ts.
#include "registrations.h"

#include "../packet/dp_hash.h"
#include "../packet/extract.h"
#include "../packet/extract_inline.h"
#include "../packet/heap_pool.h"
#include "../packet/offload.h"

namespace weft {
namespace {

// Keys of JavaScript stand anywhere in memory, ours on a line: a copy in and out. Lines that are not announced are zero on both sides.
class KeyCopy {
 public:
  explicit KeyCopy(Napi::Uint8Array bytes) : bytes_(bytes) {
    if (bytes.ByteLength() < kKeyBytes) throw Napi::RangeError::New(bytes.Env(), "a key is at least " + std::to_string(kKeyBytes) + " bytes");
    std::memcpy(&key, bytes.Data(), kKeyBytes);
  }
  void write_back() {
    if (!(key.lines & 1)) std::memset(key.ipv6_src, 0, kLineBytes);
    if (!(key.lines & 2)) std::memset(key.arp_sha, 0, kLineBytes);
    std::memcpy(bytes_.Data(), &key, kKeyBytes);
  }
  Key key;

 private:
  Napi::Uint8Array bytes_;
};

Napi::Value Extract(const Napi::CallbackInfo& info) {
  auto frame = info[0].As<Napi::Uint8Array>();
  KeyCopy k(info[1].As<Napi::Uint8Array>());
  bool ok = extract(frame.Data(), static_cast<uint32_t>(frame.ByteLength()), k.key, info[2].As<Napi::Number>().Uint32Value());
  k.write_back();
  return Napi::Boolean::New(info.Env(), ok);
}

Napi::Value ExtractReceived(const Napi::CallbackInfo& info) {
  auto frame = info[0].As<Napi::Uint8Array>();
  KeyCopy k(info[1].As<Napi::Uint8Array>());
  uint32_t hash = 0;
  extract_received(frame.Data(), static_cast<uint32_t>(frame.ByteLength()), info[2].As<Napi::Number>().Uint32Value(), k.key,
                   info[3].As<Napi::Number>().Uint32Value(), hash);
  k.write_back();
  return Napi::Number::New(info.Env(), hash);
}

Napi::Value Crc32c(const Napi::CallbackInfo& info) {
  auto bytes = info[1].As<Napi::Uint8Array>();
  return Napi::Number::New(info.Env(), crc32c(info[0].As<Napi::Number>().Uint32Value(), bytes.Data(), bytes.ByteLength()));
}

Napi::Value HashKey(const Napi::CallbackInfo& info) {
  KeyCopy k(info[0].As<Napi::Uint8Array>());
  return Napi::Number::New(info.Env(), hash_key(k.key));
}

Napi::Value DpHash(const Napi::CallbackInfo& info) {
  KeyCopy k(info[1].As<Napi::Uint8Array>());
  auto alg = static_cast<HashAlg>(info[0].As<Napi::Number>().Uint32Value());
  return Napi::Number::New(info.Env(), dp_hash(alg, k.key, info[2].As<Napi::Number>().Uint32Value()));
}

// A packet over the bytes of a frame, which stay JavaScript's.
Packet borrow(Napi::Uint8Array frame, Napi::Uint8Array offload) {
  if (offload.ByteLength() < sizeof(Offload)) throw Napi::RangeError::New(frame.Env(), "an offload state is 12 bytes");
  Packet p = {};
  p.data = p.buffer = frame.Data();
  p.len = p.capacity = static_cast<uint32_t>(frame.ByteLength());
  p.slot = kNoSlot;
  std::memcpy(&p.offload, offload.Data(), sizeof p.offload);
  return p;
}

Napi::Value FinishChecksum(const Napi::CallbackInfo& info) {
  Packet p = borrow(info[0].As<Napi::Uint8Array>(), info[1].As<Napi::Uint8Array>());
  return Napi::Boolean::New(info.Env(), finish_checksum(p));
}

Napi::Value Segment(const Napi::CallbackInfo& info) {
  Packet p = borrow(info[0].As<Napi::Uint8Array>(), info[1].As<Napi::Uint8Array>());
  struct Out {
    HeapPool pool;
    Napi::Array frames;
  } out{HeapPool(), Napi::Array::New(info.Env())};
  int n = segment(
      out.pool, p, info[2].As<Napi::Number>().Uint32Value(),
      [](void* ctx, Packet* s) {
        auto* o = static_cast<Out*>(ctx);
        auto bytes = Napi::Uint8Array::New(o->frames.Env(), s->len);
        std::memcpy(bytes.Data(), s->data, s->len);
        o->frames[o->frames.Length()] = bytes;
        o->pool.give(s);
      },
      &out);
  return n < 0 ? info.Env().Undefined() : out.frames.As<Napi::Value>();
}

}  // namespace

void register_packet(Napi::Env env, Napi::Object exports) {
  exports["extract"] = Napi::Function::New(env, Extract);
  exports["extractReceived"] = Napi::Function::New(env, ExtractReceived);
  exports["crc32c"] = Napi::Function::New(env, Crc32c);
  exports["hashKey"] = Napi::Function::New(env, HashKey);
  exports["dpHash"] = Napi::Function::New(env, DpHash);
  exports["finishChecksum"] = Napi::Function::New(env, FinishChecksum);
  exports["segment"] = Napi::Function::New(env, Segment);
}

}  // namespace weft
