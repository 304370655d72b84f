// Key extraction. The same function exists in TypeScript (src/packet/extract.ts); a test holds them equal on every input.
#pragma once
#include <cstdint>

namespace weft {

struct Key;  // native/generated/key_layout.h: kKeyBytes bytes, 64-byte aligned lines

// Fills the header part of `key` from a frame, keeping its metadata: in line 0 (in_port, recirc_id, dp_hash, pkt_mark, skb_priority, packet_type) and
// in lines 3 to 8 with their bits in `lines`, both set by the caller. Header slots of line 0 need not be zeroed before. Lines 1 and 2 may hold garbage: they
// are zeroed here before they are written, and announced in `lines`; a line that is not announced is not touched. One exception: when line 2 is
// announced on entry, its tunnel bytes (from tun_erspan_idx on) are metadata and stay. Reads no byte past data + len.
// Returns false when the frame is shorter than an Ethernet header (the key then has no header fields). The hot loop includes extract_inline.h.
bool extract(const uint8_t* data, uint32_t len, Key& key, unsigned max_vlans);

}  // namespace weft
