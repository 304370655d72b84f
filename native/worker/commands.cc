// Commands from JavaScript, applied between batches. Their layout is the typed page's, src/datapath/native.ts; TypeScript made them, so lengths are
// trusted here, and actions are checked where they are installed.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "../generated/actions.h"
#include "../packet/bytes.h"
#include "../packet/extract_inline.h"
#include "../tunnel/quick.h"
#include "worker.h"

namespace weft {
namespace {

constexpr uint32_t kHead = 8;  // size, type
constexpr uint32_t kControl = ~0u;  // in the place of a chunk's length: a Control of ours follows

uint32_t u32(const uint8_t* c, uint32_t at) { return load<uint32_t>(c + at); }
uint32_t pad8(uint32_t n) { return (n + 7) & ~7u; }

}  // namespace

bool Worker::submit(const uint8_t* commands, uint32_t length) {
  uint8_t* chunk = command_writer_.reserve(kHead + length);
  if (!chunk) return false;
  store(chunk + 4, length);
  std::memcpy(chunk + kHead, commands, length);
  if (id_ == 0) begin_flows(commands, length);
  command_writer_.publish();
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (shared_.shortcuts->any()) end_shortcuts(commands, length);
  if (sleeping.load(std::memory_order_relaxed)) kick();
  return true;
}

bool Worker::submit(const Control& c) {
  uint8_t* chunk = command_writer_.reserve(kHead + sizeof c);
  if (!chunk) return false;
  store(chunk + 4, kControl);
  std::memcpy(chunk + kHead, &c, sizeof c);
  command_writer_.publish();
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (sleeping.load(std::memory_order_relaxed)) kick();
  return true;
}

uint32_t Worker::apply_commands() {
  uint32_t done = 0, size = 0;
  while (const uint8_t* chunk = commands_.peek(&size)) {
    const uint32_t length = u32(chunk, 4);
    if (length == kControl) {
      Control c;
      std::memcpy(&c, chunk + kHead, sizeof c);
      commands_.pop(size);
      attach(*c.port);
      done++;
      continue;
    }
    while (command_at_ < length) {
      const uint8_t* c = chunk + kHead + command_at_;
      if (!apply(c)) return done;
      command_at_ += u32(c, 0);
      done++;
      stats_[kWorkerCommands]++;
    }
    command_at_ = 0;
    commands_.pop(size);
    applied_.store(applied_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  return done;
}

bool Worker::apply(const uint8_t* c) {
  switch (static_cast<Command>(u32(c, 4))) {
    case Command::kFlowPut:
      flow_put(c + kHead);
      return true;
    case Command::kFlowDelete:
      if (u32(c, kHead) < shared_.config.max_flows) flow_end(flows_[u32(c, kHead)]);
      ring_for_deletes_ = true;
      return true;
    case Command::kFlowModify:
      if (u32(c, kHead) < shared_.config.max_flows && flows_[u32(c, kHead)].subtable)
        set_actions(flows_[u32(c, kHead)], c + kHead + 8, u32(c, kHead + 4));
      return true;
    case Command::kResume:
      resume(c + kHead);
      return true;
    case Command::kExecute:
      execute_command(c + kHead);
      return true;
    case Command::kInject:
      return inject(c + kHead);
    case Command::kMeter:
      meter_command(c + kHead, std::max(u32(c, 0), kHead) - kHead);
      return true;
    case Command::kFlush:
      for (uint32_t i = 0; i < flows_end_; i++) flow_end(flows_[i]);
      ring_for_deletes_ = true;
      return true;
    case Command::kPortState:
      if (PortSlot* s = port_slot(u32(c, kHead))) {
        s->up = u32(c, kHead + 4) & 1;
        s->direct = s->present && s->up && s->sends && s->port;
      }
      return true;
    case Command::kPortMtu:
      if (PortSlot* s = port_slot(u32(c, kHead))) {
        s->set_mtu(u32(c, kHead + 4));
        if (s->outlet) s->outlet->changed(u32(c, kHead + 4));
        for (RxQueue* q : queues_) {
          if (q->vport != u32(c, kHead)) continue;
          if (q->resting) rouse(*q);
          q->port->changed(u32(c, kHead + 4));
        }
      }
      return true;
    case Command::kVlanLimit:
      max_vlans_ = u32(c, kHead);
      return true;
    case Command::kUpcallLimit:
      if (PortSlot* s = port_slot(u32(c, kHead))) s->upcalls.set(u32(c, kHead + 4), u32(c, kHead + 8), now_ns_);
      return true;
  }
  return true;
}

void Worker::meter_command(const uint8_t* c, uint32_t bytes) {
  constexpr uint32_t kFixed = 16;  // before the bands
  if (bytes < kFixed) return;
  const uint32_t id = u32(c, 0), flags = u32(c, 4), n = std::min({u32(c, 8), kLimitMeterBands, (bytes - kFixed) / 8});
  if (!(flags & (kMeterKbps | kMeterPktps))) return shared_.meters.remove(id);
  BandRate bands[kLimitMeterBands];
  for (uint32_t i = 0; i < n; i++) bands[i] = {u32(c, kFixed + 8 * i), u32(c, kFixed + 4 + 8 * i)};
  shared_.meters.set(id, flags, bands, n, now_ns_);
}

void Worker::flow_put(const uint8_t* c) {
  const uint32_t slot = u32(c, 0), lines = load<uint16_t>(c + 4), flags = load<uint16_t>(c + 6), action_bytes = u32(c, 8);
  if (slot >= shared_.config.max_flows) return;
  Key key{}, mask{};
  const uint8_t* at = c + 16;
  for (Key* k : {&key, &mask}) {
    for (uint32_t n = 0; n < kKeyLines; n++) {
      if (!(lines >> n & 1)) continue;
      std::memcpy(k->in_port + n * kLineBytes, at, kLineBytes);
      at += kLineBytes;
    }
  }
  key.lines = 0xff;  // the key is whole: no line of it is absent
  std::memset(&mask.lines, 0, kLineBytes - kOfsLines);

  Flow& f = flows_[slot];
  flow_end(f);
  flows_end_ = std::max(flows_end_, slot + 1);
  f.slot = slot;
  f.counters = arena_.flow(slot);
  if (flags & kFlowPutZeroed) std::memset(f.counters, 0, kFlowBlock * 8);
  const uint32_t number = flags & kFlowPutResumes ? u32(c, 12) : 0;
  if (!set_actions(f, at, action_bytes)) {
    if (PendingEntry* e = pending_.by_number(number)) abandon(e, DropReason::kActionError);
    return;
  }
  f.spare = load<uint32_t>(key.packet_type) == 0 ? 0 : kSpareLink;
  if (++f.seq == 0) f.seq = 1;
  megaflows_.insert(f, key, mask);
  if (pending_.used() != 0 && f.plain_drop == 0 && !asks_up(f.actions, f.words)) release_waiting(f, key, mask);
  if (PendingEntry* e = pending_.by_number(number)) carry_on(e, slot, f.actions, f.words);
}

void Worker::flow_end(Flow& f) {
  if (!f.subtable) return;
  megaflows_.remove(f);
  if (++f.seq == 0) f.seq = 1;
  std::free(const_cast<uint32_t*>(f.actions));
  delete f.push;
  f.actions = nullptr;
  f.push = nullptr;
  f.pop = nullptr;
  f.words = 0;
}

// False when the words are not well-formed: the flow keeps what it had.
bool Worker::set_actions(Flow& f, const uint8_t* bytes, uint32_t n) {
  const auto* words = reinterpret_cast<const uint32_t*>(bytes);
  if (!validate_actions(words, n / 4)) return false;
  auto* mine = static_cast<uint32_t*>(std::malloc(n ? n : 4));
  if (!mine) return false;
  std::memcpy(mine, bytes, n);
  std::free(const_cast<uint32_t*>(f.actions));
  f.actions = mine;
  f.words = n / 4;
  const bool plain = n == 8 && words[0] == (static_cast<uint32_t>(Op::kOutput) | 2u << 16) && words[1] < shared_.config.max_ports;
  f.plain_port = plain ? words[1] : kNoPort;
  // Refusing must be cheap: it is what a flood meets.
  const bool drops = n == 8 && words[0] == (static_cast<uint32_t>(Op::kDrop) | 2u << 16) && words[1] < kDropReasons;
  f.plain_drop = drops ? static_cast<uint16_t>(words[1]) : n == 0 ? static_cast<uint16_t>(DropReason::kPolicy) : uint16_t{0};
  delete f.push;
  f.push = plan_push(mine, f.words);
  if (f.push && f.push->out >= shared_.config.max_ports) {
    delete f.push;
    f.push = nullptr;
  }
  f.pop = plan_pop(mine, f.words);
  return true;
}

void Worker::resume(const uint8_t* c) {
  const uint32_t number = u32(c, 0), slot = u32(c, 4), words = u32(c, 8) / 4;
  const auto* actions = reinterpret_cast<const uint32_t*>(c + 16);
  PendingEntry* e = pending_.by_number(number);
  if (!e) return;
  if (!validate_actions(actions, words)) return abandon(e, DropReason::kActionError);
  carry_on(e, slot, actions, words);
}

// What waited, in order. The key is copied out before anything runs: a packet that comes back may wait in the same place. And for each packet but the last, since actions
// change metadata in it.
void Worker::carry_on(PendingEntry* e, uint32_t slot, const uint32_t* actions, uint32_t words) {
  Key key;
  copy_key(key, e->key);
  Packet* p = e->first;
  if (PortSlot* s = port_slot(e->port)) s->pending--;
  pending_.remove(e);
  Flow* flow = slot < shared_.config.max_flows && flows_[slot].subtable ? &flows_[slot] : nullptr;
  Key mine;
  while (p) {
    Packet* next = p->next;
    p->next = nullptr;
    hold(p, -1);
    p->slot = slot;
    if (flow) count(*flow, 1, p->len, be16(key.tcp_flags));
    if (next) copy_key(mine, key);
    execute(*this, p, next ? mine : key, actions, words, max_vlans_);
    p = next;
  }
}

void Worker::execute_command(const uint8_t* c) {
  const uint32_t in_port = u32(c, 0), recirc_id = u32(c, 4), action_bytes = u32(c, 8), len = u32(c, 12), key_len = u32(c, 28), flags = u32(c, 32);
  const uint8_t* key_at = c + 40;
  const uint8_t* actions = key_at + key_len;
  const uint8_t* frame = actions + pad8(action_bytes);
  const bool counted = flags & kExecuteCounted;
  const uint32_t block = block_of(in_port);
  if (counted) {
    arena_.port(block)[kPortRxPackets]++;
    arena_.port(block)[kPortRxBytes] += len;
  }
  const auto lost = [&](DropReason why) {
    if (counted) arena_.port(block)[kPortCounters + static_cast<uint32_t>(why)]++;
  };
  if (len > kLargeBuffer - kHeadroom) return lost(DropReason::kTooLong);
  if (!validate_actions(reinterpret_cast<const uint32_t*>(actions), action_bytes / 4)) return lost(DropReason::kActionError);
  Packet* p = pool_.take(len > kSmallBuffer - kHeadroom);
  if (!p) return lost(DropReason::kNoBuffer);
  std::memcpy(p->data, frame, len);
  std::memcpy(&p->offload, c + 16, sizeof p->offload);
  p->len = len;
  p->in_port = block;
  p->counted = counted;
  Key key{};
  if (key_len >= kKeyBytes) std::memcpy(&key, key_at, kKeyBytes);
  store(key.in_port, __builtin_bswap32(in_port));
  store(key.recirc_id, __builtin_bswap32(recirc_id));
  if (!extract_inline(p->data, p->len, key, max_vlans_)) return drop(p, DropReason::kTooShort);
  execute(*this, p, key, reinterpret_cast<const uint32_t*>(actions), action_bytes / 4, max_vlans_);
}

bool Worker::inject(const uint8_t* c) {
  const uint32_t vport = u32(c, 0), len = u32(c, 4);
  PortSlot* s = port_slot(vport);
  if (!s || !s->memory) return true;
  const auto lost = [&](DropReason why) {
    uint64_t* block = arena_.port(vport);
    block[kPortRxPackets]++;
    block[kPortRxBytes] += len;
    block[kPortCounters + static_cast<uint32_t>(why)]++;
    return true;
  };
  if (len > kLargeBuffer - kHeadroom) return lost(DropReason::kTooLong);
  // Waiting frames take buffers; a half is left for packets on their way. The ring fills behind, and JavaScript is told so.
  if (s->memory->waiting() != 0 && pool_.free_small() * 2 < pool_.total_small()) return false;
  Packet* p = pool_.take(len > kSmallBuffer - kHeadroom);
  if (!p) return lost(DropReason::kNoBuffer);
  std::memcpy(p->data, c + 24, len);
  std::memcpy(&p->offload, c + 8, sizeof p->offload);
  p->len = len;
  s->memory->arrive(p);
  return true;
}

}  // namespace weft
