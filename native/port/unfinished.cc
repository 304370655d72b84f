#include "unfinished.h"

#include "../packet/checksum.h"
#include "../packet/offload.h"

namespace weft {

void note_state(Packet& p, uint32_t at, const Headers& h, const Cutting& c) {
  constexpr uint32_t kLeastUdp = 8, kLeastTcp = 20;
  const bool tcp = h.proto == kProtoTcp;
  if (h.l4 == kNone || h.routed || (!tcp && h.proto != kProtoUdp)) return;
  const uint32_t length = h.l4_end - h.l4;
  if (length < (tcp ? kLeastTcp : kLeastUdp)) return;
  const uint8_t* ip = p.data + at + h.l3;
  const uint64_t pseudo = h.type == kTypeIpv6 ? csum_pseudo6(ip + 8, ip + 24, h.proto, length) : csum_pseudo4(ip + 12, ip + 16, h.proto, length);
  const uint32_t offset = tcp ? 16 : 6;
  const uint16_t field = load<uint16_t>(p.data + at + h.l4 + offset);
  if (field != csum_fold(pseudo)) return;
  p.offload.flags = kNeedsCsum;
  p.offload.csum_start = static_cast<uint16_t>(at + h.l4);
  p.offload.csum_offset = static_cast<uint16_t>(offset);
  if (!tcp || h.l4_end - h.l3 <= c.whole) return;
  const uint32_t headers = h.l4 + (p.data[at + h.l4 + 12] >> 4) * 4u;
  const uint32_t payload = c.payload != 0 ? c.payload : c.cut > headers - h.l3 ? c.cut - (headers - h.l3) : 0;
  if (payload == 0 || headers + payload >= h.l4_end) return;
  p.offload.gso_type = h.type == kTypeIpv6 ? kGsoTcp6 : kGsoTcp4;
  p.offload.gso_size = static_cast<uint16_t>(payload);
  p.offload.hdr_len = static_cast<uint16_t>(at + headers);
}

}  // namespace weft
