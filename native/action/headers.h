// Where the headers of a frame are, for actions that rewrite them. A header is there exactly when extraction would take it into the key; the twin
// and the reasons are in src/datapath/reference/headers.ts.
#pragma once
#include <cstdint>

#include "../packet/bytes.h"
#include "../packet/packet.h"

namespace weft {

constexpr uint16_t kTypeIpv4 = 0x0800, kTypeIpv6 = 0x86dd, kTypeArp = 0x0806, kTypeRarp = 0x8035, kTypeNsh = 0x894f;
constexpr uint8_t kProtoIcmp = 1, kProtoTcp = 6, kProtoUdp = 17, kProtoIcmpv6 = 58, kProtoSctp = 132;
constexpr uint32_t kNone = 0xffffffffu;

struct Headers {
  uint32_t type_at;  // of the EtherType after VLAN tags
  uint32_t l3;       // first byte after it
  uint32_t l4;       // transport header; kNone: not there, a later fragment, or of a protocol that actions do not know
  uint32_t l4_end;   // end of what the IP header calls its payload; within the frame
  uint16_t type;     // 0: 802.2 without SNAP
  uint8_t proto;
  bool ip;           // an IPv4 or IPv6 header, by `type`, is there
  bool routed;       // IPv6: a routing header with segments left; checksums then cover its last address, not the destination
};

inline bool is_vlan(uint16_t type) { return type == 0x8100 || type == 0x88a8; }
inline bool is_mpls(uint16_t type) { return type == 0x8847 || type == 0x8848; }

// `len` is at least 14. `vlans`: tags that may stand before the EtherType.
Headers locate(const uint8_t* data, uint32_t len, unsigned vlans);

// Of a packet that will be cut before it meets a wire: bytes of a full segment.
uint32_t segment_length(const Packet& p, const Headers& h);

}  // namespace weft
