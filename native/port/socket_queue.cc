#include "socket_queue.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "packet_ring.h"

namespace weft {

const char* SocketQueue::prepare(int socket) {
  const int one = 1;
  const int big = 16 << 20;
  if (setsockopt(socket, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one) != 0) return "cannot use PACKET_VNET_HDR on";
  if (setsockopt(socket, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) != 0) return "cannot ignore own frames on";
  if (setsockopt(socket, SOL_PACKET, PACKET_AUXDATA, &one, sizeof one) != 0) return "cannot learn of tags on";
  // Beyond the limits of net.core only with CAP_NET_ADMIN; without it the smaller buffer works, with more loss in bursts.
  if (setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big) != 0) setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
  if (setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big) != 0) setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
  return nullptr;
}

// A large buffer, because what comes next may be a segment of 64 KB; what is short moves into a small one. When the large ones are all in use a
// short frame still comes through.
SocketQueue::Taken SocketQueue::take(Pool& pool) const {
  Packet* p = pool.take(true);
  if (p == nullptr) p = pool.take(false);
  const auto nothing = [&](What what) {
    if (p != nullptr) pool.give(p);
    return Taken{what, nullptr};
  };
  Offload off{};
  uint8_t no_room[1];
  iovec iov[2] = {{&off, PacketRing::kVnetHeader}, {p ? p->data : no_room, p ? tailroom(*p) : sizeof no_room}};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(tpacket_auxdata))];
  msghdr msg{};
  msg.msg_iov = iov;
  msg.msg_iovlen = 2;
  msg.msg_control = control;
  msg.msg_controllen = sizeof control;
  ssize_t got;
  do got = recvmsg(fd_, &msg, MSG_DONTWAIT);
  while (got < 0 && errno == EINTR);
  if (got < 0) return nothing(errno == EAGAIN ? What::kNothing : errno == EINVAL || errno == ENOBUFS || errno == ENOMEM ? What::kLost : What::kTrouble);
  tpacket_auxdata aux{};
  if (const cmsghdr* c = CMSG_FIRSTHDR(&msg); c != nullptr && c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA)
    std::memcpy(&aux, CMSG_DATA(c), sizeof aux);
  if (aux.tp_snaplen == 1 && aux.tp_len > 1) return nothing(What::kBell);
  if (p == nullptr || got < static_cast<ssize_t>(PacketRing::kVnetHeader) || (msg.msg_flags & MSG_TRUNC) != 0) return nothing(What::kLost);
  p->len = static_cast<uint32_t>(got) - PacketRing::kVnetHeader;
  if (p->large && p->len <= kSmallBuffer - kHeadroom) {
    if (Packet* small = pool.take(false)) {
      std::memcpy(small->data, p->data, p->len);
      small->len = p->len;
      pool.give(p);
      p = small;
    }
  }
  p->offload = off;
  if ((aux.tp_status & TP_STATUS_VLAN_VALID) != 0)
    PacketRing::restore_tag(*p, (aux.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0 ? aux.tp_vlan_tpid : ETH_P_8021Q, aux.tp_vlan_tci);
  return {What::kFrame, p};
}

uint64_t SocketQueue::lost() const {
  tpacket_stats s{};
  socklen_t n = sizeof s;
  return getsockopt(fd_, SOL_PACKET, PACKET_STATISTICS, &s, &n) == 0 ? s.tp_drops : 0;
}

}  // namespace weft
