// The breath: a batch a port, stage by stage. Each stage runs over the whole batch, so that the memory a stage asks for is there when the next one
// uses it, and keys written by extraction have left the store buffer before they are compared.
#include <cstring>

#include "../packet/bytes.h"
#include "../packet/extract_inline.h"
#include "../packet/hash.h"
#include "cycles.h"
#include "worker.h"

namespace weft {
namespace {

constexpr uint32_t kReorderEvery = 4096;  // breaths
// Which queue costs how much is measured in one breath of so many: to read the processor's clock after each batch is 1 to 2 % of small frames.
constexpr uint32_t kMeasuredEvery = 16;
constexpr uint32_t kOfferEvery = 61;  // batches: the flows that many of them begin with are those worth a shortcut; odd, since ports take turns
constexpr uint32_t kLookAtRestingEvery = 4;  // breaths with work, a system call of 60 ns

}  // namespace

uint32_t Worker::breathe(uint64_t now_ns) {
  now_ns_ = now_ns;
  uint32_t work = apply_commands();
  work += collect_lent();
  if (resting_ports_ != 0 && (stirring_ || breaths_ % kLookAtRestingEvery == 0)) wake_resting();
  const bool measured = breaths_ % kMeasuredEvery == 0;
  const uint64_t since = measured ? cycles() : 0;
  uint64_t last = since;
  uint32_t frames = 0;
  for (size_t i = 0; i < receiving_.size(); i++) {
    RxQueue& q = *receiving_[i];
    // Right after a sleep only where the kernel said there is something: the others cost a system call each, which the frame that woke us would wait for.
    const uint32_t n = woken_ && !q.called ? 0 : receive(q);
    frames += n;
    if (!measured) continue;
    q.got = n;
    if (n == 0) continue;
    const uint64_t now = cycles();
    q.spent = now - last;
    last = now;
  }
  woken_ = false;
  work += frames;
  if (pending_.used() != 0) expire_pending();
  flush_all();
  stats_[kWorkerPending] = pending_.used();
  stats_[kWorkerFlows] = megaflows_.flows();
  stats_[kWorkerSubtables] = megaflows_.subtables();
  publish();
  if (measured && frames != 0) attribute(frames, since, last);
  if (++breaths_ % kReorderEvery == 0) {
    megaflows_.reorder();
    rest_quiet_ports();  // for a worker that never sleeps
  }
  return work;
}

// What a measured breath took goes to the queues that had frames in it: each its own stretch, and of the end, where frames leave, by its frames.
void Worker::attribute(uint32_t packets, uint64_t since, uint64_t last) {
  const uint64_t now = cycles();
  const uint64_t end = now - last;
  stats_[kWorkerMeasuredCycles] += now - since;
  for (RxQueue* q : receiving_)
    if (q->got != 0) arena_.queues(q->vport)[q->number] += q->spent + end * q->got / packets;
}

uint32_t Worker::receive(RxQueue& q) {
  if (q.failed) return 0;
  const uint32_t vport = q.vport;
  PortSlot& s = ports_[vport];
  Packet* batch[kBatch];
  const uint32_t n = q.port->receive(pool_, batch, kBatch);
  if (const uint64_t lost = q.port->lost()) [[unlikely]] arena_.port(vport)[kPortRxErrors] += lost;
  if (n == 0) {
    if (const int err = q.port->failed()) failed(q, err);
    return 0;
  }
  q.quiet = 0;
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
  if (q.port->shortens() && ++batches_unoffered_ >= kOfferEvery) [[unlikely]] {
    batches_unoffered_ = 0;
    if (received_.found[0] != MegaflowCache::kNone) offer_shortcut(vport, flows_[received_.found[0]], received_.keys[0]);
  }
  return n;
}

void Worker::process(Packet** batch, uint32_t n, uint32_t in_port) {
  Lane& lane = received_;
  uint32_t good = 0;
  for (uint32_t i = 0; i < n; i++) {
    batch[good] = batch[i];
    if (extract_received(batch[i]->data, batch[i]->len, in_port, lane.keys[good], max_vlans_, lane.hashes[good])) [[likely]]
      microflows_.prefetch(lane.hashes[good++]);
    else
      finish(batch[i], DropReason::kTooShort);
  }
  find_flows(lane, good);
  dispatch(lane, batch, good);
}

void Worker::dispatch(Lane& lane, Packet** batch, uint32_t n) {
  for (uint32_t i = 0; i < n;) {
    __builtin_prefetch(arena_.flow(lane.found[i + Lane::kFoundSpare]), 1);
    if (lane.found[i] == MegaflowCache::kNone) [[unlikely]] {
      miss(batch[i], lane.keys[i], lane.hashes[i]);
      i++;
      continue;
    }
    Flow& f = flows_[lane.found[i]];
    Packet* p = batch[i];
    PortSlot* to = f.plain_port == kNoPort ? nullptr : &ports_[f.plain_port];
    if (!to || !to->direct || p->len > to->max_len) {
      if (f.push) {
        i = push_run(lane, batch, i, n);
      } else if (f.pop && &lane == &received_) {
        i = pop_run(batch, i, n);
      } else {
        run_flow(p, lane.keys[i], f);
        i++;
      }
    } else if (i + 1 < n && lane.found[i + 1] == lane.found[i]) {
      i = send_run(lane, batch, i, n);
    } else {
      count(f, 1, p->len, be16(lane.keys[i].tcp_flags));
      enqueue(f.plain_port, *to, p);
      i++;
    }
  }
}

// The packets from i on that are of one flow, whose only action is an output, move as one. Returns where the run ends.
uint32_t Worker::send_run(Lane& lane, Packet** batch, uint32_t i, uint32_t n) {
  const uint32_t first = i, slot = lane.found[i];
  Flow& f = flows_[slot];
  PortSlot& to = ports_[f.plain_port];
  uint64_t bytes = 0;
  uint32_t longest = 0;
  uint16_t flags = 0;
  for (; i < n && lane.found[i] == slot; i++) {
    const uint32_t len = batch[i]->len;
    bytes += len;
    longest = len > longest ? len : longest;
    flags |= load<uint16_t>(lane.keys[i].tcp_flags);
  }
  if (longest > to.max_len) [[unlikely]] {
    for (uint32_t at = first; at < i; at++) run_flow(batch[at], lane.keys[at], f);
    return i;
  }
  count(f, i - first, bytes, __builtin_bswap16(flags));
  if (&lane == &popped_ && to.takes_uncut) {
    send_joined(f.plain_port, to, batch, first, i);
    return i;
  }
  for (uint32_t at = first; at < i; at++) enqueue(f.plain_port, to, batch[at]);
  return i;
}

// Fills `found` for the batch whose keys and hashes are there.
void Worker::find_flows(Lane& lane, uint32_t n) {
  uint32_t missing = n == 32 ? ~0u : (1u << n) - 1;
  const uint32_t all = missing;
  const bool use_microflows = use_microflows_ && !megaflows_.trivial() && microflows_.worthwhile();
  if (use_microflows) {
    int32_t place[kBatch];
    for (uint32_t i = 0; i < n; i++) place[i] = microflows_.find(lane.hashes[i], lane.keys[i].lines);
    for (uint32_t i = 0; i < n; i++) {
      const uint32_t slot = place[i] < 0 ? MicroflowCache::kNone : microflows_.confirm(place[i], lane.keys[i]);
      lane.found[i] = slot;
      missing &= ~(static_cast<uint32_t>(slot != MicroflowCache::kNone) << i);
    }
    const auto hits = static_cast<uint32_t>(__builtin_popcount(all & ~missing));
    stats_[kWorkerMicroflowHits] += hits;
    microflows_.note(n, hits);
    if (missing == 0) return;
  } else {
    microflows_.note(n, n);
    for (uint32_t i = 0; i < n; i++) lane.found[i] = MegaflowCache::kNone;
  }
  const uint32_t found = megaflows_.lookup(lane.keys, missing, lane.found, &stats_[kWorkerSubtableLookups]);
  stats_[kWorkerMegaflowHits] += static_cast<uint32_t>(__builtin_popcount(found));
  if (!use_microflows) return;
  for (uint32_t todo = found; todo != 0; todo &= todo - 1) {
    const uint32_t i = static_cast<uint32_t>(__builtin_ctz(todo));
    microflows_.insert(lane.hashes[i], lane.keys[i], flows_[lane.found[i]]);
  }
}

void Worker::run_flow(Packet* p, Key& key, Flow& f) {
  count(f, 1, p->len, be16(key.tcp_flags));
  if (f.plain_drop != 0) return finish(p, static_cast<DropReason>(f.plain_drop));
  p->slot = f.slot;
  execute(*this, p, key, f.actions, f.words, max_vlans_);
}

Flow* Worker::find_flow(Key& key, uint32_t* hash) {
  *hash = hash_key(key);
  if (use_microflows_) {
    const int32_t place = microflows_.find(*hash, key.lines);
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
  if (p->recirc_depth >= kLimitRecirculations) return drop(p, DropReason::kRecircLimit);
  p->recirc_depth++;
  stats_[kWorkerRecirculations]++;
  Key again;  // the actions that follow in this list may go on using theirs
  copy_key(again, key);
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
