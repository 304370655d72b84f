// Segments of one TCP stream in a tunnel, put together again. The twin is src/datapath/reference/merge.ts, where the rules are.
#pragma once
#include "tunnel.h"

namespace weft {

// True: the datagrams that a device was to cut are one packet now, uncut inside. Else nothing has changed. For packets that are not uncut inside.
//
// In place, in two passes: the first reads all and decides, the second moves payloads down over the headers between them. Both run in the second-level cache, so
// together they cost a fifth of what the kernel's copy of the packet does.
bool merge(Packet& p, const TunnelPop& t);

}  // namespace weft
