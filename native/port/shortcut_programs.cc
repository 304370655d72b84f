// The two programs of a shortcut: the part of a port's filter that asks the table, and the one that moves what it found (shortcuts.h). What is extracted here is what
// extract_inline.h calls the common case, and ICMP; the rules are the same, and whatever breaks one of them is the worker's.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include <cstddef>

#include "shortcuts.h"

namespace weft {
namespace {

// 134 ms; 13,400 frames in that are 100,000 a second.
constexpr int32_t kWindowShift = 27;
constexpr int32_t kFloodFrames = 13400;
constexpr int32_t kProducerPlace = 3;  // BPF_RB_PROD_POS

constexpr int32_t kLink = 14, kIp = 20, kUdp = 8, kTcp = 20;
// Places under the frame pointer. IP's header and the ports after it lie at a multiple of eight, the key and its masked copy, too.
constexpr int32_t kFound = -8, kTime = -16, kZero = -24, kKey = -72, kMasked = -120, kHeader = -144, kControl = -152;
constexpr int32_t kTclassNext = -1;  // the next program, or the host

constexpr int32_t net(uint16_t v) { return static_cast<int32_t>(__builtin_bswap16(v)); }
constexpr int32_t in_key(size_t offset) { return kKey + static_cast<int32_t>(offset); }
constexpr int32_t counter(uint32_t i) { return static_cast<int32_t>(8 * i); }

void load_bytes(BpfCode& c, int32_t from, int32_t to, int32_t bytes, BpfCode::Label fails) {
  c.move(1, 6);
  c.set(2, from);
  c.move(3, 10);
  c.alu(BPF_ADD, 3, to);
  c.set(4, bytes);
  c.call(BPF_FUNC_skb_load_bytes);
  c.jump(BPF_JNE, 0, 0, fails);
}

// Whether frames come too closely: the caller's sender should not do the receiver's work, too. r0 the time, r8 the port's state.
void look_for_flood(BpfCode& c, BpfCode::Label ordinary, int32_t at) {
  using C = BpfCode;
  const auto window = at + static_cast<int32_t>(offsetof(ShortcutState, window)), frames = at + static_cast<int32_t>(offsetof(ShortcutState, frames)),
             before = at + static_cast<int32_t>(offsetof(ShortcutState, frames_before));
  const auto segment = c.label(), same = c.label(), next = c.label();
  c.load(C::kWord, 1, 6, offsetof(__sk_buff, gso_size));
  c.jump(BPF_JNE, 1, 0, segment);
  c.alu(BPF_RSH, 0, kWindowShift);
  c.load(C::kDouble, 2, 8, window);
  c.jump_reg(BPF_JEQ, 0, 2, same);
  c.load(C::kDouble, 3, 8, frames);
  c.alu(BPF_ADD, 2, 1);
  c.jump_reg(BPF_JEQ, 0, 2, next);
  c.set(3, 0);
  c.place(next);
  c.store(C::kDouble, 8, before, 3);
  c.store(C::kDouble, 8, window, 0);
  c.store_value(C::kDouble, 8, frames, 0);
  c.place(same);
  c.load(C::kDouble, 2, 8, frames);
  c.alu(BPF_ADD, 2, 1);
  c.store(C::kDouble, 8, frames, 2);
  c.jump(BPF_JGT, 2, kFloodFrames, ordinary);
  c.load(C::kDouble, 2, 8, before);
  c.jump(BPF_JGT, 2, kFloodFrames, ordinary);
  c.place(segment);
}

// Words 0 to 5 of line 0 at kKey. r9 becomes the length with the tag.
void extract(BpfCode& c, BpfCode::Label ordinary, uint32_t vport) {
  using C = BpfCode;
  const auto untagged = c.label(), tcp = c.label(), udp = c.label(), icmp = c.label(), done = c.label();
  c.jump(BPF_JLT, 7, kLink + kIp + kUdp, ordinary);
  c.move(9, 7);
  c.store_value(C::kWord, 10, in_key(offsetof(Key, in_port)), static_cast<int32_t>(htonl(vport)));
  c.store_value(C::kWord, 10, in_key(offsetof(Key, recirc_id)), 0);
  c.store_value(C::kHalf, 10, in_key(offsetof(Key, vlan_tci)), 0);
  c.store_value(C::kDouble, 10, in_key(offsetof(Key, tcp_flags)), 0);
  load_bytes(c, 0, in_key(offsetof(Key, eth_dst)), kLink, ordinary);
  load_bytes(c, kLink, kHeader, kIp + 4, ordinary);

  c.load(C::kWord, 1, 6, offsetof(__sk_buff, vlan_present));
  c.jump(BPF_JEQ, 1, 0, untagged);
  c.load(C::kWord, 1, 6, offsetof(__sk_buff, vlan_proto));
  c.jump(BPF_JNE, 1, net(ETH_P_8021Q), ordinary);
  c.store(C::kHalf, 10, in_key(offsetof(Key, vlan_tpid)), 1);
  c.load(C::kWord, 1, 6, offsetof(__sk_buff, vlan_tci));
  c.alu(BPF_OR, 1, 0x1000);
  c.swap16(1);
  c.store(C::kHalf, 10, in_key(offsetof(Key, vlan_tci)), 1);
  c.alu(BPF_ADD, 9, 4);
  c.place(untagged);

  c.load(C::kHalf, 1, 10, in_key(offsetof(Key, eth_type)));
  c.jump(BPF_JNE, 1, net(ETH_P_IP), ordinary);
  c.load(C::kByte, 1, 10, kHeader);
  c.jump(BPF_JNE, 1, 0x45, ordinary);
  c.load(C::kHalf, 1, 10, kHeader + 6);
  c.jump(BPF_JSET, 1, net(0x3fff), ordinary);
  c.load(C::kHalf, 8, 10, kHeader + 2);
  c.swap16(8);
  c.move(1, 7);
  c.alu(BPF_SUB, 1, kLink);
  c.jump_reg(BPF_JGT, 8, 1, ordinary);
  for (const int32_t half : {0, 4}) {
    c.load(C::kWord, 1, 10, kHeader + 12 + half);
    c.store(C::kWord, 10, in_key(offsetof(Key, nw_src)) + half, 1);
  }
  c.load(C::kByte, 1, 10, kHeader + 1);
  c.store(C::kByte, 10, in_key(offsetof(Key, nw_tos)), 1);
  c.load(C::kByte, 1, 10, kHeader + 8);
  c.store(C::kByte, 10, in_key(offsetof(Key, nw_ttl)), 1);
  c.store_value(C::kByte, 10, in_key(offsetof(Key, nw_frag)), 0);
  c.load(C::kByte, 1, 10, kHeader + 9);
  c.store(C::kByte, 10, in_key(offsetof(Key, nw_proto)), 1);
  c.jump(BPF_JEQ, 1, IPPROTO_TCP, tcp);
  c.jump(BPF_JEQ, 1, IPPROTO_UDP, udp);
  c.jump(BPF_JEQ, 1, IPPROTO_ICMP, icmp);
  c.go(ordinary);

  c.place(icmp);
  c.jump(BPF_JLT, 8, kIp + kUdp, ordinary);
  for (const int32_t i : {0, 1}) {
    c.load(C::kByte, 1, 10, kHeader + kIp + i);
    c.swap16(1);
    c.store(C::kHalf, 10, in_key(offsetof(Key, tp_src)) + 2 * i, 1);
  }
  c.go(done);

  c.place(tcp);
  c.jump(BPF_JLT, 8, kIp + kTcp, ordinary);
  load_bytes(c, kLink + kIp + 12, kControl, 2, ordinary);
  c.load(C::kByte, 1, 10, kControl);
  c.alu(BPF_RSH, 1, 2);
  c.alu(BPF_AND, 1, 0x3c);
  c.jump(BPF_JLT, 1, kTcp, ordinary);
  c.alu(BPF_SUB, 8, kIp);
  c.jump_reg(BPF_JGT, 1, 8, ordinary);
  c.alu(BPF_ADD, 8, kIp);
  c.load(C::kHalf, 1, 10, kControl);
  c.alu(BPF_AND, 1, net(0x0fff));
  c.store(C::kHalf, 10, in_key(offsetof(Key, tcp_flags)), 1);

  c.place(udp);
  c.jump(BPF_JLT, 8, kIp + kUdp, ordinary);
  c.load(C::kWord, 1, 10, kHeader + kIp);
  c.store(C::kWord, 10, in_key(offsetof(Key, tp_src)), 1);
  c.place(done);
}

}  // namespace

void Shortcuts::ask(BpfCode& c, BpfCode::Label ordinary, uint32_t vport, const Fd& ring, const Fd& state, int32_t state_at) const {
  using C = BpfCode;
  const auto masks = static_cast<int32_t>(offsetof(Table, masks));
  const auto found = c.label(), fits = c.label(), no_flags = c.label();
  c.map_value(1, table_memory_);
  c.load(C::kWord, 1, 1, static_cast<int32_t>(4 * vport));
  c.jump(BPF_JEQ, 1, 0, ordinary);

  // What the mover has not taken is of a frame that never came to it.
  c.store_value(C::kDouble, 10, kZero, 0);
  c.map(1, found_);
  c.move(2, 10);
  c.alu(BPF_ADD, 2, kZero);
  c.call(BPF_FUNC_map_lookup_elem);
  c.jump(BPF_JEQ, 0, 0, ordinary);
  c.store_value(C::kDouble, 0, 0, 0);
  c.store(C::kDouble, 10, kFound, 0);

  c.call(BPF_FUNC_ktime_get_coarse_ns);
  c.store(C::kDouble, 10, kTime, 0);
  c.map_value(8, state);
  look_for_flood(c, ordinary, state_at);
  c.map(1, ring);
  c.set(2, kProducerPlace);
  c.call(BPF_FUNC_ringbuf_query);
  c.load(C::kDouble, 1, 8, state_at + static_cast<int32_t>(offsetof(ShortcutState, settled)));
  c.jump_reg(BPF_JNE, 0, 1, ordinary);

  extract(c, ordinary, vport);
  for (uint32_t i = 0; i < kMasks; i++) {
    const auto next = c.label();
    const auto at = masks + static_cast<int32_t>(i * sizeof(Mask));
    const auto id = at + static_cast<int32_t>(offsetof(Mask, id)), words = at + static_cast<int32_t>(offsetof(Mask, words));
    c.map_value(8, table_memory_);
    c.load(C::kWord, 1, 8, id);
    c.jump(BPF_JEQ, 1, 0, next);
    for (int32_t w = 0; w < static_cast<int32_t>(8 * kWords); w += 8) {
      c.load(C::kDouble, 2, 10, kKey + w);
      c.load(C::kDouble, 3, 8, words + w);
      c.alu_reg(BPF_AND, 2, 3);
      c.store(C::kDouble, 10, kMasked + w, 2);
    }
    c.load(C::kWord, 2, 8, id);
    c.jump_reg(BPF_JNE, 1, 2, next);
    c.store(C::kWord, 10, kMasked + static_cast<int32_t>(offsetof(Key, dp_hash)), 1);
    c.map(1, flows_);
    c.move(2, 10);
    c.alu(BPF_ADD, 2, kMasked);
    c.call(BPF_FUNC_map_lookup_elem);
    c.jump(BPF_JNE, 0, 0, found);
    c.place(next);
  }
  c.go(ordinary);

  c.place(found);
  c.move(8, 0);
  c.load(C::kWord, 1, 6, offsetof(__sk_buff, gso_size));
  c.jump(BPF_JNE, 1, 0, fits);
  c.load(C::kWord, 1, 8, offsetof(ShortcutWay, max_len));
  c.jump_reg(BPF_JGT, 9, 1, ordinary);
  c.place(fits);
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
  c.load(C::kDouble, 2, 10, kTime);
  c.store(C::kDouble, 1, counter(kFlowUsedNs), 2);
  c.load(C::kHalf, 2, 10, in_key(offsetof(Key, tcp_flags)));
  c.swap16(2);
  c.load(C::kDouble, 3, 1, counter(kFlowTcpFlags));
  c.alu_reg(BPF_OR, 3, 2);
  c.load(C::kDouble, 4, 1, counter(kFlowTcpFlags));
  c.jump_reg(BPF_JEQ, 3, 4, no_flags);
  c.or_atomically(1, counter(kFlowTcpFlags), 2);
  c.place(no_flags);

  c.load(C::kWord, 1, 8, offsetof(ShortcutWay, device));
  c.set(2, static_cast<int32_t>(vport));
  c.alu(BPF_LSH, 2, 32);
  c.alu_reg(BPF_OR, 1, 2);
  c.load(C::kDouble, 2, 10, kFound);
  c.store(C::kDouble, 2, 0, 1);
  c.exit_with(0);
}

Fd Shortcuts::mover(uint32_t vport) const {
  BpfCode c;
  using C = BpfCode;
  const auto next = c.label();
  c.store_value(C::kDouble, 10, kZero, 0);
  c.map(1, found_);
  c.move(2, 10);
  c.alu(BPF_ADD, 2, kZero);
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
