// AF_XDP ports (Interface type afxdp): an existing device, whose frames a program of ours on its XDP hook puts into memory that we share with the kernel.
//
// Modes, from the best down: native with zero-copy (the driver puts frames straight into our memory), native (the driver runs the program, a frame is copied), generic (the
// program runs on socket buffers, with every device). A port that asks for one gets it or nothing; best-effort tries them in turn.
// XDP tells nothing of checksums and segments (unfinished.h says what becomes of that), so what leaves is finished and cut here.
#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "../packet/offload.h"
#include "chores.h"
#include "flood.h"
#include "napi.h"
#include "netdev.h"
#include "port.h"
#include "transmission.h"
#include "unfinished.h"
#include "xdp_program.h"
#include "xdp_socket.h"

namespace weft {
namespace {

constexpr uint32_t kErrorCheckEvery = 4096;  // empty looks between two looks at the device's state
constexpr uint32_t kLink = 22;               // Ethernet header and two tags
// For frames that wait: 8 ms at 500,000 a second, divided among queues, but not below so many for one, which may have to take most.
constexpr uint32_t kPlaces = 4096, kLeastPlaces = 1024;
constexpr uint32_t kSmallPlace = 2048, kLargePlace = 4096;
constexpr int kSendBuffer = 16 << 20;
// The kernel holds a queue for a while after the socket that had it was closed.
constexpr int kBusyTries = 20;
constexpr timespec kBusyPause{0, 10'000'000};

// What ends when nobody is left who holds it; slowly, so helper threads do it.
struct Held {
  XdpProgram program;
  std::unique_ptr<XdpMemory> memory;
  std::vector<std::unique_ptr<XdpSocket>> sockets;
  Flood flood;
};

struct Mode {
  const char* name;
  bool native;
  XdpSocket::Copies copies;
};
constexpr Mode kZeroCopy{"native-with-zerocopy", true, XdpSocket::Copies::kNever};
constexpr Mode kNative{"native", true, XdpSocket::Copies::kAlways};
constexpr Mode kGeneric{"generic", false, XdpSocket::Copies::kAlways};

// All zero where the device does not say.
ethtool_drvinfo driver_of(int fd, const char* device) {
  ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  ifreq r{};
  std::strncpy(r.ifr_name, device, IFNAMSIZ - 1);
  r.ifr_data = reinterpret_cast<char*>(&info);
  if (ioctl(fd, SIOCETHTOOL, &r) != 0) return {};
  return info;
}

// True for devices whose frames may come from a program on this machine without having been on a wire: they have no place on a bus.
bool is_virtual(const ethtool_drvinfo& info) {
  return info.bus_info[0] == 0 || std::strcmp(info.driver, "virtio_net") == 0 || std::strcmp(info.driver, "tun") == 0;
}

class Xdp final : public Port {
 public:
  Xdp(Fd packet, Fd events, std::unique_ptr<Held> held, const DeviceInfo& device, bool guess, int burst_error, const PortPaths& paths)
      : packet_(std::move(packet)), events_(std::move(events)), held_(std::move(held)), paths_(paths), ifindex_(device.ifindex), mtu_(device.mtu), guess_(guess),
        join_(guess && !held_->sockets[0]->zero_copy()), messages_(packet_.get(), device.ifindex, device.mtu, true, burst_error) {}
  ~Xdp() override {
    chore([held = std::shared_ptr<Held>(std::move(held_))]() mutable { held.reset(); });
  }

  uint32_t receive(Pool& pool, Packet** out, uint32_t max) override {
    uint32_t n = 0;
    for (size_t i = 0; i < held_->sockets.size() && n < max; i++) n += held_->sockets[(first_ + i) % held_->sockets.size()]->receive(pool, out + n, max - n, join_, guess_);
    first_++;
    if (n == 0 && ++empty_ >= kErrorCheckEvery) check_device();
    if (n != 0) held_->flood.took(n);
    if (guess_)
      for (uint32_t i = 0; i < n; i++)
        if (out[i]->len >= kEthernet && out[i]->offload.flags == 0) note_state(*out[i], 0, locate(out[i]->data, out[i]->len, 2), {mtu_, mtu_, 0});
    return n;
  }

