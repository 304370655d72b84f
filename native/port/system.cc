// System ports: an existing device (veth, NIC) by AF_PACKET.
//
// Receive: a TPACKET_V2 ring. The kernel copies a frame into the ring on the processor that delivers it, and we read it without a system call. A frame
// larger than a ring slot (a TCP segment of up to 64 KB) is announced in the ring with TP_STATUS_COPY and taken whole with recvmsg, which
// costs one call a segment (PACKET_COPY_THRESH). V3 would save nothing for small frames and hands blocks over only every millisecond or more.
// Send: several plain frames in a row as a burst (burst.h); others, and where that is not to be had, by sendmmsg, one call a batch. PACKET_VNET_HDR on
// both ways carries the checksum and segmentation state.
// The kernel strips VLAN tags into metadata: they are put back here.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "../packet/offload.h"
#include "burst.h"
#include "netdev.h"
#include "port.h"

namespace weft {
namespace {

// What a queue discipline answers; the kernel's own header names them for itself only.
constexpr int kTaken = 0;
constexpr int kTakenCongested = 2;  // taken, but slow down
constexpr uint32_t kLinkHeader = 14;
constexpr uint32_t kVnetHeader = 10;
constexpr uint32_t kSlotBytes = 2048;
constexpr uint32_t kBlockBytes = 1 << 16;
constexpr uint32_t kBlocks = 128;  // 8 MiB: 4,096 slots, 8 ms at 500 kpps
constexpr uint32_t kSlots = kBlocks * (kBlockBytes / kSlotBytes);
// Empty looks at the ring between two looks at the socket's error state.
constexpr uint32_t kErrorCheckEvery = 4096;

class System final : public Port {
 public:
  // `here`: the device is in the namespace of the thread that will send.
  System(int fd, uint8_t* ring, const DeviceInfo& device, bool offload, bool here)
      : fd_(fd), ring_(ring), ifindex_(device.ifindex), mtu_(device.mtu), offload_(offload), burst_wanted_(here) {}
  ~System() override {
    munmap(ring_, static_cast<size_t>(kBlocks) * kBlockBytes);
    close(fd_);
  }

  uint32_t receive(Pool& pool, Packet** out, uint32_t max) override {
    uint32_t n = 0;
    while (n < max) {
      auto* h = reinterpret_cast<tpacket2_hdr*>(ring_ + static_cast<size_t>(next_) * kSlotBytes);
      const uint32_t status = __atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE);
      if ((status & TP_STATUS_USER) == 0) break;
      __builtin_prefetch(ring_ + static_cast<size_t>((next_ + 1) % kSlots) * kSlotBytes);
      __builtin_prefetch(ring_ + static_cast<size_t>((next_ + 1) % kSlots) * kSlotBytes + 64);
      Packet* p = (status & TP_STATUS_COPY) != 0 ? take_whole(pool) : take_slot(pool, *h);
      if (p != nullptr) {
        if ((status & TP_STATUS_VLAN_VALID) != 0) {
          restore_tag(*p, (status & TP_STATUS_VLAN_TPID_VALID) != 0 ? h->tp_vlan_tpid : ETH_P_8021Q, h->tp_vlan_tci);
        }
        out[n++] = p;
      } else {
        lost_++;
      }
      __atomic_store_n(&h->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
      next_ = (next_ + 1) % kSlots;
    }
    if (n == 0 && ++empty_ >= kErrorCheckEvery) check_device();
    return n;
  }

