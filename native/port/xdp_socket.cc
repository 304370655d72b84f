#include "xdp_socket.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace weft {
namespace {

constexpr int kSendBuffer = 16 << 20;
// Of newer kernels' <linux/if_xdp.h>.
constexpr uint16_t kUseSg = 1 << 4;
constexpr uint32_t kContinued = 1 << 0;
// The kernel sends 32 places a call.
constexpr int kMostCalls = 2 * XdpSocket::kSendPlaces / 32;

bool set(int fd, int name, const void* value, socklen_t bytes) { return setsockopt(fd, SOL_XDP, name, value, bytes) == 0; }

}  // namespace

template <class T>
XdpRing<T>::~XdpRing() {
  if (mapping_) munmap(mapping_, bytes_);
}

template <class T>
bool XdpRing<T>::map(int socket, uint64_t page_offset, const xdp_ring_offset& at, uint32_t places) {
  const size_t bytes = at.desc + places * sizeof(T);
  void* m = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, socket, static_cast<off_t>(page_offset));
  if (m == MAP_FAILED) return false;
  mapping_ = m;
  bytes_ = bytes;
  auto* base = static_cast<uint8_t*>(m);
  producer_ = reinterpret_cast<uint32_t*>(base + at.producer);
  consumer_ = reinterpret_cast<uint32_t*>(base + at.consumer);
  flags_ = reinterpret_cast<const uint32_t*>(base + at.flags);
  places_ = reinterpret_cast<T*>(base + at.desc);
  mask_ = places - 1;
  return true;
}

std::unique_ptr<XdpSocket> XdpSocket::open(const Options& o, XdpMemory& memory, const XdpSocket* first, const char** fault) {
  std::unique_ptr<XdpSocket> s(new XdpSocket(memory));
  if ((*fault = s->make(o, first)) != nullptr) return nullptr;
  return s;
}

const char* XdpSocket::make(const Options& o, const XdpSocket* first) {
  receive_places_ = o.receive_places;
  fd_ = Fd(socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!fd_.ok()) return "cannot open an AF_XDP socket for";
  const int fd = fd_.get();
  const bool sends = first == nullptr;
  xdp_umem_reg umem{};
  umem.addr = reinterpret_cast<uintptr_t>(memory_.at(0));
  umem.len = memory_.bytes();
  umem.chunk_size = memory_.place_bytes();
  if (first == nullptr && !set(fd, XDP_UMEM_REG, &umem, sizeof umem)) return "cannot share memory for the frames of";
  // The kernel asks for a completion ring of each.
  const uint32_t in = receive_places_, out = kSendPlaces, done = sends ? out : 1;
  if (!set(fd, XDP_UMEM_FILL_RING, &in, sizeof in) || !set(fd, XDP_UMEM_COMPLETION_RING, &done, sizeof done) || !set(fd, XDP_RX_RING, &in, sizeof in) ||
      (sends && !set(fd, XDP_TX_RING, &out, sizeof out)))
    return "cannot make the rings of";
  xdp_mmap_offsets at{};
  socklen_t n = sizeof at;
  if (getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &at, &n) != 0) return "cannot make the rings of";
  if (n != sizeof at) return errno = ENOTSUP, "cannot make the rings of";  // a kernel before 5.4 tells less
  if (!rx_.map(fd, XDP_PGOFF_RX_RING, at.rx, in) || !fill_.map(fd, XDP_UMEM_PGOFF_FILL_RING, at.fr, in) ||
      (sends && (!tx_.map(fd, XDP_PGOFF_TX_RING, at.tx, out) || !completion_.map(fd, XDP_UMEM_PGOFF_COMPLETION_RING, at.cr, out))))
    return "cannot map the rings of";
  const uint32_t place = memory_.place_bytes();
  uint64_t next = memory_.hand_out(receive_places_);
  for (uint32_t i = 0; i < receive_places_; i++, next += place) fill_.put(next);
  fill_.publish();
  if (sends) {
    // Each frame that is sent in copy mode is charged to the socket until the receiver has it.
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &kSendBuffer, sizeof kSendBuffer) != 0) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof kSendBuffer);
    free_ = std::make_unique<uint64_t[]>(kSendPlaces);
    for (next = memory_.hand_out(kSendPlaces); free_count_ < kSendPlaces; next += place) free_[free_count_++] = next;
  }
  if (!bind(o, first)) return "cannot bind an AF_XDP socket to";
  xdp_options options{};
  n = sizeof options;
  zero_copy_ = getsockopt(fd, SOL_XDP, XDP_OPTIONS, &options, &n) == 0 && (options.flags & XDP_OPTIONS_ZEROCOPY) != 0;
  return nullptr;
}

