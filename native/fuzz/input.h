// What fuzzers take their choices from.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace weft {

inline void require(bool truth) {
  if (!truth) std::abort();
}

// Numbers from the fuzzer's bytes, zeros past their end.
class Bytes {
 public:
  Bytes(const uint8_t* p, size_t n) : p_(p), n_(n) {}
  uint8_t u8() { return n_ == 0 ? uint8_t{0} : (n_--, *p_++); }
  uint16_t u16() {
    const unsigned high = u8();
    return static_cast<uint16_t>(high << 8 | u8());
  }
  uint32_t u32() {
    const uint32_t high = u16();
    return high << 16 | u16();
  }
  const uint8_t* at() const { return p_; }
  size_t left() const { return n_; }
  // `n` <= left().
  const uint8_t* take(size_t n) {
    const uint8_t* at = p_;
    p_ += n;
    n_ -= n;
    return at;
  }

 private:
  const uint8_t* p_;
  size_t n_;
};

}  // namespace weft
