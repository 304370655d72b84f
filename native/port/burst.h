// Bursts of plain frames into a device, by a program in the kernel.
//
// Problem: sendmmsg costs 1,100 ns a frame before the receiver's own work: message headers, a socket buffer charged to the socket, header parsing, and,
// on veth, one software interrupt a frame, since each frame is sent in a section of its own.
// Idea: the frames lie in memory that a small program of type SCHED_CLS sees (an array map, mapped here). The program is run once a burst
// (BPF_PROG_TEST_RUN); it copies frame after frame into one socket buffer and sends a clone of it (bpf_clone_redirect), all in one section, so that the
// software interrupt runs once for the burst. From there on the frames take the device's usual way: egress hooks, queue discipline, taps.
// Measured, veth, 60 bytes, receiver's work included, ns a frame: sendmmsg 1,770 to 1,850; AF_XDP, copy mode 1,240 to 1,310; this 980; at 8 frames 1,245, at
// 4 it gains 15 %, below that it loses to sendmmsg because of 2.7 us a call.
// Price: no checksum or segmentation state, the sender finishes the checksum; CAP_BPF and CAP_NET_ADMIN; a receiving device with an XDP program
// in generic mode does not run it on such frames (the kernel takes them as redirected).
#pragma once
#include <cstdint>
#include <memory>

#include "bpf.h"

namespace weft {

class Burst {
 public:
  static constexpr uint32_t kFrames = 32;
  static constexpr uint32_t kMaxFrame = 2032;
  static constexpr uint32_t kWorthwhile = 5;

  // In the namespace of the calling thread, which is the one that sends. Null where the kernel or the privileges do not allow it, with errno.
  static std::unique_ptr<Burst> open(int ifindex);
  ~Burst();

  bool empty() const { return count_ == 0; }
  bool full() const { return count_ == kFrames; }
  // Copies a frame of 14 to kMaxFrame bytes.
  void add(const uint8_t* frame, uint32_t len);
  // Sends what was added. result(i) is then 0, a positive NET_XMIT code or a negative errno. False with errno: none was sent.
  bool send();
  int result(uint32_t i) const { return slot(i).result; }
  void clear() { count_ = 0; }

 private:
  struct Slot {
    uint32_t len;
    int32_t result;
    uint8_t frame[kMaxFrame];
  };
  struct Shared {
    uint32_t count, reserved;
    Slot slots[kFrames];
  };
  static_assert(sizeof(Slot) == 2040);

  Burst() = default;
  bool load(int ifindex);
  Slot& slot(uint32_t i) const { return shared_->slots[i]; }

  Fd memory_, device_, program_;
  Shared* shared_ = nullptr;
  uint32_t count_ = 0;
};

}  // namespace weft
