// CRC32-C (Castagnoli), the hash of keys. x86 has an instruction for it since 2008: it is used where the processor has it, behind a plain version
// of the same signature, chosen once. Inline assembly rather than a target attribute, because a function compiled for another target cannot be
// inlined into the worker's loop, and there the call costs as much as the hash.
#pragma once
#include "../generated/key_layout.h"
#include "bytes.h"

namespace weft {

struct Crc32cTable {
  uint32_t byte[256];
};

constexpr Crc32cTable make_crc32c_table() {
  Crc32cTable t{};
  for (uint32_t n = 0; n < 256; n++) {
    uint32_t c = n;
    for (int i = 0; i < 8; i++) c = (c >> 1) ^ (c & 1 ? 0x82f63b78u : 0);
    t.byte[n] = c;
  }
  return t;
}
inline constexpr Crc32cTable kCrc32c = make_crc32c_table();

inline uint32_t crc_u8_plain(uint32_t crc, uint8_t v) { return (crc >> 8) ^ kCrc32c.byte[(crc ^ v) & 0xff]; }
inline uint32_t crc_u64_plain(uint32_t crc, uint64_t v) {
  for (int i = 0; i < 8; i++, v >>= 8) crc = crc_u8_plain(crc, static_cast<uint8_t>(v));
  return crc;
}

inline uint32_t crc_u32_plain(uint32_t crc, uint32_t v) {
  for (int i = 0; i < 4; i++, v >>= 8) crc = crc_u8_plain(crc, static_cast<uint8_t>(v));
  return crc;
}

#if defined(__x86_64__)
inline const bool kCrcInstruction = __builtin_cpu_supports("sse4.2");
inline uint32_t crc_u64(uint32_t crc, uint64_t v) {
  if (!kCrcInstruction) [[unlikely]]
    return crc_u64_plain(crc, v);
  uint64_t c = crc;
  asm("crc32q %1, %0" : "+r"(c) : "r"(v));
  return static_cast<uint32_t>(c);
}
inline uint32_t crc_u32(uint32_t crc, uint32_t v) {
  if (!kCrcInstruction) [[unlikely]]
    return crc_u32_plain(crc, v);
  asm("crc32l %1, %0" : "+r"(crc) : "rm"(v));
  return crc;
}
inline uint32_t crc_u8(uint32_t crc, uint8_t v) {
  if (!kCrcInstruction) [[unlikely]]
    return crc_u8_plain(crc, v);
  asm("crc32b %1, %0" : "+r"(crc) : "rm"(v));
  return crc;
}
#else
inline uint32_t crc_u64(uint32_t crc, uint64_t v) { return crc_u64_plain(crc, v); }
inline uint32_t crc_u32(uint32_t crc, uint32_t v) { return crc_u32_plain(crc, v); }
inline uint32_t crc_u8(uint32_t crc, uint8_t v) { return crc_u8_plain(crc, v); }
#endif

// The register of CRC32-C run over bytes from `seed`, with no inversion before or after: the standard checksum is ~crc32c(~0, ...).
inline uint32_t crc32c(uint32_t seed, const void* bytes, size_t n) {
  const auto* p = static_cast<const uint8_t*>(bytes);
  for (; n >= 8; n -= 8, p += 8) seed = crc_u64(seed, load<uint64_t>(p));
  if (n >= 4) seed = crc_u32(seed, load<uint32_t>(p)), n -= 4, p += 4;
  for (; n > 0; n--, p++) seed = crc_u8(seed, *p);
  return seed;
}

// A line has 8 words; the instruction takes 3 cycles but one can start each cycle, so two chains run beside each other.
inline uint32_t hash_line(uint32_t seed, const void* line) {
  const auto* p = static_cast<const uint8_t*>(line);
  uint32_t a = seed, b = ~seed;
  for (uint32_t i = 0; i < kLineBytes / 16; i++) {
    a = crc_u64(a, load<uint64_t>(p + 16 * i));
    b = crc_u64(b, load<uint64_t>(p + 16 * i + 8));
  }
  return crc_u64(a, b);
}

// Hash of a whole key: its lines that are present, in order. Equal keys have equal hashes; the twin is `hashKey` in src/packet/crc32c.ts.
inline uint32_t hash_key(const Key& key) {
  const uint8_t* p = key.in_port;
  uint32_t h = hash_line(0, p);
  for (uint32_t lines = key.lines; lines != 0; lines &= lines - 1)
    h = hash_line(h, p + kLineBytes * (1 + static_cast<uint32_t>(__builtin_ctz(lines))));
  return h;
}

}  // namespace weft
