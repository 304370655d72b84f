// The megaflow cache: tuple space search. Flows of one mask form a subtable; a look-up asks the subtables in order of recent hits and takes the
// first match (flows that the pipeline makes do not overlap).
//
// What a look-up costs is how many subtables it asks. Where that is more than two, upkeep joins subtables whose masks have enough in common to share one
// (subtable.h; TupleMerge, Daly et al. 2019, is a relative): 20 masks that differ in a few bits of one address become one question. Joining costs the
// entries that are moved; so each upkeep has an allowance, and when a round over all pairs brought nothing it waits until there are other subtables.
#pragma once
#include <memory>
#include <vector>

#include "subtable.h"

namespace weft {

class MegaflowCache {
 public:
  // `flows`: the worker's array.
  explicit MegaflowCache(Flow* flows) : flows_array_(flows) {}

  // The key's bits outside the mask are ignored. `flow` is not in the cache.
  void insert(Flow& flow, const Key& key, const Key& mask);
  void remove(Flow& flow);
  // What a flow was inserted with; its key under the mask.
  static void recall(const Flow& flow, Key& key, Key& mask) { flow.subtable->recall(flow, key, mask); }
  // Slots of the flows that match, or kNone; for the keys whose bit in `wanted` is set. Returns the bits found. `asked` counts subtables asked.
  uint32_t lookup(const Key* keys, uint32_t wanted, uint32_t* slots, uint64_t* asked);
  // To be called now and then: subtables with most recent hits come first, and some share.
  void reorder();
  uint32_t subtables() const { return static_cast<uint32_t>(order_.size()); }
  uint32_t flows() const { return flows_; }
  // A look-up costs less than a probe of the microflow cache: a few comparisons of a line.
  bool trivial() const { return trivial_; }

  static constexpr uint32_t kNone = 0xffffffffu;

 private:
  void weigh();
  void share();
  bool join(size_t a, size_t b);
  // There are other subtables than before: pairs are worth a look again.
  void changed() { fruitless_ = 0; }

  std::vector<std::unique_ptr<Subtable>> order_;
  Flow* flows_array_;
  bool trivial_ = true;
  uint32_t flows_ = 0;
  uint64_t keys_ = 0;   // looked up since the last upkeep, and
  uint64_t asked_ = 0;  // subtables asked for them
  int64_t allowance_ = 0;  // entries that may be moved
  size_t apart_ = 1;       // of the pair that is next: how far its second is behind its first, and
  size_t first_ = 0;
  size_t fruitless_ = 0;  // pairs in a row that could not be joined
};

}  // namespace weft
