// Ways out, and ends. Packets queue for a port until the breath ends or a batch is full; `finish` is where every packet that arrived is counted, once.
#include <cstring>

#include "../packet/bytes.h"
#include "worker.h"

namespace weft {
namespace {

constexpr uint32_t kTag = 4;

// Link bytes that the port's MTU does not count: the header and up to two tags.
uint32_t link_bytes(const Packet& p) {
  uint32_t n = kEthernet;
  for (int tags = 0; tags < 2 && p.len >= n + kTag; tags++) {
    const uint16_t type = load<uint16_t>(p.data + n - 2);
    if (type != net16(0x8100) && type != net16(0x88a8)) break;
    n += kTag;
  }
  return n;
}

}  // namespace

// The one place where a counted packet ends.
void Worker::finish(Packet* p, DropReason why) {
  if (p->counted) {
    uint64_t* block = arena_.port(p->in_port);
    block[p->delivered || why == DropReason::kNone ? uint32_t{kPortForwarded} : kPortCounters + static_cast<uint32_t>(why)] += p->counted;
  } else if (!p->delivered && why != DropReason::kNone) {
    stats_[kWorkerCopiesDropped]++;
  }
  pool_.put(p);
}

void Worker::drop(Packet* p, DropReason why) { finish(p, why == DropReason::kNone ? DropReason::kActionError : why); }
void Worker::release(Packet* p) { finish(p, DropReason::kNone); }

Packet* Worker::copy(const Packet* p) {
  const uint32_t front = headroom(*p);
  Packet* c = pool_.take(front + p->len > kSmallBuffer);
  if (!c) return nullptr;
  c->data = c->buffer + front;
  c->len = p->len;
  c->in_port = p->in_port;
  c->slot = p->slot;
  c->offload = p->offload;
  c->trunc = p->trunc;
  c->recirc_depth = p->recirc_depth;
  std::memcpy(c->data, p->data, p->len);
  return c;
}

DropReason Worker::refuse(Packet* p, uint32_t vport, DropReason why) {
  if (vport != kNoPort) arena_.port(vport)[kPortTxDropped]++;
  drop(p, why);
  return why;
}

DropReason Worker::output(Packet* p, uint32_t port) {
  PortSlot* s = port_slot(port);
  if (!s || !s->present) return refuse(p, kNoPort, DropReason::kNoSuchPort);
  if (!s->up) return refuse(p, port, DropReason::kPortDown);
  if (!s->sends) return refuse(p, port, DropReason::kTunnelRoute);
  if (p->len > s->max_len && p->offload.gso_type == 0 && p->len > s->max_len - kEthernet + link_bytes(*p)) return refuse(p, port, DropReason::kMtu);
  if (s->direct)
    enqueue(port, *s, p);
  else if (!lend(p, port, s->owner))
    return refuse(p, port, DropReason::kTxFull);
  return DropReason::kNone;
}

uint32_t Worker::encapsulated(Packet*, uint32_t port, uint32_t bytes) {
  uint64_t* block = arena_.port(block_of(port));
  block[kPortTxPackets]++;
  block[kPortTxBytes] += bytes;
  PortSlot* s = port_slot(port);
  return s && s->present ? s->tunnelled++ : 0;
}

DropReason Worker::arrive(Packet* p, uint32_t port, uint32_t bytes) {
  const PortSlot* s = port_slot(port);
  if (!s || !s->present) return DropReason::kNoSuchPort;
  if (!s->up) return DropReason::kPortDown;
  arena_.port(p->in_port)[kPortForwarded] += p->counted;
  p->counted = 1;
  p->delivered = 0;
  p->in_port = port;
  uint64_t* block = arena_.port(port);
  block[kPortRxPackets]++;
  block[kPortRxBytes] += bytes;
  return DropReason::kNone;
}

// What became of a packet at its port: `why`, or kNone when it left.
void Worker::sent(Packet* p, DropReason why) {
  if (p->worker == id_) return finish(p, why);
  p->slot = static_cast<uint32_t>(why);
  shared_.lent(p->worker, id_).back.push(p);
}

void Worker::flush(uint32_t vport) {
  PortSlot& s = ports_[vport];
  const uint32_t n = s.queued;
  s.queued = 0;
  if (n == 0) return;
  uint8_t ok[kBatch];
  PortTally tally;
  s.port->transmit(pool_, s.queue, n, ok, tally);
  uint64_t* block = arena_.port(vport);
  block[kPortTxPackets] += tally.sent_packets;
  block[kPortTxBytes] += tally.sent_bytes;
  stats_[kWorkerSentPackets] += tally.sent_packets;
  stats_[kWorkerSentBatches] += tally.sent_packets != 0;
  // Most packets left, came from one port, and are ours: they are counted together.
  const uint32_t in_port = s.queue[0]->in_port;
  uint64_t forwarded = 0;
  for (uint32_t i = 0; i < n; i++) {
    Packet* p = s.queue[i];
    if ((ok[i] != 0) & (p->worker == id_) & (p->in_port == in_port)) [[likely]] {
      forwarded += p->counted;
      pool_.put(p);
      continue;
    }
    if (ok[i]) {
      sent(p, DropReason::kNone);
      continue;
    }
    block[kPortTxDropped] += p->counted > 1 ? p->counted : 1;
    // The tally says how many of each; which packet it was does not matter to anybody.
    DropReason why = DropReason::kTxError;
    if (tally.dropped_full)
      tally.dropped_full--, why = DropReason::kTxFull;
    else if (tally.dropped_mtu)
      tally.dropped_mtu--, why = DropReason::kMtu;
    sent(p, why);
  }
  arena_.port(in_port)[kPortForwarded] += forwarded;
}

void Worker::flush_all() {
  for (const uint32_t vport : dirty_) flush(vport);
  dirty_.clear();
}

// While a packet is lent it is held.
bool Worker::lend(Packet* p, uint32_t vport, uint32_t owner) {
  Lending& l = shared_.lent(id_, owner);
  if (l.lent == PacketQueue::kSize) return false;
  p->slot = vport;
  hold(p, 1);
  l.lent++;
  l.out.push(p);
  Worker* to = shared_.workers[owner];
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (to->sleeping.load(std::memory_order_relaxed)) to->kick();
  return true;
}

// Takes home what others sent for us, and sends what they lent.
uint32_t Worker::collect_lent() {
  if (shared_.count() == 1) return 0;
  uint32_t work = 0;
  for (uint32_t w = 0; w < shared_.count(); w++) {
    if (w == id_) continue;
    Lending& mine = shared_.lent(id_, w);
    while (Packet* p = mine.back.pop()) {
      mine.lent--;
      hold(p, -1);
      finish(p, static_cast<DropReason>(p->slot));
      work++;
    }
    Lending& theirs = shared_.lent(w, id_);
    for (uint32_t i = 0; i < kBatch; i++) {
      Packet* p = theirs.out.pop();
      if (!p) break;
      work++;
      PortSlot* s = port_slot(p->slot);
      if (s && s->direct) {
        enqueue(p->slot, *s, p);
        continue;
      }
      p->slot = static_cast<uint32_t>(s && s->present ? DropReason::kPortDown : DropReason::kNoSuchPort);
      theirs.back.push(p);
    }
  }
  return work;
}

}  // namespace weft
