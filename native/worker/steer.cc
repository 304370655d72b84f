// Which workers run, and which receive queues are whose.
//
// Problem: a queue goes from one worker to another while frames come, and none may be lost or overtake another of its flow. On their way frames may be in the
// kernel, in a port (one taken before its turn), waiting for a decision, in a worker's queues for sending, or lent.
// Idea: the caller pauses the ports and waits until nothing of them is held, which needs JavaScript for decisions; then all workers stand still, what is lent is
// sent and taken home, and the queue changes hands with nothing in between. What arrives meanwhile waits in the kernel.
// Price: all workers stand still for some tens of microseconds. A worker that begins also learns all flows, a microsecond each; it happens when somebody changes a setting.
// Invariant: whatever is changed here is read by workers only, and they have taken and given back a lock around it.
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "datapath.h"

namespace weft {

void Worker::pause(uint32_t vport) {
  for (RxQueue* q : queues_) {
    if (q->vport != vport || q->paused) continue;
    if (q->resting)
      forget_resting(*q);
    else if (!q->failed)
      watch(*q, false);
    q->paused = true;
    std::erase(receiving_, q);
  }
}

uint32_t Worker::clear_lent() {
  const uint32_t work = apply_commands() + collect_lent();
  flush_all();
  publish();
  return work;
}

void Worker::part_with(RxQueue& q, Worker& to) {
  look_away(q);
  // Frames that JavaScript injected wait in buffers of ours, so they are forwarded here.
  if (PortSlot& s = ports_[q.vport]; s.memory && q.number == 0) {
    while (receive(q) != 0) flush_all();
    s.memory->serve(to);
  }
  q.port->hand_over(pool_, to.pool_);
  q.owner = to.id_;
}

void Worker::settle_in(OpenPort& port) {
  own(port);
  for (RxQueue& q : port.queues) {
    if (q.owner != id_) continue;
    look_away(q);
    q.paused = false;
    queues_.push_back(&q);
    if (q.failed) continue;
    receiving_.push_back(&q);
    watch(q, true);
  }
}

void Worker::learn(const Worker& from) {
  now_ns_ = from.now_ns_;
  max_vlans_ = from.max_vlans_;
  use_microflows_ = from.use_microflows_;
  microflows_.clear();
  for (uint32_t v = 0; v < shared_.config.max_ports; v++) {
    const PortSlot& theirs = from.ports_[v];
    if (!theirs.known) continue;
    PortSlot& s = ports_[v];
    s.known = true;
    s.present = theirs.present;
    s.up = theirs.up;
    s.sends = theirs.sends;
    s.takes_uncut = theirs.takes_uncut;
    s.owner = theirs.owner;
    s.max_len = theirs.max_len;
    s.upcalls = theirs.upcalls;
  }
  for (uint32_t i = 0; i < from.flows_end_; i++) {
    const Flow& theirs = from.flows_[i];
    if (!theirs.subtable) continue;
    Key key, mask;
    MegaflowCache::recall(theirs, key, mask);
    Flow& f = flows_[i];
    f.slot = i;
    f.counters = arena_.flow(i);
    f.spare = theirs.spare;
    flows_end_ = i + 1;
    if (!set_actions(f, reinterpret_cast<const uint8_t*>(theirs.actions), theirs.words * 4)) continue;
    if (++f.seq == 0) f.seq = 1;
    megaflows_.insert(f, key, mask);
  }
}

void Worker::retire() {
  while (PendingEntry* e = pending_.oldest()) abandon(e, DropReason::kShutdown);
  for (uint32_t i = 0; i < flows_end_; i++) flow_end(flows_[i]);
  microflows_.clear();
  stats_[kWorkerPending] = stats_[kWorkerFlows] = stats_[kWorkerSubtables] = 0;
}

void Datapath::hold_all() {
  if (shared_.config.manual) return;
  for (uint32_t w = 0; w < active_; w++) {
    Runner& r = *runners_[w];
    {
      std::lock_guard lock(r.lock);
      r.hold = true;
    }
    r.asked.store(true, std::memory_order_release);
    workers_[w]->kick();
  }
  for (uint32_t w = 0; w < active_; w++) {
    Runner& r = *runners_[w];
    std::unique_lock lock(r.lock);
    r.changed.wait(lock, [&r] { return r.held; });
  }
}

void Datapath::release_all() {
  for (uint32_t w = 0; w < runners_.size(); w++) {
    Runner& r = *runners_[w];
    std::lock_guard lock(r.lock);
    r.hold = false;
    r.changed.notify_all();
  }
}

void Datapath::clear_lent() {
  for (uint32_t work = 1; work != 0;) {
    work = 0;
    for (auto& w : workers_) work += w->clear_lent();
  }
}

void Datapath::move(const Move& m, std::vector<uint32_t>& changed) {
  if (m.vport >= ports_.size() || !ports_[m.vport] || m.queue >= ports_[m.vport]->queues.size() || m.worker >= workers_.size()) return;
  RxQueue& q = ports_[m.vport]->queues[m.queue];
  if (q.owner == m.worker) return;
  workers_[q.owner]->part_with(q, *workers_[m.worker]);
  changed.push_back(m.vport);
}

std::vector<uint32_t> Datapath::steer(const std::vector<int>& cpus, const std::vector<Move>& moves) {
  const uint32_t before = active_, now = static_cast<uint32_t>(cpus.size());
  if (closed_ || now == 0 || now > kMostWorkers) return {};
  hold_all();
  clear_lent();
  // A frame may be lent from here on that the next one of its flow, by a shortcut, would overtake.
  shared_.shortcuts->clear();
  while (workers_.size() < now) add_worker();
  for (uint32_t w = before; w < now; w++) workers_[w]->learn(*workers_[0]);
  for (const auto& port : ports_) {
    if (!port || now <= before) continue;
    port->open_outlets(shared_.count());
    for (auto& w : workers_) w->own(*port);
  }
  std::vector<uint32_t> changed;
  for (const Move& m : moves) move(m, changed);
  for (uint32_t v = 0; v < ports_.size(); v++) {
    if (!ports_[v]) continue;
    for (const RxQueue& q : ports_[v]->queues) {
      if (q.paused) changed.push_back(v);
      if (q.owner >= now) move({v, q.number, 0}, changed);
    }
  }
  std::sort(changed.begin(), changed.end());
  changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
  for (const uint32_t v : changed)
    for (auto& w : workers_) w->settle_in(*ports_[v]);
  clear_lent();
  // A worker that begins hears of ports added from here on by its ring, one that ends no more.
  release_all();
  for (uint32_t w = now; w < before; w++) {
    stop(w);
    workers_[w]->apply_commands();
    workers_[w]->retire();
  }
  active_ = now;
  for (uint32_t w = before; w < now; w++) start(w);
  std::vector<uint32_t> loose;
  for (uint32_t w = 0; w < now && !shared_.config.manual; w++) {
    cpu_set_t set = anywhere_;
    if (cpus[w] >= 0) {
      CPU_ZERO(&set);
      CPU_SET(static_cast<size_t>(cpus[w]), &set);
    }
    if (pthread_setaffinity_np(runners_[w]->thread.native_handle(), sizeof set, &set) != 0) loose.push_back(w);
  }
  return loose;
}

}  // namespace weft
