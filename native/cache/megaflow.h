// The megaflow cache: tuple space search. Flows of one mask form a subtable; a look-up asks the subtables in order of recent hits and takes the
// first match (flows that the pipeline makes do not overlap).
//
// A subtable knows the 64-bit words in which its mask has a bit, and touches only those: they are masked, hashed and compared, whatever the size
// of the key. Its flows stand in a flat open-addressed table of (signature, slot), eight a line, with the masked words of each entry beside.
//
// Two cases are worth their own code, both of masks within line 0 (most are) or line 0 and one other (IPv6; what came out of a tunnel). A subtable of few
// flows compares the whole lines with each of them, which is cheaper than hashing. A larger one works in three passes over the batch - mask and hash, look
// at the signature, compare the words - each of which asks for the memory of the next, so that a table larger than the cache costs one wait for a batch
// and not two for a packet.
//
// A line that a key does not announce counts as zeros, so a mask word in it matches only zeros.
#pragma once
#include <memory>
#include <vector>

#include "../generated/key_layout.h"
#include "../worker/memory.h"
#include "flow.h"

namespace weft {

constexpr uint32_t kKeyWords = kKeyBytes / 8;

constexpr uint32_t kBatchKeys = 32;

struct Subtable {
  static constexpr uint32_t kFew = 4;
  static constexpr uint32_t kNone = 0xffffffffu;

  struct alignas(64) Line {
    uint64_t word[8];
  };
  Line mask_line;              // line 0 of the mask
  Line few_line[kFew];         // while there are few flows and at most one further line: line 0 of each, under the mask
  Line mask_further;           // that line of the mask, and of each flow
  Line few_further[kFew];
  uint32_t few_slot[kFew];
  uint64_t mask[kKeyWords];    // of the words in use
  uint8_t index[kKeyWords];    // which words of the key those are
  uint32_t words = 0;          // how many
  uint32_t lines = 0;          // further lines among them, as in Key::lines
  uint32_t further = 0;        // the number of that line when it is one; 0: there is none or are several
  uint32_t size = 0;           // flows
  uint32_t capacity = 0;       // entries, a power of two, at most three quarters full
  uint64_t recent = 0;         // hits, halved at each reordering
  struct Entry {
    uint32_t signature;  // 0 is empty
    uint32_t slot;
  };
  std::unique_ptr<Mapping> memory;
  Entry* entries = nullptr;
  uint64_t* keys = nullptr;  // `words` a place
  // A set of the signatures there are, 16 bits an entry, while there are few enough for it to stay in the first cache; else nullptr. Whether the entry at a key's
  // home is taken by another flow is a coin's toss to the processor, and with many masks most keys are in few of the subtables: that none can be there is
  // nearly always said here, and foreseen. What was removed stays in the set until it is made anew.
  uint64_t* filter = nullptr;
  uint32_t removed = 0;

  explicit Subtable(const Key& mask);
  // Has it the code of its own?
  bool simple() const { return lines == 0 || further != 0; }
  bool same_mask(const Key& m) const;
  uint32_t hash_masked(const uint64_t* masked) const;
  // Writes the key's words under the mask.
  void apply(const Key& key, uint64_t* masked) const;
  void insert(uint32_t signature, uint32_t slot, const uint64_t* masked);
  void remove(uint32_t signature, uint32_t slot);
  // For the keys whose bit in `todo` is set: the slots of those that match, as bits.
  uint32_t lookup(const Key* keys, uint32_t todo, uint32_t* slots, const Flow* flows) const;

 private:
  template <bool kWithFurther>
  uint32_t lookup_few(const Key* batch, uint32_t todo, uint32_t* slots) const;
  template <bool kWithFurther>
  uint32_t lookup_many(const Key* batch, uint32_t todo, uint32_t* slots, const Flow* flows) const;
  uint32_t find(uint32_t signature, const uint64_t* masked) const;
  void place(uint32_t signature, uint32_t slot, const uint64_t* masked);
  void grow();
  void refilter();
  void admit(uint32_t signature) { filter[filter_bit(signature) / 64] |= uint64_t{1} << filter_bit(signature) % 64; }
  uint32_t may_be(uint32_t signature) const { return filter[filter_bit(signature) / 64] >> filter_bit(signature) % 64 & 1; }
  // The upper half: the lower bits say where the home is.
  uint32_t filter_bit(uint32_t signature) const { return signature >> 16 & (capacity * kFilterBits - 1); }
  static constexpr uint32_t kFilterBits = 16;
  static constexpr uint32_t kFilterMost = 4096;  // entries
  void list_few();
};

class MegaflowCache {
 public:
  // `flows`: the worker's array, to be prefetched from.
  explicit MegaflowCache(const Flow* flows) : flows_array_(flows) {}

  // The key's bits outside the mask are ignored. `flow` is not in the cache.
  void insert(Flow& flow, const Key& key, const Key& mask);
  void remove(Flow& flow);
  // Slots of the flows that match, or kNone; for the keys whose bit in `wanted` is set. Returns the bits found. `asked` counts subtables asked.
  uint32_t lookup(const Key* keys, uint32_t wanted, uint32_t* slots, uint64_t* asked);
  // To be called now and then: subtables with most recent hits come first.
  void reorder();
  uint32_t subtables() const { return static_cast<uint32_t>(order_.size()); }
  uint32_t flows() const { return flows_; }
  // A look-up costs less than a probe of the microflow cache: a few comparisons of a line.
  bool trivial() const { return trivial_; }

  static constexpr uint32_t kNone = 0xffffffffu;

 private:
  std::vector<std::unique_ptr<Subtable>> order_;
  void weigh();

  const Flow* flows_array_;
  bool trivial_ = true;
  uint32_t flows_ = 0;
};

}  // namespace weft
