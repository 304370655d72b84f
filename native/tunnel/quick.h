// Tunnels for the packets that nearly all are, in the fewest moves: complete frames, outer headers without options, tags or checksums to be made. All else goes to
// tunnel.cc, which these agree with. Measured with frames of 60 bytes: 138 cycles a packet into a tunnel became 77, and 290 out of it 143.
#pragma once
#include "../packet/checksum.h"
#include "../packet/dp_hash.h"
#include "../packet/extract_inline.h"
#include "../packet/offload.h"
#include "fit.h"

namespace weft {

// A header as its flow's actions have it, looked at when the flow is installed.
struct alignas(16) PushPlan {
  static constexpr uint32_t kRoom = 96;
  uint8_t header[kRoom];  // it stands at the end, so that whole blocks can be copied: what they have too much goes in front of the packet
  uint32_t bytes;         // of the header
  uint32_t blocks;        // of 16 bytes that it takes
  uint32_t port;          // the tunnel's
  uint32_t out;           // where the packet leaves
  uint32_t l3, l4;        // from the header's first byte; l4: of the UDP header, 0: GRE
  uint32_t room;          // bytes of a frame that fit with the header
  uint32_t sum;           // of the IPv4 header without length, name and checksum
  bool v6;
  bool named;             // IPv4 that may be cut: each packet has a name of its own
};

// For the actions of a flow that are nothing but such a header and an output; else nullptr. The caller deletes it.
PushPlan* plan_push(const uint32_t* actions, uint32_t words);

// For the actions of a flow that only take a header off: what it says; else nullptr.
const TunnelPop* plan_pop(const uint32_t* actions, uint32_t words);

// May quick_push be called?
inline bool can_quick_push(const Packet& p, const PushPlan& t) {
  return (p.len <= t.room) & !(p.offload.flags & kNeedsCsum) & (gso_of(p) == 0) & (p.len + PushPlan::kRoom <= 0xffff) & (headroom(p) >= PushPlan::kRoom);
}

// `count`: packets that the tunnel has sent before.
inline void quick_push(Packet& p, const Key& key, const PushPlan& t, uint32_t count) {
  uint8_t* inner = p.data;
  const uint8_t* end = t.header + PushPlan::kRoom;
  for (uint32_t at = 16 * t.blocks; at != 0; at -= 16) std::memcpy(inner - at, end - at, 16);
  uint8_t* frame = inner - t.bytes;
  p.data = frame;
  p.len += t.bytes;
  p.offload = Offload{};
  if (t.v6) {
    put_be16(frame + t.l3 + 4, static_cast<uint16_t>(p.len - t.l3 - 40));
  } else {
    uint8_t* ip = frame + t.l3;
    const uint16_t length = net16(static_cast<uint16_t>(p.len - t.l3));
    const uint16_t name = net16(static_cast<uint16_t>(t.named ? count : 0));
    store(ip + 2, length);
    if (t.named) store(ip + 4, name);
    store(ip + 10, csum_finish(uint64_t{t.sum} + length + name));
  }
  if (t.l4 == 0) return;
  put_be16(frame + t.l4, outer_source_port(dp_hash_l4(key, 0)));
  put_be16(frame + t.l4 + 4, static_cast<uint16_t>(p.len - t.l4));
}

// Takes the header off a packet just received, and makes the key of what was inside with its hash. False: nothing was decided, and nothing has changed.
inline bool quick_pop(Packet& p, Key& key, uint32_t& hash, const TunnelPop& t, unsigned max_vlans) {
  constexpr uint32_t kLink = 14, kIp = 20;
  if ((p.len < kLink + kIp + 16) | ((p.offload.flags & kNeedsCsum) != 0)) return false;
  const uint8_t* ip = p.data + kLink;
  const uint32_t total = be16(ip + 2), left = p.len - kLink, kind = t.kind & 0xff;
  const bool is_gre = kind == kTunnelGre || kind == kTunnelIp6Gre;
  uint64_t sum = uint64_t{load<uint32_t>(ip)} + load<uint32_t>(ip + 4) + load<uint32_t>(ip + 8) + load<uint32_t>(ip + 12) + load<uint32_t>(ip + 16);
  const bool plain = (load<uint16_t>(p.data + 12) == net16(0x0800)) & (ip[0] == 0x45) & ((load<uint16_t>(ip + 6) & net16(0x3fff)) == 0) &
                     (ip[9] == (is_gre ? 47 : 17)) & (total <= left) & (csum_fold(sum) == 0xffff);
  if (!plain) [[unlikely]]
    return false;
  uint32_t flags = ip[6] & 0x40 ? kTunFlagDontFragment : 0;
  uint32_t at, end;     // of what is carried, from the IP header
  uint32_t id;          // as tun_id's lower half stands in memory
  const uint8_t* l4 = ip + kIp;
  if (is_gre) {
    const uint16_t has = load<uint16_t>(l4);
    if (((has & ~net16(0x2000)) != 0) | (load<uint16_t>(l4 + 2) != net16(0x6558))) return false;
    id = has ? load<uint32_t>(l4 + 4) : 0;
    flags |= has ? kTunFlagKey : 0;
    at = kIp + (has ? 8 : 4);
    end = total;
  } else {
    constexpr uint64_t kVni = uint64_t{0x00ffffff} << 32;
    const uint64_t header = load<uint64_t>(l4 + 8);
    const bool known = kind == kTunnelVxlan ? (header & ~kVni) == 0x08 : (header & ~(kVni | uint64_t{0xff} << 56)) == net16(0x6558) << 16;
    const uint32_t length = be16(l4 + 4);
    if (!known | (load<uint16_t>(l4 + 6) != 0) | (length > total - kIp)) return false;
    id = static_cast<uint32_t>(header >> 32) << 8;
    flags |= kTunFlagKey;
    at = kIp + 16;
    end = kIp + length;
  }
  if ((end < at + kLink) | (total < at + kLink)) return false;
  uint8_t* line = reinterpret_cast<uint8_t*>(&key) + 3 * kLineBytes;
  store(line, uint64_t{id} << 32);
  store(line + 8, load<uint64_t>(ip + 12));
  for (uint32_t i = 16; i < 48; i += 8) store<uint64_t>(line + i, 0);
  store(line + 48, uint64_t{net16(static_cast<uint16_t>(flags))} | uint64_t{ip[1]} << 16 | uint64_t{ip[8]} << 24);
  store<uint64_t>(line + 56, 0);
  p.data += kLink + at;
  p.len = end - at;
  p.offload = Offload{};
  extract_received(p.data, p.len, t.port, key, max_vlans, hash);
  const uint8_t lines = key.lines;
  key.lines = lines | 4;
  hash = lines == 0 ? hash_line(hash, line) : hash_key(key);
  return true;
}

static_assert(kOfsTunId == 3 * kLineBytes && kOfsTunSrc == kOfsTunId + 8 && kOfsTunFlags == kOfsTunId + 48 && kOfsTunTos == kOfsTunId + 50 &&
              kOfsTunMdPresent == kOfsTunId + 56);

}  // namespace weft
