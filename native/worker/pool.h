// The packet buffers of one worker, small and large. A free list is a stack: the buffer given last is taken next, while it is still in the cache.
#pragma once
#include <cstring>
#include <vector>

#include "../port/port.h"
#include "memory.h"

namespace weft {

class PacketPool final : public Pool {
 public:
  // A 64th as many large buffers as small ones, at least 16: their pages cost nothing until they are used.
  PacketPool(uint32_t small, uint8_t worker) : small_(small, kSmallBuffer, worker), large_(small / 64 < 16 ? 16 : small / 64, kLargeBuffer, worker) {}

  Packet* take(bool large) override { return large ? reset(large_.pop()) : reset(small_.pop()); }
  uint32_t take_many(Packet** out, uint32_t n) override {
    if (n > small_.free) n = small_.free;
    for (uint32_t i = 0; i < n; i++) out[i] = reset(small_.stack[--small_.free]);
    return n;
  }
  void give(Packet* p) override { put(p); }
  // The same without a virtual call.
  void put(Packet* p) {
    Store& s = p->large ? large_ : small_;
    s.stack[s.free++] = p;
  }
  uint32_t free_small() const { return small_.free; }
  uint32_t total_small() const { return static_cast<uint32_t>(small_.stack.size()); }
  bool all_home() const { return small_.free == small_.stack.size() && large_.free == large_.stack.size(); }

 private:
  struct Store {
    // Header and buffer stand together, a line apart from a power of two: with a stride of 2,048 bytes every frame would fall into the same two sets
    // of the first-level cache, and a batch would evict itself.
    Store(uint32_t n, uint32_t bytes, uint8_t worker) : memory(uint64_t{n} * (kLineStride + bytes)), stack(n), free(n) {
      for (uint32_t i = 0; i < n; i++) {
        uint8_t* at = memory.data() + uint64_t{i} * (kLineStride + bytes);
        Packet* p = reinterpret_cast<Packet*>(at);
        p->buffer = at + kLineStride;
        p->capacity = bytes;
        p->large = bytes == kLargeBuffer;
        p->worker = worker;
        stack[n - 1 - i] = p;
      }
    }
    Packet* pop() { return free ? stack[--free] : nullptr; }
    Mapping memory;
    std::vector<Packet*> stack;
    uint32_t free;
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
