#include "meter.h"

#include <algorithm>

namespace weft {
namespace {

class Spin {
 public:
  explicit Spin(std::atomic_flag& f) : flag_(f) {
    while (flag_.test_and_set(std::memory_order_acquire)) {
    }
  }
  ~Spin() { flag_.clear(std::memory_order_release); }

 private:
  std::atomic_flag& flag_;
};

// Longer pauses fill any bucket; the bound keeps the products below within 64 bits.
constexpr uint64_t kLongestPauseMs = 1 << 24;

}  // namespace

void MeterTable::set(uint32_t id, uint32_t flags, uint64_t rate, uint64_t burst, uint64_t now_ns) {
  Spin hold(lock_);
  if (!(flags & (kMeterKbps | kMeterPktps)) || rate == 0) {
    meters_.erase(id);
    return;
  }
  const uint64_t full = (burst ? burst : rate) * 1000;
  meters_[id] = Meter{(flags & kMeterPktps) != 0, rate, full, full, now_ns / 1000000};
}

bool MeterTable::pass(uint32_t id, uint32_t bytes, uint64_t now_ns) {
  Spin hold(lock_);
  const auto found = meters_.find(id);
  if (found == meters_.end()) return true;
  Meter& m = found->second;
  const uint64_t now_ms = now_ns / 1000000;
  if (now_ms > m.at_ms) {
    m.tokens = std::min(m.full, m.tokens + std::min(now_ms - m.at_ms, kLongestPauseMs) * m.rate);
    m.at_ms = now_ms;
  }
  const uint64_t cost = m.packets ? 1000 : uint64_t{bytes} * 8;
  if (m.tokens < cost) return false;
  m.tokens -= cost;
  return true;
}

void UpcallBucket::set(uint32_t rate, uint32_t burst, uint64_t now_ns) {
  rate_ = rate;
  full_ = tokens_ = uint64_t{std::max(burst, 1u)} * 1000000000;
  at_ns_ = now_ns;
}

bool UpcallBucket::pass(uint64_t now_ns) {
  if (rate_ == 0) return true;
  if (now_ns > at_ns_) {
    constexpr uint64_t kSecond = 1000000000;
    tokens_ = now_ns - at_ns_ > 4 * kSecond && rate_ * 4 * kSecond >= full_ ? full_ : std::min(full_, tokens_ + std::min(now_ns - at_ns_, 4 * kSecond) * rate_);
    at_ns_ = now_ns;
  }
  if (tokens_ < 1000000000) return false;
  tokens_ -= 1000000000;
  return true;
}

}  // namespace weft
