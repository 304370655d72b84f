// How much memory of the kernel a port's receive rings take: a few ports much, thousands together no more than a machine has.
#pragma once
#include <atomic>
#include <bit>
#include <cstdint>
#include <utility>

namespace weft {

class ReceiveMemory {
 public:
  static constexpr uint32_t kLeast = 1 << 17;  // 86 full frames, 900 short ones
  static constexpr uint32_t kMost = 1 << 26;

  // Given back when it goes.
  class Share {
   public:
    explicit Share(uint32_t bytes) : bytes_(bytes) { taken_ += bytes; }
    ~Share() { taken_ -= bytes_; }
    Share(Share&& o) noexcept : bytes_(std::exchange(o.bytes_, 0)) {}
    Share& operator=(Share&&) = delete;
    uint32_t bytes() const { return bytes_; }

   private:
    uint32_t bytes_;
  };

  // A power of two: what is asked for, else a 64th of what is left of 128 MiB. The first gets 2 MiB (1,300 full frames, 15,000 short ones: 30 ms at 500 kpps), the
  // hundredth 256 KiB, two thousand together 330 MiB.
  static Share take(uint32_t asked) {
    const uint64_t taken = taken_.load();
    const uint64_t left = taken < kBudget ? kBudget - taken : 0;
    const uint64_t bytes = asked != 0 ? asked : left / 64;
    return Share(std::bit_floor(static_cast<uint32_t>(bytes < kLeast ? kLeast : bytes > kMost ? kMost : bytes)));
  }

 private:
  static constexpr uint64_t kBudget = 128 << 20;
  static inline std::atomic<uint64_t> taken_{0};
};

}  // namespace weft
