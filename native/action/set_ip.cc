#include "patch.h"
#include "set.h"

namespace weft {

void set_ipv4(const SetInput& s) {
  if (!s.h->ip || s.h->type != kTypeIpv4) return;
  uint8_t* ip = s.at(s.h->l3);
  const int32_t addresses = patch(ip + 12, s.value, s.mask, 8);
  const int32_t tos = patch_odd(ip + 1, s.value[9], s.mask[9]);
  const int32_t ttl = patch(ip + 8, s.value + 10, s.mask + 10, 1);
  adjust(ip + 10, addresses + tos + ttl, ChecksumForm::kComplete);
  if (addresses != 0) adjust_pseudo(s, addresses);
}

namespace {

// Version 4 bits (stays), traffic class 8, label 20.
void ipv6_word(uint8_t out[4], uint8_t tclass, const uint8_t* label) {
  out[0] = tclass >> 4;
  out[1] = static_cast<uint8_t>(tclass << 4 | (label[1] & 0x0f));
  out[2] = label[2];
  out[3] = label[3];
}

}  // namespace

void set_ipv6(const SetInput& s) {
  if (!s.h->ip || s.h->type != kTypeIpv6) return;
  uint8_t* ip = s.at(s.h->l3);
  const int32_t src = patch(ip + 8, s.value, s.mask, 16);
  const int32_t dst = patch(ip + 24, s.value + 16, s.mask + 16, 16);
  uint8_t value[4], mask[4];
  ipv6_word(value, s.value[37], s.value + 32);
  ipv6_word(mask, s.mask[37], s.mask + 32);
  patch(ip, value, mask, 4);
  patch(ip + 7, s.value + 38, s.mask + 38, 1);
  adjust_pseudo(s, s.h->routed ? src : src + dst);
}

}  // namespace weft
