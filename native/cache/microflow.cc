#include "microflow.h"

#include <cstring>

namespace weft {

MicroflowCache::MicroflowCache(const Flow* flows)
    : flows_(flows),
      memory_(kBuckets * sizeof(Bucket) + uint64_t{kBuckets} * kWays * sizeof(Line) * (1 + kFurther)),
      buckets_(memory_.as<Bucket>()),
      keys_(reinterpret_cast<Line*>(buckets_ + kBuckets)),
      further_(keys_ + kBuckets * kWays) {}

void MicroflowCache::insert(uint32_t hash, const Key& key, const Flow& flow) {
  const uint32_t b = bucket(hash);
  Bucket& tags = buckets_[b];
  uint32_t way = kWays;
  for (uint32_t w = 0; w < kWays && way == kWays; w++) {
    if (tags.hash[w] == hash || tags.seq[w] == 0 || flows_[tags.slot[w]].seq != tags.seq[w]) way = w;
  }
  if (way == kWays) {
    if (++turn_ % 16 != 0) return;
    way = (turn_ / 16) % kWays;
  }
  const uint32_t place = b * kWays + way;
  const uint8_t* bytes = key.in_port;
  std::memcpy(&keys_[place], bytes, kLineBytes);
  for (uint32_t lines = key.lines; lines != 0; lines &= lines - 1) {
    const uint32_t n = static_cast<uint32_t>(__builtin_ctz(lines));
    std::memcpy(&further_[place * kFurther + n], bytes + (n + 1) * kLineBytes, kLineBytes);
  }
  tags.hash[way] = hash;
  tags.seq[way] = flow.seq;
  tags.slot[way] = flow.slot;
}

void MicroflowCache::clear() { std::memset(buckets_, 0, kBuckets * sizeof(Bucket)); }

}  // namespace weft
