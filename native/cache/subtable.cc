#include "subtable.h"

#include <algorithm>
#include <cstring>

#include "subtable_words.h"

namespace weft {
namespace {

constexpr uint32_t kFirstCapacity = 16;

}  // namespace

Subtable::Subtable(const Key& m) {
  std::memcpy(&mask_line, &m, sizeof mask_line);
  for (uint32_t i = 0; i < kKeyWords; i++) {
    if (words_of(m)[i] == 0) continue;
    index[words] = static_cast<uint8_t>(i);
    mask[words++] = words_of(m)[i];
    if (i >= 8) lines |= 1u << (i / 8 - 1);
  }
  hashed = stride = words;
  if (lines == 0 || (lines & (lines - 1)) != 0) return;
  further = 1 + static_cast<uint32_t>(__builtin_ctz(lines));
  std::memcpy(&mask_further, m.in_port + further * kLineBytes, kLineBytes);
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

uint32_t Subtable::member(const Key& m) {
  if (!shared()) return same_mask(m) ? 0 : kNone;
  const uint64_t* w = words_of(m);
  const auto used = std::count_if(w, w + kKeyWords, [](uint64_t v) { return v != 0; });
  Member fresh{};
  uint32_t here = 0;
  for (uint32_t n = 0; n < words; n++) {
    fresh.mask[n] = w[index[n]];
    here += fresh.mask[n] != 0;
    if ((fresh.mask[n] & mask[n]) != mask[n]) return kNone;
  }
  if (here != used) return kNone;
  uint32_t room = kNone;
  for (uint32_t i = 0; i < members.size(); i++) {
    if (equal(members[i].mask, fresh.mask, words)) return i;
    if (members[i].flows == 0) room = i;
  }
  if (room == kNone) {
    if (members.size() == kMostMembers) return kNone;
    room = static_cast<uint32_t>(members.size());
    members.emplace_back();
  }
  members[room] = fresh;
  return room;
}

uint32_t Subtable::hash_masked(const uint64_t* masked) const { return hash_words(masked, hashed); }

void Subtable::apply(const Key& key, uint64_t* masked) const {
  const uint64_t* w = words_of(key);
  const uint32_t present = 1u | static_cast<uint32_t>(key.lines) << 1;
  for (uint32_t i = 0; i < words; i++) masked[i] = index[i] < 8 || present >> (index[i] / 8) & 1 ? w[index[i]] & mask[i] : 0;
}

uint32_t Subtable::find(uint32_t signature, const uint64_t* masked) const {
  const uint32_t wrap = capacity - 1;
  for (uint32_t at = signature & wrap; entries[at].signature != 0; at = (at + 1) & wrap) {
    if (entries[at].signature == signature && equal(&keys[uint64_t{at} * stride], masked, words)) return entries[at].slot;
  }
  return kNone;
}

bool Subtable::place(uint32_t signature, uint32_t slot, const uint64_t* masked) {
  const uint32_t wrap = capacity - 1;
  uint32_t at = signature & wrap, alike = 0;
  for (; entries[at].signature != 0; at = (at + 1) & wrap)
    if (entries[at].signature == signature) alike++;
  if (alike >= kMostAlike && shared()) return false;
  entries[at] = {signature, slot};
  std::copy_n(masked, stride, &keys[uint64_t{at} * stride]);
  return true;
}

void Subtable::allocate(uint32_t places) {
  capacity = places;
  const uint64_t bytes = uint64_t{capacity} * (sizeof(Entry) + 8 * stride);
  memory = std::make_unique<Mapping>(bytes + kFilterMost * kFilterBits / 8);
  entries = memory->as<Entry>();
  keys = reinterpret_cast<uint64_t*>(entries + capacity);
  filter = capacity <= kFilterMost ? keys + uint64_t{capacity} * stride : nullptr;
}

void Subtable::grow() {
  const std::unique_ptr<Mapping> old_memory = std::move(memory);
  const Entry* old_entries = entries;
  const uint64_t* old_keys = keys;
  const uint32_t old_capacity = capacity;
  allocate(old_capacity ? old_capacity * 2 : kFirstCapacity);
  for (uint32_t i = 0; i < old_capacity; i++)
    if (old_entries[i].signature) place(old_entries[i].signature, old_entries[i].slot, &old_keys[uint64_t{i} * stride]);
  refilter();
}

void Subtable::refilter() {
  removed = 0;
  if (!filter) return;
  std::fill_n(filter, capacity * kFilterBits / 64, 0);
  for (uint32_t i = 0; i < capacity; i++)
    if (entries[i].signature) admit(entries[i].signature);
}

bool Subtable::insert(Flow& flow, const Key& key, uint32_t member) {
  if ((size + 1) * 4 > capacity * 3) grow();
  uint64_t masked[kKeyWords + 1];
  apply(key, masked);
  const uint32_t signature = hash_masked(masked);
  if (shared()) {
    const uint64_t* w = words_of(key);
    for (uint32_t n = 0; n < words; n++) masked[n] = w[index[n]] & members[member].mask[n];
    masked[words] = member;
  }
  if (!place(signature, flow.slot, masked)) return false;
  if (shared()) members[member].flows++;
  flow.hash = signature;
  flow.subtable = this;
  if (filter) admit(signature);
  size++;
  list_few();
  return true;
}

// Entries behind the hole that a probe would no longer reach are moved into it, so no tombstones pile up.
void Subtable::remove(uint32_t signature, uint32_t slot) {
  const uint32_t wrap = capacity - 1;
  uint32_t hole = signature & wrap;
  while (entries[hole].slot != slot || entries[hole].signature == 0) {
    if (entries[hole].signature == 0) return;
    hole = (hole + 1) & wrap;
  }
  if (shared()) members[keys[uint64_t{hole} * stride + words]].flows--;
  for (uint32_t at = (hole + 1) & wrap; entries[at].signature != 0; at = (at + 1) & wrap) {
    const uint32_t home = entries[at].signature & wrap;
    if (((at - home) & wrap) >= ((at - hole) & wrap)) {
      entries[hole] = entries[at];
      std::copy_n(&keys[uint64_t{at} * stride], stride, &keys[uint64_t{hole} * stride]);
      hole = at;
    }
  }
  entries[hole] = {0, 0};
  size--;
  if (++removed * 4 > capacity) refilter();
  list_few();
}

void Subtable::recall(const Flow& flow, Key& key_out, Key& mask_out) const {
  uint64_t key[kKeyWords] = {}, under[kKeyWords] = {};
  uint32_t at = flow.hash & (capacity - 1);
  while (entries[at].signature != 0 && entries[at].slot != flow.slot) at = (at + 1) & (capacity - 1);
  const uint64_t* mine = &keys[uint64_t{at} * stride];
  const uint64_t* own = shared() ? members[mine[words]].mask : mask;
  for (uint32_t i = 0; i < words; i++) {
    key[index[i]] = mine[i];
    under[index[i]] = own[i];
  }
  std::memcpy(&key_out, key, sizeof key_out);
  std::memcpy(&mask_out, under, sizeof mask_out);
  key_out.lines = 0xff;  // whole
}

void Subtable::list_few() {
  if (size > kFew || !simple() || shared()) return;
  uint32_t n = 0;
  for (uint32_t at = 0; at < capacity; at++) {
    if (entries[at].signature == 0) continue;
    few_line[n] = few_further[n] = Line{};
    for (uint32_t i = 0; i < words; i++) (index[i] < 8 ? few_line : few_further)[n].word[index[i] % 8] = keys[uint64_t{at} * stride + i];
    few_slot[n++] = entries[at].slot;
  }
}

// What `mask` has of a word of the key.
uint64_t Subtable::mask_at(uint32_t word) const {
  const uint8_t* at = std::find(index, index + words, word);
  return at == index + words ? 0 : mask[at - index];
}

// The words of both: first those in which they have a bit in common.
void Subtable::unite(const Subtable& a, const Subtable& b) {
  uint64_t common[kKeyWords] = {};
  bool used[kKeyWords] = {};
  for (const Subtable* t : {&a, &b})
    for (uint32_t n = 0; n < t->words; n++) used[t->index[n]] = true, common[t->index[n]] = a.mask_at(t->index[n]) & b.mask_at(t->index[n]);
  for (const bool first : {true, false})
    for (uint32_t w = 0; w < kKeyWords; w++) {
      if (!used[w] || (common[w] != 0) != first) continue;
      index[words] = static_cast<uint8_t>(w);
      mask[words++] = common[w];
      hashed += first;
    }
  lines = a.lines;
  further = a.further;
  stride = words + 1;
}

// The masks and flows of another.
bool Subtable::adopt(const Subtable& from, uint32_t& work) {
  uint8_t number[kMostMembers];
  const uint32_t sources = from.shared() ? static_cast<uint32_t>(from.members.size()) : 1;
  uint32_t from_at[kSimpleWords];  // where each word of ours is there, or kNone
  for (uint32_t n = 0; n < words; n++) {
    const uint8_t* at = std::find(from.index, from.index + from.words, index[n]);
    from_at[n] = at == from.index + from.words ? kNone : static_cast<uint32_t>(at - from.index);
  }
  for (uint32_t i = 0; i < sources; i++) {
    if (from.shared() && from.members[i].flows == 0) continue;
    Member m{};
    for (uint32_t n = 0; n < words; n++)
      if (from_at[n] != kNone) m.mask[n] = from.shared() ? from.members[i].mask[from_at[n]] : from.mask[from_at[n]];
    const auto same = std::find_if(members.begin(), members.end(), [&](const Member& o) { return equal(o.mask, m.mask, words); });
    number[i] = static_cast<uint8_t>(same - members.begin());
    if (same != members.end()) continue;
    if (members.size() == kMostMembers) return false;
    members.push_back(m);
  }
  for (uint32_t at = 0; at < from.capacity; at++) {
    if (from.entries[at].signature == 0) continue;
    const uint64_t* theirs = &from.keys[uint64_t{at} * from.stride];
    uint64_t ours[kSimpleWords + 1], common[kSimpleWords];
    for (uint32_t n = 0; n < words; n++) {
      ours[n] = from_at[n] == kNone ? 0 : theirs[from_at[n]];
      common[n] = ours[n] & mask[n];
    }
    ours[words] = number[from.shared() ? theirs[from.words] : 0];
    work++;
    if (!place(hash_masked(common), from.entries[at].slot, ours)) return false;
    members[ours[words]].flows++;
    size++;
  }
  return true;
}

std::unique_ptr<Subtable> Subtable::join(const Subtable& a, const Subtable& b, uint32_t& work) {
  if (!a.simple() || !b.simple() || a.lines != b.lines) return nullptr;
  std::unique_ptr<Subtable> both(new Subtable);
  both->unite(a, b);
  uint32_t places = kFirstCapacity;
  while ((a.size + b.size + 1) * 4 > places * 3) places *= 2;
  both->allocate(places);
  if (both->hashed == 0 || !both->adopt(a, work) || !both->adopt(b, work)) return nullptr;
  both->recent = a.recent + b.recent;
  both->refilter();
  return both;
}

}  // namespace weft
