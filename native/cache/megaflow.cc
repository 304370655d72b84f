#include "megaflow.h"

#include <algorithm>
#include <cstring>

#include "../packet/hash.h"
#include "compare.h"

namespace weft {
namespace {

// Comparisons that cost what a probe of the microflow cache does: 11 cycles a packet, against 9 for two of these.
constexpr uint32_t kTrivialFlows = 3;
constexpr uint32_t kFirstCapacity = 16;
constexpr Subtable::Line kZeroLine = {};

const uint64_t* words_of(const Key& key) { return reinterpret_cast<const uint64_t*>(&key); }

bool equal(const uint64_t* a, const uint64_t* b, uint32_t n) {
  uint64_t diff = 0;
  for (uint32_t i = 0; i < n; i++) diff |= a[i] ^ b[i];
  return diff == 0;
}

}  // namespace

Subtable::Subtable(const Key& m) {
  std::memcpy(&mask_line, &m, sizeof mask_line);
  for (uint32_t i = 0; i < kKeyWords; i++) {
    if (words_of(m)[i] == 0) continue;
    index[words] = static_cast<uint8_t>(i);
    mask[words++] = words_of(m)[i];
    if (i >= 8) lines |= 1u << (i / 8 - 1);
  }
  if (lines == 0 || (lines & (lines - 1)) != 0) return;
  further = 1 + static_cast<uint32_t>(__builtin_ctz(lines));
  std::memcpy(&mask_further, m.in_port + further * kLineBytes, kLineBytes);
}

uint32_t Subtable::hash_masked(const uint64_t* masked) const {
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

void Subtable::apply(const Key& key, uint64_t* masked) const {
  const uint64_t* w = words_of(key);
  if (lines == 0) {
    for (uint32_t i = 0; i < words; i++) masked[i] = w[index[i]] & mask[i];
    return;
  }
  const uint32_t present = 1u | static_cast<uint32_t>(key.lines) << 1;
  for (uint32_t i = 0; i < words; i++) masked[i] = present >> (index[i] / 8) & 1 ? w[index[i]] & mask[i] : 0;
}

uint32_t Subtable::find(uint32_t signature, const uint64_t* masked) const {
  const uint32_t wrap = capacity - 1;
  for (uint32_t at = signature & wrap; entries[at].signature != 0; at = (at + 1) & wrap) {
    if (entries[at].signature == signature && equal(&keys[uint64_t{at} * words], masked, words)) return entries[at].slot;
  }
  return kNone;
}

void Subtable::place(uint32_t signature, uint32_t slot, const uint64_t* masked) {
  const uint32_t wrap = capacity - 1;
  uint32_t at = signature & wrap;
  while (entries[at].signature != 0) at = (at + 1) & wrap;
  entries[at] = {signature, slot};
  std::copy_n(masked, words, &keys[uint64_t{at} * words]);
}

void Subtable::grow() {
  const std::unique_ptr<Mapping> old_memory = std::move(memory);
  const Entry* old_entries = entries;
  const uint64_t* old_keys = keys;
  const uint32_t old_capacity = capacity;
  capacity = old_capacity ? old_capacity * 2 : kFirstCapacity;
  const uint64_t bytes = uint64_t{capacity} * (sizeof(Entry) + 8 * words);
  memory = std::make_unique<Mapping>(bytes + kFilterMost * kFilterBits / 8);
  entries = memory->as<Entry>();
  keys = reinterpret_cast<uint64_t*>(entries + capacity);
  filter = capacity <= kFilterMost ? keys + uint64_t{capacity} * words : nullptr;
  for (uint32_t i = 0; i < old_capacity; i++)
    if (old_entries[i].signature) place(old_entries[i].signature, old_entries[i].slot, &old_keys[uint64_t{i} * words]);
  refilter();
}

void Subtable::refilter() {
  removed = 0;
  if (!filter) return;
  std::fill_n(filter, capacity * kFilterBits / 64, 0);
  for (uint32_t i = 0; i < capacity; i++)
    if (entries[i].signature) admit(entries[i].signature);
}

void Subtable::insert(uint32_t signature, uint32_t slot, const uint64_t* masked) {
  if ((size + 1) * 4 > capacity * 3) grow();
  place(signature, slot, masked);
  if (filter) admit(signature);
  size++;
  list_few();
}

// Entries behind the hole that a probe would no longer reach are moved into it, so no tombstones pile up.
void Subtable::remove(uint32_t signature, uint32_t slot) {
  const uint32_t wrap = capacity - 1;
  uint32_t hole = signature & wrap;
  while (entries[hole].slot != slot || entries[hole].signature == 0) {
    if (entries[hole].signature == 0) return;
    hole = (hole + 1) & wrap;
  }
  for (uint32_t at = (hole + 1) & wrap; entries[at].signature != 0; at = (at + 1) & wrap) {
    const uint32_t home = entries[at].signature & wrap;
    if (((at - home) & wrap) >= ((at - hole) & wrap)) {
      entries[hole] = entries[at];
      std::copy_n(&keys[uint64_t{at} * words], words, &keys[uint64_t{hole} * words]);
      hole = at;
    }
  }
  entries[hole] = {0, 0};
  size--;
  if (++removed * 4 > capacity) refilter();
  list_few();
}

void Subtable::list_few() {
  if (size > kFew || !simple()) return;
  uint32_t n = 0;
  for (uint32_t at = 0; at < capacity; at++) {
    if (entries[at].signature == 0) continue;
    few_line[n] = few_further[n] = Line{};
    for (uint32_t i = 0; i < words; i++) (index[i] < 8 ? few_line : few_further)[n].word[index[i] % 8] = keys[uint64_t{at} * words + i];
    few_slot[n++] = entries[at].slot;
  }
}

uint32_t Subtable::lookup(const Key* batch, uint32_t todo, uint32_t* slots, const Flow* flows) const {
  if (lines == 0) return size <= kFew ? lookup_few<false>(batch, todo, slots) : lookup_many<false>(batch, todo, slots, flows);
  if (further != 0) return size <= kFew ? lookup_few<true>(batch, todo, slots) : lookup_many<true>(batch, todo, slots, flows);
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

template <bool kWithFurther>
uint32_t Subtable::lookup_many(const Key* batch, uint32_t todo, uint32_t* slots, const Flow* flows) const {
  uint64_t masked[kBatchKeys][kWithFurther ? 16 : 8];
  uint32_t signature[kBatchKeys], place[kBatchKeys];
  const uint32_t wrap = capacity - 1;
  for (uint32_t left = todo; left != 0; left &= left - 1) {
    const uint32_t i = static_cast<uint32_t>(__builtin_ctz(left));
    const uint64_t* w = words_of(batch[i]);
    const bool there = kWithFurther && (batch[i].lines & lines);
    for (uint32_t n = 0; n < words; n++) masked[i][n] = !kWithFurther || index[n] < 8 || there ? w[index[n]] & mask[n] : 0;
    signature[i] = hash_masked(masked[i]);
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
    __builtin_prefetch(&keys[uint64_t{at} * words]);
    __builtin_prefetch(&flows[entries[at].slot]);
  }
  uint32_t found = 0;
  for (; maybe != 0; maybe &= maybe - 1) {
    const uint32_t i = static_cast<uint32_t>(__builtin_ctz(maybe));
    uint32_t slot = entries[place[i]].slot;
    // Another key of the same signature: rare enough to begin again.
    if (!equal(&keys[uint64_t{place[i]} * words], masked[i], words)) slot = find(signature[i], masked[i]);
    if (slot == kNone) continue;
    slots[i] = slot;
    found |= 1u << i;
  }
  return found;
}

bool Subtable::same_mask(const Key& m) const {
  const uint64_t* w = words_of(m);
  uint32_t at = 0;
  for (uint32_t i = 0; i < kKeyWords; i++) {
    if (w[i] == 0) continue;
    if (at == words || index[at] != i || mask[at] != w[i]) return false;
    at++;
  }
  return at == words;
}

void MegaflowCache::insert(Flow& flow, const Key& key, const Key& mask) {
  Subtable* table = nullptr;
  for (auto& t : order_)
    if (t->same_mask(mask)) table = t.get();
  if (!table) {
    order_.push_back(std::make_unique<Subtable>(mask));
    table = order_.back().get();
  }
  uint64_t masked[kKeyWords];
  table->apply(key, masked);
  flow.hash = table->hash_masked(masked);
  flow.subtable = table;
  table->insert(flow.hash, flow.slot, masked);
  flows_++;
  weigh();
}

void MegaflowCache::remove(Flow& flow) {
  Subtable* table = flow.subtable;
  table->remove(flow.hash, flow.slot);
  flow.subtable = nullptr;
  flows_--;
  if (table->size == 0) std::erase_if(order_, [table](const auto& t) { return t.get() == table; });
  weigh();
}

void MegaflowCache::weigh() {
  trivial_ = flows_ <= kTrivialFlows && std::all_of(order_.begin(), order_.end(), [](const auto& t) { return t->simple(); });
}

uint32_t MegaflowCache::lookup(const Key* keys, uint32_t wanted, uint32_t* slots, uint64_t* asked) {
  uint32_t left = wanted;
  for (auto& t : order_) {
    if (left == 0) break;
    const uint32_t found = t->lookup(keys, left, slots, flows_array_);
    *asked += static_cast<uint32_t>(__builtin_popcount(left));
    t->recent += static_cast<uint32_t>(__builtin_popcount(found));
    left &= ~found;
  }
  return wanted & ~left;
}

void MegaflowCache::reorder() {
  std::stable_sort(order_.begin(), order_.end(), [](const auto& a, const auto& b) { return a->recent > b->recent; });
  for (auto& t : order_) t->recent /= 2;
}

}  // namespace weft
