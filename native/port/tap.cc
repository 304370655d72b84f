// TAP ports. The device's frames carry a virtio_net_hdr (IFF_VNET_HDR), so that the host hands over whole TCP segments with unfinished checksums
// and takes them back the same way. The descriptor stays good when the device is moved into another network namespace.
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "../packet/offload.h"
#include "netdev.h"
#include "port.h"
#include "uring.h"

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

// Fewer frames than that at a time are read and written one by one. A request that finds nothing costs a third of a call that finds nothing.
constexpr uint32_t kMany = 4;
// So much is read before it is written, so that it is still in the processor's own cache (1 MB) then.
constexpr uint32_t kLookBytes = 512 << 10;
// Frames longer than this in the mean are segments, for which a call more or less is nothing.
constexpr uint32_t kLongMean = 4096;

class Tap final : public Port {
 public:
  Tap(int fd, const PortOptions& o, uint32_t mtu) : Tap(fd, mtu, o.offload, o.io_uring, false) {}
  // `lent`: the descriptor is another's, who closes it.
  Tap(int fd, uint32_t mtu, bool offload, bool batches, bool lent) : fd_(fd), mtu_(mtu), offload_(offload), lent_(lent), batches_(batches) {}
  ~Tap() override {
    ring_.close();
    if (!lent_) close(fd_);
  }
  // The device takes frames of several threads at once.
  std::unique_ptr<Port> outlet() const override { return std::make_unique<Tap>(fd_, mtu_, offload_, batches_, true); }

  void abandon() override { ioctl(fd_, TUNSETPERSIST, 0); }

  void describe(PortPaths& to) const override {
    const int refused = !batches_ ? ECANCELED : refused_ != 0 ? refused_.load() : Uring::refusal();
    std::snprintf(to.mode, sizeof to.mode, "%s", refused == 0 ? "io_uring" : "read-write");
    std::snprintf(to.receive, sizeof to.receive, "%s", refused == 0 ? "io_uring where frames come in batches" : "read");
    std::snprintf(to.send, sizeof to.send, "%s", refused == 0 ? "io_uring where they leave in batches" : "write");
    if (!batches_)
      std::snprintf(to.shortfall, sizeof to.shortfall, "options:io_uring is false");
    else if (refused != 0)
      std::snprintf(to.shortfall, sizeof to.shortfall, "io_uring: %s", strerrordesc_np(refused));
  }

  uint32_t receive(Pool& pool, Packet** out, uint32_t max) override {
    if (rest_ != 0) {
      rest_--;
      return 0;
    }
    uint32_t n = 0, bytes = 0;
    bool more = true;
    while (more && n < max && bytes < kLookBytes) {
      // What the last look brought, then as many again as came by now.
      const uint32_t want = std::min(max - n, std::max(n, usual_));
      const uint32_t from = n;
      more = want >= kMany && ready() ? read_many(pool, out, n, want) : read_some(pool, out, n, std::min(max, n + kMany));
      for (uint32_t i = from; i < n; i++) bytes += out[i]->len;
    }
    usual_ = n != 0 && bytes / n > kLongMean ? 1 : n;
    quiet_ = n != 0 ? 0 : quiet_ + (quiet_ < kLongestRest);
    rest_ = quiet_;
    return n;
  }

  void transmit(Pool& pool, Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally) override {
    uint32_t from = 0;  // of a run that leaves as it is
    const auto send_run = [&](uint32_t to) {
      if (to - from >= kMany && ready())
        write_many(packets + from, to - from, ok + from, tally);
      else
        for (; from < to; from++) ok[from] = send(*packets[from], tally);
      from = to;
    };
    for (uint32_t i = 0; i < n; i++) {
      Packet& p = *packets[i];
      if (!offload_ && p.offload.gso_type != 0) {
        send_run(i);
        Cut cut{this, &pool, &tally, false};
        segment(pool, p, mtu_, &Tap::send_segment, &cut);
        ok[i] = cut.any;
        from = i + 1;
      } else if (!offload_ && (p.offload.flags & 1) != 0) {
        finish_checksum(p);
      }
    }
    send_run(n);
  }

  int fd() const override { return fd_; }
  void called() override { rest_ = 0; }
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

  // A ring, made when it is first wanted: most of a thousand ports are quiet.
  bool ready() {
    if (ring_.is_open()) return true;
    if (!batches_ || refused_ != 0) return false;
    refused_ = Uring::refusal() != 0 ? Uring::refusal() : ring_.open(kBatch, fd_);
    return refused_ == 0;
  }
  void ring_is_gone() { refused_ = EIO; }

  // The header stands right before the frame: one piece costs the kernel less than two.
  static uint8_t* start(const Packet& p) { return p.data - kVnetHeader; }
  static uint32_t room(const Packet& p) { return kVnetHeader + tailroom(p); }

  // What `got` bytes in p are: a packet in p or in a smaller buffer, which leaves p to its owner, or nothing.
  static Packet* take_in(Pool& pool, Packet* p, int32_t got) {
    if (got < static_cast<int32_t>(kVnetHeader)) return nullptr;
    const uint32_t len = static_cast<uint32_t>(got) - kVnetHeader;
    if (!p->large && len == tailroom(*p)) return nullptr;  // perhaps cut: lost, as on a full device ring
    Packet* to = p;
    if (p->large && len <= kCopyBreak) {
      if (Packet* small = pool.take(false)) {
        std::memcpy(small->data, p->data, len);
        to = small;
      }
    }
    std::memcpy(&to->offload, start(*p), kVnetHeader);
    to->len = len;
    return to;
  }

