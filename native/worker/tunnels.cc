// Flows that only put a tunnel's header on and send, or only take one off: their packets of a batch move as one. What comes out of tunnels is looked up again
// as a batch, so that one wait for memory serves all of it.
#include "../port/stream.h"
#include "../tunnel/quick.h"
#include "worker.h"

namespace weft {

// The packets from i on that are of the flow of the first. Returns where the run ends.
uint32_t Worker::push_run(Lane& lane, Packet** batch, uint32_t i, uint32_t n) {
  const uint32_t slot = lane.found[i];
  Flow& f = flows_[slot];
  const PushPlan& t = *f.push;
  PortSlot* tunnel = port_slot(t.port);
  const bool counts = tunnel && tunnel->present;
  PortSlot& to = ports_[t.out];
  uint64_t packets = 0, bytes = 0;
  uint16_t flags = 0;
  for (; i < n && lane.found[i] == slot; i++) {
    Packet* p = batch[i];
    Key& key = lane.keys[i];
    if (!can_quick_push(*p, t)) [[unlikely]] {
      run_flow(p, key, f);
      continue;
    }
    packets++;
    bytes += p->len;
    flags |= load<uint16_t>(key.tcp_flags);
    quick_push(*p, key, t, counts ? tunnel->tunnelled++ : 0);
    if (to.direct && p->len <= to.max_len) [[likely]]
      enqueue(t.out, to, p);
    else
      output(p, t.out);
  }
  if (packets == 0) return i;
  count(f, packets, bytes, __builtin_bswap16(flags));
  uint64_t* block = arena_.port(block_of(t.port));
  block[kPortTxPackets] += packets;
  block[kPortTxBytes] += bytes;
  return i;
}

// The packets from i on whose flows take a header off, whichever these are; what was in them goes through the datapath. Returns where the run ends.
uint32_t Worker::pop_run(Packet** batch, uint32_t i, uint32_t n) {
  Lane& outer = received_;
  Packet* inside[kBatch];
  uint32_t m = 0;
  const uint32_t first = i;
  for (; i < n && outer.found[i] != MegaflowCache::kNone; i++) {
    Packet* p = batch[i];
    Flow& f = flows_[outer.found[i]];
    if (!f.pop) break;
    if (gso_of(*p) != 0) [[unlikely]] {  // packets to be cut run alone, where that is known; what came before them goes before them
      if (i != first) break;
      run_flow(p, outer.keys[i], f);
      return i + 1;
    }
    count(f, 1, p->len, be16(outer.keys[i].tcp_flags));
    p->slot = f.slot;
    if (quick_pop(*p, popped_.keys[m], popped_.hashes[m], *f.pop, max_vlans_)) [[likely]] {
      if (const DropReason why = arrive(p, f.pop->port, p->len); why != DropReason::kNone) {
        drop(p, why);
        continue;
      }
    } else if (!pop_slowly(p, outer.keys[i], f, popped_.keys[m], popped_.hashes[m])) {
      continue;
    }
    p->recirc_depth++;
    microflows_.prefetch(popped_.hashes[m]);
    inside[m++] = p;
  }
  stats_[kWorkerRecirculations] += m;
  find_flows(popped_, m);
  dispatch(popped_, inside, m);
  return i;
}

// Packets of one flow that came out of tunnels, which leave by a port. GRE has nothing by which segments could cross the underlay in one packet, and nobody between
// there and here put them together: those of a stream that follow one another in the batch are one packet again. They were counted one by one as they came, and
// their end is so counted, too, whatever it is: the packet counts as as many as went in.
void Worker::send_joined(uint32_t port, PortSlot& to, Packet** batch, uint32_t i, uint32_t n) {
  const auto whole = [from = batch[i]->in_port](const Packet& p) { return gso_of(p) == 0 && !(p.offload.flags & kNeedsCsum) && p.in_port == from; };
  while (i < n) {
    Packet* p = batch[i++];
    Stream s;
    Packet* big = nullptr;
    if (i < n && whole(*p) && whole(*batch[i]) && s.begin(p->data, p->len, false) && s.follows(batch[i]->data, batch[i]->len)) big = pool_.take(true);
    if (!big) {
      enqueue(port, to, p);
      continue;
    }
    std::memcpy(big->data, p->data, p->len);
    big->len = p->len;
    big->in_port = p->in_port;
    big->slot = p->slot;
    big->counted = p->counted;
    do {
      Packet* next = batch[i++];
      std::memcpy(big->data + big->len, next->data + s.payload(), next->len - s.payload());
      big->len += next->len - s.payload();
      s.append(next->data, next->len);
      big->counted = static_cast<uint8_t>(big->counted + next->counted);  // kBatch at most
      pool_.put(next);
    } while (i < n && s.open() && whole(*batch[i]) && s.follows(batch[i]->data, batch[i]->len));
    s.finish(*big);
    pool_.put(p);  // the first, which `s` compared the others with
    enqueue(port, to, big);
  }
}

// Any packet. False: it was dropped.
bool Worker::pop_slowly(Packet* p, const Key& outer, Flow& f, Key& key, uint32_t& hash) {
  copy_key(key, outer);
  DropReason why = decapsulate(*p, key, *f.pop, f.actions + 3, (f.words - 3) / 2, max_vlans_);
  if (why == DropReason::kNone) why = arrive(p, f.pop->port, bytes_of(*p, key));
  if (why == DropReason::kNone && !extract_inline(p->data, p->len, key, max_vlans_)) why = DropReason::kTooShort;
  if (why != DropReason::kNone) {
    drop(p, why);
    return false;
  }
  hash = hash_key(key);
  return true;
}

}  // namespace weft
