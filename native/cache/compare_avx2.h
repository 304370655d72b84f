// compare.h's masked compare of lines for processors with AVX2, to be called from functions compiled for it: 2.9 cycles for a line in its cache where SSE2 takes 5,
// and with four flows of a subtable 4.5 where it takes 8. (AVX-512 takes 2.6 and 4.3: not worth a third.) -DWEFT_PLAIN leaves it out.
#pragma once
#if defined(__x86_64__) && !defined(WEFT_PLAIN)
#define WEFT_HAS_AVX2_VARIANT 1
#include <immintrin.h>

namespace weft {

inline const bool kProcessorHasAvx2 = __builtin_cpu_supports("avx2");

// (x & mask) == y, for lines aligned to 64 bytes.
[[gnu::target("avx2"), gnu::always_inline]] inline bool equal_masked_lines_avx2(const void* x, const void* mask, const void* y) {
  const auto* a = static_cast<const __m256i*>(x);
  const auto* m = static_cast<const __m256i*>(mask);
  const auto* b = static_cast<const __m256i*>(y);
  const __m256i low = _mm256_xor_si256(_mm256_and_si256(a[0], m[0]), b[0]);
  const __m256i high = _mm256_xor_si256(_mm256_and_si256(a[1], m[1]), b[1]);
  const __m256i differs = _mm256_or_si256(low, high);
  return _mm256_testz_si256(differs, differs) != 0;
}

}  // namespace weft
#endif
