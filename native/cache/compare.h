// Compares a cache line or four tags at once. The plain versions say what is meant; SSE2, which every x86-64 has, takes a quarter of the instructions.
#pragma once
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weft {

#if defined(__SSE2__)

// Bit i: tags[i] == tag. `tags` is aligned to 16 bytes.
inline uint32_t equal_tags(const uint32_t* tags, uint32_t tag) {
  const __m128i same = _mm_cmpeq_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(tags)), _mm_set1_epi32(static_cast<int>(tag)));
  return static_cast<uint32_t>(_mm_movemask_ps(_mm_castsi128_ps(same)));
}

// Both lines are aligned to 64 bytes.
inline bool equal_lines(const void* x, const void* y) {
  const auto* a = static_cast<const __m128i*>(x);
  const auto* b = static_cast<const __m128i*>(y);
  const __m128i low = _mm_and_si128(_mm_cmpeq_epi8(a[0], b[0]), _mm_cmpeq_epi8(a[1], b[1]));
  const __m128i high = _mm_and_si128(_mm_cmpeq_epi8(a[2], b[2]), _mm_cmpeq_epi8(a[3], b[3]));
  return _mm_movemask_epi8(_mm_and_si128(low, high)) == 0xffff;
}

// (x & mask) == y, for lines aligned to 64 bytes.
inline bool equal_masked_lines(const void* x, const void* mask, const void* y) {
  const auto* a = static_cast<const __m128i*>(x);
  const auto* m = static_cast<const __m128i*>(mask);
  const auto* b = static_cast<const __m128i*>(y);
  const __m128i low = _mm_and_si128(_mm_cmpeq_epi8(_mm_and_si128(a[0], m[0]), b[0]), _mm_cmpeq_epi8(_mm_and_si128(a[1], m[1]), b[1]));
  const __m128i high = _mm_and_si128(_mm_cmpeq_epi8(_mm_and_si128(a[2], m[2]), b[2]), _mm_cmpeq_epi8(_mm_and_si128(a[3], m[3]), b[3]));
  return _mm_movemask_epi8(_mm_and_si128(low, high)) == 0xffff;
}

#else

inline uint32_t equal_tags(const uint32_t* tags, uint32_t tag) {
  uint32_t hit = 0;
  for (uint32_t i = 0; i < 4; i++) hit |= static_cast<uint32_t>(tags[i] == tag) << i;
  return hit;
}

inline bool equal_lines(const void* x, const void* y) { return std::memcmp(x, y, 64) == 0; }

inline bool equal_masked_lines(const void* x, const void* mask, const void* y) {
  const auto* a = static_cast<const uint64_t*>(x);
  const auto* m = static_cast<const uint64_t*>(mask);
  const auto* b = static_cast<const uint64_t*>(y);
  uint64_t diff = 0;
  for (int i = 0; i < 8; i++) diff |= (a[i] & m[i]) ^ b[i];
  return diff == 0;
}

#endif

}  // namespace weft
