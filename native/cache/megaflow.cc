#include "megaflow.h"

#include <algorithm>
#include <cstring>

#include "../packet/hash.h"

namespace weft {
namespace {

// A subtable of up to so many flows is searched one by one: comparing some words costs less than hashing them.
constexpr uint32_t kFew = 4;
constexpr uint32_t kFirstCapacity = 16;

const uint64_t* words_of(const Key& key) { return reinterpret_cast<const uint64_t*>(&key); }

bool equal(const uint64_t* a, const uint64_t* b, uint32_t n) {
  uint64_t diff = 0;
  for (uint32_t i = 0; i < n; i++) diff |= a[i] ^ b[i];
  return diff == 0;
}

}  // namespace

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
  return MegaflowCache::kNone;
}

void Subtable::place(uint32_t signature, uint32_t slot, const uint64_t* masked) {
  const uint32_t wrap = capacity - 1;
  uint32_t at = signature & wrap;
  while (entries[at].signature != 0) at = (at + 1) & wrap;
  entries[at] = {signature, slot};
  std::copy_n(masked, words, &keys[uint64_t{at} * words]);
}

void Subtable::grow() {
  std::vector<Entry> old_entries(capacity ? capacity * 2 : kFirstCapacity);
  std::vector<uint64_t> old_keys(old_entries.size() * words);
  old_entries.swap(entries);
  old_keys.swap(keys);
  capacity = static_cast<uint32_t>(entries.size());
  for (uint32_t i = 0; i < old_entries.size(); i++)
    if (old_entries[i].signature) place(old_entries[i].signature, old_entries[i].slot, &old_keys[uint64_t{i} * words]);
}

void Subtable::insert(uint32_t signature, uint32_t slot, const uint64_t* masked) {
  if ((size + 1) * 2 > capacity) grow();
  place(signature, slot, masked);
  size++;
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
    order_.push_back(std::make_unique<Subtable>());
    table = order_.back().get();
    for (uint32_t i = 0; i < kKeyWords; i++) {
      if (words_of(mask)[i] == 0) continue;
      table->index[table->words] = static_cast<uint8_t>(i);
      table->mask[table->words++] = words_of(mask)[i];
      if (i >= 8) table->lines |= 1u << (i / 8 - 1);
    }
  }
  uint64_t masked[kKeyWords];
  table->apply(key, masked);
  flow.hash = table->hash_masked(masked);
  flow.subtable = table;
  table->insert(flow.hash, flow.slot, masked);
  flows_++;
}

void MegaflowCache::remove(Flow& flow) {
  Subtable* table = flow.subtable;
  table->remove(flow.hash, flow.slot);
  flow.subtable = nullptr;
  flows_--;
  if (table->size == 0) std::erase_if(order_, [table](const auto& t) { return t.get() == table; });
}

uint32_t MegaflowCache::lookup(const Key* keys, uint32_t wanted, uint32_t* slots, uint64_t* asked) {
  uint32_t left = wanted;
  for (auto& owner : order_) {
    if (left == 0) break;
    Subtable& t = *owner;
    uint32_t found = 0;
    for (uint32_t todo = left; todo != 0; todo &= todo - 1) {
      const uint32_t i = static_cast<uint32_t>(__builtin_ctz(todo));
      uint64_t masked[kKeyWords];
      t.apply(keys[i], masked);
      uint32_t slot = kNone;
      if (t.size <= kFew) {
        for (uint32_t at = 0; at < t.capacity && slot == kNone; at++)
          if (t.entries[at].signature != 0 && equal(&t.keys[uint64_t{at} * t.words], masked, t.words)) slot = t.entries[at].slot;
      } else {
        slot = t.find(t.hash_masked(masked), masked);
      }
      if (slot == kNone) continue;
      slots[i] = slot;
      found |= 1u << i;
    }
    *asked += static_cast<uint32_t>(__builtin_popcount(left));
    t.recent += static_cast<uint32_t>(__builtin_popcount(found));
    left &= ~found;
  }
  return wanted & ~left;
}

void MegaflowCache::reorder() {
  std::stable_sort(order_.begin(), order_.end(), [](const auto& a, const auto& b) { return a->recent > b->recent; });
  for (auto& t : order_) t->recent /= 2;
}

}  // namespace weft