bool XdpSocket::bind(const Options& o, const XdpSocket* first) {
  sockaddr_xdp to{};
  to.sxdp_family = AF_XDP;
  to.sxdp_ifindex = static_cast<uint32_t>(o.ifindex);
  to.sxdp_queue_id = o.queue;
  const auto bound = [this, &to] { return ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0; };
  if (first != nullptr) {
    multiple_ = first->multiple_;
    to.sxdp_flags = XDP_SHARED_UMEM;
    to.sxdp_shared_umem_fd = static_cast<uint32_t>(first->fd());
    return bound();
  }
  const auto flags = static_cast<uint16_t>((o.copies == Copies::kNever ? XDP_ZEROCOPY : o.copies == Copies::kAlways ? XDP_COPY : 0) | (o.need_wakeup ? XDP_USE_NEED_WAKEUP : 0));
  for (const bool multiple : {true, false}) {
    multiple_ = multiple;
    to.sxdp_flags = static_cast<uint16_t>(flags | (multiple ? kUseSg : 0));
    if (bound()) return true;
    if (errno != EINVAL && errno != EOPNOTSUPP) return false;
  }
  return false;
}

uint32_t XdpSocket::receive(Pool& pool, Packet** out, uint32_t max, bool join, bool unfinished) {
  const uint32_t waiting = rx_.waiting(max * 2);
  if (waiting == 0) return 0;
  if (waiting > receive_places_ / 2) crowded_ = true;
  uint32_t n = 0, at = 0;
  while (n < max && at < waiting) {
    if (join) {
      if (const uint32_t many = take_stream(pool, at, waiting, unfinished, out + n)) {
        at += many;
        n++;
        continue;
      }
    }
    uint32_t places = 0, bytes = 0;
    bool whole = false, good = true;
    while (!whole && at + places < waiting) {
      const xdp_desc& d = rx_.front(at + places++);
      good &= inside(d);
      bytes += d.len;
      whole = (d.options & kContinued) == 0;
    }
    if (!whole) break;  // the kernel tells of all places of a frame at once
    if (Packet* p = good ? take(pool, at, places, bytes) : nullptr)
      out[n++] = p;
    else
      strange_++;
    at += places;
  }
  refill(at);
  return n;
}

Packet* XdpSocket::take(Pool& pool, uint32_t at, uint32_t places, uint32_t bytes) {
  if (bytes > kLargeBuffer - kHeadroom) return nullptr;
  Packet* p = pool.take(bytes > kSmallBuffer - kHeadroom);
  if (p == nullptr) return nullptr;
  p->len = bytes;
  uint8_t* to = p->data;
  for (uint32_t i = at; i < at + places; i++) {
    const xdp_desc& d = rx_.front(i);
    std::memcpy(to, memory_.at(d.addr), d.len);
    to += d.len;
  }
  return p;
}

