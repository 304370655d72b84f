#include "headers.h"

#include <algorithm>

#include "../packet/offload.h"

namespace weft {
namespace {

constexpr uint32_t kMaxPadding = 0xffff;

uint32_t transport_bytes(uint8_t proto) {
  switch (proto) {
    case kProtoIcmp:
    case kProtoUdp:
    case kProtoIcmpv6:
      return 8;
    case kProtoTcp:
      return 20;
    case kProtoSctp:
      return 12;
    default:
      return kNone;
  }
}

void transport(Headers& h, uint32_t at) {
  if (h.l4_end - at >= transport_bytes(h.proto)) h.l4 = at;
}

void ipv4(const uint8_t* data, uint32_t len, Headers& h) {
  const uint8_t* ip = data + h.l3;
  const uint32_t left = len - h.l3;
  if (left < 20) return;
  const uint32_t header = (ip[0] & 0x0fu) * 4;
  const uint32_t total = be16(ip + 2);
  if (header < 20 || total < header || total > left || left - total > kMaxPadding) return;
  h.ip = true;
  h.proto = ip[9];
  h.l4_end = h.l3 + total;
  if ((be16(ip + 6) & 0x1fff) == 0) transport(h, h.l3 + header);
}

bool is_extension(uint8_t proto) { return proto == 0 || proto == 43 || proto == 44 || proto == 51 || proto == 60; }

void ipv6(const uint8_t* data, uint32_t len, Headers& h) {
  const uint8_t* ip = data + h.l3;
  const uint32_t left = len - h.l3;
  if (left < 40) return;
  const uint32_t payload = be16(ip + 4);
  if (40 + payload > left || left - 40 - payload > kMaxPadding) return;
  h.ip = true;
  h.l4_end = h.l3 + 40 + payload;
  uint32_t at = h.l3 + 40;
  uint8_t proto = ip[6];
  bool routed = false, later = false;
  while (is_extension(proto) && !later) {
    if (h.l4_end - at < 8) return;
    const uint8_t* ext = data + at;
    uint32_t bytes = 8;
    if (proto == 44)
      later = (be16(ext + 2) & 0xfff8) != 0;
    else
      bytes = proto == 51 ? (ext[1] + 2u) * 4 : (ext[1] + 1u) * 8;
    if (bytes > h.l4_end - at) return;
    routed |= proto == 43 && ext[3] != 0;
    if (!later) proto = ext[0];
    at += bytes;
  }
  h.proto = proto;
  h.routed = routed;
  if (!later) transport(h, at);
}

}  // namespace

Headers locate(const uint8_t* data, uint32_t len, unsigned vlans) {
  uint32_t at = 12;
  uint16_t type = be16(data + at);
  for (unsigned n = 0; n < vlans && is_vlan(type) && len - at >= 6; n++) {
    at += 4;
    type = be16(data + at);
  }
  if (type < 0x600) {
    static constexpr uint8_t kSnap[6] = {0xaa, 0xaa, 0x03, 0, 0, 0};
    const bool snap = len - at >= 10 && std::memcmp(data + at + 2, kSnap, 6) == 0 && be16(data + at + 8) >= 0x600;
    if (snap) at += 8;
    type = snap ? be16(data + at) : uint16_t{0};
  }
  Headers h{.type_at = at, .l3 = at + 2, .l4 = kNone, .l4_end = 0, .type = type, .proto = 0, .ip = false, .routed = false};
  if (type == kTypeIpv4)
    ipv4(data, len, h);
  else if (type == kTypeIpv6)
    ipv6(data, len, h);
  return h;
}

uint32_t segment_length(const Packet& p, const Headers& h) {
  if (h.l4 == kNone) return p.len;
  uint32_t whole = p.len;
  if ((gso_of(p) == kGsoTcp4 || gso_of(p) == kGsoTcp6) && h.proto == kProtoTcp)
    whole = h.l4 + (p.data[h.l4 + 12] >> 4) * 4u + p.offload.gso_size;
  else if (gso_of(p) == kGsoUdpL4 && h.proto == kProtoUdp)
    whole = h.l4 + 8 + p.offload.gso_size;
  return std::min(p.len, whole);
}

}  // namespace weft
