// The key of a frame, by a program in the kernel: what extract_inline.h calls the common case, ICMP, and the same over IPv6. The rules are the same, and whatever breaks one of
// them, or asks for more fields (neighbour discovery), is the worker's.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include <cstddef>

#include "shortcut_frame.h"

namespace weft {
namespace {

constexpr int32_t kLink = 14, kIp = 20, kIpv6 = 40, kPorts = 8, kTcp = 20;
constexpr int32_t kFirstNd = 135, kLastNd = 136;

constexpr int32_t net(uint16_t v) { return static_cast<int32_t>(__builtin_bswap16(v)); }

void load_bytes(BpfCode& c, int32_t from, int32_t to, int32_t bytes, BpfCode::Label fails) {
  c.move(1, 6);
  c.set(2, from);
  c.move(3, 10);
  c.alu(BPF_ADD, 3, to);
  c.set(4, bytes);
  c.call(BPF_FUNC_skb_load_bytes);
  c.jump(BPF_JNE, 0, 0, fails);
}

void copy(BpfCode& c, BpfCode::Size size, int32_t to, int32_t from) {
  c.load(size, 1, 10, from);
  c.store(size, 10, to, 1);
}

// What follows a header of IP of `ip` bytes, whose first bytes are at kStackHeader + ip; r8 how many there are by that header, r1 the protocol.
void transport(BpfCode& c, BpfCode::Label ordinary, BpfCode::Label done, int32_t ip, int32_t icmp_protocol) {
  using C = BpfCode;
  const auto tcp = c.label(), udp = c.label(), icmp = c.label();
  c.jump(BPF_JLT, 8, kPorts, ordinary);
  c.jump(BPF_JEQ, 1, IPPROTO_TCP, tcp);
  c.jump(BPF_JEQ, 1, IPPROTO_UDP, udp);
  c.jump(BPF_JEQ, 1, icmp_protocol, icmp);
  c.go(ordinary);

  c.place(icmp);
  c.load(C::kByte, 1, 10, kStackHeader + ip);
  if (icmp_protocol == IPPROTO_ICMPV6)
    for (int32_t type = kFirstNd; type <= kLastNd; type++) c.jump(BPF_JEQ, 1, type, ordinary);
  c.swap16(1);
  c.store(C::kHalf, 10, in_key(offsetof(Key, tp_src)), 1);
  c.load(C::kByte, 1, 10, kStackHeader + ip + 1);
  c.swap16(1);
  c.store(C::kHalf, 10, in_key(offsetof(Key, tp_dst)), 1);
  c.go(done);

  c.place(tcp);
  c.jump(BPF_JLT, 8, kTcp, ordinary);
  load_bytes(c, kLink + ip + 12, kStackControl, 2, ordinary);
  c.load(C::kByte, 1, 10, kStackControl);
  c.alu(BPF_RSH, 1, 2);
  c.alu(BPF_AND, 1, 0x3c);
  c.jump(BPF_JLT, 1, kTcp, ordinary);
  c.jump_reg(BPF_JGT, 1, 8, ordinary);
  c.load(C::kHalf, 1, 10, kStackControl);
  c.alu(BPF_AND, 1, net(0x0fff));
  c.store(C::kHalf, 10, in_key(offsetof(Key, tcp_flags)), 1);

  c.place(udp);
  copy(c, C::kWord, in_key(offsetof(Key, tp_src)), kStackHeader + ip);
  c.go(done);
}

void ipv4(BpfCode& c, BpfCode::Label ordinary, BpfCode::Label done) {
  using C = BpfCode;
  c.jump(BPF_JLT, 7, kLink + kIp + kPorts, ordinary);
  load_bytes(c, kLink, kStackHeader, kIp + 4, ordinary);
  c.load(C::kByte, 1, 10, kStackHeader);
  c.jump(BPF_JNE, 1, 0x45, ordinary);
  c.load(C::kHalf, 1, 10, kStackHeader + 6);
  c.jump(BPF_JSET, 1, net(0x3fff), ordinary);
  c.load(C::kHalf, 8, 10, kStackHeader + 2);
  c.swap16(8);
  c.move(1, 7);
  c.alu(BPF_SUB, 1, kLink);
  c.jump_reg(BPF_JGT, 8, 1, ordinary);
  c.jump(BPF_JLT, 8, kIp, ordinary);
  c.alu(BPF_SUB, 8, kIp);
  copy(c, C::kWord, in_key(offsetof(Key, nw_src)), kStackHeader + 12);
  copy(c, C::kWord, in_key(offsetof(Key, nw_dst)), kStackHeader + 16);
  for (size_t place = offsetof(Key, ipv6_src); place <= offsetof(Key, ipv6_label); place += 8)
    if (shortcut_word(place / 8) >= 0) c.store_value(C::kDouble, 10, in_key(place), 0);
  copy(c, C::kByte, in_key(offsetof(Key, nw_tos)), kStackHeader + 1);
  copy(c, C::kByte, in_key(offsetof(Key, nw_ttl)), kStackHeader + 8);
  copy(c, C::kByte, in_key(offsetof(Key, nw_proto)), kStackHeader + 9);
  transport(c, ordinary, done, kIp, IPPROTO_ICMP);
}

void ipv6(BpfCode& c, BpfCode::Label ordinary, BpfCode::Label done) {
  using C = BpfCode;
  c.jump(BPF_JLT, 7, kLink + kIpv6 + kPorts, ordinary);
  load_bytes(c, kLink, kStackHeader, kIpv6 + 4, ordinary);
  c.load(C::kByte, 1, 10, kStackHeader);
  c.alu(BPF_AND, 1, 0xf0);
  c.jump(BPF_JNE, 1, 0x60, ordinary);
  c.load(C::kHalf, 8, 10, kStackHeader + 4);
  c.swap16(8);
  c.move(1, 7);
  c.alu(BPF_SUB, 1, kLink + kIpv6);
  c.jump_reg(BPF_JGT, 8, 1, ordinary);
  c.store_value(C::kDouble, 10, in_key(offsetof(Key, nw_src)), 0);
  for (int32_t i = 0; i < 32; i += 8) copy(c, C::kDouble, in_key(offsetof(Key, ipv6_src) + static_cast<size_t>(i)), kStackHeader + 8 + i);
  c.load(C::kWord, 1, 10, kStackHeader);
  c.alu(BPF_AND, 1, static_cast<int32_t>(htonl(0x000fffff)));
  c.alu(BPF_LSH, 1, 32);  // the immediate was extended by its sign
  c.alu(BPF_RSH, 1, 32);
  c.store(C::kDouble, 10, in_key(offsetof(Key, ipv6_label)), 1);
  c.load(C::kHalf, 1, 10, kStackHeader);
  c.swap16(1);
  c.alu(BPF_RSH, 1, 4);
  c.store(C::kByte, 10, in_key(offsetof(Key, nw_tos)), 1);
  copy(c, C::kByte, in_key(offsetof(Key, nw_ttl)), kStackHeader + 7);
  copy(c, C::kByte, in_key(offsetof(Key, nw_proto)), kStackHeader + 6);
  transport(c, ordinary, done, kIpv6, IPPROTO_ICMPV6);
}

}  // namespace

void extract_shortcut_key(BpfCode& c, BpfCode::Label ordinary, uint32_t vport) {
  using C = BpfCode;
  const auto untagged = c.label(), six = c.label(), done = c.label();
  c.move(9, 7);
  c.store_value(C::kWord, 10, in_key(offsetof(Key, in_port)), static_cast<int32_t>(htonl(vport)));
  c.store_value(C::kWord, 10, in_key(offsetof(Key, recirc_id)), 0);
  c.store_value(C::kHalf, 10, in_key(offsetof(Key, vlan_tci)), 0);
  c.store_value(C::kByte, 10, in_key(offsetof(Key, nw_frag)), 0);
  c.store_value(C::kDouble, 10, in_key(offsetof(Key, tcp_flags)), 0);
  load_bytes(c, 0, in_key(offsetof(Key, eth_dst)), kLink, ordinary);

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
  c.jump(BPF_JEQ, 1, net(ETH_P_IPV6), six);
  c.jump(BPF_JNE, 1, net(ETH_P_IP), ordinary);
  ipv4(c, ordinary, done);
  c.place(six);
  ipv6(c, ordinary, done);
  c.place(done);
}

}  // namespace weft
