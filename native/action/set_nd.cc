// Neighbor discovery: solicitation and advertisement, with their link-layer address options.
#include "patch.h"
#include "set.h"

namespace weft {
namespace {

constexpr uint32_t kOptions = 24;  // of the message
constexpr uint8_t kSource = 1;

bool is_nd(const SetInput& s) {
  if (s.h->l4 == kNone || s.h->proto != kProtoIcmpv6 || s.h->type != kTypeIpv6) return false;
  const uint8_t* m = s.at(s.h->l4);
  return (m[0] == 135 || m[0] == 136) && m[1] == 0;
}

// The first link-layer address option from `at` on, or kNone.
uint32_t link_option(const SetInput& s, uint32_t at) {
  const uint32_t end = s.h->l4_end;
  while (at <= end && end - at >= 8) {
    const uint8_t* o = s.at(at);
    const uint32_t bytes = o[1] * 8u;
    if (bytes == 0 || bytes > end - at) return kNone;
    if ((o[0] == 1 || o[0] == 2) && bytes == 8) return at;
    at += bytes;
  }
  return kNone;
}

}  // namespace

void set_nd(const SetInput& s) {
  if (!is_nd(s) || s.h->l4_end - s.h->l4 < kOptions) return;
  int32_t delta = patch(s.at(s.h->l4) + 8, s.value, s.mask, 16);
  for (uint32_t o = link_option(s, s.h->l4 + kOptions); o != kNone; o = link_option(s, o + 8)) {
    const uint32_t from = *s.at(o) == kSource ? 16 : 22;
    delta += patch(s.at(o) + 2, s.value + from, s.mask + from, 6);
  }
  adjust_transport(s, delta);
}

void set_nd_ext(const SetInput& s) {
  if (!is_nd(s)) return;
  int32_t delta = patch(s.at(s.h->l4) + 4, s.value, s.mask, 4);
  const uint32_t o = link_option(s, s.h->l4 + kOptions);
  if (o != kNone) delta += patch(s.at(o), s.value + 4, s.mask + 4, 1);
  adjust_transport(s, delta);
}

}  // namespace weft
