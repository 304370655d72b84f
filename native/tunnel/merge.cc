#include "merge.h"

#include <cstring>

#include "../action/headers.h"
#include "../packet/checksum.h"
#include "../packet/offload.h"

namespace weft {
namespace {

constexpr uint32_t kEth = 14, kUdpBytes = 8;
constexpr uint8_t kFin = 0x01, kPsh = 0x08, kAck = 0x10;

// Offsets of a piece, from its tunnel header: the inner IP header, TCP header, payload. `size`: bytes of a whole piece.
struct Shape {
  uint32_t start, size, end;
  uint32_t ip, tcp, payload;
  bool v6;
};

// End of an outer UDP datagram of the plainest kind; 0: it is none.
uint32_t outer_end(const uint8_t* d, uint32_t len) {
  const uint16_t type = be16(d + 12);
  const bool v6 = type == kTypeIpv6;
  if (len < kEth + (v6 ? 40 : 20) + kUdpBytes) return 0;
  const uint8_t* ip = d + kEth;
  const uint32_t end = v6 ? kEth + 40 + be16(ip + 4) : kEth + be16(ip + 2);
  const bool plain = v6 ? ip[6] == kProtoUdp : type == kTypeIpv4 && ip[0] == 0x45 && ip[9] == kProtoUdp && !(be16(ip + 6) & 0x3fff);
  return plain && end <= len ? end : 0;
}

bool find_shape(const Packet& p, uint32_t kind, Shape& s) {
  if (gso_of(p) != kGsoUdpL4 || (kind != kTunnelVxlan && kind != kTunnelGeneve) || p.offload.gso_size == 0) return false;
  const uint8_t* d = p.data;
  s.end = outer_end(d, p.len);
  s.start = kEth + (be16(d + 12) == kTypeIpv6 ? 40 : 20) + kUdpBytes;
  s.size = p.offload.gso_size;
  if (s.end <= s.start || s.end - s.start <= s.size || s.size < 8 + kEth + 40) return false;
  const bool geneve = kind == kTunnelGeneve;
  const uint8_t* tunnel = d + s.start;
  if (geneve ? be16(tunnel + 2) != 0x6558 : (tunnel[0] & 0x04) != 0) return false;
  s.ip = 8 + (geneve ? (tunnel[0] & 0x3fu) * 4 : 0) + kEth;
  if (s.size < s.ip + 20) return false;
  const uint16_t type = be16(tunnel + s.ip - 2);
  s.v6 = type == kTypeIpv6;
  if (!s.v6 && type != kTypeIpv4) return false;
  s.tcp = s.ip + (s.v6 ? 40 : 20);
  if (s.size < s.tcp + 20) return false;
  const uint32_t header = (tunnel[s.tcp + 12] >> 4) * 4u;
  s.payload = s.tcp + header;
  return header >= 20 && s.size > s.payload;
}

uint64_t tcp_pseudo(const uint8_t* piece, const Shape& s, uint32_t bytes) {
  const uint8_t* ip = piece + s.ip;
  return s.v6 ? csum_pseudo6(ip + 8, ip + 24, kProtoTcp, bytes - s.tcp) : csum_pseudo4(ip + 12, ip + 16, kProtoTcp, bytes - s.tcp);
}

// Is it the piece that is due as number n? Of the first it is asked only whether it is right in itself.
bool follows(const uint8_t* first, const uint8_t* piece, const Shape& s, uint32_t n, uint32_t bytes, bool last) {
  const auto same = [first, piece](uint32_t from, uint32_t to) { return std::memcmp(first + from, piece + from, to - from) == 0; };
  if (bytes <= s.payload || !same(0, s.ip + 2)) return false;
  const uint8_t* ip = piece + s.ip;
  if (s.v6) {
    if (be16(ip + 4) != bytes - s.tcp || ip[6] != kProtoTcp || !same(s.ip + 2, s.ip + 4) || !same(s.ip + 6, s.tcp)) return false;
  } else {
    if (ip[0] != 0x45 || ip[9] != kProtoTcp || be16(ip + 2) != bytes - s.ip) return false;
    const uint16_t bits = be16(ip + 6);
    if ((bits & 0x3fff) || !same(s.ip + 6, s.ip + 10) || !same(s.ip + 12, s.tcp)) return false;
    const bool named = static_cast<uint16_t>(be16(first + s.ip + 4) + n) == be16(ip + 4);
    if (!named && !(bits & 0x4000)) return false;
    if (csum_fold(csum_add(0, ip, 20)) != 0xffff) return false;
  }
  if (!same(s.tcp, s.tcp + 4) || !same(s.tcp + 8, s.tcp + 13) || !same(s.tcp + 14, s.tcp + 16) || !same(s.tcp + 18, s.payload)) return false;
  const uint8_t* tcp = piece + s.tcp;
  const uint32_t due = be32(first + s.tcp + 4) + n * (s.size - s.payload);
  if (be32(tcp + 4) != due || (tcp[13] & ~(kFin | kPsh)) != kAck || ((tcp[13] & kFin) && !last)) return false;
  return csum_fold(csum_add(tcp_pseudo(piece, s, bytes), tcp, bytes - s.tcp)) == 0xffff;
}

// Length and checksum of an IP header, of a packet that ends with the frame.
void finish_network(Packet& p, uint32_t l3, uint32_t l4, bool v6) {
  uint8_t* ip = p.data + l3;
  if (v6) return put_be16(ip + 4, static_cast<uint16_t>(p.len - l4));
  put_be16(ip + 2, static_cast<uint16_t>(p.len - l3));
  put_be16(ip + 10, 0);
  store(ip + 10, ip_header_checksum(ip, l4 - l3));
}

}  // namespace

bool merge(Packet& p, const TunnelPop& t) {
  Shape s;
  if (!find_shape(p, t.kind & 0xff, s)) return false;
  uint8_t* first = p.data + s.start;
  const uint32_t all = s.end - s.start;
  for (uint32_t at = 0, n = 0; at < all; at += s.size, n++) {
    const uint32_t bytes = all - at < s.size ? all - at : s.size;
    if (!follows(first, first + at, s, n, bytes, at + bytes == all)) return false;
  }
  uint32_t to = s.size;
  for (uint32_t at = s.size; at < all; at += s.size) {
    const uint32_t bytes = (all - at < s.size ? all - at : s.size) - s.payload;
    first[s.tcp + 13] |= first[at + s.tcp + 13];
    std::memmove(first + to, first + at + s.payload, bytes);
    to += bytes;
  }
  p.len = s.start + to;
  finish_network(p, s.start + s.ip, s.start + s.tcp, s.v6);
  store(first + s.tcp + 16, csum_fold(tcp_pseudo(first, s, to)));
  const uint32_t udp = s.start - kUdpBytes;
  finish_network(p, kEth, udp, udp == kEth + 40);
  put_be16(p.data + udp + 4, static_cast<uint16_t>(p.len - udp));
  put_be16(p.data + udp + 6, 0xffff);  // there was one, and it covered the pieces
  p.offload = Offload{};
  p.offload.flags = kNeedsCsum;
  p.offload.gso_type = s.v6 ? kGsoTcp6 : kGsoTcp4;
  p.offload.hdr_len = static_cast<uint16_t>(s.start + s.payload);
  p.offload.gso_size = static_cast<uint16_t>(s.size - s.payload);
  p.offload.csum_start = static_cast<uint16_t>(s.start + s.tcp);
  p.offload.csum_offset = 16;
  return true;
}

}  // namespace weft
