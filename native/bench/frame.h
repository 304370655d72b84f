// The frame of benches that measure a worker and what it is made of: UDP, 60 bytes, IPv4 without options.
#pragma once
#include <cstdint>
#include <cstring>

#include "../packet/bytes.h"

namespace weft {

constexpr uint32_t kFrame = 60;

// Writes 64 bytes: as many as are copied of it.
inline void fill(uint8_t* f) {
  std::memset(f, 0, 64);
  const uint8_t head[] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17};
  std::memcpy(f, head, sizeof head);
  put_be32(f + 26, 0x0a000001);
  put_be32(f + 30, 0x0a010000);
  put_be32(f + 34, 0x040007d0);
  put_be16(f + 38, 26);
}

}  // namespace weft
