// System ports: an existing device (veth, NIC) by AF_PACKET.
//
// Receive: by a filter of ours into a ring of packed records (record_reception.cc), or by the packet socket's ring (ring_reception.cc) where the filter is not to be had.
// Send: several plain frames in a row as a burst; others, and where that is not to be had, by sendmmsg (transmission.h). PACKET_VNET_HDR on
// both ways carries the checksum and segmentation state.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "chores.h"
#include "intake.h"
#include "netdev.h"
#include "port.h"
#include "reception.h"
#include "transmission.h"

namespace weft {
namespace {

// Empty looks between two looks at the device's state.
constexpr uint32_t kErrorCheckEvery = 4096;

// A device that is down says so on its socket, which then wakes its waiter for nothing until somebody has looked.
void clear_error(int fd) {
  int e = 0;
  socklen_t n = sizeof e;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n);
}

packet_mreq promiscuous(int ifindex) {
  packet_mreq m{};
  m.mr_ifindex = ifindex;
  m.mr_type = PACKET_MR_PROMISC;
  return m;
}

// Sends by the socket of a port, which the kernel lets several threads do at once; what is its own are bursts.
class SystemOutlet final : public Port {
 public:
  SystemOutlet(int socket, int ifindex, uint32_t mtu, bool offload, int burst_error) : out_(socket, ifindex, mtu, offload, burst_error) {}
  uint32_t receive(Pool&, Packet**, uint32_t) override { return 0; }
  void transmit(Pool& pool, Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally) override { out_.transmit(pool, packets, n, ok, tally); }
  int fd() const override { return -1; }
  uint32_t mtu() const override { return out_.mtu(); }
  bool takes_uncut() const override { return out_.takes_uncut(); }
  void changed(uint32_t mtu) override {
    if (mtu != 0) out_.set_mtu(mtu);
  }

 private:
  Transmission out_;
};

class System final : public Port {
 public:
  System(int socket, std::unique_ptr<Reception> in, const DeviceInfo& device, bool offload, int burst_error)
      : fd_(socket),
        in_(std::move(in)),
        out_(socket, device.ifindex, device.mtu, offload, burst_error),
        ifindex_(device.ifindex),
        burst_error_(burst_error),
        shortcut_device_(offload && burst_error == 0 ? device.ifindex : 0) {}
  // To the device it is over at once, while the kernel takes its time to close the socket.
  ~System() override {
    const packet_mreq m = promiscuous(ifindex_);
    setsockopt(fd_, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &m, sizeof m);
    in_.reset();
    chore([fd = fd_] { close(fd); });
  }

  uint32_t receive(Pool& pool, Packet** out, uint32_t max) override {
    const uint32_t n = in_->receive(pool, out, max);
    if (n == 0 && (++empty_ >= kErrorCheckEvery || in_->trouble())) check_device();
    return n;
  }
  bool doze() override { return in_->doze(); }
  void called() override { in_->called(); }
  uint64_t lost() override { return in_->lost(); }
  void settle(Pool& pool) override { in_->settle(pool); }
  void hand_over(Pool& from, Pool& to) override { in_->hand_over(from, to); }
  void transmit(Pool& pool, Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally) override { out_.transmit(pool, packets, n, ok, tally); }
  void describe(PortPaths& to) const override {
    in_->describe(to.receive, sizeof to.receive);
    out_.describe(to.send, sizeof to.send);
  }
  bool shortens() const override { return in_->shortens(); }
  int shortcut_device() const override { return failed_ == 0 ? shortcut_device_ : 0; }
  int fd() const override { return fd_; }
  int failed() const override { return failed_; }
  uint32_t mtu() const override { return out_.mtu(); }
  bool takes_uncut() const override { return out_.takes_uncut(); }
  std::unique_ptr<Port> outlet() const override { return std::make_unique<SystemOutlet>(fd_, ifindex_, out_.mtu(), out_.takes_uncut(), burst_error_); }
  // The kernel tells the socket once that the device is down, and not again when it goes for good.
  void changed(uint32_t mtu) override {
    if (mtu != 0) out_.set_mtu(mtu);
    empty_ = kErrorCheckEvery;
  }

 private:
  void check_device() {
    empty_ = 0;
    in_->look();
    clear_error(fd_);
    // By number: the name may have been given to another device meanwhile.
    char name[IFNAMSIZ];
    DeviceInfo info{};
    const int err = device_name(fd_, ifindex_, name);
    if (err == ENODEV) failed_ = err;
    if (err == 0 && device_info(fd_, name, &info) == 0) out_.set_mtu(info.mtu);
  }

  int fd_;
  std::unique_ptr<Reception> in_;
  Transmission out_;
  int ifindex_;
  int burst_error_;  // of outlets
  int shortcut_device_;
  int failed_ = 0;
  uint32_t empty_ = 0;
};

// Every step that must be done, in order; the text names the one that could not.
const char* join_device(int fd, int ifindex) {
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(ETH_P_ALL);
  at.sll_ifindex = ifindex;
  if (bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) return "cannot bind to";
  const packet_mreq m = promiscuous(ifindex);
  if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof m) != 0) return "cannot set promiscuous mode on";
  clear_error(fd);
  return nullptr;
}

}  // namespace

Port* open_system(const PortOptions& o, char* why, int* err) {
  NetnsScope scope(o.netns);
  if (scope.error() != 0) {
    *err = explain(why, scope.error(), "cannot enter network namespace", o.netns);
    return nullptr;
  }
  // Protocol 0: nothing arrives before the way in stands and the socket is bound.
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) {
    *err = explain(why, errno, "cannot open a packet socket for", o.device);
    return nullptr;
  }
  DeviceInfo info{};
  int e = device_info(fd, o.device, &info);
  const char* fault = "no device";
  // A program sends in the namespace of the thread that runs it.
  const bool here = o.netns == nullptr || *o.netns == 0;
  ShortcutStart start;
  if (here) start = {o.shortcuts, o.vport, info.ifindex};
  std::unique_ptr<Reception> in;
  if (e == 0) {
    const int no_records = o.programs ? Intake::fault() : ECANCELED;
    in = no_records == 0 ? receive_by_records(fd, o.rx_bytes, std::move(start), &fault) : receive_by_ring(fd, o.rx_bytes, no_records, &fault);
    if (!in) e = errno;
  }
  if (e == 0 && (fault = join_device(fd, info.ifindex)) != nullptr) e = errno;
  if (e != 0) {
    *err = explain(why, e, fault, o.device);
    in.reset();
    close(fd);
    return nullptr;
  }
  const int burst_error = !o.programs ? ECANCELED : here ? 0 : EXDEV;
  return new System(fd, std::move(in), info, o.offload, burst_error);
}

}  // namespace weft
