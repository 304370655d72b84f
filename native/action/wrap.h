// Headers around a whole packet: NSH, and Ethernet addresses that come and go. The twin is src/datapath/reference/wrap.ts, which says why.
#pragma once
#include <cstdint>

#include "../packet/packet.h"

namespace weft {

// 12 bytes, destination first; null: none.
void set_addresses(Packet& p, const uint8_t* addresses);
// A whole header of at least 8 bytes, length field included. False: no headroom is left, and nothing has changed.
bool push_nsh(Packet& p, const uint8_t* header, uint32_t bytes);
// True: something else is in front now.
bool pop_nsh(Packet& p);
// A label in front of a whole frame, or behind the Ethernet header. False: as push_nsh.
bool add_mpls(Packet& p, uint32_t lse, uint16_t eth_type, bool whole);
// A label and the Ethernet header in front of it. True: a frame was behind them, and is in front now.
bool pop_mpls_whole(Packet& p);

}  // namespace weft