  void transmit(Pool& pool, Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally) override {
    tally.errors += lost_;
    lost_ = 0;
    for (uint32_t at = 0; at < n;) {
      uint32_t end = at;
      const uint32_t plain = burst_wanted_ ? plain_run(packets, at, n) : 0;
      if (plain >= Burst::kWorthwhile && send_burst(packets + at, plain, ok + at, tally)) {
        at += plain;
        continue;
      }
      // Up to where a run begins that is worth a burst.
      for (end += plain > 0 ? plain : 1; end < n; end++)
        if (burst_wanted_ && plain_run(packets, end, n) >= Burst::kWorthwhile) break;
      send_messages(pool, packets + at, end - at, ok + at, tally);
      at = end;
    }
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

  // False: the packets are still to be sent.
  bool send_burst(Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally) {
    if (!burst_ && !(burst_ = Burst::open(ifindex_))) return burst_wanted_ = false;
    burst_->clear();
    for (uint32_t i = 0; i < n; i++) {
      Packet& p = *packets[i];
      if ((p.offload.flags & 1) != 0) finish_checksum(p);
      burst_->add(p.data, p.len);
    }
    if (!burst_->send()) return burst_wanted_ = false;
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

  Packet* take_slot(Pool& pool, const tpacket2_hdr& h) {
    const auto* frame = reinterpret_cast<const uint8_t*>(&h) + h.tp_mac;
    if (h.tp_snaplen < h.tp_len || h.tp_mac + h.tp_snaplen > kSlotBytes) return nullptr;  // cut by the kernel: not the whole frame
    Packet* p = pool.take(h.tp_snaplen > kSmallBuffer - kHeadroom);
    if (p == nullptr) return nullptr;
    std::memcpy(p->data, frame, h.tp_snaplen);
    p->len = h.tp_snaplen;
    std::memcpy(&p->offload, frame - kVnetHeader, kVnetHeader);
    return p;
  }

  Packet* take_whole(Pool& pool) {
    Packet* p = pool.take(true);
    Offload off{};
    uint8_t nothing[1];
    iovec iov[2] = {{&off, kVnetHeader}, {p ? p->data : nothing, p ? tailroom(*p) : sizeof nothing}};
    msghdr msg{};
    msg.msg_iov = iov;
    msg.msg_iovlen = 2;
    const ssize_t got = recvmsg(fd_, &msg, MSG_DONTWAIT);
    if (p == nullptr) return nullptr;
    if (got < static_cast<ssize_t>(kVnetHeader) || (msg.msg_flags & MSG_TRUNC) != 0) {
      pool.give(p);
      return nullptr;
    }
    p->len = static_cast<uint32_t>(got) - kVnetHeader;
    p->offload = off;
    return p;
  }

  static void restore_tag(Packet& p, uint16_t tpid, uint16_t tci) {
    if (headroom(p) < 4 || p.len < 12) return;
    std::memmove(p.data - 4, p.data, 12);
    p.data -= 4;
    p.len += 4;
    const uint16_t tag[2] = {htons(tpid), htons(tci)};
    std::memcpy(p.data + 12, tag, 4);
    if ((p.offload.flags & 1) != 0) p.offload.csum_start += 4;
    if (p.offload.gso_type != 0) p.offload.hdr_len += 4;
  }

  void check_device() {
    empty_ = 0;
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
  uint8_t* ring_;
  int ifindex_;
  uint32_t next_ = 0;
  uint32_t mtu_;
  bool offload_;
  bool burst_wanted_;
  std::unique_ptr<Burst> burst_;  // made when it is first of use
  int failed_ = 0;
  uint32_t empty_ = 0;
  uint64_t lost_ = 0;
};

// Every option that must hold, in order; the text names the one that did not.
const char* configure(int fd, int ifindex) {
  const int one = 1;
  const int version = TPACKET_V2;
  const int big = 16 << 20;
  if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) != 0) return "cannot use TPACKET_V2 on";
  if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one) != 0) return "cannot use PACKET_VNET_HDR on";
  if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) != 0) return "cannot ignore own frames on";
  if (setsockopt(fd, SOL_PACKET, PACKET_COPY_THRESH, &one, sizeof one) != 0) return "cannot set PACKET_COPY_THRESH on";
  // Beyond the limits of net.core only with CAP_NET_ADMIN; without it the smaller buffer works, with more loss in bursts.
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big) != 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big) != 0) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
  tpacket_req req{};
  req.tp_block_size = kBlockBytes;
  req.tp_block_nr = kBlocks;
  req.tp_frame_size = kSlotBytes;
  req.tp_frame_nr = kSlots;
  if (setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof req) != 0) return "cannot make a receive ring for";
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
  void* ring = MAP_FAILED;
  if (e == 0 && (fault = configure(fd, info.ifindex)) != nullptr) e = errno;
  if (e == 0) {
    fault = "cannot map the receive ring of";
    ring = mmap(nullptr, static_cast<size_t>(kBlocks) * kBlockBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (ring == MAP_FAILED) e = errno;
  }
  if (e != 0) {
    *err = explain(why, e, fault, o.device);
    close(fd);
    return nullptr;
  }
  return new System(fd, static_cast<uint8_t*>(ring), info, o.offload, o.netns == nullptr || *o.netns == 0);
}

}  // namespace weft
