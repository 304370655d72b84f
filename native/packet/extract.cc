// Key extraction, every case. The rules and their reasons are told once, in src/packet/extract.ts; this is the same walk in the same order.
#include "extract.h"

#include "extract_inline.h"

namespace weft {
namespace {

constexpr uint16_t kTypeMin = 0x600;
constexpr uint16_t kTypeNone = 0x05ff;
constexpr uint8_t kFragAny = 1;
constexpr uint8_t kFragLater = 2;
constexpr uint8_t kLineIpv6 = 1;  // bits of `lines`
constexpr uint8_t kLineL2 = 2;
constexpr size_t kFromFrame2 = offsetof(Key, tun_erspan_idx) - offsetof(Key, arp_sha);  // bytes of line 2 before its metadata

template <size_t N>
void copy(uint8_t (&slot)[N], const uint8_t* from) {
  std::memcpy(slot, from, N);
}

// Lines 1 and 2 hold garbage until they are announced.
void announce_ipv6(Key& key) {
  if (key.lines & kLineIpv6) return;
  std::memset(key.ipv6_src, 0, kLineBytes);
  key.lines |= kLineIpv6;
}

void announce_l2(Key& key) {
  if (key.lines & kLineL2) return;
  std::memset(key.arp_sha, 0, kLineBytes);
  key.lines |= kLineL2;
}

void clear(Key& key) {
  std::memset(key.eth_dst, 0, offsetof(Key, dp_hash) - offsetof(Key, eth_dst));
  key.lines &= static_cast<uint8_t>(~kLineIpv6);
  if (key.lines & kLineL2) std::memset(key.arp_sha, 0, kFromFrame2);  // announced on entry: its end is tunnel metadata
}

bool is_vlan(uint16_t type) { return type == 0x8100 || type == 0x88a8; }

uint16_t snap_type(const uint8_t* p, uint32_t left) {
  static constexpr uint8_t kSnap[] = {0xaa, 0xaa, 0x03, 0, 0, 0};
  if (left < 8 || std::memcmp(p, kSnap, sizeof kSnap) != 0) return kTypeNone;
  uint16_t type = be16(p + 6);
  return type < kTypeMin ? kTypeNone : type;
}

// Neighbor solicitation and advertisement; `left` is at least 8.
void nd(const uint8_t* p, uint32_t left, Key& key) {
  announce_ipv6(key);
  copy(key.nd_reserved, p + 4);
  if (left < 24) return;
  copy(key.nd_target, p + 8);
  p += 24;
  left -= 24;
  while (left >= 8) {
    const uint8_t type = p[0];
    const uint32_t bytes = p[1] * 8u;
    if (bytes == 0 || bytes > left) return;
    if ((type == 1 || type == 2) && bytes == 8) {
      static constexpr uint8_t kZero[6] = {};
      announce_l2(key);
      uint8_t(&slot)[6] = type == 1 ? key.arp_sha : key.arp_tha;
      if (std::memcmp(slot, kZero, sizeof kZero) != 0) {
        std::memset(key.nd_target, 0, sizeof key.nd_target);
        std::memset(key.arp_sha, 0, sizeof key.arp_sha);
        std::memset(key.arp_tha, 0, sizeof key.arp_tha);
        return;
      }
      copy(slot, p + 2);
      if (key.nd_options_type == 0) key.nd_options_type = type;
    }
    p += bytes;
    left -= bytes;
  }
}

void transport(const uint8_t* p, uint32_t left, Key& key, uint8_t proto) {
  switch (proto) {
    case 6:
      if (left < 20 || p[12] >> 4 < 5 || (p[12] >> 4) * 4u > left) return;
      copy(key.tp_src, p);
      copy(key.tp_dst, p + 2);
      put_be16(key.tcp_flags, be16(p + 12) & 0x0fff);
      return;
    case 17:
    case 132:
      if (left < (proto == 17 ? 8u : 12u)) return;
      copy(key.tp_src, p);
      copy(key.tp_dst, p + 2);
      return;
    case 1:
    case 2:
    case 58:
      if (left < 8) return;
      key.tp_src[1] = p[0];
      key.tp_dst[1] = p[1];
      if (proto == 58 && (p[0] == 135 || p[0] == 136) && p[1] == 0) nd(p, left, key);
      return;
    default:
      return;
  }
}

void ipv4(const uint8_t* p, uint32_t left, Key& key) {
  if (left < 20) return;
  const uint32_t header = (p[0] & 0x0fu) * 4;
  const uint32_t total = be16(p + 2);
  if (header < 20 || total < header || total > left || left - total > kMaxPadding) return;
  copy(key.nw_src, p + 12);
  copy(key.nw_dst, p + 16);
  key.nw_proto = p[9];
  key.nw_tos = p[1];
  key.nw_ttl = p[8];
  const uint16_t fragment = be16(p + 6) & 0x3fff;
  if (fragment != 0) key.nw_frag = fragment & 0x1fff ? kFragAny | kFragLater : kFragAny;
  if (!(fragment & 0x1fff)) transport(p + header, total - header, key, p[9]);
}

bool is_extension(uint8_t proto) { return proto == 0 || proto == 43 || proto == 44 || proto == 51 || proto == 60; }

// Moves p, left and proto past extension headers. False: the chain runs past the payload.
bool walk_ipv6(const uint8_t*& p, uint32_t& left, uint8_t& proto, uint8_t& frag) {
  while (is_extension(proto)) {
    if (left < 8) return false;
    const uint8_t next = p[0];
    uint32_t bytes = 8;
    if (proto == 44) {
      const uint16_t offset = be16(p + 2);
      if (offset != 0) frag = offset & 0xfff8 ? kFragAny | kFragLater : kFragAny;
      if (frag & kFragLater) return true;
    } else {
      bytes = proto == 51 ? (p[1] + 2u) * 4 : (p[1] + 1u) * 8;
      if (bytes > left) return false;
    }
    p += bytes;
    left -= bytes;
    proto = next;
  }
  return true;
}

void ipv6(const uint8_t* p, uint32_t left, Key& key) {
  if (left < 40) return;
  const uint32_t payload = be16(p + 4);
  if (40 + payload > left || left - 40 - payload > kMaxPadding) return;
  announce_ipv6(key);
  copy(key.ipv6_src, p + 8);
  copy(key.ipv6_dst, p + 24);
  const uint8_t* next = p + 40;
  uint32_t rest = payload;
  uint8_t proto = p[6], frag = 0;
  if (!walk_ipv6(next, rest, proto, frag)) return;
  put_be32(key.ipv6_label, be32(p) & 0xfffff);
  key.nw_proto = proto;
  key.nw_tos = static_cast<uint8_t>(be16(p) >> 4);
  key.nw_ttl = p[7];
  key.nw_frag = frag;
  if (!(frag & kFragLater)) transport(next, rest, key, proto);
}

void arp(const uint8_t* p, uint32_t left, Key& key) {
  if (left < 28 || be16(p) != 1 || be16(p + 2) != 0x0800 || p[4] != 6 || p[5] != 4) return;
  announce_l2(key);
  if (p[6] == 0) key.nw_proto = p[7];
  copy(key.arp_sha, p + 8);
  copy(key.nw_src, p + 14);
  copy(key.arp_tha, p + 18);
  copy(key.nw_dst, p + 24);
}

void mpls(const uint8_t* p, uint32_t left, Key& key) {
  uint8_t(*const slots[])[4] = {&key.mpls_lse0, &key.mpls_lse1, &key.mpls_lse2};
  for (auto* slot : slots) {
    if (left < 4) return;
    announce_l2(key);
    copy(*slot, p);
    if (p[2] & 1) return;
    p += 4;
    left -= 4;
  }
}

void nsh(const uint8_t* p, uint32_t left, Key& key) {
  if (left < 8) return;
  const uint16_t first = be16(p);
  const uint32_t length = (first & 0x3fu) * 4;
  if (first >> 14 != 0 || length > left) return;
  if ((p[2] == 1 && length != 24) || (p[2] == 2 && length < 8)) return;
  announce_l2(key);
  key.nsh_flags = first >> 12 & 3;
  key.nsh_ttl = first >> 6 & 0x3f;
  key.nsh_mdtype = p[2];
  key.nsh_np = p[3];
  copy(key.nsh_path, p + 4);
  if (p[2] != 1) return;
  copy(key.nsh_c1, p + 8);
  copy(key.nsh_c2, p + 12);
  copy(key.nsh_c3, p + 16);
  copy(key.nsh_c4, p + 20);
}

}  // namespace

bool extract_slow(const uint8_t* data, uint32_t len, Key& key, unsigned max_vlans) {
  clear(key);
  if (len < kEthHeader) return false;
  copy(key.eth_dst, data);
  copy(key.eth_src, data + 6);

  uint32_t at = 12;
  for (unsigned n = 0; n < max_vlans && n < 2 && is_vlan(be16(data + at)) && len - at >= 6; n++, at += 4) {
    if (n == 1) announce_l2(key);
    copy(n == 0 ? key.vlan_tpid : key.vlan2_tpid, data + at);
    put_be16(n == 0 ? key.vlan_tci : key.vlan2_tci, be16(data + at + 2) | 0x1000);
  }
  uint16_t type = be16(data + at);
  at += 2;
  if (type < kTypeMin) {
    type = snap_type(data + at, len - at);
    if (type != kTypeNone) at += 8;
  }
  put_be16(key.eth_type, type);

  const uint8_t* p = data + at;
  const uint32_t left = len - at;
  switch (type) {
    case 0x0800: ipv4(p, left, key); break;
    case 0x86dd: ipv6(p, left, key); break;
    case 0x0806:
    case 0x8035: arp(p, left, key); break;
    case 0x8847:
    case 0x8848: mpls(p, left, key); break;
    case 0x894f: nsh(p, left, key); break;
    default: break;
  }
  return true;
}

bool extract(const uint8_t* data, uint32_t len, Key& key, unsigned max_vlans) { return extract_inline(data, len, key, max_vlans); }

}  // namespace weft