  void transmit(Pool& pool, Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally) override {
    ok_ = ok;
    tally_ = &tally;
    pool_ = &pool;
    for (at_ = 0; at_ < n; at_++) {
      if (const uint32_t run = messages_.worth_burst(packets, at_, n)) {
        flush();
        messages_.transmit(pool, packets + at_, run, ok + at_, tally);
        at_ += run - 1;
        continue;
      }
      Packet& p = *packets[at_];
      ok[at_] = 0;
      if (p.offload.gso_type != 0) {
        if (join_) {
          flush();
          messages_.transmit(pool, packets + at_, 1, ok + at_, tally);
        } else if (segment(pool, p, mtu_, &Xdp::send_segment, this) < 0) tally.dropped_error++;
        continue;
      }
      if ((p.offload.flags & kNeedsCsum) != 0) finish_checksum(p);
      add(p);
    }
    flush();
  }

  bool doze() override {
    bool more = false;
    for (const auto& s : held_->sockets) more |= s->more();
    return more;
  }
  uint64_t lost() override {
    uint64_t n = 0;
    for (const auto& s : held_->sockets) n += s->lost(look_);
    look_ = false;
    return n;
  }
  void describe(PortPaths& to) const override {
    to = paths_;
    const size_t r = std::strlen(to.receive);
    if (held_->flood.on()) std::snprintf(to.receive + r, sizeof to.receive - r, "; a flood: polled by a timer");
    const size_t n = std::strlen(to.send);
    if (messages_.bursts()) std::snprintf(to.send + n, sizeof to.send - n, ", bursts where frames come close together");
  }
  int fd() const override { return events_.ok() ? events_.get() : held_->sockets[0]->fd(); }
  int failed() const override { return failed_; }
  uint32_t mtu() const override { return mtu_; }
  void changed(uint32_t mtu) override {
    if (mtu != 0) take_mtu(mtu);
    empty_ = kErrorCheckEvery;
  }

 private:
  static constexpr uint32_t kEthernet = 14;

  static void send_segment(void* ctx, Packet* s) {
    Xdp& port = *static_cast<Xdp*>(ctx);
    port.add(*s);
    port.pool_->give(s);
  }

  void add(const Packet& p) {
    XdpSocket& out = *held_->sockets[0];
    if (p.len > out.longest()) {
      tally_->dropped_mtu++;
      return;
    }
    if (out.unsent() == kBatch || !out.put(p.data, p.len)) {
      flush();
      if (!out.put(p.data, p.len)) {
        tally_->dropped_full++;
        return;
      }
    }
    who_[out.unsent() - 1] = at_;
    bytes_[out.unsent() - 1] = p.len;
  }

  void flush() {
    XdpSocket& out = *held_->sockets[0];
    const uint32_t n = out.unsent();
    int err;
    const uint32_t sent = out.send(&err);
    for (uint32_t i = 0; i < sent; i++) {
      ok_[who_[i]] = 1;
      tally_->sent_packets++;
      tally_->sent_bytes += bytes_[i];
    }
    if (sent != n) (err == EAGAIN || err == EBUSY || err == ENOBUFS || err == ENOMEM ? tally_->dropped_full : tally_->dropped_error) += n - sent;
  }

  void check_device() {
    empty_ = 0;
    look_ = true;
    char name[IFNAMSIZ];
    DeviceInfo info{};
    const int err = device_name(packet_.get(), ifindex_, name);
    if (err == ENODEV) failed_ = err;
    if (err == 0 && device_info(packet_.get(), name, &info) == 0) take_mtu(info.mtu);
  }

  void take_mtu(uint32_t mtu) {
    mtu_ = mtu;
    messages_.set_mtu(mtu);
  }

