#include "transmission.h"

#include <linux/if_ether.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "packet_ring.h"
#include "reception.h"

namespace weft {
namespace {

// What a queue discipline answers; the kernel's own header names them for itself only.
constexpr int kTaken = 0;
constexpr int kTakenCongested = 2;  // taken, but slow down
constexpr uint32_t kLinkHeader = 14;
constexpr uint32_t kVnetHeader = PacketRing::kVnetHeader;

// The header goes right before the frame where there is room: the kernel takes one piece by a shorter way than two.
void prepare(const Packet& p, mmsghdr& msg, iovec* iov, Offload& off) {
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

void count_failure(int err, PortTally& tally) {
  if (err == EAGAIN || err == ENOBUFS || err == ENOMEM) {
    tally.dropped_full++;
  } else if (err == EMSGSIZE) {
    tally.dropped_mtu++;
  } else {
    tally.dropped_error++;  // ENETDOWN: the device is down
  }
}

}  // namespace

void Transmission::transmit(Pool& pool, Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally) {
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

void Transmission::describe(char* to, size_t bytes) const {
  const int e = burst_error_.load(std::memory_order_relaxed);
  if (e == 0)
    std::snprintf(to, bytes, "bursts where frames come close together, else messages");
  else
    std::snprintf(to, bytes, "messages; no bursts: %s", reason_of(e));
}

struct Transmission::Cut {
  Transmission* way;
  Pool* pool;
  PortTally* tally;
  bool any;
};

void Transmission::send_segment(void* ctx, Packet* segment) {
  Cut& cut = *static_cast<Cut*>(ctx);
  mmsghdr msg;
  iovec iov[2];
  Offload off;
  uint8_t ok = 0;
  const uint32_t who = 0;
  prepare(*segment, msg, iov, off);
  cut.way->send_all(&segment, &msg, &who, 1, &ok, *cut.tally);
  cut.any |= ok != 0;
  cut.pool->give(segment);
}

// How many from packets[at] on may leave in one burst: without a segmentation state, of one protocol, of a length that the device takes.
uint32_t Transmission::plain_run(Packet** packets, uint32_t at, uint32_t n) const {
  const uint32_t first = at;
  const uint32_t limit = mtu_ + kLinkHeader < Burst::kMaxFrame ? mtu_ + kLinkHeader : Burst::kMaxFrame;
  for (; at < n && at - first < Burst::kFrames; at++) {
    const Packet& p = *packets[at];
    if (p.offload.gso_type != 0 || p.len < kLinkHeader || p.len > limit) break;
    if (std::memcmp(p.data + 12, packets[first]->data + 12, 2) != 0) break;
  }
  return at - first;
}

bool Transmission::no_bursts() {
  burst_error_.store(errno ? errno : EIO, std::memory_order_relaxed);
  burst_.reset();
  return false;
}

// False: the packets are still to be sent.
bool Transmission::send_burst(Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally) {
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

void Transmission::send_messages(Pool& pool, Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally) {
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
        segment(pool, p, mtu_, &Transmission::send_segment, &cut);
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

void Transmission::send_all(Packet** packets, mmsghdr* msgs, const uint32_t* who, uint32_t m, uint8_t* ok, PortTally& tally) {
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

}  // namespace weft
