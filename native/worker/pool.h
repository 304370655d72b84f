// The packet buffers of one worker, small and large. A free list is a stack: the buffer given last is taken next, while it is still in the cache.
#pragma once
#include <cstring>

#include "../port/port.h"
#include "memory.h"

namespace weft {

class PacketPool final : public Pool {
 public:
  // A 64th as many large buffers as small ones, at least 16.
  PacketPool(uint32_t small, uint8_t worker) : small_(small, kSmallBuffer, worker), large_(small / 64 < 16 ? 16 : small / 64, kLargeBuffer, worker) {}

  Packet* take(bool large) override { return reset((large ? large_ : small_).pop()); }
  uint32_t take_many(Packet** out, uint32_t n) override {
    if (n > small_.ready) [[unlikely]] n = small_.make(n);
    for (uint32_t i = 0; i < n; i++) out[i] = reset(small_.stack[--small_.ready]);
    return n;
  }
  void give(Packet* p) override { put(p); }
  // The same without a virtual call.
  void put(Packet* p) {
    Store& s = p->large ? large_ : small_;
    s.stack[s.ready++] = p;
  }
  uint32_t free_small() const { return small_.free(); }
  uint32_t total_small() const { return small_.total; }
  bool all_home() const { return small_.free() == small_.total && large_.free() == large_.total; }

 private:
  struct Store {
    // Header and buffer stand together, a line apart from a power of two: with a stride of 2,048 bytes every frame would fall into the same two sets
    // of the first-level cache, and a batch would evict itself.
    Store(uint32_t n, uint32_t bytes, uint8_t worker) : total(n), capacity(bytes), worker(worker), memory(uint64_t{n} * (kLineStride + bytes)), list(n * sizeof(Packet*)) {}

    // A buffer is written to for the first time when more of them are wanted at once than ever before: a quiet switch holds the pages of a batch or two, not
    // the 35 MB of a worker's 16,384. Until `n` are ready, or all there are; returns how many are ready, `n` at most.
    uint32_t make(uint32_t n) {
      while (ready < n && made < total) {
        uint8_t* at = memory.data() + uint64_t{made++} * (kLineStride + capacity);
        Packet* p = reinterpret_cast<Packet*>(at);
        p->buffer = at + kLineStride;
        p->capacity = capacity;
        p->large = capacity == kLargeBuffer;
        p->worker = worker;
        stack[ready++] = p;
      }
      return ready < n ? ready : n;
    }
    Packet* pop() { return ready != 0 || make(1) != 0 ? stack[--ready] : nullptr; }
    uint32_t free() const { return ready + (total - made); }

    const uint32_t total, capacity;
    const uint8_t worker;
    Mapping memory, list;
    Packet** const stack = list.as<Packet*>();
    uint32_t ready = 0;  // on the stack
    uint32_t made = 0;   // ever
  };
  static constexpr uint32_t kLineStride = 64;
  static_assert(sizeof(Packet) <= kLineStride);

  static Packet* reset(Packet* p) {
    if (!p) return p;
    p->data = p->buffer + kHeadroom;
    p->slot = kNoSlot;
    std::memset(reinterpret_cast<uint8_t*>(p) + offsetof(Packet, in_port), 0, sizeof(Packet) - offsetof(Packet, in_port));
    return p;
  }

  Store small_;
  Store large_;
};

}  // namespace weft
