#include "pending.h"

#include <bit>
#include <cstring>

#include "../packet/copy_key.h"

namespace weft {

PendingTable::PendingTable(uint32_t entries)
    : entries_n_(entries),
      memory_(uint64_t{entries} * sizeof(PendingEntry)),
      entries_(memory_.as<PendingEntry>()),
      free_(entries),
      buckets_(std::bit_ceil(entries * 2), nullptr) {
  for (uint32_t i = 0; i < entries; i++) free_[i] = i;
}

bool PendingTable::same_key(const Key& a, const Key& b) {
  if (std::memcmp(&a, &b, kLineBytes) != 0) return false;  // `lines` is part of line 0
  for (uint32_t lines = a.lines; lines != 0; lines &= lines - 1) {
    const uint32_t at = (1 + static_cast<uint32_t>(__builtin_ctz(lines))) * kLineBytes;
    if (std::memcmp(a.in_port + at, b.in_port + at, kLineBytes) != 0) return false;
  }
  return true;
}

PendingEntry* PendingTable::find(uint32_t hash, const Key& key) const {
  for (PendingEntry* e = buckets_[hash & (buckets_.size() - 1)]; e; e = e->chain)
    if (e->hash == hash && same_key(e->key, key)) return e;
  return nullptr;
}

PendingEntry* PendingTable::by_number(uint32_t number) const {
  const uint32_t at = number & ((1u << kIndexBits) - 1);
  if (at >= entries_n_ || !entries_[at].used || entries_[at].number != number) return nullptr;
  return &entries_[at];
}

PendingEntry* PendingTable::add(uint32_t hash, const Key& key, uint64_t now_ns) {
  if (used_ == entries_n_) return nullptr;
  const uint32_t at = free_[free_at_];
  PendingEntry* e = &entries_[at];
  copy_key(e->key, key);
  e->hash = hash;
  e->number = (e->number + (1u << kIndexBits)) & ~((1u << kIndexBits) - 1);
  e->number |= at;
  e->count = 0;
  e->first = e->last = nullptr;
  e->since_ns = now_ns;
  e->used = true;
  e->chain = bucket(hash);
  bucket(hash) = e;
  e->older = newest_;
  e->newer = nullptr;
  (newest_ ? newest_->newer : oldest_) = e;
  newest_ = e;
  free_at_ = (free_at_ + 1) % entries_n_;
  used_++;
  return e;
}

void PendingTable::remove(PendingEntry* e) {
  PendingEntry** at = &bucket(e->hash);
  while (*at != e) at = &(*at)->chain;
  *at = e->chain;
  (e->older ? e->older->newer : oldest_) = e->newer;
  (e->newer ? e->newer->older : newest_) = e->older;
  e->used = false;
  free_[(free_at_ + entries_n_ - used_) % entries_n_] = static_cast<uint32_t>(e - entries_);
  used_--;
}

}  // namespace weft
