// The microflow cache: exact keys to flows, by hash, four ways.
//
// A bucket is one line of four tags; the keys stand apart, so that a probe touches one line for "no" and two for "yes". An entry says which flow
// and which seq of it: deleting a flow makes its entries stale without a search. Safe direction of error: a lost entry costs a megaflow
// look-up; a wrong one would misdeliver, so the whole key is compared, not its hash alone.
//
// Insertion replaces an empty or stale way, else a way of the bucket only each 16th time: when there are more microflows than room, most of
// those that are in stay in and keep hitting, where replacing always would make every probe a miss and an insertion.
#pragma once
#include <memory>

#include "../generated/key_layout.h"
#include "../worker/memory.h"
#include "flow.h"

namespace weft {

class MicroflowCache {
 public:
  explicit MicroflowCache(const Flow* flows);

  void prefetch(uint32_t hash) const { __builtin_prefetch(&buckets_[bucket(hash)]); }
  // First half of a probe: the place of an entry with this hash, or -1. Prefetches its key.
  int32_t find(uint32_t hash) const {
    const uint32_t b = bucket(hash);
    const Bucket& tags = buckets_[b];
    for (uint32_t w = 0; w < kWays; w++) {
      if (tags.way[w].hash == hash && tags.way[w].seq != 0) {
        __builtin_prefetch(&keys_[b * kWays + w]);
        return static_cast<int32_t>(b * kWays + w);
      }
    }
    return -1;
  }
  // Second half: the flow's slot when the key is the same and the flow still lives, else kNone.
  uint32_t confirm(int32_t place, const Key& key) const {
    const Tag& tag = buckets_[place / kWays].way[place % kWays];
    const uint64_t* a = reinterpret_cast<const uint64_t*>(&key);
    const uint64_t* b = keys_[place].word;
    uint64_t diff = 0;
    for (int i = 0; i < 8; i++) diff |= a[i] ^ b[i];
    diff |= tag.seq ^ flows_[tag.slot].seq;
    if (diff) return kNone;
    if (key.lines != 0 && !same_further_lines(place, key)) [[unlikely]]
      return kNone;
    return tag.slot;
  }
  void insert(uint32_t hash, const Key& key, const Flow& flow);
  void clear();

  static constexpr uint32_t kNone = 0xffffffffu;

 private:
  static constexpr uint32_t kWays = 4;
  static constexpr uint32_t kBuckets = 2048;
  struct Tag {
    uint32_t hash;
    uint32_t seq;  // of the flow; 0 is an empty way
    uint32_t slot;
    uint32_t reserved;
  };
  struct alignas(64) Bucket {
    Tag way[kWays];
  };
  struct alignas(64) Line {
    uint64_t word[8];
  };
  static uint32_t bucket(uint32_t hash) { return (hash ^ (hash >> 15)) & (kBuckets - 1); }
  bool same_further_lines(int32_t place, const Key& key) const;

  const Flow* flows_;
  Mapping memory_;
  Bucket* buckets_;
  Line* keys_;     // line 0 of each entry
  Line* further_;  // lines 1 to 8 of each entry; pages touched only by traffic that has them
  uint32_t turn_ = 0;
};

}  // namespace weft
