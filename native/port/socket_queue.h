// The frames that wait in a packet socket's own queue, taken by one call each, with their checksum and segmentation state and their tag put back.
//
// Nothing is set aside for frames that may never come, and nothing is waited for when the socket is made, unlike with a ring (packet_ring.h): a thousand quiet ports cost
// a thousand sockets. Price: 250 ns to look in vain, 600 ns a short frame. So busy ports get records (intake.h), and what stays here is what those leave.
#pragma once
#include <cstdint>

#include "port.h"

namespace weft {

class SocketQueue {
 public:
  enum class What {
    kNothing,
    kFrame,
    kBell,     // one byte of a frame that is elsewhere: a filter let it pass to wake us
    kLost,     // no buffer for it, or the kernel could not say what it is
    kTrouble,  // nothing, and the device is down or gone
  };
  struct Taken {
    What what;
    Packet* packet;
  };

  explicit SocketQueue(int socket) : fd_(socket) {}
  // Gives the options. Null, or what could not be done; errno says why.
  static const char* prepare(int socket);
  Taken take(Pool& pool) const;
  // Frames that found no room, since the last call. A system call.
  uint64_t lost() const;

 private:
  int fd_;
};

}  // namespace weft
