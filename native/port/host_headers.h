// Headers of packets on their way to the host's own IP stack and from it (host.cc).
#pragma once
#include "../action/headers.h"
#include "../packet/packet.h"

namespace weft {

constexpr uint32_t kEth = 14, kIpv4 = 20, kIpv6 = 40, kUdp = 8;
constexpr uint8_t kProtoGre = 47;

// What a packet says of itself, from its own headers.
struct Outer {
  bool v6, df, checksummed;
  uint8_t proto, tos, ttl;
  const uint8_t* src;
  const uint8_t* dst;
  uint32_t payload;  // where what the host is given begins
  uint16_t src_port, dst_port;
};

// False: the frame is not IP with UDP or GRE in it.
bool read_outer(const Packet& p, Outer& o);

// A packet that came from a machine on this host may have a checksum inside that is not made yet, which the socket does not tell. It is then the sum of the
// pseudo-header. (Of the finished ones one in 65,536 looks the same: it is made again, and comes out as it was.) TCP without one that is longer than a packet
// are segments which a device was to cut.
// `tunnel`: where its header begins.
void note_unfinished(Packet& p, uint32_t tunnel, bool gre);

// Several datagrams of `unit` bytes in one, which a device could cut again. `payload`: where the first one's begins.
void note_joined(Packet& p, uint32_t payload, uint16_t unit, bool v6);

}  // namespace weft
