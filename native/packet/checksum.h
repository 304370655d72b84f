// The Internet checksum (RFC 1071) and its incremental update (RFC 1624, equation 3).
//
// Sums are kept as the bytes stand in memory: the one's complement sum of 16-bit words does not care about byte order as long as one is kept, so
// nothing is swapped. A sum is 64 bits wide with carries piled up on top; `csum_fold` brings it to 16. Summed pieces must begin at even offsets of what
// they are part of; only the last may have an odd length.
#pragma once
#include <cstddef>
#include <cstdint>

#include "bytes.h"
#include "checksum_blocks.h"

namespace weft {

inline uint16_t csum_fold(uint64_t sum) {
  sum = (sum >> 32) + (sum & 0xffffffff);
  sum = (sum >> 32) + (sum & 0xffffffff);
  sum = (sum >> 16) + (sum & 0xffff);
  sum = (sum >> 16) + (sum & 0xffff);
  return static_cast<uint16_t>(sum);
}

// Adds n bytes to a sum. Words of 32 bits into 64: no carry is lost before 2^32 words.
inline uint64_t csum_add(uint64_t sum, const void* bytes, size_t n) {
  const auto* p = static_cast<const uint8_t*>(bytes);
  if (n >= kCsumLong) {
    const size_t blocks = n / kCsumBlock * kCsumBlock;
    sum += csum_blocks(p, blocks);
    p += blocks;
    n -= blocks;
  }
  for (; n >= 32; n -= 32, p += 32) {
    uint64_t a = 0, b = 0;
    for (int i = 0; i < 4; i++) {
      const uint64_t v = load<uint64_t>(p + 8 * i);
      a += v & 0xffffffff;
      b += v >> 32;
    }
    sum += a + b;
  }
  for (; n >= 4; n -= 4, p += 4) sum += load<uint32_t>(p);
  if (n >= 2) {
    sum += load<uint16_t>(p);
    p += 2;
    n -= 2;
  }
  return n ? sum + *p : sum;
}

// Adds a number that stands big-endian on the wire in a 16-bit word (a length or protocol of a pseudo-header).
inline uint64_t csum_add_net16(uint64_t sum, uint32_t value) { return sum + net16(static_cast<uint16_t>(value)); }

// The value to store in a checksum field.
inline uint16_t csum_finish(uint64_t sum) { return static_cast<uint16_t>(~csum_fold(sum)); }

// 0 in a UDP checksum says "none": a sum that comes out as 0 is sent as its other form.
inline uint16_t csum_nonzero(uint16_t csum) { return csum != 0 ? csum : 0xffff; }

inline uint16_t ip_header_checksum(const uint8_t* ip, size_t header_bytes) {  // the field itself must be zero
  return csum_finish(csum_add(0, ip, header_bytes));
}

// Pseudo-header of TCP, UDP (both families) and ICMPv6; `length` is of the transport header and payload.
inline uint64_t csum_pseudo4(const uint8_t* src, const uint8_t* dst, uint8_t proto, uint32_t length) {
  return csum_add_net16(csum_add_net16(uint64_t{load<uint32_t>(src)} + load<uint32_t>(dst), proto), length);
}
inline uint64_t csum_pseudo6(const uint8_t* src, const uint8_t* dst, uint8_t proto, uint32_t length) {
  uint64_t sum = csum_add(csum_add(0, src, 16), dst, 16);
  return csum_add_net16(csum_add_net16(csum_add_net16(sum, proto), length & 0xffff), length >> 16);
}

// Incremental update: the checksum after `old` became `now` somewhere under it. All values as they stand in memory. A field of 8 bits is updated as the
// 16-bit word that holds it.
inline uint16_t csum_update16(uint16_t csum, uint16_t old, uint16_t now) {
  return csum_finish(uint64_t{static_cast<uint16_t>(~csum)} + static_cast<uint16_t>(~old) + now);
}
inline uint16_t csum_update32(uint16_t csum, uint32_t old, uint32_t now) {
  return csum_finish(uint64_t{static_cast<uint16_t>(~csum)} + static_cast<uint32_t>(~old) + now);
}
// n even.
inline uint16_t csum_update_bytes(uint16_t csum, const void* old, const void* now, size_t n) {
  const uint16_t gone = csum_fold(csum_add(0, old, n));
  return csum_finish(csum_add(uint64_t{static_cast<uint16_t>(~csum)} + static_cast<uint16_t>(~gone), now, n));
}

// The same on a field that holds only a pseudo-header's sum (NEEDS_CSUM): it is a sum, not the complement of one.
inline uint16_t csum_partial_update_bytes(uint16_t partial, const void* old, const void* now, size_t n) {
  const uint16_t gone = csum_fold(csum_add(0, old, n));
  return csum_fold(csum_add(uint64_t{partial} + static_cast<uint16_t>(~gone), now, n));
}

}  // namespace weft