  // One by one, until out[most]. Returns whether there may be more.
  bool read_some(Pool& pool, Packet** out, uint32_t& n, uint32_t most) {
    // Held while it looks, not from look to look: there are fewer large buffers than there may be ports. Without one, short frames still come.
    Packet* spare = nullptr;
    bool more = true;
    while (n < most) {
      if (spare == nullptr && (spare = pool.take(true)) == nullptr && (spare = pool.take(false)) == nullptr) {
        more = false;
        break;
      }
      const ssize_t got = read(fd_, start(*spare), room(*spare));
      if (got < static_cast<ssize_t>(kVnetHeader)) {
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno != EAGAIN) note_error(errno);
        more = false;
        break;
      }
      Packet* p = take_in(pool, spare, static_cast<int32_t>(got));
      if (p == nullptr) continue;
      if (p == spare) spare = nullptr;
      out[n++] = p;
    }
    if (spare != nullptr) pool.give(spare);
    return more;
  }

  // `want` at once, as far as there are large buffers.
  bool read_many(Pool& pool, Packet** out, uint32_t& n, uint32_t want) {
    Packet* into[kBatch];
    int32_t got[kBatch];
    uint32_t asked = 0;
    while (asked < want && (into[asked] = pool.take(true)) != nullptr) {
      ring_.read(asked, start(*into[asked]), room(*into[asked]));
      asked++;
    }
    if (asked < kMany) {
      while (asked > 0) pool.give(into[--asked]);
      return read_some(pool, out, n, n + want);
    }
    if (!ring_.run(asked, got)) ring_is_gone();
    uint32_t came = 0;
    // A request may find nothing and the next one a frame that came in between.
    for (uint32_t i = 0; i < asked; i++) {
      if (got[i] < 0 && got[i] != -EAGAIN) note_error(-got[i]);
      Packet* p = take_in(pool, into[i], got[i]);
      if (p == nullptr) continue;
      came++;
      out[n++] = p;
      if (p == into[i]) into[i] = nullptr;
    }
    // The first is taken first again.
    for (uint32_t i = asked; i-- > 0;)
      if (into[i] != nullptr) pool.give(into[i]);
    return came == want;
  }

  // What the device is told of a packet. DATA_VALID has a meaning only towards a receiver that asked for it; the device checks nothing again without it.
  static Offload header_of(const Packet& p) {
    Offload off = p.offload;
    off.flags &= 1;
    return off;
  }

  bool send(const Packet& p, PortTally& tally) {
    const Offload off = header_of(p);
    for (;;) {
      ssize_t r;
      if (headroom(p) >= kVnetHeader) {
        std::memcpy(start(p), &off, kVnetHeader);
        r = write(fd_, start(p), kVnetHeader + p.len);
      } else {
        const iovec iov[2] = {{const_cast<Offload*>(&off), kVnetHeader}, {p.data, p.len}};
        r = writev(fd_, iov, 2);
      }
      if (r < 0 && errno == EINTR) continue;
      return account(p, r < 0 ? errno : 0, tally);
    }
  }

  void write_many(Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally) {
    int32_t results[kBatch];
    uint32_t i = 0;
    while (i < n) {
      uint32_t asked = 0;
      for (; ring_.is_open() && i + asked < n && asked < kBatch && headroom(*packets[i + asked]) >= kVnetHeader; asked++) {
        const Packet& p = *packets[i + asked];
        const Offload off = header_of(p);
        std::memcpy(start(p), &off, kVnetHeader);
        ring_.write(asked, start(p), kVnetHeader + p.len);
      }
      if (asked != 0 && !ring_.run(asked, results)) ring_is_gone();
      for (uint32_t k = 0; k < asked; k++, i++) {
        const bool undone = results[k] == -EAGAIN && !ring_.is_open();
        ok[i] = undone ? send(*packets[i], tally) : account(*packets[i], results[k] < 0 ? -results[k] : 0, tally);
      }
      if (asked == 0) {
        ok[i] = send(*packets[i], tally);
        i++;
      }
    }
  }

  // What became of a packet.
  bool account(const Packet& p, int err, PortTally& tally) {
    if (err == 0) {
      tally.sent_packets++;
      tally.sent_bytes += p.len;
      return true;
    }
    // EIO: the device is down, which is a state and no failure.
    if (err == EAGAIN || err == ENOBUFS || err == ENOMEM) {
      tally.dropped_full++;
    } else if (err == EMSGSIZE) {
      tally.dropped_mtu++;
    } else {
      tally.dropped_error++;
      if (err != EIO) note_error(err);
    }
    return false;
  }

  void note_error(int err) {
    if (err == EBADFD) failed_ = ENODEV;  // the device was deleted under us
  }

  int fd_;
  uint32_t mtu_;
  bool offload_;
  bool lent_;
  bool batches_;  // may have a ring
  int failed_ = 0;
  uint32_t quiet_ = 0;  // looks in a row that found nothing
  uint32_t rest_ = 0;   // looks to leave out
  uint32_t usual_ = 0;  // frames of the last look, 1 where they are segments
  Uring ring_;
  std::atomic<int> refused_{0};  // errno, where there is no ring and never will be
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
  if (o.first != nullptr) return new Tap(fd, o, o.first->mtu());
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
  return new Tap(fd, o, mtu);
}

}  // namespace weft
