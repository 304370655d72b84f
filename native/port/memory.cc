#include "memory.h"

namespace weft {

void MemoryPort::arrive(Packet* p) {
  p->next = nullptr;
  (last_ ? last_->next : first_) = p;
  last_ = p;
  waiting_++;
}

uint32_t MemoryPort::receive(Pool&, Packet** out, uint32_t max) {
  uint32_t n = 0;
  while (n < max && first_) {
    Packet* p = first_;
    first_ = p->next;
    p->next = nullptr;
    out[n++] = p;
  }
  if (!first_) last_ = nullptr;
  waiting_ -= n;
  return n;
}

void MemoryPort::transmit(Pool&, Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally) {
  for (uint32_t i = 0; i < n; i++) {
    ok[i] = up_->frame_up(vport_, *packets[i]);
    if (ok[i]) {
      tally.sent_packets++;
      tally.sent_bytes += packets[i]->len;
    } else {
      tally.dropped_full++;
    }
  }
}

}  // namespace weft
