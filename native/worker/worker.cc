#include "worker.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <new>

namespace weft {
namespace {

// Microflows that wait for a decision at once. At the 50,000 decisions a second that JavaScript makes, they are all decided within 0.1 s.
constexpr uint32_t kPendingEntries = 4096;

}  // namespace

Worker::Worker(uint32_t id, Shared& shared)
    : id_(id),
      shared_(shared),
      max_vlans_(shared.config.max_vlans),
      arena_(shared.config.max_ports, shared.config.max_flows),
      stats_(arena_.worker()),
      pool_(shared.config.buffers, static_cast<uint8_t>(id)),
      flow_memory_(uint64_t{shared.config.max_flows} * sizeof(Flow)),
      flows_(flow_memory_.as<Flow>()),
      microflows_(flows_),
      megaflows_(flows_),
      use_microflows_(shared.config.microflow),
      port_memory_(uint64_t{shared.config.max_ports} * sizeof(PortSlot)),
      ports_(port_memory_.as<PortSlot>()),
      pending_(std::min(kPendingEntries, shared.config.buffers / 2)),
      random_(shared.config.seed + id),
      upcall_memory_(std::make_shared<Mapping>(shared.config.upcall_ring_bytes)),
      upcall_index_(std::make_shared<Mapping>(sizeof(RingIndex))),
      command_memory_(std::make_shared<Mapping>(shared.config.command_ring_bytes)),
      upcalls_(upcall_memory_->data(), shared.config.upcall_ring_bytes, upcall_index_->as<RingIndex>()),
      command_writer_(command_memory_->data(), shared.config.command_ring_bytes, &command_index_),
      commands_(command_memory_->data(), shared.config.command_ring_bytes, &command_index_) {
  dirty_.reserve(shared.config.max_ports);
  receiving_.reserve(shared.config.max_ports);
  if (shared.config.manual) return;
  event_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event_ < 0) throw std::bad_alloc();
  watched_.push_back({event_, POLLIN, 0});
  watchers_.push_back(nullptr);
}

Worker::~Worker() {
  for (uint32_t i = 0; i < flows_end_; i++) flow_end(flows_[i]);
  if (event_ >= 0) close(event_);
  if (resting_ >= 0) close(resting_);
}

void Worker::kick() {
  const uint64_t one = 1;
  if (event_ >= 0 && write(event_, &one, sizeof one) < 0 && errno != EAGAIN) std::abort();  // an eventfd of ours takes a write
}

// Whether frames of a device wake the thread.
void Worker::watch(RxQueue& q, bool on) {
  if (event_ < 0 || q.port->fd() < 0) return;
  if (on) {
    watched_.push_back({q.port->fd(), POLLIN, 0});
    watchers_.push_back(&q);
    return;
  }
  const auto at = std::find(watchers_.begin(), watchers_.end(), &q);
  if (at == watchers_.end()) return;
  watched_.erase(watched_.begin() + (at - watchers_.begin()));
  watchers_.erase(at);
}

void Worker::wait(uint64_t ns) {
  uint64_t n;
  const timespec t{static_cast<time_t>(ns / 1000000000), static_cast<long>(ns % 1000000000)};
  if (ppoll(watched_.data(), watched_.size(), &t, nullptr) < 0) return;
  woken_ = true;
  for (size_t i = 1; i < watched_.size(); i++) {
    RxQueue* q = watchers_[i];
    if (q && (q->called = watched_[i].revents != 0)) q->port->called();
  }
  if (watched_[0].revents != 0 && read(event_, &n, sizeof n) < 0 && errno != EAGAIN) std::abort();
  stirring_ = resting_ports_ != 0 && watched_[1].revents != 0;
}

// Ends a worker's part of the lending. The first round gives back what it was lent, the second takes home what others gave back.
void Worker::settle() {
  for (uint32_t w = 0; w < shared_.count(); w++) {
    if (w == id_) continue;
    Lending& theirs = shared_.lent(w, id_);
    while (Packet* p = theirs.out.pop()) {
      p->slot = static_cast<uint32_t>(DropReason::kShutdown);
      theirs.back.push(p);
    }
    Lending& mine = shared_.lent(id_, w);
    while (Packet* p = mine.back.pop()) {
      mine.lent--;
      hold(p, -1);
      finish(p, static_cast<DropReason>(p->slot));
    }
  }
  for (uint32_t vport = 0; vport < shared_.config.max_ports; vport++) {
    if (ports_[vport].memory) return_waiting(*ports_[vport].memory);
  }
  for (RxQueue* q : queues_) q->port->settle(pool_);
}

