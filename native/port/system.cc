// System ports: an existing device (veth, NIC) by AF_PACKET.
//
// Receive: by a filter of ours into a ring of packed records (intake.h), and from the packet socket's ring (packet_ring.h) what the filter leaves there, or
// everything where the filter is not to be had.
// Send: several plain frames in a row as a burst (burst.h); others, and where that is not to be had, by sendmmsg, one call a batch. PACKET_VNET_HDR on
// both ways carries the checksum and segmentation state.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "../packet/offload.h"
#include "burst.h"
#include "intake.h"
#include "netdev.h"
#include "packet_ring.h"
#include "port.h"
#include "receive_memory.h"

namespace weft {
namespace {

// What a queue discipline answers; the kernel's own header names them for itself only.
constexpr int kTaken = 0;
constexpr int kTakenCongested = 2;  // taken, but slow down
constexpr uint32_t kLinkHeader = 14;
constexpr uint32_t kVnetHeader = PacketRing::kVnetHeader;
// Empty looks at the ring between two looks at the socket's error state.
constexpr uint32_t kErrorCheckEvery = 4096;
// Looks for the frame that a marker announces before it counts as lost: longer than the kernel takes between the two, unless its processor was taken away.
constexpr uint32_t kMissingPatience = 256;

class System final : public Port {
 public:
  struct Parts {
    int fd;
    uint8_t* ring;
    uint32_t ring_bytes;
    std::unique_ptr<Intake> intake;
    int intake_error;
    ReceiveMemory::Share share;
  };
  // `burst_error`: why there may be no bursts, or 0.
  System(Parts parts, const DeviceInfo& device, bool offload, int burst_error)
      : fd_(parts.fd),
        ring_(parts.fd, parts.ring, parts.ring_bytes),
        intake_(std::move(parts.intake)),
        intake_error_(parts.intake_error),
        share_(std::move(parts.share)),
        ifindex_(device.ifindex),
        mtu_(device.mtu),
        offload_(offload),
        burst_error_(burst_error) {}
  ~System() override { close(fd_); }

  uint32_t receive(Pool& pool, Packet** out, uint32_t max) override {
    const uint32_t n = intake_ ? receive_records(pool, out, max) : receive_slots(pool, out, max);
    if (n == 0 && ++empty_ >= kErrorCheckEvery) check_device();
    return n;
  }

  bool doze() override { return intake_ && intake_->doze(); }
  // Where there are records, a frame that the ring had no slot for is missed by its marker, and a doorbell is no loss.
  uint64_t lost() override { return std::exchange(lost_, 0) + (intake_ ? intake_->lost() : ring_.lost()); }

  void transmit(Pool& pool, Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally) override {
    for (uint32_t at = 0; at < n;) {
      uint32_t end = at;
      const uint32_t plain = bursts() ? plain_run(packets, at, n) : 0;
      if (plain >= Burst::kWorthwhile && send_burst(packets + at, plain, ok + at, tally)) {
        at += plain;
        continue;
      }
      // Up to where a run begins that is worth a burst.
      for (end += plain > 0 ? plain : 1; end < n; end++)
        if (bursts() && plain_run(packets, end, n) >= Burst::kWorthwhile) break;
      send_messages(pool, packets + at, end - at, ok + at, tally);
      at = end;
    }
  }

  static const char* reason(int err) { return err == EXDEV ? "another network namespace" : err == ECANCELED ? "options:bpf is false" : strerrordesc_np(err); }
  void describe(PortPaths& to) const override {
    if (intake_)
      std::snprintf(to.receive, sizeof to.receive, "records, %u KiB", share_.bytes() >> 10);
    else
      std::snprintf(to.receive, sizeof to.receive, "packet ring, %u KiB; no records: %s", ring_.bytes() >> 10, reason(intake_error_));
    const int e = burst_error_.load(std::memory_order_relaxed);
    if (e == 0)
      std::snprintf(to.send, sizeof to.send, "bursts where frames come close together, else messages");
    else
      std::snprintf(to.send, sizeof to.send, "messages; no bursts: %s", reason(e));
  }

  int fd() const override { return fd_; }
  int failed() const override { return failed_; }
  uint32_t mtu() const override { return mtu_; }

 private:
  struct Cut {
    System* port;
    Pool* pool;
    PortTally* tally;
    bool any;
  };

  static void send_segment(void* ctx, Packet* segment) {
    Cut& cut = *static_cast<Cut*>(ctx);
    mmsghdr msg;
    iovec iov[2];
    Offload off;
    uint8_t ok = 0;
    const uint32_t who = 0;
    cut.port->prepare(*segment, msg, iov, off);
    cut.port->send_all(&segment, &msg, &who, 1, &ok, *cut.tally);
    cut.any |= ok != 0;
    cut.pool->give(segment);
  }

