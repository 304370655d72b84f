// What the programs of a shortcut know of the frame in hand (shortcut_programs.cc, shortcut_extract.cc). Registers: 6 the frame as programs see it, 7 its length, 9 the length with
// the tag that the kernel took off.
#pragma once
#include <cstdint>

#include "../generated/key_layout.h"
#include "bpf.h"
#include "shortcuts.h"

namespace weft {

// Places under the frame pointer. Words of the key and of its masked copy lie at multiples of eight, and so do the addresses in a header of IP.
constexpr int32_t kStackFound = -8, kStackTime = -16, kStackZero = -24;
constexpr int32_t kStackKey = kStackZero - static_cast<int32_t>(8 * Shortcuts::kWords), kStackMasked = kStackKey - static_cast<int32_t>(8 * Shortcuts::kWords);
constexpr int32_t kStackHeader = kStackMasked - 48, kStackControl = kStackHeader - 8;

constexpr int32_t shortcut_word(size_t place) {
  for (size_t i = 0; i < Shortcuts::kWords; i++)
    if (Shortcuts::kPlaces[i] == place) return static_cast<int32_t>(i);
  return -1;
}
// Where a byte of the key is.
constexpr int32_t in_key(size_t offset) { return kStackKey + 8 * shortcut_word(offset / 8) + static_cast<int32_t>(offset % 8); }

// All words of the key, as extraction (../packet/extract.h) would fill them; jumps to `ordinary` for frames that are the worker's.
void extract_shortcut_key(BpfCode& c, BpfCode::Label ordinary, uint32_t vport);

}  // namespace weft
