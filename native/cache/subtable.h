// A subtable of the megaflow cache: flows of one mask, or of several that share it, in a flat open-addressed table of (signature, slot), eight a line, with the
// masked words of each entry beside. It knows the 64-bit words of the key in which a mask has a bit, and touches only those.
//
// Two cases are worth their own code, both of masks within line 0 (most are) or line 0 and one other (IPv6; what came out of a tunnel). A subtable of few
// flows compares the whole lines with each of them, which is cheaper than hashing. A larger one works in three passes over the batch - hash, look
// at the signature, compare the words - each of which asks for the memory of the next, so that a table larger than the cache costs one wait for a batch
// and not two for a packet.
//
// A shared subtable hashes the bits that all its masks have, and compares each entry under the entry's own mask: one question to it answers for all of them.
// That pays while the common bits tell most flows apart; so at most `kMostAlike` entries have one signature, and who would be the next stays outside.
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
  static constexpr uint32_t kSimpleWords = 2 * kLineBytes / 8;
  static constexpr uint32_t kMostMembers = 64;
  static constexpr uint32_t kMostAlike = 4;

  struct alignas(64) Line {
    uint64_t word[8];
  };
  // One of the masks of a shared subtable.
  struct Member {
    uint64_t mask[kSimpleWords];  // of the words in use
    uint32_t flows;
  };
  Line mask_line;              // line 0 of the mask
  Line few_line[kFew];         // while there are few flows and at most one further line: line 0 of each, under the mask
  Line mask_further;           // that line of the mask, and of each flow
  Line few_further[kFew];
  uint32_t few_slot[kFew];
  uint64_t mask[kKeyWords];    // of the words in use: the mask, or what all members have
  uint8_t index[kKeyWords];    // which words of the key those are
  uint32_t words = 0;          // how many
  uint32_t hashed = 0;         // how many of them, the first, have a bit in `mask`
  uint32_t stride = 0;         // words a place in `keys`; the last is the number of the member in a shared one
  uint32_t lines = 0;          // further lines among them, as in Key::lines
  uint32_t further = 0;        // the number of that line when it is one; 0: there is none or are several
  uint32_t size = 0;           // flows
  uint32_t capacity = 0;       // entries, a power of two, at most three quarters full
  uint64_t recent = 0;         // hits, halved at each reordering
  struct Entry {
    uint32_t signature;  // 0 is empty
    uint32_t slot;
  };
  std::vector<Member> members;  // empty: not shared
  std::unique_ptr<Mapping> memory;
  Entry* entries = nullptr;
  uint64_t* keys = nullptr;  // `stride` a place
  // A set of the signatures there are, 16 bits an entry, while there are few enough for it to stay in the first cache; else nullptr. Whether the entry at a key's
  // home is taken by another flow is a coin's toss to the processor, and with many masks most keys are in few of the subtables: that none can be there is
  // nearly always said here, and foreseen. What was removed stays in the set until it is made anew.
  uint64_t* filter = nullptr;
  uint32_t removed = 0;

  explicit Subtable(const Key& mask);
  // The flows of both in one that is shared, or nullptr when that does not pay or cannot be. Adds to `work` the entries that were placed for it.
  static std::unique_ptr<Subtable> join(const Subtable& a, const Subtable& b, uint32_t& work);
  bool shared() const { return !members.empty(); }
  // Has it the code of its own?
  bool simple() const { return lines == 0 || further != 0; }
  // 0 when that is its mask, the number of the member when it is shared; a mask with all common bits is made a member. kNone: it cannot be here.
  uint32_t member(const Key& mask);
  // False: too many are alike.
  bool insert(Flow& flow, const Key& key, uint32_t member);
  void remove(uint32_t signature, uint32_t slot);
  // What the flow was inserted with; its key under the mask.
  void recall(const Flow& flow, Key& key, Key& mask) const;
  // For the keys whose bit in `todo` is set: the slots of those that match, as bits.
  uint32_t lookup(const Key* keys, uint32_t todo, uint32_t* slots, const Flow* flows) const;

 private:
  Subtable() = default;
  bool same_mask(const Key& m) const;
  uint32_t hash_masked(const uint64_t* masked) const;
  // Writes the key's words under the mask.
  void apply(const Key& key, uint64_t* masked) const;
  template <bool kWithFurther>
  uint32_t lookup_few(const Key* batch, uint32_t todo, uint32_t* slots) const;
  template <bool kWithFurther, bool kShared>
  uint32_t lookup_many(const Key* batch, uint32_t todo, uint32_t* slots, const Flow* flows) const;
  template <bool kWithFurther>
  bool same_as_member(uint32_t at, const Key& key) const;
  uint32_t find(uint32_t signature, const uint64_t* masked) const;
  void allocate(uint32_t places);
  // `masked`: `stride` words. False: too many are alike.
  bool place(uint32_t signature, uint32_t slot, const uint64_t* masked);
  bool adopt(const Subtable& from, uint32_t& work);
  void unite(const Subtable& a, const Subtable& b);
  uint64_t mask_at(uint32_t word) const;
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

}  // namespace weft
