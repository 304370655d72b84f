// Packets on their way between two workers: one writer, one reader, no locks. A packet received by one worker and sent by a port of another is lent:
// it goes there in one queue and comes home in another, so that each buffer returns to its pool and each end is counted by the worker that received it.
#pragma once
#include <array>
#include <atomic>

#include "../packet/packet.h"

namespace weft {

class PacketQueue {
 public:
  bool push(Packet* p) {
    const uint32_t head = head_.load(std::memory_order_relaxed);
    if (head - tail_.load(std::memory_order_acquire) == kSize) return false;
    items_[head % kSize] = p;
    head_.store(head + 1, std::memory_order_release);
    return true;
  }
  Packet* pop() {
    const uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail == head_.load(std::memory_order_acquire)) return nullptr;
    Packet* p = items_[tail % kSize];
    tail_.store(tail + 1, std::memory_order_release);
    return p;
  }
  bool empty() const { return tail_.load(std::memory_order_acquire) == head_.load(std::memory_order_acquire); }

  static constexpr uint32_t kSize = 1024;

 private:
  alignas(64) std::atomic<uint32_t> head_{0};
  alignas(64) std::atomic<uint32_t> tail_{0};
  alignas(64) std::array<Packet*, kSize> items_;
};

// What one worker lends to another.
struct Lending {
  PacketQueue out;   // Packet::slot is the port to send on
  PacketQueue back;  // Packet::slot is the DropReason, kNone when it left
  uint32_t lent = 0; // known to the lender alone; at most PacketQueue::kSize, so `back` never fills
};

}  // namespace weft
