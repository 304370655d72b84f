// One of the four rings of an AF_XDP socket, mapped: we produce (fill, send) or consume (receive, completion), the kernel does the other.
#pragma once
#include <linux/if_xdp.h>

#include <cstddef>
#include <cstdint>

namespace weft {

// A ring of T. Positions count up for ever; each side writes its own. Not ours until mapped.
template <class T>
class XdpRing {
 public:
  XdpRing() = default;
  ~XdpRing();
  XdpRing(const XdpRing&) = delete;
  XdpRing& operator=(const XdpRing&) = delete;

  // `places` as given to the kernel before. False with errno.
  bool map(int socket, uint64_t page_offset, const xdp_ring_offset& at, uint32_t places);

  // Consumer: how many wait, at least `enough` looked for; the i-th of them; and giving n back.
  uint32_t waiting(uint32_t enough) {
    uint32_t n = other_ - ours_;
    if (n < enough) n = (other_ = __atomic_load_n(producer_, __ATOMIC_ACQUIRE)) - ours_;
    return n;
  }
  const T& front(uint32_t i) const { return places_[(ours_ + i) & mask_]; }
  void release(uint32_t n) { __atomic_store_n(consumer_, ours_ += n, __ATOMIC_RELEASE); }

  // Producer: how many can be put, at least `enough` looked for; putting one, seen by the kernel only once published.
  uint32_t room(uint32_t enough) {
    uint32_t n = mask_ + 1 - (ours_ - other_);
    if (n < enough) n = mask_ + 1 - (ours_ - (other_ = __atomic_load_n(consumer_, __ATOMIC_ACQUIRE)));
    return n;
  }
  void put(const T& value) { places_[ours_++ & mask_] = value; }
  void publish() { __atomic_store_n(producer_, ours_, __ATOMIC_RELEASE); }
  // What was published and the kernel has not taken.
  uint32_t untaken() { return ours_ - (other_ = __atomic_load_n(consumer_, __ATOMIC_ACQUIRE)); }
  // The last n are not to be taken after all. Only where the kernel takes them in calls of ours.
  T take_back() { return places_[--ours_ & mask_]; }

  bool wants_wakeup() const { return (__atomic_load_n(flags_, __ATOMIC_RELAXED) & XDP_RING_NEED_WAKEUP) != 0; }

 private:
  void* mapping_ = nullptr;
  size_t bytes_ = 0;
  uint32_t* producer_ = nullptr;
  uint32_t* consumer_ = nullptr;
  const uint32_t* flags_ = nullptr;
  T* places_ = nullptr;
  uint32_t mask_ = 0;
  uint32_t ours_ = 0;   // our position
  uint32_t other_ = 0;  // the kernel's, as last seen
};

}  // namespace weft