  // How many from packets[at] on may leave in one burst: without a segmentation state, of one protocol, of a length that the device takes.
  uint32_t plain_run(Packet** packets, uint32_t at, uint32_t n) const {
    const uint32_t first = at;
    const uint32_t limit = mtu_ + kLinkHeader < Burst::kMaxFrame ? mtu_ + kLinkHeader : Burst::kMaxFrame;
    for (; at < n && at - first < Burst::kFrames; at++) {
      const Packet& p = *packets[at];
      if (p.offload.gso_type != 0 || p.len < kLinkHeader || p.len > limit) break;
      if (std::memcmp(p.data + 12, packets[first]->data + 12, 2) != 0) break;
    }
    return at - first;
  }

  bool bursts() const { return burst_error_.load(std::memory_order_relaxed) == 0; }
  bool no_bursts() {
    burst_error_.store(errno ? errno : EIO, std::memory_order_relaxed);
    burst_.reset();
    return false;
  }

  // False: the packets are still to be sent.
  bool send_burst(Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally) {
    if (!burst_ && !(burst_ = Burst::open(ifindex_))) return no_bursts();
    burst_->clear();
    for (uint32_t i = 0; i < n; i++) {
      Packet& p = *packets[i];
      if ((p.offload.flags & 1) != 0) finish_checksum(p);
      burst_->add(p.data, p.len);
    }
    if (!burst_->send()) return errno == ENOMEM || errno == EINTR || errno == EAGAIN ? false : no_bursts();
    for (uint32_t i = 0; i < n; i++) {
      const int result = burst_->result(i);
      ok[i] = result == kTaken || result == kTakenCongested;
      if (ok[i]) {
        tally.sent_packets++;
        tally.sent_bytes += packets[i]->len;
      } else {
        count_failure(result > 0 ? ENOBUFS : -result, tally);
      }
    }
    return true;
  }

  void send_messages(Pool& pool, Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally) {
    mmsghdr msgs[kBatch];
    iovec iov[kBatch][2];
    Offload off[kBatch];
    uint32_t who[kBatch];
    for (uint32_t base = 0; base < n;) {
      uint32_t m = 0;
      for (; base < n && m < kBatch; base++) {
        Packet& p = *packets[base];
        ok[base] = 0;
        if (!offload_ && p.offload.gso_type != 0) {
          Cut cut{this, &pool, &tally, false};
          segment(pool, p, mtu_, &System::send_segment, &cut);
          ok[base] = cut.any;
          continue;
        }
        if (!offload_ && (p.offload.flags & 1) != 0) finish_checksum(p);
        prepare(p, msgs[m], iov[m], off[m]);
        who[m++] = base;
      }
      send_all(packets, msgs, who, m, ok, tally);
    }
  }

  // The header goes right before the frame where there is room: the kernel takes one piece by a shorter way than two.
  static void prepare(const Packet& p, mmsghdr& msg, iovec* iov, Offload& off) {
    off = p.offload;
    off.flags &= 1;
    std::memset(&msg, 0, sizeof msg);
    msg.msg_hdr.msg_iov = iov;
    if (headroom(p) >= kVnetHeader) [[likely]] {
      std::memcpy(p.data - kVnetHeader, &off, kVnetHeader);
      iov[0] = {p.data - kVnetHeader, p.len + kVnetHeader};
      msg.msg_hdr.msg_iovlen = 1;
      return;
    }
    iov[0] = {&off, kVnetHeader};
    iov[1] = {p.data, p.len};
    msg.msg_hdr.msg_iovlen = 2;
  }

  void send_all(Packet** packets, mmsghdr* msgs, const uint32_t* who, uint32_t m, uint8_t* ok, PortTally& tally) {
    for (uint32_t at = 0; at < m;) {
      const int sent = sendmmsg(fd_, msgs + at, m - at, MSG_DONTWAIT);
      if (sent > 0) {
        for (int i = 0; i < sent; i++, at++) {
          ok[who[at]] = 1;
          tally.sent_packets++;
          tally.sent_bytes += packets[who[at]]->len;
        }
        continue;
      }
      if (sent < 0 && errno == EINTR) continue;
      count_failure(errno, tally);
      at++;  // the first of the rest is the one that failed
    }
  }

  static void count_failure(int err, PortTally& tally) {
    if (err == EAGAIN || err == ENOBUFS || err == ENOMEM) {
      tally.dropped_full++;
    } else if (err == EMSGSIZE) {
      tally.dropped_mtu++;
    } else {
      tally.dropped_error++;  // ENETDOWN: the device is down
    }
  }

  void got(Packet* p, Packet** out, uint32_t& n) {
    if (p != nullptr)
      out[n++] = p;
    else
      lost_++;
  }

  uint32_t receive_slots(Pool& pool, Packet** out, uint32_t max) {
    uint32_t n = 0;
    while (n < max && ring_.waiting()) got(ring_.take(pool), out, n);
    return n;
  }

