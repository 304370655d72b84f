// A pool that allocates: for tests, tools and fuzzers, never for a worker.
#pragma once
#include <cstdlib>

#include "../port/port.h"

namespace weft {

class HeapPool : public Pool {
 public:
  explicit HeapPool(uint32_t limit = 0xffffffff) : left_(limit) {}
  Packet* take(bool large) override {
    if (left_ == 0) return nullptr;
    left_--;
    const uint32_t capacity = large ? kLargeBuffer : kSmallBuffer;
    auto* p = new Packet{};  // a packet wants the alignment of a cache line, which calloc does not give
    p->buffer = static_cast<uint8_t*>(std::malloc(capacity));
    p->data = p->buffer + kHeadroom;
    p->capacity = capacity;
    p->slot = kNoSlot;
    p->large = large;
    return p;
  }
  void give(Packet* p) override {
    std::free(p->buffer);
    delete p;
    left_++;
  }

 private:
  uint32_t left_;
};

}  // namespace weft
