#include "compare.h"
#include "compare_avx2.h"
#include "subtable.h"
#include "subtable_words.h"

namespace weft {
namespace {

constexpr Subtable::Line kZeroLine = {};

#if defined(WEFT_HAS_AVX2_VARIANT)
// As Subtable::lookup_few.
template <bool kWithFurther>
[[gnu::target("avx2")]] uint32_t lookup_few_avx2(const Subtable& t, const Key* batch, uint32_t todo, uint32_t* slots) {
  uint32_t found = 0;
  for (; todo != 0; todo &= todo - 1) {
    const uint32_t i = static_cast<uint32_t>(__builtin_ctz(todo));
    const void* second = kWithFurther && (batch[i].lines & t.lines) ? static_cast<const void*>(batch[i].in_port + t.further * kLineBytes) : &kZeroLine;
    for (uint32_t f = 0; f < t.size; f++) {
      if (!equal_masked_lines_avx2(&batch[i], &t.mask_line, &t.few_line[f])) continue;
      if (kWithFurther && !equal_masked_lines_avx2(second, &t.mask_further, &t.few_further[f])) continue;
      slots[i] = t.few_slot[f];
      found |= 1u << i;
      break;
    }
  }
  return found;
}
#endif

}  // namespace

uint32_t Subtable::lookup(const Key* batch, uint32_t todo, uint32_t* slots, const Flow* flows) const {
  if (shared()) return further ? lookup_many<true, true>(batch, todo, slots, flows) : lookup_many<false, true>(batch, todo, slots, flows);
  if (lines == 0) return size <= kFew ? lookup_few<false>(batch, todo, slots) : lookup_many<false, false>(batch, todo, slots, flows);
  if (further != 0) return size <= kFew ? lookup_few<true>(batch, todo, slots) : lookup_many<true, false>(batch, todo, slots, flows);
  uint32_t found = 0;
  for (; todo != 0; todo &= todo - 1) {
    const uint32_t i = static_cast<uint32_t>(__builtin_ctz(todo));
    uint64_t masked[kKeyWords];
    apply(batch[i], masked);
    const uint32_t slot = find(hash_masked(masked), masked);
    if (slot == kNone) continue;
    slots[i] = slot;
    found |= 1u << i;
  }
  return found;
}

template <bool kWithFurther>
uint32_t Subtable::lookup_few(const Key* batch, uint32_t todo, uint32_t* slots) const {
#if defined(WEFT_HAS_AVX2_VARIANT)
  if (kProcessorHasAvx2) return lookup_few_avx2<kWithFurther>(*this, batch, todo, slots);
#endif
  uint32_t found = 0;
  for (; todo != 0; todo &= todo - 1) {
    const uint32_t i = static_cast<uint32_t>(__builtin_ctz(todo));
    const void* second = kWithFurther && (batch[i].lines & lines) ? static_cast<const void*>(batch[i].in_port + further * kLineBytes) : &kZeroLine;
    for (uint32_t f = 0; f < size; f++) {
      if (!equal_masked_lines(&batch[i], &mask_line, &few_line[f])) continue;
      if (kWithFurther && !equal_masked_lines(second, &mask_further, &few_further[f])) continue;
      slots[i] = few_slot[f];
      found |= 1u << i;
      break;
    }
  }
  return found;
}

// Is the entry at this place the key's, under its own mask?
template <bool kWithFurther>
bool Subtable::same_as_member(uint32_t at, const Key& key) const {
  const uint64_t* w = words_of(key);
  const uint64_t* entry = &keys[uint64_t{at} * stride];
  const uint64_t* m = members[entry[words]].mask;
  const bool there = kWithFurther && (key.lines & lines);
  uint64_t diff = 0;
  for (uint32_t n = 0; n < words; n++) diff |= (!kWithFurther || index[n] < 8 || there ? w[index[n]] & m[n] : 0) ^ entry[n];
  return diff == 0;
}

template <bool kWithFurther, bool kShared>
uint32_t Subtable::lookup_many(const Key* batch, uint32_t todo, uint32_t* slots, const Flow* flows) const {
  uint64_t masked[kBatchKeys][kWithFurther ? 16 : 8];
  uint32_t signature[kBatchKeys], place[kBatchKeys];
  const uint32_t wrap = capacity - 1;
  for (uint32_t left = todo; left != 0; left &= left - 1) {
    const uint32_t i = static_cast<uint32_t>(__builtin_ctz(left));
    const uint64_t* w = words_of(batch[i]);
    const bool there = kWithFurther && (batch[i].lines & lines);
    for (uint32_t n = 0; n < hashed; n++) masked[i][n] = !kWithFurther || index[n] < 8 || there ? w[index[n]] & mask[n] : 0;
    signature[i] = hash_words(masked[i], hashed);
    if (filter)
      todo &= ~((may_be(signature[i]) ^ 1) << i);
    else
      __builtin_prefetch(&entries[signature[i] & wrap]);
  }
  uint32_t maybe = 0;
  for (uint32_t left = todo; left != 0; left &= left - 1) {
    const uint32_t i = static_cast<uint32_t>(__builtin_ctz(left));
    uint32_t at = signature[i] & wrap;
    while (entries[at].signature != signature[i] && entries[at].signature != 0) at = (at + 1) & wrap;
    if (entries[at].signature == 0) continue;
    place[i] = at;
    maybe |= 1u << i;
    __builtin_prefetch(&keys[uint64_t{at} * stride]);
    __builtin_prefetch(&flows[entries[at].slot]);
  }
  uint32_t found = 0;
  for (; maybe != 0; maybe &= maybe - 1) {
    const uint32_t i = static_cast<uint32_t>(__builtin_ctz(maybe));
    uint32_t at = place[i], slot;
    if constexpr (kShared) {
      // Flows of several masks have one signature where they differ in other bits only.
      while (entries[at].signature != 0 && (entries[at].signature != signature[i] || !same_as_member<kWithFurther>(at, batch[i]))) at = (at + 1) & wrap;
      slot = entries[at].signature == 0 ? kNone : entries[at].slot;
    } else {
      slot = entries[at].slot;
      // Another key of the same signature: rare enough to begin again.
      if (!equal(&keys[uint64_t{at} * stride], masked[i], words)) slot = find(signature[i], masked[i]);
    }
    if (slot == kNone) continue;
    slots[i] = slot;
    found |= 1u << i;
  }
  return found;
}

}  // namespace weft
