// Packets that wait for a decision. The first packet of a microflow that no flow matches makes an entry and an upcall; later ones of the same key
// queue behind it, in order, up to a depth. An entry is named by a number that is not used again soon, so a decision that comes after the entry
// timed out finds nothing and does no harm.
#pragma once
#include <vector>

#include "../generated/key_layout.h"
#include "../packet/packet.h"
#include "memory.h"

namespace weft {

struct PendingEntry {
  Key key;
  uint32_t hash;
  uint32_t number;  // what the upcall says; the low kIndexBits are the place
  uint32_t port;    // whose packets wait
  uint32_t count;
  Packet* first;
  Packet* last;
  uint64_t since_ns;
  PendingEntry* chain;  // of the same hash bucket
  PendingEntry* older;  // by age
  PendingEntry* newer;
  bool used;
};

class PendingTable {
 public:
  explicit PendingTable(uint32_t entries);

  PendingEntry* find(uint32_t hash, const Key& key) const;
  PendingEntry* by_number(uint32_t number) const;
  PendingEntry* oldest() const { return oldest_; }
  // nullptr: all entries are in use.
  PendingEntry* add(uint32_t hash, const Key& key, uint64_t now_ns);
  // The packets must have been taken over before.
  void remove(PendingEntry* e);
  uint32_t used() const { return used_; }
  uint32_t free() const { return entries_n_ - used_; }

 private:
  static constexpr uint32_t kIndexBits = 16;
  static bool same_key(const Key& a, const Key& b);
  PendingEntry*& bucket(uint32_t hash) { return buckets_[hash & (buckets_.size() - 1)]; }

  uint32_t entries_n_;
  uint32_t used_ = 0;
  Mapping memory_;
  PendingEntry* entries_;
  std::vector<uint32_t> free_;  // a queue: places rest before they are used again
  uint32_t free_at_ = 0;
  std::vector<PendingEntry*> buckets_;
  PendingEntry* oldest_ = nullptr;
  PendingEntry* newest_ = nullptr;
};

}  // namespace weft