// How many frames from `at` on became one packet; 0: the first is no piece of a stream that goes on, and nothing was taken.
uint32_t XdpSocket::take_stream(Pool& pool, uint32_t at, uint32_t waiting, bool unfinished, Packet** out) {
  const auto frame = [this, at, waiting](uint32_t i) {
    const xdp_desc* d = at + i < waiting ? &rx_.front(at + i) : nullptr;
    return d != nullptr && d->len >= Stream::kLeast && (d->options & kContinued) == 0 && inside(*d) ? d : nullptr;
  };
  const xdp_desc *d = frame(0), *next = frame(1);
  Stream s;
  if (d == nullptr || next == nullptr || !s.begin(memory_.at(d->addr), d->len, unfinished) || !s.follows(memory_.at(next->addr), next->len)) return 0;
  Packet* p = pool.take(true);
  if (p == nullptr) return 0;
  std::memcpy(p->data, memory_.at(d->addr), p->len = d->len);
  uint32_t n = 1;
  do {
    const uint8_t* f = memory_.at(next->addr);
    std::memcpy(p->data + p->len, f + s.payload(), next->len - s.payload());
    p->len += next->len - s.payload();
    s.append(f, next->len);
    next = frame(++n);
  } while (next != nullptr && s.open() && s.follows(memory_.at(next->addr), next->len));
  s.finish(*p);
  *out = p;
  return n;
}

// The places of the first n descriptors go back. A place is known by where a frame in it begins.
void XdpSocket::refill(uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    const xdp_desc& d = rx_.front(i);
    if (inside(d)) fill_.put(memory_.place(d.addr));
  }
  rx_.release(n);
  fill_.publish();
  if (fill_.wants_wakeup()) recvfrom(fd_.get(), nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
}

void XdpSocket::reap() {
  const uint32_t n = completion_.waiting(kSendPlaces);
  for (uint32_t i = 0; i < n && free_count_ < kSendPlaces; i++) free_[free_count_++] = memory_.place(completion_.front(i));
  if (n != 0) completion_.release(n);
}

bool XdpSocket::put(const uint8_t* frame, uint32_t len) {
  const uint32_t place_bytes = memory_.place_bytes(), places = (len + place_bytes - 1) / place_bytes;
  if (places > (multiple_ ? kMostPlaces : 1)) return false;
  if (free_count_ < places) reap();
  if (free_count_ < places || tx_.room(places) < places) return false;
  for (uint32_t i = 0; i < places; i++) {
    const uint32_t part = std::min(len, place_bytes);
    const uint64_t at = free_[--free_count_];
    std::memcpy(memory_.at(at), frame, part);
    frame += part;
    len -= part;
    tx_.put({at, part, i + 1 < places ? kContinued : 0});
  }
  unsent_++;
  unsent_places_ += places;
  return true;
}

// With copies the kernel takes what is in the ring in our calls only, so what it did not take can be taken back; a driver with zero-copy takes it by itself.
uint32_t XdpSocket::send(int* err) {
  const uint32_t frames = unsent_;
  *err = 0;
  if (frames == 0) return 0;
  tx_.publish();
  unsent_ = unsent_places_ = 0;
  if (zero_copy_) {
    if (tx_.wants_wakeup()) sendto(fd_.get(), nullptr, 0, MSG_DONTWAIT, nullptr, 0);
    return frames;
  }
  uint32_t left = tx_.untaken();
  for (int calls = 0; left != 0 && calls < kMostCalls; calls++) {
    const int e = sendto(fd_.get(), nullptr, 0, MSG_DONTWAIT, nullptr, 0) < 0 ? errno : 0;
    const uint32_t before = left;
    left = tx_.untaken();
    if (left != before || e == EINTR) continue;
    *err = e != 0 ? e : EAGAIN;
    if (e != EAGAIN && e != EBUSY) break;
    if (calls > 0) break;
  }
  uint32_t back = 0;
  for (; left != 0; left--) {
    const xdp_desc d = tx_.take_back();
    free_[free_count_++] = d.addr;
    back += (d.options & kContinued) == 0;
  }
  tx_.publish();
  return frames - back;
}

uint64_t XdpSocket::lost(bool look) {
  uint64_t n = std::exchange(strange_, 0);
  if (!look && !crowded_) return n;
  crowded_ = false;
  xdp_statistics s{};
  socklen_t bytes = sizeof s;
  if (getsockopt(fd_.get(), SOL_XDP, XDP_STATISTICS, &s, &bytes) != 0) return n;
  const uint64_t all = s.rx_dropped + s.rx_invalid_descs + s.rx_ring_full;
  n += all - lost_;
  lost_ = all;
  return n;
}

template class XdpRing<uint64_t>;
template class XdpRing<xdp_desc>;

}  // namespace weft
