// The lines of a key that are there.
#pragma once
#include <cstdint>
#include <cstring>

#include "../generated/key_layout.h"

namespace weft {

// Lines that are not announced hold garbage on both sides.
inline void copy_key(Key& to, const Key& from) {
  auto* t = reinterpret_cast<uint8_t*>(&to);
  const auto* f = reinterpret_cast<const uint8_t*>(&from);
  std::memcpy(t, f, kLineBytes);
  for (uint32_t lines = from.lines; lines != 0; lines &= lines - 1) {
    const uint32_t at = (1 + static_cast<uint32_t>(__builtin_ctz(lines))) * kLineBytes;
    std::memcpy(t + at, f + at, kLineBytes);
  }
}

}  // namespace weft
