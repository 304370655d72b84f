// Unaligned loads and stores. `be*` read numbers off the wire; `load`/`store` move bytes as they stand.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>

namespace weft {

static_assert(std::endian::native == std::endian::little, "a big-endian machine needs its own be16 and the constants made with net16");

template <class T>
inline T load(const void* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

template <class T>
inline void store(void* p, T v) {
  std::memcpy(p, &v, sizeof v);
}

inline uint16_t be16(const void* p) { return __builtin_bswap16(load<uint16_t>(p)); }
inline uint32_t be32(const void* p) { return __builtin_bswap32(load<uint32_t>(p)); }
inline uint64_t be64(const void* p) { return __builtin_bswap64(load<uint64_t>(p)); }
inline void put_be16(void* p, uint16_t v) { store(p, __builtin_bswap16(v)); }
inline void put_be32(void* p, uint32_t v) { store(p, __builtin_bswap32(v)); }

// A number as load<uint16_t> sees it on the wire: compare without swapping.
constexpr uint16_t net16(uint16_t v) { return static_cast<uint16_t>(v << 8 | v >> 8); }

}  // namespace weft