  Fd packet_;  // keeps the device promiscuous, asks of it, and sends segments
  Fd events_;  // of several sockets
  std::unique_ptr<Held> held_;
  PortPaths paths_;
  int ifindex_;
  uint32_t mtu_;
  bool guess_, join_;
  Transmission messages_;
  bool look_ = false;
  int failed_ = 0;
  uint32_t empty_ = 0, first_ = 0;
  // While it sends: where it is, and which packet each unsent frame is of.
  uint8_t* ok_ = nullptr;
  PortTally* tally_ = nullptr;
  Pool* pool_ = nullptr;
  uint32_t at_ = 0;
  uint32_t who_[kBatch], bytes_[kBatch];
};

// By a program in the same mode, or in the other one, or by a socket.
bool is_taken(int e) { return e == EBUSY || e == EEXIST; }

// The making of a port, mode by mode.
struct Maker {
  const PortOptions& options;
  DeviceInfo device;
  const char* fault = "";
  std::string shortfall;  // why not a better mode
  std::unique_ptr<Held> held;

  // 0 or an errno with `fault`.
  int attempt(const Mode& mode, XdpSocket::Copies copies) {
    held = std::make_unique<Held>();
    if (!held->program.load(options.queues)) return fault = "cannot load an XDP program for", errno;
    if (const int e = held->program.attach(device.ifindex, mode.native)) return fault = "cannot attach an XDP program to", e;
    const uint32_t place = device.mtu + kLink <= kSmallPlace - XdpSocket::kHead ? kSmallPlace : kLargePlace;
    const uint32_t each = std::max(std::bit_floor(kPlaces / options.queues), kLeastPlaces);
    held->memory = std::make_unique<XdpMemory>(options.queues * each + XdpSocket::kSendPlaces, place);
    if (!held->memory->ok()) return fault = "cannot get memory for the frames of", errno;
    for (uint32_t q = 0; q < options.queues; q++) {
      auto s = XdpSocket::open({device.ifindex, q, copies, options.need_wakeup, each}, *held->memory, q == 0 ? nullptr : held->sockets[0].get(), &fault);
      if (!s) return errno;
      if (device.mtu + kLink > s->longest()) return fault = "the MTU is more than AF_XDP takes on this kernel at", EMSGSIZE;
      if (!held->program.give(q, s->fd())) return fault = "cannot give frames to the socket of", errno;
      held->sockets.push_back(std::move(s));
    }
    return 0;
  }

  // Sockets of ours that were closed, or of a program that ended just now, may still be on their way out.
  int patient(const Mode& mode, XdpSocket::Copies copies) {
    int e = attempt(mode, copies);
    for (int tries = 0; is_taken(e) && tries < kBusyTries; tries++) {
      held.reset();
      if (tries == 0)
        finish_chores();
      else
        nanosleep(&kBusyPause, nullptr);
      e = attempt(mode, copies);
    }
    if (e != 0) held.reset();
    return e;
  }

  int make(const Mode** got) {
    const std::string asked = options.xdp_mode;
    if (asked != "best-effort") {
      for (const Mode* m : {&kZeroCopy, &kNative, &kGeneric})
        if (asked == m->name) return *got = m, patient(*m, m->copies);
      return fault = "no such XDP mode for", EINVAL;
    }
    int e = patient(kNative, XdpSocket::Copies::kAllowed);
    if (e == 0) {
      const bool zero = held->sockets[0]->zero_copy();
      *got = zero ? &kZeroCopy : &kNative;
      if (!zero) shortfall = "the driver has no zero-copy";
      return 0;
    }
    // No rights, no memory or no place for the one, none for the other.
    if (e == EPERM || e == EACCES || e == ENOMEM || e == ENOBUFS || e == ENODEV || is_taken(e)) return e;
    shortfall = std::string("native: ") + fault + " it: " + strerrordesc_np(e);
    return *got = &kGeneric, patient(kGeneric, XdpSocket::Copies::kAlways);
  }
};

int refuse(char* why, const Maker& m, int e) {
  const char* advice = "";
  if (e == EPERM || e == EACCES)
    advice = " (it needs CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF)";
  else if (e == ENOBUFS || e == ENOMEM)
    advice = " (memory that stays: it needs CAP_IPC_LOCK or a larger limit, ulimit -l)";
  else if (is_taken(e))
    advice = " (it has an XDP program or an AF_XDP socket already)";
  else if (e == EINVAL && m.options.queues > 1)
    advice = " (has it so many queues? options:n_rxq)";
  std::snprintf(why, 512, "%s %s: %s%s", m.fault, m.options.device, std::strerror(e), advice);
  return e;
}

// A packet socket that sends segments, and receives nothing: bound to no protocol.
const char* prepare(int fd, int ifindex) {
  const int one = 1;
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_ifindex = ifindex;
  if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one) != 0) return "cannot use PACKET_VNET_HDR on";
  if (bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) return "cannot bind to";
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &kSendBuffer, sizeof kSendBuffer) != 0) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof kSendBuffer);
  return nullptr;
}

