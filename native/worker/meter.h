// Token buckets, in whole numbers of the same units as src/datapath/reference/buckets.ts, so that both engines refuse the same packets.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace weft {

// Fills by `rate` a second up to `full`, and begins full. Tokens are thousandths, time is whole milliseconds.
class TokenBucket {
 public:
  TokenBucket() = default;
  TokenBucket(uint64_t rate, uint64_t full, uint64_t now_ns)
      : rate_(rate), full_(full), tokens_(full), at_ms_(now_ns / 1000000), fills_in_ms_(rate ? full / rate + 1 : 0) {}
  bool take(uint64_t cost, uint64_t now_ns) {
    const uint64_t now_ms = now_ns / 1000000;
    if (now_ms > at_ms_) {
      tokens_ = std::min(full_, tokens_ + std::min(now_ms - at_ms_, fills_in_ms_) * rate_);
      at_ms_ = now_ms;
    }
    if (tokens_ < cost) return false;
    tokens_ -= cost;
    return true;
  }

 private:
  uint64_t rate_ = 0, full_ = 0, tokens_ = 0, at_ms_ = 0;
  uint64_t fills_in_ms_ = 0;  // no pause counts for more: keeps the product within 64 bits
};

constexpr uint32_t kMeterKbps = 1;
constexpr uint32_t kMeterPktps = 2;

// A drop band: kbit/s and kbit, or packets/s and packets; a burst of 0 is what one second gives.
struct BandRate {
  uint32_t rate;
  uint32_t burst;
};

// What came, and what was over a rate.
struct MeterCount {
  uint64_t packets = 0;
  uint64_t bytes = 0;
  void add(uint32_t n) {
    packets++;
    bytes += n;
  }
};

// Meters. Each packet is charged to every band that has room for it; without room in some it is dropped, and counted on the fastest of those, the
// first between equals. Shared by the workers, because a rate is the switch's and not a worker's; only packets whose actions name a meter come
// here, so a lock held for some instructions is paid by them alone.
class MeterTable {
 public:
  // Begins anew, counts at 0.
  void set(uint32_t id, uint32_t flags, const BandRate* bands, uint32_t n_bands, uint64_t now_ns);
  void remove(uint32_t id);
  // False: over a rate. A meter that is not there lets everything pass.
  bool pass(uint32_t id, uint32_t bytes, uint64_t now_ns);
  // Of all packets, then of each band. Empty: no such meter.
  std::vector<MeterCount> counts(uint32_t id);

 private:
  struct Band {
    uint32_t rate = 0;
    TokenBucket bucket;
    MeterCount dropped;
  };
  struct Meter {
    bool packets = false;  // the unit; else bits
    MeterCount came;
    std::vector<Band> bands;
  };
  std::unordered_map<uint32_t, Meter> meters_;
  std::atomic_flag lock_ = ATOMIC_FLAG_INIT;
};

// Upcalls of a port: `rate` a second, `burst` at once. No rate is no limit.
class UpcallBucket {
 public:
  void set(uint32_t rate, uint32_t burst, uint64_t now_ns) {
    limited_ = rate != 0;
    bucket_ = TokenBucket(rate, uint64_t{burst ? burst : 1} * 1000, now_ns);
  }
  bool pass(uint64_t now_ns) { return !limited_ || bucket_.take(1000, now_ns); }

 private:
  bool limited_ = false;
  TokenBucket bucket_;
};

}  // namespace weft
