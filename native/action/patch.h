// Masked writes that say by how much they changed the Internet checksum over the bytes. The sum of a header is linear, so the changes of several writes
// add up, and one update of each checksum they are under is enough. Sums are of 16-bit words as they stand in memory (see checksum.h).
#pragma once
#include <cstdint>

#include "../packet/bytes.h"
#include "../packet/checksum.h"

namespace weft {

// Writes `n` bytes where the mask has ones; `at` is at an even offset of what the checksum covers. Returns the change of the sum.
inline int32_t patch(uint8_t* at, const uint8_t* value, const uint8_t* mask, uint32_t n) {
  int32_t delta = 0;
  uint32_t i = 0;
  for (; i + 2 <= n; i += 2) {
    const auto m = load<uint16_t>(mask + i);
    if (m == 0) continue;
    const auto old = load<uint16_t>(at + i);
    const auto now = static_cast<uint16_t>((old & ~m) | (load<uint16_t>(value + i) & m));
    store(at + i, now);
    delta += int32_t{now} - int32_t{old};
  }
  if (i < n) {
    const uint8_t old = at[i];
    at[i] = static_cast<uint8_t>((old & ~mask[i]) | (value[i] & mask[i]));
    delta += int32_t{at[i]} - int32_t{old};
  }
  return delta;
}

// The same for one byte at an odd offset.
inline int32_t patch_odd(uint8_t* at, uint8_t value, uint8_t mask) {
  const uint8_t old = *at;
  *at = static_cast<uint8_t>((old & ~mask) | (value & mask));
  return (int32_t{*at} - int32_t{old}) * 256;
}

enum class ChecksumForm { kComplete, kPseudo, kUdp };

// Brings the checksum field up to date. kPseudo: it holds the sum of the pseudo-header (NEEDS_CSUM). kUdp: 0 says "none" and stays; one that comes
// out as 0 is written as 0xffff.
inline void adjust(uint8_t* field, int32_t delta, ChecksumForm form) {
  int32_t change = delta % 65535;
  if (change < 0) change += 65535;
  if (change == 0) return;
  const auto old = load<uint16_t>(field);
  if (form == ChecksumForm::kUdp && old == 0) return;
  const auto add = static_cast<uint32_t>(change);
  uint16_t now = form == ChecksumForm::kPseudo ? csum_fold(old + add) : csum_finish(static_cast<uint16_t>(~old) + add);
  if (form == ChecksumForm::kUdp) now = csum_nonzero(now);
  store(field, now);
}

}  // namespace weft
