// Where programs of ours may not run in the kernel: all frames come by the packet socket's ring.
#include <sys/mman.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "packet_ring.h"
#include "reception.h"

namespace weft {
namespace {

class RingReception final : public Reception {
 public:
  RingReception(int socket, uint8_t* ring, uint32_t bytes, int why, ReceiveMemory::Share share) : ring_(socket, ring, bytes), why_(why), share_(std::move(share)) {}

  uint32_t receive(Pool& pool, Packet** out, uint32_t max) override {
    uint32_t n = 0;
    while (n < max && ring_.waiting()) {
      if (Packet* p = ring_.take(pool))
        out[n++] = p;
      else
        lost_++;
    }
    return n;
  }
  uint64_t lost() override { return std::exchange(lost_, 0) + ring_.lost(); }
  void look() override { ring_.look(); }
  void describe(char* to, size_t bytes) const override { std::snprintf(to, bytes, "packet ring, %u KiB; no records: %s", ring_.bytes() >> 10, reason_of(why_)); }

 private:
  PacketRing ring_;
  int why_;
  ReceiveMemory::Share share_;
  uint64_t lost_ = 0;
};

}  // namespace

const char* reason_of(int err) { return err == EXDEV ? "another network namespace" : err == ECANCELED ? "options:bpf is false" : strerrordesc_np(err); }

// A short frame takes as much of this ring as a full one, so it gets four times the memory that records would.
std::unique_ptr<Reception> receive_by_ring(int socket, uint32_t asked, int why, const char** fault) {
  ReceiveMemory::Share share = ReceiveMemory::take(asked);
  const uint32_t bytes = asked != 0 ? share.bytes() : share.bytes() * 4;
  if ((*fault = PacketRing::prepare(socket, bytes)) != nullptr) return nullptr;
  void* ring = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, socket, 0);
  if (ring == MAP_FAILED) return *fault = "cannot map the receive ring of", nullptr;
  return std::make_unique<RingReception>(socket, static_cast<uint8_t*>(ring), bytes, why, std::move(share));
}

}  // namespace weft
