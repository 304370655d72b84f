// Finishing checksums and cutting segments in software, for ways out that cannot do it themselves.
#pragma once
#include <cstdint>

#include "packet.h"

namespace weft {

class Pool;

// Values of Offload: its flags, and its types of segmentation.
constexpr uint8_t kNeedsCsum = 1, kDataValid = 2;
constexpr uint8_t kGsoTcp4 = 1, kGsoTcp6 = 4, kGsoUdpL4 = 5, kGsoEcn = 0x80;
// The type alone; 0: no device is to cut the packet.
inline uint8_t gso_of(const Packet& p) { return static_cast<uint8_t>(p.offload.gso_type & ~kGsoEcn); }

// Completes a NEEDS_CSUM checksum in place and clears the state. False: csum_start/offset point outside the frame (malformed).
bool finish_checksum(Packet& p);

// A buffer for `len` bytes of what a packet is cut into, which came where the packet came; nothing is written there yet. nullptr: none is free, or not with that
// much room.
Packet* take_piece(Pool& pool, const Packet& p, bool large, uint32_t len);

// Cuts a packet with gso_type into segments with complete headers and checksums. Calls emit(ctx, segment) for each; the segment is the
// callee's. Returns the number made, or -1 when the headers are not what gso_type says (nothing was emitted), or -2 when buffers ran out midway.
// Handles VLAN tags in front. `mtu` bounds L3 bytes when gso_size is larger than what fits.
int segment(Pool& pool, const Packet& p, uint32_t mtu, void (*emit)(void* ctx, Packet* segment), void* ctx);

}  // namespace weft
