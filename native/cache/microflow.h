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
#include "compare.h"
#include "flow.h"

namespace weft {

class MicroflowCache {
 public:
  explicit MicroflowCache(const Flow* flows);

  void prefetch(uint32_t hash) const { __builtin_prefetch(&buckets_[bucket(hash)]); }
  // First half of a probe: the place of an entry with this hash, or -1. Prefetches its key, with further lines as the one asked for has, and its flow.
  int32_t find(uint32_t hash, uint32_t lines) const {
    const uint32_t b = bucket(hash);
    const Bucket& tags = buckets_[b];
    const uint32_t hit = equal_tags(tags.hash, hash);
    if (hit == 0) return -1;
    const uint32_t w = static_cast<uint32_t>(__builtin_ctz(hit));
    __builtin_prefetch(&keys_[b * kWays + w]);
    __builtin_prefetch(&flows_[tags.slot[w]]);
    for (; lines != 0; lines &= lines - 1) __builtin_prefetch(&further_[(b * kWays + w) * kFurther + static_cast<uint32_t>(__builtin_ctz(lines))]);
    return static_cast<int32_t>(b * kWays + w);
  }
  // Second half: the flow's slot when the key is the same and the flow still lives, else kNone.
  uint32_t confirm(int32_t place, const Key& key) const {
    const Bucket& tags = buckets_[static_cast<uint32_t>(place) / kWays];
    const uint32_t w = static_cast<uint32_t>(place) % kWays, slot = tags.slot[w];
    const bool same = equal_lines(&key, &keys_[place]) & (tags.seq[w] == flows_[slot].seq) & (tags.seq[w] != 0);
    if (!same) return kNone;
    if (key.lines != 0 && !same_further_lines(place, key)) [[unlikely]]
      return kNone;
    return slot;
  }
  void insert(uint32_t hash, const Key& key, const Flow& flow);
  void clear();

  // False for a while after a window in which fewer than half of the probes hit: there are then so many microflows that asking costs more than it saves.
  bool worthwhile() const { return rest_ == 0; }
  // After each batch, whether it was asked (`hits` of `packets`) or not.
  void note(uint32_t packets, uint32_t hits) {
    packets_ += packets;
    hits_ += hits;
    if (packets_ < kWindow) return;
    if (rest_ != 0)
      rest_--;
    else if (hits_ * 2 < packets_)
      rest_ = kRest;
    packets_ = hits_ = 0;
  }

  static constexpr uint32_t kNone = 0xffffffffu;

 private:
  static constexpr uint32_t kFurther = kKeyLines - 1;
  static constexpr uint32_t kWindow = 4096;
  static constexpr uint32_t kRest = 15;  // windows: of sixteen, one is for looking whether it is worthwhile again
  static constexpr uint32_t kWays = 4;
  static constexpr uint32_t kBuckets = 4096;
  struct alignas(64) Bucket {
    uint32_t hash[kWays];
    uint32_t seq[kWays];   // of the flow; 0 is an empty way, and no flow has it
    uint32_t slot[kWays];
  };
  struct alignas(64) Line {
    uint64_t word[8];
  };
  static uint32_t bucket(uint32_t hash) { return (hash ^ (hash >> 15)) & (kBuckets - 1); }
  bool same_further_lines(int32_t place, const Key& key) const {
    for (uint32_t lines = key.lines; lines != 0; lines &= lines - 1) {
      const uint32_t n = static_cast<uint32_t>(__builtin_ctz(lines));
      if (!equal_lines(key.in_port + (n + 1) * kLineBytes, &further_[static_cast<uint32_t>(place) * kFurther + n])) return false;
    }
    return true;
  }

  const Flow* flows_;
  Mapping memory_;
  Bucket* buckets_;
  Line* keys_;     // line 0 of each entry
  Line* further_;  // lines 1 to 8 of each entry; pages touched only by traffic that has them
  uint32_t turn_ = 0;
  uint32_t packets_ = 0;  // of this window
  uint32_t hits_ = 0;
  uint32_t rest_ = 0;
};

}  // namespace weft
