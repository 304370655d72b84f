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

}  // namespace weft
