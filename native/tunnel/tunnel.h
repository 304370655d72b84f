// Tunnel headers on and off. The twin is src/datapath/reference/tunnel.ts, where the rules are.
#pragma once
#include "../action/execute.h"

namespace weft {

constexpr uint32_t kMaxTunnelHeader = 512;  // longer than any: Ethernet, IPv6, UDP, Geneve with 252 bytes of options

// The words of Op::kTnlPush from the first payload word on.
struct TunnelPush {
  uint32_t port;
  uint32_t out;
  uint32_t kind;  // low byte: a tunnel kind; then the bits; upper half: L3 bytes that its way takes, 0 for any
  uint32_t bytes;
  uint32_t answer;  // kTunnelAnswer: key of packets that come back, which have one with kTunnelAnswerKey; else it is the header's
  uint8_t header[kMaxTunnelHeader];  // `bytes` of them
};
constexpr uint32_t kTunnelBare = 0x100, kTunnelCut = 0x200, kTunnelAnswer = 0x400, kTunnelAnswerKey = 0x800;

// The words of Op::kTnlPop: how many options there are stands in the action's length.
struct TunnelPop {
  uint32_t port;
  uint32_t kind;  // low byte: a tunnel kind; then the bits
};
constexpr uint32_t kPopGbp = 0x100, kPopGpe = 0x200, kPopBare = 0x400;
constexpr uint8_t kTunnelGre = 3, kTunnelVxlan = 4, kTunnelGeneve = 5, kTunnelIp6Gre = 109;
inline bool is_tunnel_kind(uint32_t kind) {
  return kind == kTunnelGre || kind == kTunnelVxlan || kind == kTunnelGeneve || kind == kTunnelIp6Gre;
}

// Of the outer UDP header: one a flow, from the ephemeral range that Linux uses.
inline uint16_t outer_source_port(uint32_t hash) {
  constexpr uint32_t kFirst = 32768, kPorts = 28233;
  return static_cast<uint16_t>(kFirst + (uint64_t{hash} * kPorts >> 32));
}

// Is a header whole enough for encapsulate?
bool valid_push(const TunnelPush& t);

// kNone, or why not; then the packet is to be dropped. `sink.encapsulated` was called if kNone, and `sent` is what it said.
DropReason encapsulate(Sink& sink, Packet& p, Key& key, const TunnelPush& t, uint32_t* sent = nullptr);

// What the key says of a tunnel, a hash and connection tracking is not so any more.
void forget_tunnel(Key& key);

// Is the outer transport UDP?
bool is_udp(const TunnelPush& t);

// Puts packets with the same UDP header around them together again, as datagrams that a device may cut. All are as long as the first, but for the last.
class Joined {
 public:
  // `big`: what becomes of them, with the first in it.
  void begin(Packet* big, const Packet& first);
  // False: it does not fit behind the others.
  bool add(const Packet& p);
  void finish();
  Packet* packet() const { return big_; }

 private:
  Packet* big_ = nullptr;
  uint32_t l4_ = 0, unit_ = 0, count_ = 0;
  bool closed_ = false;
};

// Of a packet that a device was to cut: is it the packet inside?
bool is_uncut_inside(const Packet& p, const TunnelPop& t, unsigned vlans);

// kNone, or why not; then nothing has changed. `options`: pairs of words.
DropReason decapsulate(Packet& p, Key& key, const TunnelPop& t, const uint32_t* options, uint32_t count, unsigned vlans);

}  // namespace weft
