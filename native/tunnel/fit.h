// Packets that do not fit a tunnel's way once they have their header. The twin is src/datapath/reference/fit.ts, where the rules are.
#pragma once
#include "tunnel.h"

namespace weft {

constexpr uint32_t kAnyLength = 0xffffffffu;

// L3 bytes that the way takes; 0: any.
inline uint32_t way_mtu(const TunnelPush& t) { return t.kind >> 16; }

// Bytes of a frame, its Ethernet header included, that fit with the tunnel's header.
inline uint32_t room_of(const TunnelPush& t) {
  if (way_mtu(t) == 0) return kAnyLength;
  const uint32_t with = way_mtu(t) + (t.kind & kTunnelBare ? 28 : 14);
  return with > t.bytes ? with - t.bytes : 0;
}

// The key of a packet that the other end sends back, of type `bare` where it has no Ethernet header: addresses of the header, the other way round.
void answer_key(Key& key, const TunnelPush& t, uint16_t bare);

}  // namespace weft
