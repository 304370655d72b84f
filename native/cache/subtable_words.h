// Words of keys, as subtables hash and compare them.
#pragma once
#include <cstdint>

#include "../packet/hash.h"

namespace weft {

inline const uint64_t* words_of(const Key& key) { return reinterpret_cast<const uint64_t*>(&key); }

inline bool equal(const uint64_t* a, const uint64_t* b, uint32_t n) {
  uint64_t diff = 0;
  for (uint32_t i = 0; i < n; i++) diff |= a[i] ^ b[i];
  return diff == 0;
}

// Never 0.
inline uint32_t hash_words(const uint64_t* masked, uint32_t words) {
  uint32_t a = 0, b = ~0u;
  uint32_t i = 0;
  for (; i + 2 <= words; i += 2) {
    a = crc_u64(a, masked[i]);
    b = crc_u64(b, masked[i + 1]);
  }
  if (i < words) a = crc_u64(a, masked[i]);
  const uint32_t h = crc_u64(a, b);
  return h ? h : 1;
}

}  // namespace weft
