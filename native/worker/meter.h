// Token buckets, in whole numbers of the same units as src/datapath/reference/buckets.ts, so that both engines refuse the same packets.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <unordered_map>

namespace weft {

// Fills by `rate` a second up to `full`, and begins full. Tokens are thousandths, time is whole milliseconds.
class TokenBucket {
 public:
  TokenBucket() = default;
  TokenBucket(uint64_t rate, uint64_t full, uint64_t now_ns) : rate_(rate), full_(full), tokens_(full), at_ms_(now_ns / 1000000) {}
  bool take(uint64_t cost, uint64_t now_ns) {
    const uint64_t now_ms = now_ns / 1000000;
    if (now_ms > at_ms_) {
      tokens_ = std::min(full_, tokens_ + std::min(now_ms - at_ms_, kLongestPauseMs) * rate_);
      at_ms_ = now_ms;
    }
    if (tokens_ < cost) return false;
    tokens_ -= cost;
    return true;
  }

 private:
  // Keeps the product within 64 bits.
  static constexpr uint64_t kLongestPauseMs = 1 << 24;
  uint64_t rate_ = 0, full_ = 0, tokens_ = 0, at_ms_ = 0;
};

constexpr uint32_t kMeterKbps = 1;
constexpr uint32_t kMeterPktps = 2;

// Meters: one drop band each. Shared by the workers, because a rate is the switch's and not a worker's; only packets whose actions name a meter come
// here, so a lock held for some instructions is paid by them alone.
class MeterTable {
 public:
  // rate and burst in kbit/s and kbit, or packets/s and packets; burst 0 is one second's worth; no unit deletes the meter.
  void set(uint32_t id, uint32_t flags, uint64_t rate, uint64_t burst, uint64_t now_ns);
  // False: over the rate. A meter that is not there lets everything pass.
  bool pass(uint32_t id, uint32_t bytes, uint64_t now_ns);

 private:
  struct Meter {
    bool packets;
    TokenBucket bucket;
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
