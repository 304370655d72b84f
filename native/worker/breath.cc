// The breath: a batch a port, stage by stage. Each stage runs over the whole batch, so that the memory a stage asks for is there when the next one
// uses it, and keys written by extraction have left the store buffer before they are compared.
#include <cstring>

#include "../packet/bytes.h"
#include "../packet/extract_inline.h"
#include "../packet/hash.h"
#include "worker.h"

namespace weft {
namespace {

constexpr uint32_t kReorderEvery = 4096;  // breaths
constexpr uint8_t kMaxRecirculations = 8;

}  // namespace

uint32_t Worker::breathe(uint64_t now_ns) {
  now_ns_ = now_ns;
  uint32_t work = apply_commands();
  work += collect_lent();
  for (size_t i = 0; i < receiving_.size(); i++) work += receive(receiving_[i], ports_[receiving_[i]]);
  if (pending_.used() != 0) expire_pending();
  flush_all();
  stats_[kWorkerPending] = pending_.used();
  stats_[kWorkerFlows] = megaflows_.flows();
  stats_[kWorkerSubtables] = megaflows_.subtables();
  publish();
  if (++breaths_ % kReorderEvery == 0) megaflows_.reorder();
  return work;
}

uint32_t Worker::receive(uint32_t vport, PortSlot& s) {
  if (s.failed) return 0;
  Packet* batch[kBatch];
  const uint32_t n = s.port->receive(pool_, batch, kBatch);
  if (const uint64_t lost = s.port->lost()) [[unlikely]] arena_.port(vport)[kPortRxErrors] += lost;
  if (n == 0) {
    if (const int err = s.port->failed()) failed(vport, err);
    return 0;
  }
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < n; i++) {
    Packet* p = batch[i];
    p->in_port = vport;
    p->counted = 1;
    bytes += p->len;
    __builtin_prefetch(p->data);
  }
  uint64_t* block = arena_.port(vport);
  block[kPortRxPackets] += n;
  block[kPortRxBytes] += bytes;
  stats_[kWorkerPackets] += n;
  stats_[kWorkerBatches]++;
  if (!s.up) {
    for (uint32_t i = 0; i < n; i++) finish(batch[i], DropReason::kPortDown);
    return n;
  }
  process(batch, n, vport);
  return n;
}

void Worker::process(Packet** batch, uint32_t n, uint32_t in_port) {
  uint32_t good = 0;
  for (uint32_t i = 0; i < n; i++) {
    batch[good] = batch[i];
    if (extract_received(batch[i]->data, batch[i]->len, in_port, keys_[good], max_vlans_, hashes_[good])) [[likely]]
      microflows_.prefetch(hashes_[good++]);
    else
      finish(batch[i], DropReason::kTooShort);
  }
  n = good;
  find_flows(n);
  for (uint32_t i = 0; i < n;) {
    __builtin_prefetch(arena_.flow(found_[i + kFoundSpare]), 1);
    if (found_[i] == MegaflowCache::kNone) [[unlikely]] {
      miss(batch[i], keys_[i], hashes_[i]);
      i++;
      continue;
    }
    Flow& f = flows_[found_[i]];
    Packet* p = batch[i];
    PortSlot* to = f.plain_port == kNoPort ? nullptr : &ports_[f.plain_port];
    if (!to || !to->direct || p->len > to->max_len) {
      run_flow(p, keys_[i], f);
      i++;
    } else if (i + 1 < n && found_[i + 1] == found_[i]) {
      i = send_run(batch, i, n, f);
    } else {
      count(f, 1, p->len, keys_[i]);
      enqueue(f.plain_port, *to, p);
      i++;
    }
  }
}

// The packets from i on that are of flow f, whose only action is an output, move as one. Returns where the run ends.
uint32_t Worker::send_run(Packet** batch, uint32_t i, uint32_t n, Flow& f) {
  PortSlot& to = ports_[f.plain_port];
  const uint32_t first = i, slot = found_[i];
  uint64_t bytes = 0;
  uint32_t longest = 0;
  uint16_t flags = 0;
  for (; i < n && found_[i] == slot; i++) {
    const uint32_t len = batch[i]->len;
    bytes += len;
    longest = len > longest ? len : longest;
    flags |= load<uint16_t>(keys_[i].tcp_flags);
  }
  if (longest > to.max_len) [[unlikely]] {
    for (uint32_t at = first; at < i; at++) run_flow(batch[at], keys_[at], f);
    return i;
  }
  f.counters[kFlowPackets] += i - first;
  f.counters[kFlowBytes] += bytes;
  f.counters[kFlowUsedNs] = now_ns_;
  f.counters[kFlowTcpFlags] |= __builtin_bswap16(flags);
  for (uint32_t at = first; at < i; at++) enqueue(f.plain_port, to, batch[at]);
  return i;
}

