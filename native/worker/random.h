// Deterministic chance for the `sample` action: splitmix32, the same recurrence as src/lib/random.ts.
#pragma once
#include <cstdint>

namespace weft {

class Random {
 public:
  explicit Random(uint32_t seed) : state_(seed) {}
  uint32_t u32() {
    uint32_t z = state_ += 0x9e3779b9u;
    z = (z ^ (z >> 16)) * 0x21f0aaadu;
    z = (z ^ (z >> 15)) * 0x735a2d97u;
    return z ^ (z >> 15);
  }

 private:
  uint32_t state_;
};

}  // namespace weft
