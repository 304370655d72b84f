// The common case of key extraction, to be inlined into the worker's loop: Ethernet with at most one tag, IPv4 without options or
// fragments, TCP or UDP. Everything else, and everything malformed, goes to extract_slow.
//
// The price of a packet here is branches that a mix of traffic cannot train, so there is one per question that traffic answers the same way
// for long (tagged? IPv4? plain header?) and arithmetic for the one it does not (TCP or UDP). The line is written in whole aligned
// 8-byte words, because a hash or compare that follows at once can take those from the store buffer, and cannot join narrower ones.
#pragma once
#include "../generated/key_layout.h"
#include "bytes.h"

namespace weft {

constexpr uint32_t kEthHeader = 14;
constexpr uint32_t kMaxPadding = 0xffff;  // bytes that may follow an IP datagram in its frame

// The whole of extraction, any frame.
bool extract_slow(const uint8_t* data, uint32_t len, Key& key, unsigned max_vlans);

// As `extract` in extract.h. Writes line 0 except its metadata; lines 1 and 2 only when the frame fills them.
inline bool extract_inline(const uint8_t* data, uint32_t len, Key& key, unsigned max_vlans) {
  constexpr uint32_t kIp = 20, kUdp = 8, kTcp = 20;
  if (len < kEthHeader + kIp + kUdp) [[unlikely]]
    return extract_slow(data, len, key, max_vlans);
  uint64_t type = load<uint16_t>(data + 12), tci = 0, tpid = 0;
  uint32_t at = kEthHeader;
  if (type == net16(0x8100)) {
    tpid = type;
    tci = load<uint16_t>(data + 14) | net16(0x1000);
    type = load<uint16_t>(data + 16);
    at += 4;
  }
  const uint8_t* ip = data + at;
  const uint32_t left = len - at;  // at least 24
  const uint32_t total = be16(ip + 2);
  const uint8_t proto = ip[9];
  const bool tcp = proto == 6;
  const uint32_t need = kIp + (tcp ? kTcp : kUdp);
  const bool plain = (type == net16(0x0800)) & ((ip[0] & 0x0f) == 5) & (total <= left) & (left - total <= kMaxPadding) &
                     ((load<uint16_t>(ip + 6) & net16(0x3fff)) == 0) & (tcp | (proto == 17)) & (total >= need) &
                     ((tpid == 0) | (max_vlans != 0));
  if (!plain) [[unlikely]]
    return extract_slow(data, len, key, max_vlans);

  const uint8_t* l4 = ip + kIp;
  const uint64_t flags = load<uint16_t>(l4 + (tcp ? 12 : 0)) & (tcp ? net16(0x0fff) : 0u);
  const uint64_t ports = load<uint32_t>(l4);
  const uint64_t addresses = load<uint64_t>(ip + 12);
  const uint64_t protocol = proto | static_cast<uint64_t>(ip[1]) << 8 | static_cast<uint64_t>(ip[8]) << 16;
  uint8_t* line = key.in_port;
  store(line + 8, load<uint64_t>(data));
  store(line + 16, load<uint32_t>(data + 8) | type << 32 | tci << 48);
  store(line + 24, addresses);
  store(line + 32, protocol | ports << 32);
  store(line + 40, flags | tpid << 16 | static_cast<uint64_t>(load<uint32_t>(key.dp_hash)) << 32);
  // Lines 1 and 2 hold nothing of this frame; the tunnel bytes of line 2 stay announced if they were.
  if (key.lines & 3) [[unlikely]] {
    key.lines &= static_cast<uint8_t>(~1u);
    if (key.lines & 2) std::memset(key.arp_sha, 0, offsetof(Key, tun_erspan_idx) - offsetof(Key, arp_sha));
  }
  return true;
}

static_assert(offsetof(Key, eth_dst) == 8 && offsetof(Key, nw_src) == 24 && offsetof(Key, nw_proto) == 32 && offsetof(Key, tp_src) == 36 &&
              offsetof(Key, tcp_flags) == 40 && offsetof(Key, vlan_tpid) == 42 && offsetof(Key, dp_hash) == 44);

}  // namespace weft
