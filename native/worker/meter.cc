#include "meter.h"

#include <utility>

#include "../generated/ring.h"

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

}  // namespace

void MeterTable::set(uint32_t id, uint32_t flags, const BandRate* bands, uint32_t n_bands, uint64_t now_ns) {
  Meter m;
  m.packets = (flags & kMeterPktps) != 0;
  m.bands.reserve(n_bands);
  // A kilobit is 1000 bits, so a thousandth of it is a bit.
  for (uint32_t i = 0; i < n_bands; i++) {
    const uint64_t full = uint64_t{bands[i].burst ? bands[i].burst : bands[i].rate} * 1000;
    m.bands.push_back({bands[i].rate, TokenBucket(bands[i].rate, full, now_ns), {}});
  }
  Spin hold(lock_);
  meters_[id] = std::move(m);
}

void MeterTable::remove(uint32_t id) {
  Spin hold(lock_);
  meters_.erase(id);
}

bool MeterTable::pass(uint32_t id, uint32_t bytes, uint64_t now_ns) {
  Spin hold(lock_);
  const auto found = meters_.find(id);
  if (found == meters_.end()) return true;
  Meter& m = found->second;
  m.came.add(bytes);
  const uint64_t cost = m.packets ? 1000 : uint64_t{bytes} * 8;
  Band* over = nullptr;
  for (Band& b : m.bands) {
    if (!b.bucket.take(cost, now_ns) && (!over || b.rate > over->rate)) over = &b;
  }
  if (!over) return true;
  over->dropped.add(bytes);
  return false;
}

std::vector<MeterCount> MeterTable::counts(uint32_t id) {
  std::vector<MeterCount> out;
  out.reserve(1 + kLimitMeterBands);
  Spin hold(lock_);
  const auto found = meters_.find(id);
  if (found == meters_.end()) return out;
  out.push_back(found->second.came);
  for (const Band& b : found->second.bands) out.push_back(b.dropped);
  return out;
}

}  // namespace weft
