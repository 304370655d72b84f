// The megaflow cache: tuple space search. Flows of one mask form a subtable; a look-up asks the subtables in order of recent hits and takes the
// first match (flows that the pipeline makes do not overlap).
//
// A subtable knows the 64-bit words in which its mask has a bit, and touches only those: they are masked, hashed and compared, whatever the size
// of the key. Its flows stand in a flat open-addressed table of (signature, slot), eight a line, with the masked words of each entry beside. A
// subtable of few flows is compared one by one without hashing, which is cheaper.
//
// A line that a key does not announce counts as zeros, so a mask word in it matches only zeros.
#pragma once
#include <memory>
#include <vector>

#include "../generated/key_layout.h"
#include "flow.h"

namespace weft {

constexpr uint32_t kKeyWords = kKeyBytes / 8;

struct Subtable {
  uint64_t mask[kKeyWords];    // of the words in use
  uint8_t index[kKeyWords];    // which words of the key those are
  uint32_t words = 0;          // how many
  uint32_t lines = 0;          // further lines among them, as in Key::lines
  uint32_t size = 0;           // flows
  uint32_t capacity = 0;       // entries, a power of two, at most half full
  uint64_t recent = 0;         // hits, halved at each reordering
  struct Entry {
    uint32_t signature;  // 0 is empty
    uint32_t slot;
  };
  std::vector<Entry> entries;
  std::vector<uint64_t> keys;  // `words` a place

  uint32_t hash_masked(const uint64_t* masked) const;
  // Writes the key's words under the mask.
  void apply(const Key& key, uint64_t* masked) const;
  uint32_t find(uint32_t signature, const uint64_t* masked) const;
  void insert(uint32_t signature, uint32_t slot, const uint64_t* masked);
  void remove(uint32_t signature, uint32_t slot);
  bool same_mask(const Key& m) const;

 private:
  void place(uint32_t signature, uint32_t slot, const uint64_t* masked);
  void grow();
};

class MegaflowCache {
 public:

  // The key's bits outside the mask are ignored. `flow` is not in the cache.
  void insert(Flow& flow, const Key& key, const Key& mask);
  void remove(Flow& flow);
  // Slots of the flows that match, or kNone; for the keys whose bit in `wanted` is set. Returns the bits found. `asked` counts subtables asked.
  uint32_t lookup(const Key* keys, uint32_t wanted, uint32_t* slots, uint64_t* asked);
  // To be called now and then: subtables with most recent hits come first.
  void reorder();
  uint32_t subtables() const { return static_cast<uint32_t>(order_.size()); }
  uint32_t flows() const { return flows_; }

  static constexpr uint32_t kNone = 0xffffffffu;

 private:
  std::vector<std::unique_ptr<Subtable>> order_;
  uint32_t flows_ = 0;
};

}  // namespace weft
