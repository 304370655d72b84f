// What a switch between two TAPs can hardly do better than: frames of one are read and written to the other, and nobody looks at them. The devices are made as tap.cc
// makes them, with the virtio header and all offloads; who calls moves them to where the hosts are, says when to begin by traffic, and ends it by a signal.
// tap DEVICE DEVICE [pieces|whole|uring] [batch]: header and frame as two pieces or as one, or batches of such by io_uring.
// sources: native/port/uring.cc
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../port/uring.h"

using namespace weft;

namespace {

constexpr uint32_t kHeader = 10, kMost = 32;
constexpr uint32_t kRoom = 69632 + 64;  // not a power of two apart, else all frames fall into the same sets of the cache
constexpr auto kSpin = std::chrono::microseconds(20);
enum class Way { kPieces, kWhole, kUring };

alignas(64) uint8_t buffers[kMost][kRoom];

struct Frame {
  const uint8_t* at;
  uint32_t bytes;
};

class Tap {
 public:
  Tap(const char* name, Way way, uint32_t batch) : way_(way), batch_(batch) {
    fd_ = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    ifreq r{};
    std::strncpy(r.ifr_name, name, IFNAMSIZ - 1);
    r.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    int header = kHeader;
    const bool made = fd_ >= 0 && ioctl(fd_, TUNSETIFF, &r) == 0 && ioctl(fd_, TUNSETVNETHDRSZ, &header) == 0 &&
                      ioctl(fd_, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN) == 0;
    if (!made) fail(name, errno);
    if (way != Way::kUring) return;
    if (const int e = ring_.open(kMost, fd_); e != 0) fail("io_uring", e);
  }
  int fd() const { return fd_; }

  uint32_t receive(Frame* out) {
    uint32_t n = 0;
    if (way_ != Way::kUring) {
      for (; n < batch_; n++) {
        const ssize_t got = get(buffers[n]);
        if (got <= static_cast<ssize_t>(kHeader)) break;
        out[n] = {buffers[n], static_cast<uint32_t>(got)};
      }
      return n;
    }
    // As many as there were lately, twice as many when all of them came.
    int32_t got[kMost];
    for (uint32_t i = 0; i < ask_; i++) ring_.read(i, buffers[i], kRoom);
    if (!ring_.run(ask_, got)) fail("io_uring", EIO);
    for (uint32_t i = 0; i < ask_; i++)
      if (got[i] > static_cast<int32_t>(kHeader)) out[n++] = {buffers[i], static_cast<uint32_t>(got[i])};
    ask_ = std::min(n == ask_ ? ask_ * 2 : n + 1, batch_);
    return n;
  }

  void transmit(const Frame* frames, uint32_t n) {
    if (way_ != Way::kUring) {
      for (uint32_t i = 0; i < n; i++) put(frames[i]);
      return;
    }
    int32_t done[kMost];
    for (uint32_t i = 0; i < n; i++) ring_.write(i, frames[i].at, frames[i].bytes);
    if (!ring_.run(n, done)) fail("io_uring", EIO);
  }

 private:
  [[noreturn]] static void fail(const char* what, int error) {
    std::fprintf(stderr, "%s: %s\n", what, std::strerror(error));
    std::exit(1);
  }
  ssize_t get(uint8_t* to) const {
    if (way_ == Way::kWhole) return read(fd_, to, kRoom);
    const iovec v[2] = {{to, kHeader}, {to + kHeader, kRoom - kHeader}};
    return readv(fd_, v, 2);
  }
  // What the device does not take is lost.
  ssize_t put(const Frame& f) const {
    if (way_ == Way::kWhole) return write(fd_, f.at, f.bytes);
    uint8_t* at = const_cast<uint8_t*>(f.at);
    const iovec v[2] = {{at, kHeader}, {at + kHeader, f.bytes - kHeader}};
    return writev(fd_, v, 2);
  }

  const Way way_;
  const uint32_t batch_;
  int fd_;
  Uring ring_;
  uint32_t ask_ = 1;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::puts("a peer in the rows of `npm run bench -- --row tap`");
    return 0;
  }
  const auto is = [&](const char* word) { return argc > 3 && std::strcmp(argv[3], word) == 0; };
  const Way way = is("pieces") ? Way::kPieces : is("uring") ? Way::kUring : Way::kWhole;
  const uint32_t batch = argc > 4 ? std::clamp(std::atoi(argv[4]), 1, static_cast<int>(kMost)) : kMost;
  Tap a(argv[1], way, batch), b(argv[2], way, batch);
  std::puts("ready");
  std::fflush(stdout);
  using Clock = std::chrono::steady_clock;
  for (auto busy = Clock::now();;) {
    uint32_t any = 0;
    for (const auto& [from, to] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
      Frame frames[kMost];
      const uint32_t n = from->receive(frames);
      if (n != 0) to->transmit(frames, n);
      any += n;
    }
    const auto now = Clock::now();
    if (any == 0 && now - busy > kSpin) {
      pollfd p[2] = {{a.fd(), POLLIN, 0}, {b.fd(), POLLIN, 0}};
      poll(p, 2, -1);
    }
    if (any != 0 || now - busy > kSpin) busy = now;
  }
}