void Worker::return_waiting(MemoryPort& m) {
  Packet* waiting[kBatch];
  while (const uint32_t n = m.receive(pool_, waiting, kBatch))
    for (uint32_t i = 0; i < n; i++) pool_.put(waiting[i]);
}

// A slot forgets an earlier port of its number, but not the packets of it that still wait.
void Worker::attach(OpenPort& port) {
  shared_.shortcuts->clear();
  PortSlot& s = ports_[port.vport];
  const uint32_t pending = s.pending;
  s = PortSlot{};
  s.pending = pending;
  if (arena_.port(port.vport)[kPortHeld] == 0) {
    std::fill_n(arena_.port(port.vport), kPortBlock, 0);
    std::fill_n(arena_.queues(port.vport), kMostQueues, 0);
  }
  s.known = s.present = s.up = true;
  s.set_mtu(port.ports[0]->mtu());
  s.sends = port.ports[0]->sends();
  s.takes_uncut = port.ports[0]->takes_uncut();
  own(port);
  for (RxQueue& q : port.queues)
    if (q.owner == id_ && std::find(queues_.begin(), queues_.end(), &q) == queues_.end()) look_at(q);
}

void Worker::own(OpenPort& port) {
  PortSlot& s = ports_[port.vport];
  s.owner = port.sender();
  s.port = nullptr;
  for (const RxQueue& q : port.queues)
    if (q.owner == id_ && !s.port) s.port = q.port;
  s.memory = s.port ? port.memory : nullptr;
  s.outlet = port.outlet(id_);
  if (!s.port) s.port = s.outlet;
  s.direct = s.present && s.up && s.sends && s.port;
}

void Worker::look_at(RxQueue& q) {
  queues_.push_back(&q);
  receiving_.push_back(&q);
  watch(q, true);
}

void Worker::look_away(RxQueue& q) {
  if (q.resting)
    forget_resting(q);
  else if (!q.failed && !q.paused)
    watch(q, false);
  std::erase(receiving_, &q);
  std::erase(queues_, &q);
}

void Worker::detach(uint32_t vport) {
  PortSlot& s = ports_[vport];
  shared_.shortcuts->clear();
  if (s.memory) return_waiting(*s.memory);
  for (size_t i = queues_.size(); i-- > 0;) {
    if (queues_[i]->vport != vport) continue;
    queues_[i]->port->settle(pool_);
    look_away(*queues_[i]);
  }
  s.present = s.up = s.direct = false;
  s.port = s.outlet = nullptr;
  s.memory = nullptr;
}

void Worker::apply_control(const Control& c) {
  if (c.kind != Control::Kind::kStop) {
    apply_commands();  // what was submitted before is older
    flush_all();
    publish();
  }
  switch (c.kind) {
    case Control::Kind::kAddPort:
      attach(*c.port);
      break;
    case Control::Kind::kRemovePorts:
      for (const uint32_t vport : *c.vports) detach(vport);
      break;
    case Control::Kind::kPausePorts:
      for (const uint32_t vport : *c.vports) pause(vport);
      break;
    case Control::Kind::kMicroflow:
      use_microflows_ = c.enabled;
      microflows_.clear();
      break;
    case Control::Kind::kStop:
      while (PendingEntry* e = pending_.oldest()) abandon(e, DropReason::kShutdown);
      break;
  }
}

bool Worker::must_poll() const {
  for (const RxQueue* q : receiving_)
    if (!q->failed && q->port->polled()) return true;
  return false;
}

bool Worker::has_work() const {
  if (!commands_.empty()) return true;
  for (uint32_t w = 0; w < shared_.count(); w++) {
    if (w == id_) continue;
    if (!shared_.lent(w, id_).out.empty() || !shared_.lent(id_, w).back.empty()) return true;
  }
  // All of them, so that each rings: a frame that comes after this look wakes us through the descriptor.
  bool waiting = false;
  for (const RxQueue* q : receiving_) waiting |= !q->failed && q->port->doze();
  return waiting;
}

}  // namespace weft
