#include "megaflow.h"

#include <algorithm>

namespace weft {
namespace {

// Comparisons that cost what a probe of the microflow cache does: 11 cycles a packet, against 9 for two of these.
constexpr uint32_t kTrivialFlows = 3;
// Entries that an upkeep may move, 50 to 100 cycles each: one in 4,096 breaths, a few percent of a worker while there is something to join.
constexpr int64_t kAllowance = 8192;
constexpr int64_t kPairCost = 32;
// So many flows at once: 2 ms.
constexpr uint32_t kMostToJoin = 32768;

}  // namespace

void MegaflowCache::insert(Flow& flow, const Key& key, const Key& mask) {
  bool done = false;
  for (size_t i = 0; i < order_.size() && !done; i++) {
    const uint32_t member = order_[i]->member(mask);
    done = member != Subtable::kNone && order_[i]->insert(flow, key, member);
  }
  if (!done) {
    order_.push_back(std::make_unique<Subtable>(mask));
    order_.back()->insert(flow, key, 0);
    changed();
  }
  flows_++;
  weigh();
}

void MegaflowCache::remove(Flow& flow) {
  Subtable* table = flow.subtable;
  table->remove(flow.hash, flow.slot);
  flow.subtable = nullptr;
  flows_--;
  if (table->size == 0) {
    std::erase_if(order_, [table](const auto& t) { return t.get() == table; });
    changed();
  }
  weigh();
}

void MegaflowCache::weigh() {
  trivial_ = flows_ <= kTrivialFlows && std::all_of(order_.begin(), order_.end(), [](const auto& t) { return t->simple(); });
}

uint32_t MegaflowCache::lookup(const Key* keys, uint32_t wanted, uint32_t* slots, uint64_t* asked) {
  uint32_t left = wanted;
  uint32_t n = 0;
  for (auto& t : order_) {
    if (left == 0) break;
    const uint32_t found = t->lookup(keys, left, slots, flows_array_);
    n += static_cast<uint32_t>(__builtin_popcount(left));
    t->recent += static_cast<uint32_t>(__builtin_popcount(found));
    left &= ~found;
  }
  *asked += n;
  asked_ += n;
  keys_ += static_cast<uint32_t>(__builtin_popcount(wanted));
  return wanted & ~left;
}

void MegaflowCache::reorder() {
  if (asked_ > 2 * keys_) share();
  keys_ = asked_ = 0;
  std::stable_sort(order_.begin(), order_.end(), [](const auto& a, const auto& b) { return a->recent > b->recent; });
  for (auto& t : order_) t->recent /= 2;
}

// Pairs in turn, neighbours first.
void MegaflowCache::share() {
  allowance_ = std::min(allowance_ + kAllowance, kAllowance);
  while (allowance_ > 0 && order_.size() > 1 && fruitless_ < order_.size() * order_.size()) {
    if (first_ + apart_ >= order_.size()) {
      first_ = 0;
      apart_ = apart_ + 1 < order_.size() ? apart_ + 1 : 1;
      continue;
    }
    fruitless_ = join(first_, first_ + apart_) ? 0 : fruitless_ + 1;
    first_++;
  }
}

bool MegaflowCache::join(size_t a, size_t b) {
  allowance_ -= kPairCost;
  if (order_[a]->size + order_[b]->size > kMostToJoin) return false;
  uint32_t work = 0;
  std::unique_ptr<Subtable> both = Subtable::join(*order_[a], *order_[b], work);
  allowance_ -= work;
  if (!both) return false;
  for (uint32_t i = 0; i < both->capacity; i++) {
    if (both->entries[i].signature == 0) continue;
    Flow& flow = flows_array_[both->entries[i].slot];
    flow.hash = both->entries[i].signature;
    flow.subtable = both.get();
  }
  order_[a] = std::move(both);
  order_.erase(order_.begin() + static_cast<std::ptrdiff_t>(b));
  return true;
}

}  // namespace weft
