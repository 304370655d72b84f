// Our program on a device's XDP hook: it gives each frame to the AF_XDP socket of the queue that it came by, and to the kernel where there is none.
#pragma once
#include "bpf.h"

namespace weft {

// Attached by a link, so that it goes with the last process that holds it, however that ends.
class XdpProgram {
 public:
  // Null with errno: EPERM without CAP_BPF and CAP_NET_ADMIN.
  bool load(uint32_t queues);
  // In the namespace of the calling thread. `native`: in the driver, else on socket buffers. An errno, or 0; again after a failure with the other mode.
  int attach(int ifindex, bool native);
  // Frames of that queue go to that socket, which is bound to it.
  bool give(uint32_t queue, int socket) const;

 private:
  Fd sockets_, program_, link_;
};

}  // namespace weft
