// An AF_XDP socket: frames of one queue of a device, in memory that the kernel and we share (xdp_memory.h).
//
// The kernel writes a frame where the fill ring says and tells of it in the receive ring; we write frames to be sent into other places of the memory,
// tell of them in the send ring, and find the places in the completion ring when they may be used again. Frames are copied between the memory and the worker's
// buffers: 20 ns of the 2 us that a short frame costs in the kernel on devices that have no zero-copy, and a buffer is then never in two hands.
// A frame longer than a place comes and goes in several, where the kernel knows how (6.6 and later).
#pragma once
#include <memory>

#include "bpf.h"
#include "port.h"
#include "stream.h"
#include "xdp_memory.h"
#include "xdp_ring.h"

namespace weft {

class XdpSocket {
 public:
  // Of each place, what the kernel leaves free in front of a frame.
  static constexpr uint32_t kHead = 256;
  static constexpr uint32_t kMostPlaces = 18;   // of one frame that is sent
  static constexpr uint32_t kSendPlaces = 512;  // of a socket that sends
  enum class Copies { kAllowed, kNever, kAlways };

  struct Options {
    int ifindex;
    uint32_t queue;
    Copies copies;
    bool need_wakeup;
    uint32_t receive_places;  // a power of two
  };
  // In the namespace of the calling thread, with places of memory that lives longer. `first`: the socket that the memory is registered with, whose modes this one then
  // has; null: this is it, and it alone sends. Null with errno and what could not be done.
  static std::unique_ptr<XdpSocket> open(const Options& o, XdpMemory& memory, const XdpSocket* first, const char** fault);

  int fd() const { return fd_.get(); }
  bool zero_copy() const { return zero_copy_; }
  bool multiple() const { return multiple_; }
  uint32_t longest() const { return multiple_ ? kLargeBuffer - kHeadroom : memory_.place_bytes() - kHead; }

  // `join`: pieces of a stream become one packet (stream.h). `unfinished`: checksums may be.
  uint32_t receive(Pool& pool, Packet** out, uint32_t max, bool join, bool unfinished);
  bool more() { return rx_.waiting(1) != 0; }
  // Takes a copy of a frame to be sent. False: no room.
  bool put(const uint8_t* frame, uint32_t len);
  // Tells the kernel of all that was put since. Returns how many of the frames put since, from the first on, are on their way, and errno of the rest.
  uint32_t send(int* err);
  // Frames that were put since the last send.
  uint32_t unsent() const { return unsent_; }
  // Frames that could not be taken, since the last call. With `look`, or where there is a sign of loss, a system call.
  uint64_t lost(bool look);

 private:
  explicit XdpSocket(XdpMemory& memory) : memory_(memory) {}
  const char* make(const Options& o, const XdpSocket* first);
  bool bind(const Options& o, const XdpSocket* first);
  Packet* take(Pool& pool, uint32_t at, uint32_t places, uint32_t bytes);
  uint32_t take_stream(Pool& pool, uint32_t at, uint32_t waiting, bool unfinished, Packet** out);
  void refill(uint32_t n);
  void reap();
  bool inside(const xdp_desc& d) const { return memory_.inside(d.addr, d.len); }

  Fd fd_;
  XdpMemory& memory_;
  uint32_t receive_places_ = 0;
  bool zero_copy_ = false, multiple_ = false;
  XdpRing<uint64_t> fill_, completion_;
  XdpRing<xdp_desc> rx_, tx_;
  std::unique_ptr<uint64_t[]> free_;  // places to send from
  uint32_t free_count_ = 0;
  uint32_t unsent_ = 0;               // frames, and
  uint32_t unsent_places_ = 0;
  bool crowded_ = false;              // the receive ring was nearly full
  uint64_t lost_ = 0, strange_ = 0;   // as the kernel counts them; descriptors that we did not believe
};

}  // namespace weft