  // Records in order; a marker stands for the frame at the head of the socket's ring.
  uint32_t receive_records(Pool& pool, Packet** out, uint32_t max) {
    intake_->wake();
    uint32_t n = 0;
    bool popped = false;
    while (n < max) {
      const Intake::Record* r = intake_->front();
      while (ring_.waiting() && ring_.doorbell()) ring_.skip();
      if (r == nullptr) {
        // What is in the socket's ring has a marker, which by now is to be seen; without one it is an orphan.
        if (!ring_.waiting() || intake_->more()) break;
        got(ring_.take(pool), out, n);
        continue;
      }
      if (r->len != 0) {
        got(take_record(pool, *r), out, n);
      } else if (ring_.waiting()) {
        got(ring_.take(pool), out, n);
      } else if (++missing_ < kMissingPatience) {
        break;
      } else {
        lost_++;
      }
      missing_ = 0;
      intake_->pop();
      popped = true;
    }
    if (popped) intake_->give_back();
    return n;
  }

  static Packet* take_record(Pool& pool, const Intake::Record& r) {
    Packet* p = pool.take(r.len > kSmallBuffer - kHeadroom);
    if (p == nullptr) return nullptr;
    std::memcpy(p->data, r.frame, r.len);
    p->len = r.len;
    if (r.flags != 0) {
      p->offload.flags = r.flags;
      p->offload.csum_start = r.csum_start;
      p->offload.csum_offset = r.csum_offset;
    }
    if (r.tagged != 0) PacketRing::restore_tag(*p, ntohs(r.tpid), r.tci);
    return p;
  }

  void check_device() {
    empty_ = 0;
    ring_.look();
    int e = 0;
    socklen_t n = sizeof e;
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &e, &n);  // also clears it, so that a waiter does not spin on a device that is down
    // By number: the name may have been given to another device meanwhile.
    char name[IFNAMSIZ];
    DeviceInfo info{};
    const int err = device_name(fd_, ifindex_, name);
    if (err == ENODEV) failed_ = err;
    if (err == 0 && device_info(fd_, name, &info) == 0) mtu_ = info.mtu;
  }

  int fd_;
  PacketRing ring_;
  std::unique_ptr<Intake> intake_;
  int intake_error_;  // why there is none
  ReceiveMemory::Share share_;
  int ifindex_;
  uint32_t mtu_;
  bool offload_;
  std::atomic<int> burst_error_;  // why there are none; the worker's, but anybody may read it
  std::unique_ptr<Burst> burst_;  // made when it is first of use
  int failed_ = 0;
  uint32_t empty_ = 0;
  uint32_t missing_ = 0;  // looks for the frame of the marker at the front
  uint64_t lost_ = 0;
};

// Every option that must hold, in order; the text names the one that did not.
const char* join_device(int fd, int ifindex) {
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(ETH_P_ALL);
  at.sll_ifindex = ifindex;
  if (bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) return "cannot bind to";
  packet_mreq m{};
  m.mr_ifindex = ifindex;
  m.mr_type = PACKET_MR_PROMISC;
  if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof m) != 0) return "cannot set promiscuous mode on";
  return nullptr;
}

}  // namespace

Port* open_system(const PortOptions& o, char* why, int* err) {
  NetnsScope scope(o.netns);
  if (scope.error() != 0) {
    *err = explain(why, scope.error(), "cannot enter network namespace", o.netns);
    return nullptr;
  }
  // Protocol 0: nothing arrives before the ring stands and the socket is bound.
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) {
    *err = explain(why, errno, "cannot open a packet socket for", o.device);
    return nullptr;
  }
  DeviceInfo info{};
  int e = device_info(fd, o.device, &info);
  const char* fault = "no device";
  System::Parts parts{fd, nullptr, 0, nullptr, 0, ReceiveMemory::take(o.rx_bytes)};
  if (e == 0) {
    if (o.programs) parts.intake = Intake::open(parts.share.bytes());
    if (!parts.intake) parts.intake_error = o.programs ? errno : ECANCELED;
    // The socket's own ring has then little to hold; where it has all, a short frame takes as much of it as a full one.
    const uint32_t bytes = parts.share.bytes();
    parts.ring_bytes = parts.intake ? std::max(bytes / 4, PacketRing::kBlockBytes) : o.rx_bytes != 0 ? bytes : bytes * 4;
    if ((fault = PacketRing::prepare(fd, parts.ring_bytes)) != nullptr) e = errno;
  }
  if (e == 0 && parts.intake && !parts.intake->attach(fd)) {
    e = errno;
    fault = "cannot attach the filter to";
  }
  void* ring = MAP_FAILED;
  if (e == 0) {
    fault = "cannot map the receive ring of";
    ring = mmap(nullptr, parts.ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (ring == MAP_FAILED) e = errno;
  }
  if (e == 0 && (fault = join_device(fd, info.ifindex)) != nullptr) {
    e = errno;
    munmap(ring, parts.ring_bytes);
  }
  if (e != 0) {
    *err = explain(why, e, fault, o.device);
    close(fd);
    return nullptr;
  }
  parts.ring = static_cast<uint8_t*>(ring);
  // A program sends in the namespace of the thread that runs it.
  const bool here = o.netns == nullptr || *o.netns == 0;
  const int burst_error = !o.programs ? ECANCELED : here ? 0 : EXDEV;
  return new System(std::move(parts), info, o.offload, burst_error);
}

}  // namespace weft
