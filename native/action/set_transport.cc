#include "../packet/hash.h"
#include "patch.h"
#include "set.h"

namespace weft {
namespace {

// Offset of the checksum in a transport header that `locate` found.
uint32_t checksum_at(uint8_t proto) {
  switch (proto) {
    case kProtoTcp:
      return 16;
    case kProtoUdp:
      return 6;
    case kProtoSctp:
      return 8;
    default:
      return 2;  // ICMP, ICMPv6
  }
}

}  // namespace

bool checksum_pending(const SetInput& s) {
  const Offload& o = s.p->offload;
  return (o.flags & 1) != 0 && o.csum_start == s.h->l4 && o.csum_offset == checksum_at(s.h->proto);
}

void adjust_pseudo(const SetInput& s, int32_t delta) {
  const Headers& h = *s.h;
  if (h.l4 == kNone || (h.proto != kProtoTcp && h.proto != kProtoUdp && !(h.proto == kProtoIcmpv6 && h.type == kTypeIpv6))) return;
  const ChecksumForm form = checksum_pending(s)      ? ChecksumForm::kPseudo
                            : h.proto == kProtoUdp ? ChecksumForm::kUdp
                                                   : ChecksumForm::kComplete;
  adjust(s.at(h.l4) + checksum_at(h.proto), delta, form);
}

void adjust_transport(const SetInput& s, int32_t delta) {
  if (checksum_pending(s)) return;
  const uint8_t proto = s.h->proto;
  adjust(s.at(s.h->l4) + checksum_at(proto), delta, proto == kProtoUdp ? ChecksumForm::kUdp : ChecksumForm::kComplete);
}

void set_ports(const SetInput& s, uint8_t proto) {
  if (s.h->l4 == kNone || s.h->proto != proto) return;
  adjust_transport(s, patch(s.at(s.h->l4), s.value, s.mask, 4));
}

// CRC32-C is linear: what the ports change in it is the same whether it was right or wrong before, and a wrong one stays wrong.
void set_sctp(const SetInput& s) {
  if (s.h->l4 == kNone || s.h->proto != kProtoSctp) return;
  uint8_t* sctp = s.at(s.h->l4);
  const uint32_t bytes = s.h->l4_end - s.h->l4;
  const bool pending = checksum_pending(s);
  const uint32_t before = pending ? 0 : crc32c(0, sctp, bytes);
  patch(sctp, s.value, s.mask, 4);
  if (!pending) store(sctp + 8, load<uint32_t>(sctp + 8) ^ before ^ crc32c(0, sctp, bytes));
}

void set_icmp(const SetInput& s, uint8_t proto, uint16_t type) {
  if (s.h->l4 == kNone || s.h->proto != proto || s.h->type != type) return;
  adjust_transport(s, patch(s.at(s.h->l4), s.value, s.mask, 2));
}

}  // namespace weft
