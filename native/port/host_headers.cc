#include "host_headers.h"

#include "../packet/checksum.h"
#include "../packet/offload.h"
#include "unfinished.h"

namespace weft {

namespace {

// Of segments that are not cut yet the socket does not tell how long they were to be. No network's packets are too short for these (RFC 8200: 1,280 bytes, less
// two headers); packets as long as this, or shorter, are left as they are.
constexpr uint16_t kCut = 1220;
constexpr uint32_t kWhole = 1500;

constexpr uint16_t kFrame = 0x6558;  // what is carried has an Ethernet header

}  // namespace

bool read_outer(const Packet& p, Outer& o) {
  if (p.len < kEth + kIpv4) return false;
  const uint8_t* ip = p.data + kEth;
  o.v6 = be16(p.data + 12) == 0x86dd;
  const uint32_t l4 = kEth + (o.v6 ? kIpv6 : kIpv4);
  if (p.len < l4 + 4) return false;
  o.proto = ip[o.v6 ? 6 : 9];
  o.tos = o.v6 ? static_cast<uint8_t>(be16(ip) >> 4) : ip[1];
  o.ttl = ip[o.v6 ? 7 : 8];
  o.df = o.v6 || (ip[6] & 0x40);
  o.src = ip + (o.v6 ? 8 : 12);
  o.dst = o.src + (o.v6 ? 16 : 4);
  o.payload = l4;
  if (o.proto == kProtoGre) return true;
  if (o.proto != kProtoUdp || p.len < l4 + kUdp) return false;
  o.src_port = be16(p.data + l4);
  o.dst_port = be16(p.data + l4 + 2);
  o.checksummed = load<uint16_t>(p.data + l4 + 6) != 0;
  o.payload += kUdp;
  return true;
}

void note_unfinished(Packet& p, uint32_t tunnel, bool gre) {
  uint8_t* t = p.data + tunnel;
  if (p.len - tunnel < 8) return;
  uint32_t inner = tunnel + 8;
  uint16_t type = kFrame;
  if (gre) {
    const uint16_t flags = be16(t);
    type = be16(t + 2);
    inner = tunnel + 4 + (flags & 0x8000 ? 4u : 0u) + (flags & 0x2000 ? 4u : 0u) + (flags & 0x1000 ? 4u : 0u);
  } else if (be16(t + 2) == kFrame) {  // Geneve
    inner += (t[0] & 0x3fu) * 4;
  } else if ((t[0] & 0x0c) == 0x0c && (t[3] == 1 || t[3] == 2)) {  // VXLAN with a protocol
    type = t[3] == 1 ? kTypeIpv4 : kTypeIpv6;
  }
  // What has no Ethernet header is looked at as if the bytes in front of it were one.
  if (type != kFrame) inner -= kEth;
  if (inner + kEth > p.len) return;
  uint8_t* place = p.data + inner + 12;
  const uint16_t before = be16(place);
  if (type != kFrame) put_be16(place, type);
  const Headers h = locate(p.data + inner, p.len - inner, type == kFrame ? 1 : 0);
  if (type != kFrame) put_be16(place, before);
  note_state(p, inner, h, {kWhole, 0, kCut});
}

void note_joined(Packet& p, uint32_t payload, uint16_t unit, bool v6) {
  const uint32_t l4 = payload - kUdp;
  const uint8_t* ip = p.data + kEth;
  const uint32_t length = p.len - l4;
  store(p.data + l4 + 6, csum_fold(v6 ? csum_pseudo6(ip + 8, ip + 24, kProtoUdp, length) : csum_pseudo4(ip + 12, ip + 16, kProtoUdp, length)));
  p.offload = Offload{};
  p.offload.flags = kNeedsCsum;
  p.offload.gso_type = kGsoUdpL4;
  p.offload.hdr_len = static_cast<uint16_t>(payload);
  p.offload.gso_size = unit;
  p.offload.csum_start = static_cast<uint16_t>(l4);
  p.offload.csum_offset = 6;
}

}  // namespace weft
