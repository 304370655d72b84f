// Memory that the kernel and we share for frames (UMEM), in places of one size: one for all sockets of a port.
//
// It is registered with the first socket; the others name that one when they are bound, and have rings of their own. So a port of many queues pins little more memory
// than one of one queue, and only the socket that sends has places to send from. The kernel keeps the pages as long as any of the sockets is there.
#pragma once
#include <sys/mman.h>

#include <cerrno>
#include <cstdint>

namespace weft {

class XdpMemory {
 public:
  // `place_bytes`: a power of two. Not there (ok() is false, with errno) where the system has none left.
  XdpMemory(uint32_t places, uint32_t place_bytes)
      : bytes_(uint64_t{places} * place_bytes),
        place_bytes_(place_bytes),
        at_(mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)) {}
  ~XdpMemory() {
    const int e = errno;
    if (ok()) munmap(at_, bytes_);
    errno = e;
  }
  XdpMemory(const XdpMemory&) = delete;
  XdpMemory& operator=(const XdpMemory&) = delete;

  bool ok() const { return at_ != MAP_FAILED; }
  uint8_t* at(uint64_t offset) const { return static_cast<uint8_t*>(at_) + offset; }
  uint64_t bytes() const { return bytes_; }
  uint32_t place_bytes() const { return place_bytes_; }
  bool inside(uint64_t offset, uint64_t len) const { return offset < bytes_ && len <= bytes_ - offset; }
  // Of the place that an offset lies in.
  uint64_t place(uint64_t offset) const { return offset & ~uint64_t{place_bytes_ - 1}; }
  // Places are handed out once: the offset of the first of so many.
  uint64_t hand_out(uint32_t places) {
    const uint64_t first = given_;
    given_ += uint64_t{places} * place_bytes_;
    return first;
  }

 private:
  uint64_t bytes_;
  uint32_t place_bytes_;
  void* at_;
  uint64_t given_ = 0;
};

}  // namespace weft
