#include "meter.h"

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

void MeterTable::set(uint32_t id, uint32_t flags, uint64_t rate, uint64_t burst, uint64_t now_ns) {
  Spin hold(lock_);
  if (!(flags & (kMeterKbps | kMeterPktps)) || rate == 0) {
    meters_.erase(id);
    return;
  }
  // A kilobit is 1000 bits, so a thousandth of it is a bit.
  meters_[id] = Meter{(flags & kMeterPktps) != 0, TokenBucket(rate, (burst ? burst : rate) * 1000, now_ns)};
}

bool MeterTable::pass(uint32_t id, uint32_t bytes, uint64_t now_ns) {
  Spin hold(lock_);
  const auto found = meters_.find(id);
  if (found == meters_.end()) return true;
  return found->second.bucket.take(found->second.packets ? 1000 : uint64_t{bytes} * 8, now_ns);
}

}  // namespace weft
