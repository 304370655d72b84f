// A packet in a worker: a header beside a buffer. Buffers come in two sizes (a frame, a 64 KB segment); a worker owns both pools.
#pragma once
#include <cstddef>
#include <cstdint>

namespace weft {

// State of checksum and segmentation, the fields of struct virtio_net_hdr. All zero: a plain complete frame.
struct Offload {
  uint8_t flags;        // 1 NEEDS_CSUM: the transport checksum holds only the pseudo header's sum; 2 DATA_VALID: checked already
  uint8_t gso_type;     // 0 none, 1 TCPv4, 3 UDP fragments, 4 TCPv6, 5 UDP_L4, | 0x80 ECN
  uint16_t hdr_len;     // bytes of headers before the payload; a hint, never trusted
  uint16_t gso_size;    // payload bytes a segment
  uint16_t csum_start;  // from the frame's first byte
  uint16_t csum_offset; // from csum_start
  uint16_t reserved;
};
static_assert(sizeof(Offload) == 12);

constexpr uint32_t kHeadroom = 192;       // room for a tunnel header and tags in front of a received frame
constexpr uint32_t kSmallBuffer = 2048;   // headroom included; holds a full-sized Ethernet frame
constexpr uint32_t kLargeBuffer = 69632;  // headroom, 65,535 bytes of IP, link headers and a tunnel

// One cache line. What a buffer keeps for life stands first, what is new with each packet after it, so that a pool resets it in a few moves.
struct alignas(64) Packet {
  uint8_t* buffer;     // start of the buffer; data - buffer is the headroom left
  uint32_t capacity;   // bytes of the buffer
  uint8_t large;       // which pool it goes back to
  uint8_t worker;      // whose pool that is
  uint8_t* data;       // first byte of the Ethernet header
  uint32_t slot;       // flow whose actions run, or kNoSlot
  uint32_t in_port;    // vport whose block this packet is counted on
  uint32_t len;        // bytes from data
  uint32_t trunc;      // bytes that the next output takes off the end
  Offload offload;
  uint8_t delivered;   // left by some port or went up by an action: its end is no drop
  uint8_t recirc_depth;
  uint8_t counted;     // as so many packets its end is counted: 0 for copies, several where frames that were counted one by one are one again
  Packet* next;        // pending list
};
static_assert(sizeof(Packet) == 64);

inline uint32_t headroom(const Packet& p) { return static_cast<uint32_t>(p.data - p.buffer); }
inline uint32_t tailroom(const Packet& p) { return p.capacity - headroom(p) - p.len; }
constexpr uint32_t kNoSlot = 0xffffffffu;

}  // namespace weft
