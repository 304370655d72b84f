// TAP ports. The device's frames carry a virtio_net_hdr (IFF_VNET_HDR), so that the host hands over whole TCP segments with unfinished checksums
// and takes them back the same way. The descriptor stays good when the device is moved into another network namespace.
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "../packet/offload.h"
#include "netdev.h"
#include "port.h"

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

namespace weft {
namespace {

constexpr uint32_t kVnetHeader = 10;
// A frame of this size or less is copied out of the large buffer it was read into, so that the large one can be read into again.
constexpr uint32_t kCopyBreak = kSmallBuffer - kHeadroom;

// To look at a quiet device is a system call; while other ports are busy (TCP from veth to veth beside a quiet LOCAL) that took 5 % of the
// worker's time. So a device that was quiet n times in a row is left out n times, at most so often; a worker with nothing to do is through with
// them in a microsecond.
constexpr uint32_t kLongestRest = 8;

class Tap final : public Port {
 public:
  // `lent`: the descriptor is another's, who closes it.
  Tap(int fd, uint32_t mtu, bool offload, bool lent = false) : fd_(fd), mtu_(mtu), offload_(offload), lent_(lent) {}
  ~Tap() override {
    if (!lent_) close(fd_);
  }
  // The device takes frames of several threads at once.
  std::unique_ptr<Port> outlet() const override { return std::make_unique<Tap>(fd_, mtu_, offload_, true); }

  void abandon() override { ioctl(fd_, TUNSETPERSIST, 0); }

  uint32_t receive(Pool& pool, Packet** out, uint32_t max) override {
    uint32_t n = 0;
    if (rest_ != 0) {
      rest_--;
      return 0;
    }
    // Held while it looks, not from look to look: there are fewer large buffers than there may be ports. Without one, short frames still come.
    Packet* spare = nullptr;
    while (n < max) {
      if (spare == nullptr && (spare = pool.take(true)) == nullptr && (spare = pool.take(false)) == nullptr) break;
      Packet* p = spare;
      Offload off{};
      iovec iov[2] = {{&off, kVnetHeader}, {p->data, tailroom(*p)}};
      const ssize_t got = readv(fd_, iov, 2);
      if (got < 0) {
        if (errno == EINTR) continue;
        if (errno != EAGAIN) note_error(errno);
        break;
      }
      if (got < static_cast<ssize_t>(kVnetHeader)) break;
      const uint32_t len = static_cast<uint32_t>(got) - kVnetHeader;
      if (!p->large && len == tailroom(*p)) continue;  // perhaps cut: lost, as on a full device ring
      Packet* small = p->large && len <= kCopyBreak ? pool.take(false) : nullptr;
      if (small != nullptr) {
        std::memcpy(small->data, p->data, len);
        p = small;
      } else {
        spare = nullptr;
      }
      p->len = len;
      p->offload = off;
      out[n++] = p;
    }
    if (spare != nullptr) pool.give(spare);
    quiet_ = n != 0 ? 0 : quiet_ + (quiet_ < kLongestRest);
    rest_ = quiet_;
    return n;
  }

  void transmit(Pool& pool, Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally) override {
    for (uint32_t i = 0; i < n; i++) {
      Packet& p = *packets[i];
      if (!offload_ && p.offload.gso_type != 0) {
        Cut cut{this, &pool, &tally, false};
        segment(pool, p, mtu_, &Tap::send_segment, &cut);
        ok[i] = cut.any;
        continue;
      }
      if (!offload_ && (p.offload.flags & 1) != 0) finish_checksum(p);
      ok[i] = send(p, tally);
    }
  }

  int fd() const override { return fd_; }
  int failed() const override { return failed_; }
  uint32_t mtu() const override { return mtu_; }
  bool takes_uncut() const override { return offload_; }
  void changed(uint32_t mtu) override {
    if (mtu != 0) mtu_ = mtu;
  }
  bool lingers() const override { return true; }

  void set_failed(int err) { failed_ = err; }

 private:
  struct Cut {
    Tap* tap;
    Pool* pool;
    PortTally* tally;
    bool any;
  };

  static void send_segment(void* ctx, Packet* segment) {
    Cut& cut = *static_cast<Cut*>(ctx);
    cut.any |= cut.tap->send(*segment, *cut.tally);
    cut.pool->give(segment);
  }

  bool send(const Packet& p, PortTally& tally) {
    Offload off = p.offload;
    off.flags &= 1;  // DATA_VALID has a meaning only towards a receiver that asked for it; the device checks nothing again without it
    iovec iov[2] = {{&off, kVnetHeader}, {p.data, p.len}};
    for (;;) {
      if (writev(fd_, iov, 2) >= 0) {
        tally.sent_packets++;
        tally.sent_bytes += p.len;
        return true;
      }
      if (errno == EINTR) continue;
      // EIO: the device is down, which is a state and no failure.
      if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) {
        tally.dropped_full++;
      } else if (errno == EMSGSIZE) {
        tally.dropped_mtu++;
      } else {
        tally.dropped_error++;
        if (errno != EIO) note_error(errno);
      }
      return false;
    }
  }

  void note_error(int err) {
    if (err == EBADFD) failed_ = ENODEV;  // the device was deleted under us
  }

  int fd_;
  uint32_t mtu_;
  bool offload_;
  bool lent_;
  int failed_ = 0;
  uint32_t quiet_ = 0;  // looks in a row that found nothing
  uint32_t rest_ = 0;   // looks to leave out
};

}  // namespace

Port* open_tap(const PortOptions& o, char* why, int* err) {
  NetnsScope scope(o.netns);
  if (scope.error() != 0) {
    *err = explain(why, scope.error(), "cannot enter network namespace", o.netns);
    return nullptr;
  }
  if (std::strlen(o.device) == 0 || std::strlen(o.device) >= IFNAMSIZ) {
    *err = explain(why, EINVAL, "device name must have 1 to 15 characters:", o.device);
    return nullptr;
  }
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) {
    *err = explain(why, errno, "cannot open /dev/net/tun for", o.device);
    return nullptr;
  }
  ifreq r{};
  std::strncpy(r.ifr_name, o.device, IFNAMSIZ - 1);
  r.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (o.queues > 1 ? IFF_MULTI_QUEUE : 0));
  if (ioctl(fd, TUNSETIFF, &r) != 0) {
    *err = explain(why, errno, "cannot make tap device", o.device);
    close(fd);
    return nullptr;
  }
  int header = kVnetHeader;
  ioctl(fd, TUNSETVNETHDRSZ, &header);
  if (o.offload) {
    // Older kernels know no UDP segmentation: ask again without it.
    const unsigned base = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
    if (ioctl(fd, TUNSETOFFLOAD, base | TUN_F_USO4 | TUN_F_USO6) != 0) ioctl(fd, TUNSETOFFLOAD, base);
  } else {
    ioctl(fd, TUNSETOFFLOAD, 0);
  }
  // The device is as the first queue left it.
  if (o.first != nullptr) return new Tap(fd, o.first->mtu(), o.offload);
  const int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  uint32_t mtu = o.mtu;
  if (sock >= 0) {
    DeviceInfo info{};
    int e = 0;
    if (mtu != 0) e = device_set_mtu(sock, o.device, mtu);
    if (e == 0) e = device_info(sock, o.device, &info);
    close(sock);
    if (e != 0) {
      *err = explain(why, e, "cannot configure tap device", o.device);
      close(fd);
      return nullptr;
    }
    mtu = info.mtu;
  }
  if (o.keep) ioctl(fd, TUNSETPERSIST, 1);
  return new Tap(fd, mtu, o.offload);
}

}  // namespace weft
