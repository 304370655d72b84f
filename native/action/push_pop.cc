#include "push_pop.h"

#include <cstring>

#include "headers.h"

namespace weft {
namespace {

constexpr uint32_t kTag = 4;

// Offsets count from the first byte of the frame, so they move with what is pushed or popped in front of them.
void shift_offload(Offload& o, int by) {
  const auto move = [by](uint16_t v) { return static_cast<uint16_t>(v + by < 0 ? 0 : v + by); };
  if (o.flags & 1) o.csum_start = move(o.csum_start);
  if (o.hdr_len != 0) o.hdr_len = move(o.hdr_len);
}

bool insert_tag(Packet& p, uint32_t at, uint16_t high, uint16_t low) {
  if (!insert(p, at, kTag)) return false;
  put_be16(p.data + at, high);
  put_be16(p.data + at + 2, low);
  return true;
}

}  // namespace

bool insert(Packet& p, uint32_t at, uint32_t bytes) {
  if (headroom(p) < bytes) return false;
  std::memmove(p.data - bytes, p.data, at);
  p.data -= bytes;
  p.len += bytes;
  shift_offload(p.offload, static_cast<int>(bytes));
  return true;
}

void remove(Packet& p, uint32_t at, uint32_t bytes) {
  std::memmove(p.data + bytes, p.data, at);
  p.data += bytes;
  p.len -= bytes;
  shift_offload(p.offload, -static_cast<int>(bytes));
}

// Bit 0x1000 says "tagged" in keys and never goes on the wire.
bool push_vlan(Packet& p, uint16_t tpid, uint16_t tci) { return insert_tag(p, 12, tpid, tci & 0xefff); }

bool pop_vlan(Packet& p, unsigned vlans) {
  if (vlans == 0 || p.len < 18 || !is_vlan(be16(p.data + 12))) return false;
  remove(p, 12, kTag);
  return true;
}

// The label goes between the link layer with its VLAN tags and what they carried.
bool push_mpls(Packet& p, unsigned vlans, uint32_t lse, uint16_t eth_type) {
  const uint32_t type_at = locate(p.data, p.len, vlans).type_at;
  if (!insert_tag(p, type_at + 2, static_cast<uint16_t>(lse >> 16), static_cast<uint16_t>(lse))) return false;
  put_be16(p.data + type_at, eth_type);
  return true;
}

// Without a whole label there is nothing to pop.
void pop_mpls(Packet& p, unsigned vlans, uint16_t eth_type) {
  const Headers h = locate(p.data, p.len, vlans);
  if (!is_mpls(h.type) || p.len - h.l3 < kTag) return;
  remove(p, h.l3, kTag);
  put_be16(p.data + h.type_at, eth_type);
}

}  // namespace weft
