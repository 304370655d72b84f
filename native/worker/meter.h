// Meters: one drop band each, a token bucket in milliseconds. Shared by the workers, because a rate is the switch's and not a worker's; only packets
// whose actions name a meter come here, so a lock held for some instructions is paid by them alone.
#pragma once
#include <atomic>
#include <cstdint>
#include <unordered_map>

namespace weft {

constexpr uint32_t kMeterKbps = 1;
constexpr uint32_t kMeterPktps = 2;

class MeterTable {
 public:
  // rate and burst in kbit/s and kbit, or packets/s and packets; burst 0 is one second's worth; no unit deletes the meter.
  void set(uint32_t id, uint32_t flags, uint64_t rate, uint64_t burst, uint64_t now_ns);
  // False: over the rate. A meter that is not there lets everything pass.
  bool pass(uint32_t id, uint32_t bytes, uint64_t now_ns);

 private:
  struct Meter {
    bool packets;
    uint64_t rate;
    uint64_t full;    // thousandths of a packet, or bits
    uint64_t tokens;  // likewise
    uint64_t at_ms;
  };
  std::unordered_map<uint32_t, Meter> meters_;
  std::atomic_flag lock_ = ATOMIC_FLAG_INIT;
};

// Upcalls of a port: `rate` a second, `burst` at once. No rate is no limit.
class UpcallBucket {
 public:
  void set(uint32_t rate, uint32_t burst, uint64_t now_ns);
  bool pass(uint64_t now_ns);

 private:
  uint64_t rate_ = 0;
  uint64_t full_ = 0;
  uint64_t tokens_ = 0;  // thousand-millionths
  uint64_t at_ns_ = 0;
};

}  // namespace weft
