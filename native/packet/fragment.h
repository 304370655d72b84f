// Packets that are longer than their way takes: cut into fragments, or answered with the length that would fit.
#pragma once
#include <cstdint>

#include "packet.h"

namespace weft {

class Pool;

// First byte of what is behind the link header.
uint32_t link_end(const Packet& p);

// Fragments of at most `mtu` L3 bytes of the IP packet at `l3`, each with the same link header. IPv6: `id` names the packet, whose payload follows its first
// header. Checksums inside are to be finished before. Calls emit(ctx, fragment) for each, which is the callee's. Returns the number made, or -1 when it says that it
// may not be cut (IPv4), is malformed, or `mtu` is too small for any (nothing was emitted), or -2 when buffers ran out midway.
int fragment(Pool& pool, const Packet& p, uint32_t l3, uint32_t mtu, uint32_t id, void (*emit)(void* ctx, Packet* piece), void* ctx);

// Is there somebody to answer, and headroom for it?
bool may_answer(const Packet& p);
// Makes such a packet the answer to its sender: "fragmentation needed" or "packet too big", with the most L3 bytes that fit.
void too_big(Packet& p, uint32_t mtu);

}  // namespace weft
