// Frames whose way in does not tell that their checksum is unfinished, or that they are to be cut: found out by looking.
//
// Problem: a local sender leaves the checksum of TCP and UDP to the device, in its place stands the sum of the pseudo-header; a virtual device gives such frames on as they
// are, and so are 64 KB segments. By XDP, or out of a tunnel of the kernel's, nothing says so, and whoever sends them on as they are sends frames that no one takes.
// Idea: a field that holds the pseudo-header's sum is unfinished. Where that is so by chance in a frame with a right checksum, finishing gives the same number.
// Price: a look at each frame; of frames that were damaged before they came one in 65,536 gets a right checksum. So not for devices that have a wire.
#pragma once
#include "../action/headers.h"
#include "../packet/packet.h"

namespace weft {

// `h` was found `at` bytes into the packet. What is longer from the IP header on than `whole` is to be cut into segments with up to `cut` bytes of headers and payload (IP
// header included), or with `payload` bytes where that is not 0.
struct Cutting {
  uint32_t whole, cut, payload;
};
void note_state(Packet& p, uint32_t at, const Headers& h, const Cutting& c);

}  // namespace weft