void say(PortPaths& to, const PortOptions& o, const Mode& mode, const Maker& m) {
  const XdpSocket& s = *m.held->sockets[0];
  std::snprintf(to.mode, sizeof to.mode, "%s", mode.name);
  std::snprintf(to.shortfall, sizeof to.shortfall, "%s", m.shortfall.c_str());
  std::snprintf(to.receive, sizeof to.receive, "AF_XDP, %s, %u queue%s%s%s", mode.name, o.queues, o.queues == 1 ? "" : "s of one memory", to.shortfall[0] ? "; " : "", to.shortfall);
  std::snprintf(to.send, sizeof to.send, "AF_XDP%s%s%s", s.multiple() ? ", long frames in pieces" : "", s.zero_copy() ? "" : ", segments by messages",
                o.need_wakeup ? ", woken where it asks" : "");
}

}  // namespace

Port* open_xdp(const PortOptions& o, char* why, int* err) {
  NetnsScope scope(o.netns);
  if (scope.error() != 0) {
    *err = explain(why, scope.error(), "cannot enter network namespace", o.netns);
    return nullptr;
  }
  Fd packet(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  Maker m{o, {}, "no device", {}, nullptr};
  const Mode* mode = nullptr;
  int e = packet.ok() ? device_info(packet.get(), o.device, &m.device) : errno;
  if (e == 0) e = m.make(&mode);
  Fd events;
  if (e == 0 && o.queues > 1) {
    events = Fd(epoll_create1(EPOLL_CLOEXEC));
    for (const auto& s : m.held->sockets) {
      epoll_event on{};
      on.events = EPOLLIN;
      if (e == 0 && epoll_ctl(events.get(), EPOLL_CTL_ADD, s->fd(), &on) != 0) m.fault = "cannot wait for", e = errno;
    }
  }
  if (e == 0 && (m.fault = prepare(packet.get(), m.device.ifindex)) != nullptr) e = errno;
  packet_mreq all{};
  all.mr_ifindex = m.device.ifindex;
  all.mr_type = PACKET_MR_PROMISC;
  if (e == 0 && setsockopt(packet.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) != 0) m.fault = "cannot set promiscuous mode on", e = errno;
  if (e != 0) {
    *err = refuse(why, m, e);
    return nullptr;
  }
  PortPaths paths;
  say(paths, o, *mode, m);
  const ethtool_drvinfo driver = driver_of(packet.get(), o.device);
  const bool guess = o.offload && is_virtual(driver);
  // A veth device runs our program by a poll, which may be told when to; and nothing is gained by AF_XDP on the way out, which costs it more than bursts do.
  const bool poll = mode->native && std::strcmp(driver.driver, "veth") == 0;
  if (poll && o.queues == 1) m.held->flood.use(Napi::open(static_cast<uint32_t>(m.device.ifindex)));
  // A program sends in the namespace of the thread that runs it.
  const int burst_error = !poll || !o.programs ? ECANCELED : o.netns == nullptr || *o.netns == 0 ? 0 : EXDEV;
  return new Xdp(std::move(packet), std::move(events), std::move(m.held), m.device, guess, burst_error, paths);
}

}  // namespace weft
