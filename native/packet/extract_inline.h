// The common case of key extraction, to be inlined into the worker's loop: Ethernet with at most one tag, IPv4 without options or
// fragments, TCP or UDP. Everything else, and everything malformed, goes to extract_slow.
//
// The price of a packet here is branches that a mix of traffic cannot train, so there is one per question that traffic answers the same way
// for long (tagged? IPv4? plain header?) and arithmetic for the one it does not (TCP or UDP). The line is written in whole aligned
// 8-byte words, because a hash or compare that follows at once can take those from the store buffer, and cannot join narrower ones.
#pragma once
#include "../generated/key_layout.h"
#include "bytes.h"
#include "hash.h"

namespace weft {

constexpr uint32_t kEthHeader = 14;
constexpr uint32_t kMaxPadding = 0xffff;  // bytes that may follow an IP datagram in its frame

// The whole of extraction, any frame.
bool extract_slow(const uint8_t* data, uint32_t len, Key& key, unsigned max_vlans);

// Words 1 to 5 of line 0 (the upper half of the last is dp_hash), as the common case fills them.
struct HotWords {
  uint64_t word[5];
};

// False: not the common case; nothing was decided.
inline bool read_common(const uint8_t* data, uint32_t len, unsigned max_vlans, HotWords& out) {
  constexpr uint32_t kIp = 20, kUdp = 8, kTcp = 20;
  if (len < kEthHeader + kIp + kUdp) [[unlikely]]
    return false;
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
    return false;
  const uint8_t* l4 = ip + kIp;
  const uint32_t control = load<uint16_t>(l4 + (tcp ? 12 : 0));  // data offset, then the flags
  const uint32_t header = control >> 2 & 0x3c;
  if (tcp & ((header < kTcp) | (header > total - kIp))) [[unlikely]]
    return false;
  const uint64_t flags = control & (tcp ? net16(0x0fff) : 0u);
  const uint64_t protocol = proto | static_cast<uint64_t>(ip[1]) << 8 | static_cast<uint64_t>(ip[8]) << 16;
  out.word[0] = load<uint64_t>(data);
  out.word[1] = load<uint32_t>(data + 8) | type << 32 | tci << 48;
  out.word[2] = load<uint64_t>(ip + 12);
  out.word[3] = protocol | static_cast<uint64_t>(load<uint32_t>(l4)) << 32;
  out.word[4] = flags | tpid << 16;
  return true;
}

// As `extract` in extract.h. Writes line 0 except its metadata; lines 1 and 2 only when the frame fills them.
inline bool extract_inline(const uint8_t* data, uint32_t len, Key& key, unsigned max_vlans) {
  HotWords hot;
  if (!read_common(data, len, max_vlans, hot)) [[unlikely]]
    return extract_slow(data, len, key, max_vlans);
  uint8_t* line = key.in_port;
  for (int i = 0; i < 4; i++) store(line + 8 + 8 * i, hot.word[i]);
  store(line + 40, hot.word[4] | static_cast<uint64_t>(load<uint32_t>(key.dp_hash)) << 32);
  // Lines 1 and 2 hold nothing of this frame; the tunnel bytes of line 2 stay announced if they were.
  if (key.lines & 3) [[unlikely]] {
    key.lines &= static_cast<uint8_t>(~1u);
    if (key.lines & 2) std::memset(key.arp_sha, 0, offsetof(Key, tun_erspan_idx) - offsetof(Key, arp_sha));
  }
  return true;
}

// A frame just received: all of line 0 is written, metadata too (in_port, the rest zero), so the caller prepares nothing, and `hash` is hash_key(key),
// taken from registers on the way. 15 cycles against 22 for the steps one by one (native/bench).
inline bool extract_received(const uint8_t* data, uint32_t len, uint32_t in_port, Key& key, unsigned max_vlans, uint32_t& hash) {
  HotWords hot;
  uint8_t* line = key.in_port;
  const uint64_t first = __builtin_bswap32(in_port);
  store(line, first);
  store<uint64_t>(line + 48, 0);
  store<uint64_t>(line + 56, 0);
  if (!read_common(data, len, max_vlans, hot)) [[unlikely]] {
    std::memset(key.dp_hash, 0, sizeof key.dp_hash);
    const bool ok = extract_slow(data, len, key, max_vlans);
    hash = hash_key(key);
    return ok;
  }
  for (int i = 0; i < 5; i++) store(line + 8 + 8 * i, hot.word[i]);
  uint32_t a = 0, b = ~0u;  // as hash_line(0, line)
  a = crc_u64(a, first), b = crc_u64(b, hot.word[0]);
  a = crc_u64(a, hot.word[1]), b = crc_u64(b, hot.word[2]);
  a = crc_u64(a, hot.word[3]), b = crc_u64(b, hot.word[4]);
  a = crc_u64(a, 0), b = crc_u64(b, 0);
  hash = crc_u64(a, b);
  return true;
}

static_assert(offsetof(Key, eth_dst) == 8 && offsetof(Key, nw_src) == 24 && offsetof(Key, nw_proto) == 32 && offsetof(Key, tp_src) == 36 &&
              offsetof(Key, tcp_flags) == 40 && offsetof(Key, vlan_tpid) == 42 && offsetof(Key, dp_hash) == 44);

}  // namespace weft
