// Actions that make a frame longer or shorter, in place: headroom is taken or given back. The twin is src/datapath/reference/push-pop.ts.
#pragma once
#include <cstdint>

#include "../packet/packet.h"

namespace weft {

// New bytes at `at`, to be written, and bytes that go. Offload offsets move along.
bool insert(Packet& p, uint32_t at, uint32_t bytes);
void remove(Packet& p, uint32_t at, uint32_t bytes);

// Pushes answer false when no headroom is left; nothing has changed then.
bool push_vlan(Packet& p, uint16_t tpid, uint16_t tci);
bool push_mpls(Packet& p, unsigned vlans, uint32_t lse, uint16_t eth_type);
// False: there was no tag.
bool pop_vlan(Packet& p, unsigned vlans);
void pop_mpls(Packet& p, unsigned vlans, uint16_t eth_type);

}  // namespace weft
