// The two programs of a shortcut: the part of a port's filter that asks the table, and the one that moves what it found (shortcuts.h). Every doubt is the worker's.
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <cstddef>

#include "kernel_types.h"
#include "shortcut_frame.h"

namespace weft {
namespace {

// A group of single frames came in haste when it took less than 8 us a frame. Where the sender's processor is shared it loses it once in a dozen groups or so, so what counts is
// which kind is more frequent of late: at kHasty more hasty groups than others the frames are a flood. After a long group there is none.
constexpr int32_t kGroup = 64;
constexpr int32_t kHasteNs = kGroup * 8000;
constexpr int32_t kLongNs = 64'000'000;
constexpr int32_t kHasty = 4, kMostHaste = 8;
constexpr int32_t kProducerPlace = 3;  // BPF_RB_PROD_POS
constexpr int32_t kLink = 14;
constexpr int32_t kLists = 256;  // NETDEV_HASHENTRIES
constexpr int kSameList = 4;     // devices of a list that are looked at
constexpr int32_t kTclassNext = -1;  // the next program, or the host

constexpr int32_t counter(uint32_t i) { return static_cast<int32_t>(8 * i); }

// Whether frames come too closely: the caller's sender should not do the receiver's work, too. r8 the port's state.
void look_for_flood(BpfCode& c, BpfCode::Label ordinary, int32_t at) {
  using C = BpfCode;
  const auto since = at + static_cast<int32_t>(offsetof(ShortcutState, since)), frames = at + static_cast<int32_t>(offsetof(ShortcutState, frames)),
             haste = at + static_cast<int32_t>(offsetof(ShortcutState, haste));
  const auto judge = c.label(), slow = c.label(), none = c.label(), segment = c.label();
  c.load(C::kWord, 1, 6, offsetof(__sk_buff, gso_size));
  c.jump(BPF_JNE, 1, 0, segment);
  c.load(C::kDouble, 2, 8, frames);
  c.alu(BPF_ADD, 2, 1);
  c.store(C::kDouble, 8, frames, 2);
  c.jump(BPF_JLT, 2, kGroup, judge);
  c.store_value(C::kDouble, 8, frames, 0);
  c.call(BPF_FUNC_ktime_get_ns);
  c.load(C::kDouble, 3, 8, since);
  c.store(C::kDouble, 8, since, 0);
  c.alu_reg(BPF_SUB, 0, 3);
  c.load(C::kDouble, 2, 8, haste);
  c.jump(BPF_JGT, 0, kLongNs, none);
  c.jump(BPF_JGT, 0, kHasteNs, slow);
  c.jump(BPF_JGE, 2, kMostHaste, ordinary);
  c.alu(BPF_ADD, 2, 1);
  c.store(C::kDouble, 8, haste, 2);
  c.go(judge);
  c.place(slow);
  c.jump(BPF_JEQ, 2, 0, judge);
  c.alu(BPF_SUB, 2, 1);
  c.store(C::kDouble, 8, haste, 2);
  c.go(judge);
  c.place(none);
  c.store_value(C::kDouble, 8, haste, 0);
  c.place(judge);
  c.load(C::kDouble, 2, 8, haste);
  c.jump(BPF_JGE, 2, kHasty, ordinary);
  c.place(segment);
}

// Whether the device that the way in r8 names is in the frame's namespace, up, and takes it: JavaScript hears of a change half a second later. And whether the frame's own device gives
// its frames to somebody else in the kernel, who would miss them.
void look_at_devices(BpfCode& c, BpfCode::Label ordinary, const KernelTypes& k) {
  using C = BpfCode;
  const auto at = [](uint32_t offset) { return static_cast<int32_t>(offset); };
  const auto found = c.label(), fits = c.label();
  c.move(1, 6);
  c.call_kernel(k.cast_to_kernel);
  c.load(C::kDouble, 1, 0, at(k.device));
  c.load(C::kDouble, 2, 1, at(k.device_taker));
  c.jump(BPF_JNE, 2, 0, ordinary);
  c.load(C::kDouble, 1, 1, at(k.device_net));
  c.load(C::kDouble, 1, 1, at(k.devices));
  c.load(C::kWord, 2, 8, offsetof(ShortcutWay, device));
  c.alu(BPF_AND, 2, kLists - 1);
  c.alu(BPF_LSH, 2, 3);
  c.alu_reg(BPF_ADD, 1, 2);
  c.set(2, at(k.list_type));
  c.call_kernel(k.cast_to);
  c.load(C::kDouble, 1, 0, 0);
  for (int i = 0; i < kSameList; i++) {
    c.jump(BPF_JEQ, 1, 0, ordinary);
    c.alu(BPF_ADD, 1, -at(k.device_link));
    c.set(2, at(k.device_type));
    c.call_kernel(k.cast_to);
    c.load(C::kWord, 1, 0, at(k.device_number));
    c.load(C::kWord, 2, 8, offsetof(ShortcutWay, device));
    c.jump_reg(BPF_JEQ, 1, 2, found);
    c.load(C::kDouble, 1, 0, at(k.device_link));
  }
  c.go(ordinary);
  c.place(found);
  c.load(C::kWord, 1, 0, at(k.device_flags));
  c.alu(BPF_AND, 1, IFF_UP);
  c.jump(BPF_JEQ, 1, 0, ordinary);
  c.load(C::kWord, 1, 6, offsetof(__sk_buff, gso_size));
  c.jump(BPF_JNE, 1, 0, fits);
  c.load(C::kWord, 1, 8, offsetof(ShortcutWay, max_len));
  c.jump_reg(BPF_JGT, 9, 1, ordinary);
  c.load(C::kWord, 1, 0, at(k.device_mtu));
  c.alu(BPF_ADD, 1, kLink);
  c.jump_reg(BPF_JGT, 7, 1, ordinary);
  c.place(fits);
}

}  // namespace

// A frame of r9 bytes takes the way in r8: counted in the arena of what the kernel forwards.
void Shortcuts::count(BpfCode& c, BpfCode::Label ordinary, uint32_t vport) const {
  using C = BpfCode;
  const auto no_flags = c.label();
  c.call(BPF_FUNC_ktime_get_coarse_ns);
  c.store(C::kDouble, 10, kStackTime, 0);
  c.load(C::kWord, 4, 8, offsetof(ShortcutWay, vport));
  c.jump(BPF_JGE, 4, kKernelPorts, ordinary);
  c.load(C::kWord, 5, 8, offsetof(ShortcutWay, slot));
  c.jump(BPF_JGE, 5, kKernelFlows, ordinary);
  const auto ports = static_cast<int32_t>(8 * kWorkerBlock), flows = static_cast<int32_t>(8 * (arena_.flow(0) - arena_.worker()));
  c.set(2, 1);
  c.map_value(1, counters_);
  c.add_atomically(1, counter(kWorkerPackets), 2);
  c.add_atomically(1, counter(kWorkerMegaflowHits), 2);
  c.alu(BPF_ADD, 1, ports + static_cast<int32_t>(8 * vport * kPortBlock));
  c.add_atomically(1, counter(kPortRxPackets), 2);
  c.add_atomically(1, counter(kPortRxBytes), 9);
  c.add_atomically(1, counter(kPortForwarded), 2);
  c.map_value(1, counters_);
  c.alu(BPF_ADD, 1, ports);
  c.alu(BPF_MUL, 4, 8 * kPortBlock);
  c.alu_reg(BPF_ADD, 1, 4);
  c.add_atomically(1, counter(kPortTxPackets), 2);
  c.add_atomically(1, counter(kPortTxBytes), 9);
  c.map_value(1, counters_);
  c.alu(BPF_ADD, 1, flows);
  c.alu(BPF_MUL, 5, 8 * kFlowBlock);
  c.alu_reg(BPF_ADD, 1, 5);
  c.add_atomically(1, counter(kFlowPackets), 2);
  c.add_atomically(1, counter(kFlowBytes), 9);
  c.load(C::kDouble, 2, 10, kStackTime);
  c.store(C::kDouble, 1, counter(kFlowUsedNs), 2);
  c.load(C::kHalf, 2, 10, in_key(offsetof(Key, tcp_flags)));
  c.swap16(2);
  c.load(C::kDouble, 3, 1, counter(kFlowTcpFlags));
  c.alu_reg(BPF_OR, 3, 2);
  c.load(C::kDouble, 4, 1, counter(kFlowTcpFlags));
  c.jump_reg(BPF_JEQ, 3, 4, no_flags);
  c.or_atomically(1, counter(kFlowTcpFlags), 2);
  c.place(no_flags);
}

void Shortcuts::ask(BpfCode& c, BpfCode::Label ordinary, uint32_t vport, const Fd& ring, const Fd& state, int32_t state_at) const {
  using C = BpfCode;
  const auto masks = static_cast<int32_t>(offsetof(Table, masks));
  const auto found = c.label();
  c.map_value(1, table_memory_);
  c.load(C::kWord, 1, 1, static_cast<int32_t>(4 * vport));
  c.jump(BPF_JEQ, 1, 0, ordinary);
  c.map_value(8, state);
  look_for_flood(c, ordinary, state_at);

  // What the host's own stack hears it goes on hearing: it has no ear for frames to other stations.
  c.load(C::kWord, 1, 6, offsetof(__sk_buff, pkt_type));
  c.jump(BPF_JNE, 1, PACKET_OTHERHOST, ordinary);

  // What the mover has not taken is of a frame that never came to it.
  c.store_value(C::kDouble, 10, kStackZero, 0);
  c.map(1, found_);
  c.move(2, 10);
  c.alu(BPF_ADD, 2, kStackZero);
  c.call(BPF_FUNC_map_lookup_elem);
  c.jump(BPF_JEQ, 0, 0, ordinary);
  c.store_value(C::kDouble, 0, 0, 0);
  c.store(C::kDouble, 10, kStackFound, 0);

  c.map(1, ring);
  c.set(2, kProducerPlace);
  c.call(BPF_FUNC_ringbuf_query);
  c.load(C::kDouble, 1, 8, state_at + static_cast<int32_t>(offsetof(ShortcutState, settled)));
  c.jump_reg(BPF_JNE, 0, 1, ordinary);

  extract_shortcut_key(c, ordinary, vport);
  for (uint32_t i = 0; i < kMasks; i++) {
    const auto next = c.label();
    const auto at = masks + static_cast<int32_t>(i * sizeof(Mask));
    const auto id = at + static_cast<int32_t>(offsetof(Mask, id)), words = at + static_cast<int32_t>(offsetof(Mask, words));
    c.map_value(8, table_memory_);
    c.load(C::kWord, 1, 8, id);
    c.jump(BPF_JEQ, 1, 0, next);
    for (int32_t w = 0; w < static_cast<int32_t>(8 * kWords); w += 8) {
      c.load(C::kDouble, 2, 10, kStackKey + w);
      c.load(C::kDouble, 3, 8, words + w);
      c.alu_reg(BPF_AND, 2, 3);
      c.store(C::kDouble, 10, kStackMasked + w, 2);
    }
    c.load(C::kWord, 2, 8, id);
    c.jump_reg(BPF_JNE, 1, 2, next);
    c.store(C::kWord, 10, kStackMasked + static_cast<int32_t>(8 * kIdWord + 4), 1);
    c.map(1, flows_);
    c.move(2, 10);
    c.alu(BPF_ADD, 2, kStackMasked);
    c.call(BPF_FUNC_map_lookup_elem);
    c.jump(BPF_JNE, 0, 0, found);
    c.place(next);
  }
  c.go(ordinary);

  c.place(found);
  c.move(8, 0);
  look_at_devices(c, ordinary, *kernel_types());
  count(c, ordinary, vport);

  c.load(C::kWord, 1, 8, offsetof(ShortcutWay, device));
  c.set(2, static_cast<int32_t>(vport));
  c.alu(BPF_LSH, 2, 32);
  c.alu_reg(BPF_OR, 1, 2);
  c.load(C::kDouble, 2, 10, kStackFound);
  c.store(C::kDouble, 2, 0, 1);
  c.exit_with(0);
}

Fd Shortcuts::mover(uint32_t vport) const {
  BpfCode c;
  using C = BpfCode;
  const auto next = c.label();
  c.store_value(C::kDouble, 10, kStackZero, 0);
  c.map(1, found_);
  c.move(2, 10);
  c.alu(BPF_ADD, 2, kStackZero);
  c.call(BPF_FUNC_map_lookup_elem);
  c.jump(BPF_JEQ, 0, 0, next);
  c.load(C::kDouble, 1, 0, 0);
  c.jump(BPF_JEQ, 1, 0, next);
  c.store_value(C::kDouble, 0, 0, 0);
  c.move(2, 1);
  c.alu(BPF_RSH, 2, 32);
  c.jump(BPF_JNE, 2, static_cast<int32_t>(vport), next);
  c.alu(BPF_LSH, 1, 32);
  c.alu(BPF_RSH, 1, 32);
  c.set(2, 0);
  c.call(BPF_FUNC_redirect);
  c.exit();
  c.place(next);
  c.exit_with(kTclassNext);
  return bpf_program(BPF_PROG_TYPE_SCHED_CLS, c.finish());
}

}  // namespace weft
