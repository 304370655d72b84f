// What goes up: misses, packets that an action sends, frames for memory ports, failures of devices.
#include <algorithm>
#include <cstring>

#include "../action/execute.h"
#include "../packet/bytes.h"
#include "worker.h"

namespace weft {
namespace {

constexpr uint64_t kPendingTimeoutNs = uint64_t{kLimitPendingTimeoutMs} * 1'000'000;
uint32_t pad8(uint32_t n) { return (n + 7) & ~7u; }

}  // namespace

// Decisions are asked once a microflow. Fairness between ports: a port may have as many entries as are free. A flood from one port then takes a half
// of them, of two ports a third each, and a port that was quiet always finds room.
void Worker::miss(Packet* p, const Key& key, uint32_t hash) {
  stats_[kWorkerMisses]++;
  if (PendingEntry* e = pending_.find(hash, key)) {
    if (e->count >= shared_.config.pending_depth || pool_.free_small() * 8 < pool_.total_small()) return drop(p, DropReason::kPendingFull);
    e->last->next = p;
    e->last = p;
    e->count++;
    hold(p, 1);
    return;
  }
  PortSlot& s = ports_[p->in_port];
  // Room first: who finds none has not used up any of its share, and comes again.
  if (s.pending > pending_.free()) return drop(p, DropReason::kUpcallQueueFull);
  if (!s.upcalls.pass(now_ns_)) return drop(p, DropReason::kUpcallRate);
  PendingEntry* e = pending_.add(hash, key, now_ns_);
  if (!e) return drop(p, DropReason::kUpcallQueueFull);
  e->port = p->in_port;
  s.pending++;
  e->first = e->last = p;
  e->count = 1;
  if (!send_up(static_cast<uint8_t>(UpcallType::kMiss), *p, be32(key.in_port), &key, nullptr, 0, e->number, hash)) {
    s.pending--;
    pending_.remove(e);
    return drop(p, DropReason::kUpcallQueueFull);
  }
  hold(p, 1);
}

void Worker::hold(const Packet* p, int64_t by) {
  if (p->counted) arena_.port(p->in_port)[kPortHeld] += static_cast<uint64_t>(by * p->counted);
}

void Worker::expire_pending() {
  for (PendingEntry* e = pending_.oldest(); e && now_ns_ - e->since_ns > kPendingTimeoutNs && now_ns_ > e->since_ns; e = pending_.oldest())
    abandon(e, DropReason::kPendingTimeout);
}

// A flow that begins takes what waits for decisions of its own and is the flow's as well: what comes after would overtake it. Their decisions find nothing to resume then.
// Decisions come in the order they were asked in, so those that would be overtaken are among the oldest; a storm does not make each of its flows look through all of it.
// Not for flows that send packets up: what waits has been sent already; nor for those that only drop: nothing overtakes there, and what waits for more than a decision may be luckier.
void Worker::release_waiting(Flow& f, const Key& key, const Key& mask) {
  uint32_t at[kKeyBytes / 8], n = 0;
  for (uint32_t w = 0; w < kKeyBytes / 8; w++)
    if (load<uint64_t>(mask.in_port + 8 * w) != 0) at[n++] = w;
  PendingEntry* newer;
  uint32_t looked = 0;
  for (PendingEntry* e = pending_.oldest(); e && looked < kLimitMostReleased; e = newer, looked++) {
    newer = e->newer;
    const bool mine = std::all_of(at, at + n, [&](uint32_t w) {
      return ((load<uint64_t>(e->key.in_port + 8 * w) ^ load<uint64_t>(key.in_port + 8 * w)) & load<uint64_t>(mask.in_port + 8 * w)) == 0;
    });
    if (mine) carry_on(e, f.slot, f.actions, f.words);
  }
}

void Worker::abandon(PendingEntry* e, DropReason why) {
  Packet* p = e->first;
  ports_[e->port].pending--;
  pending_.remove(e);
  while (p) {
    Packet* next = p->next;
    hold(p, -1);
    drop(p, why);
    p = next;
  }
}

DropReason Worker::userspace(Packet* p, const Key& key, const uint8_t* cookie, uint32_t cookie_len) {
  if (!ports_[p->in_port].upcalls.pass(now_ns_)) return DropReason::kUpcallRate;
  const bool taken = send_up(static_cast<uint8_t>(UpcallType::kAction), *p, be32(key.in_port), &key, cookie, cookie_len, 0, 0);
  return taken ? DropReason::kNone : DropReason::kUpcallQueueFull;
}

bool Worker::frame_up(uint32_t vport, const Packet& p) {
  return send_up(static_cast<uint8_t>(UpcallType::kFrame), p, vport, nullptr, nullptr, 0, 0, 0);
}

bool Worker::send_up(uint8_t type, const Packet& p, uint32_t port, const Key* key, const uint8_t* cookie, uint32_t cookie_len, uint32_t number,
                     uint32_t hash) {
  const uint32_t key_len = key ? kLineBytes * (1 + static_cast<uint32_t>(__builtin_popcount(key->lines))) : 0;
  // Misses are decided by their key.
  const uint32_t frame_len = type == static_cast<uint8_t>(UpcallType::kMiss) ? 0 : p.len;
  uint8_t* r = upcalls_.reserve(kUpcallHeader + key_len + pad8(cookie_len) + pad8(frame_len));
  if (!r) {
    stats_[kWorkerUpcallsLost]++;
    return false;
  }
  stats_[kWorkerUpcalls] += key != nullptr;
  store<uint8_t>(r + kUpcallType, type);
  store<uint8_t>(r + kUpcallWorker, static_cast<uint8_t>(id_));
  store<uint16_t>(r + kUpcallReason, 0);
  store(r + kUpcallPort, port);
  store(r + kUpcallPending, number);
  store(r + kUpcallFrameLen, p.len);
  store(r + kUpcallKeyLen, key_len);
  store(r + kUpcallCookieLen, cookie_len);
  store(r + kUpcallSlot, p.slot);
  store(r + kUpcallTimeNs, now_ns_);
  std::memcpy(r + kUpcallOffload, &p.offload, sizeof p.offload);
  store(r + kUpcallHash, hash);
  store<uint32_t>(r + kUpcallRecircDepth, p.recirc_depth);
  uint8_t* at = r + kUpcallHeader;
  if (key) {
    std::memcpy(at, key, kLineBytes);
    at += kLineBytes;
    for (uint32_t lines = key->lines; lines != 0; lines &= lines - 1, at += kLineBytes)
      std::memcpy(at, key->in_port + (1 + static_cast<uint32_t>(__builtin_ctz(lines))) * kLineBytes, kLineBytes);
  }
  if (cookie_len) std::memcpy(at, cookie, cookie_len);
  std::memcpy(at + pad8(cookie_len), p.data, frame_len);
  return true;
}

// Reported once, of the first queue; a device that failed for good is asked no more, and no longer wakes us. When the ring is full, the next breath tries again.
void Worker::failed(RxQueue& q, int err) {
  if (q.number == 0) {
    uint8_t* r = upcalls_.reserve(kUpcallHeader);
    if (!r) return;
    std::memset(r + kUpcallType, 0, kUpcallHeader - kUpcallType);
    store<uint8_t>(r + kUpcallType, static_cast<uint8_t>(UpcallType::kPortEvent));
    store<uint8_t>(r + kUpcallWorker, static_cast<uint8_t>(id_));
    store<uint16_t>(r + kUpcallReason, static_cast<uint16_t>(err));
    store(r + kUpcallPort, q.vport);
  }
  q.failed = true;
  watch(q, false);
}

// JavaScript arms the bell when it has read all; it rings once then. Deletes ring it too: their callers wait for `applied`.
void Worker::publish() {
  const bool news = upcalls_.publish();
  if (!shared_.bell || (!bell_pace_.ring(now_ns_, news) && !ring_for_deletes_)) return;
  bell_pace_.rung(now_ns_);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!ring_for_deletes_ && !upcalls_.unread()) return;  // read while it waited
  ring_for_deletes_ = false;
  if (bell_armed_.exchange(false, std::memory_order_acq_rel)) shared_.bell->ring();
}

bool Worker::rearm() {
  bell_armed_.store(true, std::memory_order_seq_cst);
  return upcalls_.unread();
}

}  // namespace weft
