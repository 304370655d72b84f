// The kernel's polling of a device (NAPI), as far as a program may say when it happens. Generic netlink, family netdev, Linux 6.13 and later.
#pragma once
#include <cstdint>
#include <memory>

#include "bpf.h"

namespace weft {

class Napi {
 public:
  // Of a device of the calling thread's namespace. Null with errno.
  static std::unique_ptr<Napi> open(uint32_t ifindex);
  // After a poll that found something the kernel looks again by itself, `times` times, every `ns`; only then does the device call for a poll again. 0, 0: at once.
  // False with errno; ENOTSUP: the device has no poll now, or several. Waits for whoever configures devices at the moment.
  bool defer(uint32_t times, uint32_t ns);

 private:
  Napi() = default;
  Fd fd_;
  uint16_t family_ = 0;
  uint32_t ifindex_ = 0;
};

}  // namespace weft
