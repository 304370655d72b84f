// Key extraction. The same function exists in TypeScript (src/packet/extract.ts); a test holds them equal on every input.
#pragma once
#include <cstdint>

namespace weft {

struct Key;  // native/generated/key_layout.h: kKeyBytes bytes, 64-byte aligned lines

// Fills the header part of `key` from a frame. The caller has zeroed line 0 (kLineBytes) and set its metadata (in_port, recirc_id, dp_hash,
// pkt_mark, skb_priority, packet_type) and, where metadata lives in lines 3 to 8, those lines and their bits in `lines`. Lines 1 and 2 may hold
// garbage: they are zeroed here before they are written, and announced in `lines`. Reads no byte past data + len.
// Returns false when the frame is shorter than an Ethernet header (the key then has no header fields).
bool extract(const uint8_t* data, uint32_t len, Key& key, unsigned max_vlans);

}  // namespace weft
