#include "packet_ring.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cstring>

namespace weft {

PacketRing::~PacketRing() { munmap(ring_, (size_t{mask_} + 1) * kSlotBytes); }

const char* PacketRing::prepare(int socket, uint32_t bytes) {
  const int one = 1;
  const int version = TPACKET_V2;
  const int big = 16 << 20;
  if (setsockopt(socket, SOL_PACKET, PACKET_VERSION, &version, sizeof version) != 0) return "cannot use TPACKET_V2 on";
  if (setsockopt(socket, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one) != 0) return "cannot use PACKET_VNET_HDR on";
  if (setsockopt(socket, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) != 0) return "cannot ignore own frames on";
  if (setsockopt(socket, SOL_PACKET, PACKET_COPY_THRESH, &one, sizeof one) != 0) return "cannot set PACKET_COPY_THRESH on";
  // Beyond the limits of net.core only with CAP_NET_ADMIN; without it the smaller buffer works, with more loss in bursts.
  if (setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big) != 0) setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
  if (setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big) != 0) setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
  tpacket_req req{};
  req.tp_block_size = kBlockBytes;
  req.tp_block_nr = bytes / kBlockBytes;
  req.tp_frame_size = kSlotBytes;
  req.tp_frame_nr = bytes / kSlotBytes;
  if (setsockopt(socket, SOL_PACKET, PACKET_RX_RING, &req, sizeof req) != 0) return "cannot make a receive ring for";
  return nullptr;
}

Packet* PacketRing::take(Pool& pool) {
  const tpacket2_hdr& h = slot();
  const auto* after = ring_ + static_cast<size_t>((next_ + 1) & mask_) * kSlotBytes;
  __builtin_prefetch(after);
  __builtin_prefetch(after + 64);
  const uint32_t status = h.tp_status;
  losing_ |= (status & TP_STATUS_LOSING) != 0;
  Packet* p = (status & TP_STATUS_COPY) != 0 ? take_whole(pool) : take_slot(pool, h);
  if (p != nullptr && (status & TP_STATUS_VLAN_VALID) != 0)
    restore_tag(*p, (status & TP_STATUS_VLAN_TPID_VALID) != 0 ? h.tp_vlan_tpid : ETH_P_8021Q, h.tp_vlan_tci);
  skip();
  return p;
}

uint64_t PacketRing::lost() {
  if (!losing_) [[likely]]
    return 0;
  losing_ = false;
  tpacket_stats s{};
  socklen_t n = sizeof s;
  // Reading sets it back, and with it the mark.
  return getsockopt(fd_, SOL_PACKET, PACKET_STATISTICS, &s, &n) == 0 ? s.tp_drops : 0;
}

void PacketRing::skip() {
  __atomic_store_n(&slot().tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
  next_ = (next_ + 1) & mask_;
}

Packet* PacketRing::take_slot(Pool& pool, const tpacket2_hdr& h) {
  const auto* frame = reinterpret_cast<const uint8_t*>(&h) + h.tp_mac;
  if (h.tp_snaplen < h.tp_len || h.tp_mac + h.tp_snaplen > kSlotBytes) return nullptr;  // cut by the kernel: not the whole frame
  Packet* p = pool.take(h.tp_snaplen > kSmallBuffer - kHeadroom);
  if (p == nullptr) return nullptr;
  std::memcpy(p->data, frame, h.tp_snaplen);
  p->len = h.tp_snaplen;
  std::memcpy(&p->offload, frame - kVnetHeader, kVnetHeader);
  return p;
}

Packet* PacketRing::take_whole(Pool& pool) const {
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

void PacketRing::restore_tag(Packet& p, uint16_t tpid, uint16_t tci) {
  if (headroom(p) < 4 || p.len < 12) return;
  std::memmove(p.data - 4, p.data, 12);
  p.data -= 4;
  p.len += 4;
  const uint16_t tag[2] = {htons(tpid), htons(tci)};
  std::memcpy(p.data + 12, tag, 4);
  if ((p.offload.flags & 1) != 0) p.offload.csum_start += 4;
  if (p.offload.gso_type != 0) p.offload.hdr_len += 4;
}

}  // namespace weft