// Fills found_ for the batch whose keys and hashes are in keys_ and hashes_.
void Worker::find_flows(uint32_t n) {
  uint32_t missing = n == 32 ? ~0u : (1u << n) - 1;
  const uint32_t all = missing;
  const bool use_microflows = use_microflows_ && !megaflows_.trivial() && microflows_.worthwhile();
  if (use_microflows) {
    int32_t place[kBatch];
    for (uint32_t i = 0; i < n; i++) place[i] = microflows_.find(hashes_[i]);
    for (uint32_t i = 0; i < n; i++) {
      const uint32_t slot = place[i] < 0 ? MicroflowCache::kNone : microflows_.confirm(place[i], keys_[i]);
      found_[i] = slot;
      missing &= ~(static_cast<uint32_t>(slot != MicroflowCache::kNone) << i);
    }
    const auto hits = static_cast<uint32_t>(__builtin_popcount(all & ~missing));
    stats_[kWorkerMicroflowHits] += hits;
    microflows_.note(n, hits);
    if (missing == 0) return;
  } else {
    microflows_.note(n, n);
    for (uint32_t i = 0; i < n; i++) found_[i] = MegaflowCache::kNone;
  }
  const uint32_t found = megaflows_.lookup(keys_, missing, found_, &stats_[kWorkerSubtableLookups]);
  stats_[kWorkerMegaflowHits] += static_cast<uint32_t>(__builtin_popcount(found));
  if (!use_microflows) return;
  for (uint32_t todo = found; todo != 0; todo &= todo - 1) {
    const uint32_t i = static_cast<uint32_t>(__builtin_ctz(todo));
    microflows_.insert(hashes_[i], keys_[i], flows_[found_[i]]);
  }
}

void Worker::count(Flow& f, uint64_t packets, uint64_t bytes, const Key& key) {
  f.counters[kFlowPackets] += packets;
  f.counters[kFlowBytes] += bytes;
  f.counters[kFlowUsedNs] = now_ns_;
  f.counters[kFlowTcpFlags] |= be16(key.tcp_flags);
}

void Worker::run_flow(Packet* p, Key& key, Flow& f) {
  count(f, 1, p->len, key);
  if (f.plain_drop != 0) return finish(p, static_cast<DropReason>(f.plain_drop));
  p->slot = f.slot;
  execute(*this, p, key, f.actions, f.words, max_vlans_);
}

Flow* Worker::find_flow(Key& key, uint32_t* hash) {
  *hash = hash_key(key);
  if (use_microflows_) {
    const int32_t place = microflows_.find(*hash);
    const uint32_t slot = place < 0 ? MicroflowCache::kNone : microflows_.confirm(place, key);
    if (slot != MicroflowCache::kNone) {
      stats_[kWorkerMicroflowHits]++;
      return &flows_[slot];
    }
  }
  uint32_t slot = MegaflowCache::kNone;
  if (!megaflows_.lookup(&key, 1, &slot, &stats_[kWorkerSubtableLookups])) return nullptr;
  stats_[kWorkerMegaflowHits]++;
  if (use_microflows_) microflows_.insert(*hash, key, flows_[slot]);
  return &flows_[slot];
}

// At once and not at the end of the batch: the packet's copies leave in the order that its actions say.
void Worker::recirculate(Packet* p, Key& key, uint32_t id) {
  if (p->recirc_depth >= kMaxRecirculations) return drop(p, DropReason::kRecircLimit);
  p->recirc_depth++;
  stats_[kWorkerRecirculations]++;
  Key again;  // the actions that follow in this list may go on using theirs
  std::memcpy(&again, &key, kLineBytes);
  for (uint32_t lines = key.lines; lines != 0; lines &= lines - 1) {
    const uint32_t at = (1 + static_cast<uint32_t>(__builtin_ctz(lines))) * kLineBytes;
    std::memcpy(again.in_port + at, key.in_port + at, kLineBytes);
  }
  put_be32(again.recirc_id, id);
  if (!extract_inline(p->data, p->len, again, max_vlans_)) return drop(p, DropReason::kTooShort);
  uint32_t hash;
  Flow* f = find_flow(again, &hash);
  if (f)
    run_flow(p, again, *f);
  else
    miss(p, again, hash);
}

}  // namespace weft
