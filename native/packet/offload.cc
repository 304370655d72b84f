// Finishing in software what a sender left to a device. The twin is src/packet/offload.ts; the order of steps is the same.
#include "offload.h"

#include "../port/port.h"
#include "checksum.h"

namespace weft {
namespace {

constexpr uint8_t kFin = 0x01, kPsh = 0x08, kCwr = 0x80;

// Where things stand in a packet to be cut, from its first byte.
struct Layout {
  uint32_t l3, l4, payload, end;
  uint32_t dst;  // the address that the transport checksum covers: the last hop of a routing header still to be travelled
  bool v6, tcp;
};

bool find_ipv4(const uint8_t* d, uint32_t len, Layout& h) {
  if (len - h.l3 < 20) return false;
  const uint8_t* ip = d + h.l3;
  const uint32_t header = (ip[0] & 0x0fu) * 4, total = be16(ip + 2);
  if (header < 20 || total < header || total > len - h.l3) return false;
  if (be16(ip + 6) & 0x3fff || ip[9] != (h.tcp ? 6 : 17)) return false;
  h.l4 = h.l3 + header;
  h.end = h.l3 + total;
  h.dst = h.l3 + 16;
  return true;
}

// Hop-by-hop, routing and destination options are repeated in each segment. A fragment cannot be cut, and what AH has signed neither.
bool find_ipv6(const uint8_t* d, uint32_t len, Layout& h) {
  if (len - h.l3 < 40) return false;
  const uint8_t* ip = d + h.l3;
  if (be16(ip + 4) > len - h.l3 - 40) return false;
  h.end = h.l3 + 40 + be16(ip + 4);
  h.dst = h.l3 + 24;
  h.l4 = h.l3 + 40;
  uint8_t proto = ip[6];
  while (proto == 0 || proto == 43 || proto == 60) {
    if (h.end - h.l4 < 8) return false;
    const uint8_t* x = d + h.l4;
    const uint32_t bytes = (x[1] + 1u) * 8;
    if (bytes > h.end - h.l4) return false;
    if (proto == 43 && x[3] != 0 && bytes >= 24) h.dst = h.l4 + (x[2] == 0 ? bytes - 16 : 8);
    proto = x[0];
    h.l4 += bytes;
  }
  return proto == (h.tcp ? 6 : 17);
}

bool find(const uint8_t* d, uint32_t len, uint8_t gso, Layout& h) {
  if (gso != kGsoTcp4 && gso != kGsoTcp6 && gso != kGsoUdpL4) return false;
  uint32_t at = 12;
  while (len >= at + 2 && (be16(d + at) == 0x8100 || be16(d + at) == 0x88a8)) at += 4;
  if (len < at + 2) return false;
  const uint16_t type = be16(d + at);
  h.l3 = at + 2;
  h.v6 = type == 0x86dd;
  h.tcp = gso != kGsoUdpL4;
  if (type != 0x0800 && type != 0x86dd) return false;
  if (h.tcp && h.v6 != (gso == kGsoTcp6)) return false;
  if (!(h.v6 ? find_ipv6(d, len, h) : find_ipv4(d, len, h))) return false;
  const uint32_t least = h.tcp ? 20 : 8;
  if (h.end - h.l4 < least) return false;
  const uint32_t header = h.tcp ? (d[h.l4 + 12] >> 4) * 4u : 8;
  if (header < least || header > h.end - h.l4) return false;
  h.payload = h.l4 + header;
  return true;
}

// Makes the headers of segment number n, of `len` bytes, true.
void finish_segment(uint8_t* d, uint32_t len, const Layout& h, uint32_t n, uint32_t sent, bool last, bool checksummed) {
  uint8_t* ip = d + h.l3;
  uint8_t* l4 = d + h.l4;
  const uint32_t l4_len = len - h.l4;
  if (h.v6) {
    put_be16(ip + 4, static_cast<uint16_t>(len - h.l3 - 40));
  } else {
    put_be16(ip + 2, static_cast<uint16_t>(len - h.l3));
    put_be16(ip + 4, static_cast<uint16_t>(be16(ip + 4) + n));
    store<uint16_t>(ip + 10, 0);
    store(ip + 10, ip_header_checksum(ip, h.l4 - h.l3));
  }
  if (h.tcp) {
    put_be32(l4 + 4, be32(l4 + 4) + sent);
    if (!last) l4[13] &= static_cast<uint8_t>(~(kFin | kPsh));
    if (n != 0) l4[13] &= static_cast<uint8_t>(~kCwr);
  } else {
    put_be16(l4 + 4, static_cast<uint16_t>(l4_len));
  }
  uint8_t* field = l4 + (h.tcp ? 16 : 6);
  store<uint16_t>(field, 0);
  if (!checksummed) return;
  const uint8_t proto = h.tcp ? 6 : 17;
  const uint64_t pseudo =
      h.v6 ? csum_pseudo6(ip + 8, d + h.dst, proto, l4_len) : csum_pseudo4(ip + 12, ip + 16, proto, l4_len);
  const uint16_t sum = csum_finish(csum_add(pseudo, l4, l4_len));
  store(field, h.tcp ? sum : csum_nonzero(sum));
}

}  // namespace

bool finish_checksum(Packet& p) {
  if (!(p.offload.flags & kNeedsCsum)) return true;
  const uint32_t start = p.offload.csum_start, field = start + p.offload.csum_offset;
  if (field + 2 > p.len) return false;
  // What the field holds, the pseudo-header's sum, is summed with the rest. Any transport takes 0xffff where 0 comes out; UDP must have it.
  store(p.data + field, csum_nonzero(csum_finish(csum_add(0, p.data + start, p.len - start))));
  p.offload.flags = static_cast<uint8_t>(p.offload.flags & ~kNeedsCsum);
  p.offload.csum_start = p.offload.csum_offset = 0;
  return true;
}

Packet* take_piece(Pool& pool, const Packet& p, bool large, uint32_t len) {
  Packet* s = pool.take(large);
  if (!s) return nullptr;
  if (len > tailroom(*s)) {
    pool.give(s);
    return nullptr;
  }
  s->len = len;
  s->in_port = p.in_port;
  s->slot = p.slot;
  s->delivered = p.delivered;
  s->recirc_depth = p.recirc_depth;
  s->trunc = 0;
  s->counted = 0;
  s->offload = {};
  return s;
}

int segment(Pool& pool, const Packet& p, uint32_t mtu, void (*emit)(void* ctx, Packet* segment), void* ctx) {
  Layout h;
  if (p.offload.gso_size == 0 || !find(p.data, p.len, gso_of(p), h)) return -1;
  const uint32_t headers = h.payload - h.l3;
  if (mtu <= headers) return -1;
  uint32_t step = p.offload.gso_size;
  if (step > mtu - headers) {
    if (!h.tcp) return -1;  // a datagram's size means something to its reader
    step = mtu - headers;
  }
  const bool checksummed =
      h.tcp || h.v6 || (p.offload.flags & kNeedsCsum) || load<uint16_t>(p.data + h.l4 + 6) != 0;
  const uint32_t payload = h.end - h.payload;
  const bool large = kHeadroom + h.payload + step > kSmallBuffer;
  int n = 0;
  for (uint32_t sent = 0; sent < payload || n == 0; sent += step, n++) {
    const uint32_t part = payload - sent < step ? payload - sent : step;
    Packet* s = take_piece(pool, p, large, h.payload + part);
    if (!s) return -2;
    std::memcpy(s->data, p.data, h.payload);
    std::memcpy(s->data + h.payload, p.data + h.payload + sent, part);
    finish_segment(s->data, s->len, h, static_cast<uint32_t>(n), sent, sent + part == payload, checksummed);
    emit(ctx, s);
  }
  return n;
}

}  // namespace weft
