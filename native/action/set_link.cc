#include "patch.h"
#include "set.h"

namespace weft {

namespace {

template <class T>
void blend(uint8_t* at, const uint8_t* value, const uint8_t* mask) {
  const T m = load<T>(mask);
  store<T>(at, (load<T>(at) & ~m) | (load<T>(value) & m));
}

}  // namespace

// No checksum covers them.
void set_eth(Packet& p, const uint8_t* value, const uint8_t* mask) {
  blend<uint64_t>(p.data, value, mask);
  blend<uint32_t>(p.data + 8, value + 8, mask + 8);
}

void set_vlan(const SetInput& s) {
  if (s.vlans == 0 || s.p->len < 18 || !is_vlan(be16(s.at(12)))) return;
  const uint8_t mask[2] = {static_cast<uint8_t>(s.mask[0] & 0xef), s.mask[1]};
  patch(s.at(14), s.value, mask, 2);
}

void set_mpls(const SetInput& s) {
  if (is_mpls(s.h->type) && s.p->len - s.h->l3 >= 4) patch(s.at(s.h->l3), s.value, s.mask, 4);
}

void set_arp(const SetInput& s) {
  if ((s.h->type != kTypeArp && s.h->type != kTypeRarp) || s.p->len - s.h->l3 < 28) return;
  uint8_t* arp = s.at(s.h->l3);
  if (be16(arp) != 1 || be16(arp + 2) != 0x0800 || arp[4] != 6 || arp[5] != 4) return;
  patch(arp + 14, s.value, s.mask, 4);
  patch(arp + 24, s.value + 4, s.mask + 4, 4);
  patch(arp + 6, s.value + 8, s.mask + 8, 2);
  patch(arp + 8, s.value + 10, s.mask + 10, 6);
  patch(arp + 18, s.value + 16, s.mask + 16, 6);
}

namespace {

// Version 2 bits, flags 2, TTL 6, length 6.
void nsh_word(uint8_t out[2], uint8_t flags, uint8_t ttl) {
  out[0] = static_cast<uint8_t>((flags & 3) << 4 | (ttl & 0x3f) >> 2);
  out[1] = static_cast<uint8_t>((ttl & 3) << 6);
}

}  // namespace

void set_nsh(const SetInput& s) {
  const uint32_t left = s.p->len - s.h->l3;
  if (s.h->type != kTypeNsh || left < 8) return;
  uint8_t* nsh = s.at(s.h->l3);
  const uint16_t first = be16(nsh);
  const uint32_t length = (first & 0x3fu) * 4;
  const uint8_t md_type = nsh[2];
  if (first >> 14 != 0 || length > left || (md_type == 1 && length != 24) || (md_type == 2 && length < 8)) return;
  uint8_t value[2], mask[2];
  nsh_word(value, s.value[0], s.value[1]);
  nsh_word(mask, s.mask[0], s.mask[1]);
  patch(nsh, value, mask, 2);
  patch(nsh + 4, s.value + 4, s.mask + 4, md_type == 1 ? 20 : 4);
}

}  // namespace weft
