// The host's own IP stack as a port: what carries tunnels where no bridge of ours stands around the device.
//
// Frames at this port have an Ethernet header without addresses, an IP header, and UDP or GRE behind it. Of what is sent, the headers say what the host is told
// (addresses, TTL, TOS, DF), and it makes its own; what arrives gets headers made of what the host tells. So tunnels are put on and taken off by the same
// actions, whatever carries them. The host checks and makes checksums, and puts fragments together.
//
// Sockets: one for each UDP port that is listened to and family; for sending UDP a few more, because networks tell flows apart by source port. A socket says
// for all its packets whether they may be cut and have a checksum, so there is a set for each of these; they are made when first used.
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "../packet/bytes.h"
#include "../packet/checksum.h"
#include "../packet/offload.h"
#include "host_headers.h"
#include "port.h"

namespace weft {
namespace {

constexpr uint32_t kSenders = 16;     // sockets, and so source ports, of one kind
constexpr uint32_t kDatagram = 65536;
constexpr int kReceiveBuffer = 8 << 20;

bool set(int fd, int level, int name, int value) { return setsockopt(fd, level, name, &value, sizeof value) == 0; }

// A listening socket, and what its datagrams are to look like.
struct Listener {
  int fd;
  bool v6;
  uint16_t udp_port;  // 0: GRE
};

// Datagrams of one system call.
struct Batch {
  mmsghdr messages[kBatch];
  iovec parts[kBatch];
  sockaddr_storage peers[kBatch];
  alignas(cmsghdr) char control[kBatch][128];
};

void add_control(msghdr& m, int level, int type, const void* data, size_t n) {
  auto* c = reinterpret_cast<cmsghdr*>(static_cast<char*>(m.msg_control) + m.msg_controllen);
  c->cmsg_level = level;
  c->cmsg_type = type;
  c->cmsg_len = CMSG_LEN(n);
  std::memcpy(CMSG_DATA(c), data, n);
  m.msg_controllen += CMSG_SPACE(n);
}

class HostPort final : public Port {
 public:
  explicit HostPort(int events) : events_(events), batch_(new Batch), scratch_(new uint8_t[kBatch * kDatagram]) { std::memset(senders_, -1, sizeof senders_); }
  ~HostPort() override {
    for (const Listener& l : listeners_) close(l.fd);
    for (const auto& kind : senders_)
      for (const int fd : kind)
        if (fd >= 0) close(fd);
    close(events_);
  }

  // 0 or an errno. Port 0: GRE.
  int listen(uint16_t udp_port, bool v6) {
    const size_t before = listeners_.size();
    const int err = begin_to_listen(udp_port, v6);
    for (; err != 0 && listeners_.size() > before; listeners_.pop_back()) close(listeners_.back().fd);
    return err;
  }

  uint32_t receive(Pool& pool, Packet** out, uint32_t max) override {
    uint32_t n = 0;
    for (const Listener& l : listeners_) {
      if (n == max) break;
      n += receive_from(l, pool, out + n, max - n);
    }
    return n;
  }

  void transmit(Pool&, Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally) override {
    for (uint32_t i = 0; i < n;) {
      int fd = -1;
      const uint32_t first = i;
      for (; i < n && i - first < kBatch; i++) {
        Outer o = {};
        Packet& p = *packets[i];
        const bool joined = p.offload.gso_type == kGsoUdpL4;
        const bool good = read_outer(p, o) && (joined ? o.proto == kProtoUdp && p.offload.csum_start == o.payload - kUdp : p.offload.gso_type == 0 && finish_checksum(p));
        o.checksummed |= joined;  // the kernel cuts only what it checksums
        const int to = good ? sender(o) : -1;
        if (to < 0 || (fd >= 0 && to != fd)) {
          if (to >= 0 || i != first) break;
          ok[i] = 0;
          tally.dropped_error++;
          i++;
          break;
        }
        fd = to;
        prepare(i - first, p, o);
      }
      if (fd >= 0) send(fd, packets + first, i - first, ok + first, tally);
    }
  }

  int fd() const override { return events_; }
  uint64_t lost() override {
    const uint64_t n = lost_;
    lost_ = 0;
    return n;
  }
  uint32_t mtu() const override { return 0; }

 private:
  int begin_to_listen(uint16_t udp_port, bool v6) {
    const int fd = udp_port != 0 ? socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
                                 : socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, kProtoGre);
    if (fd < 0) return v6 && errno == EAFNOSUPPORT ? 0 : errno;
    listeners_.push_back({fd, v6, udp_port});
    if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, kReceiveBuffer)) set(fd, SOL_SOCKET, SO_RCVBUF, kReceiveBuffer);
    if (v6) {
      if (udp_port != 0) set(fd, IPPROTO_UDP, UDP_NO_CHECK6_RX, 1);
      set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
      set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
      set(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
      set(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    } else {
      set(fd, IPPROTO_IP, IP_PKTINFO, 1);
      set(fd, IPPROTO_IP, IP_RECVTTL, 1);
      set(fd, IPPROTO_IP, IP_RECVTOS, 1);
    }
    if (udp_port != 0) {
      set(fd, IPPROTO_UDP, UDP_GRO, 1);  // datagrams that follow one another come as one
      sockaddr_in6 six = {};
      six.sin6_family = AF_INET6;
      six.sin6_port = htons(udp_port);
      sockaddr_in four = {};
      four.sin_family = AF_INET;
      four.sin_port = htons(udp_port);
      if (bind(fd, v6 ? reinterpret_cast<sockaddr*>(&six) : reinterpret_cast<sockaddr*>(&four), v6 ? sizeof six : sizeof four) != 0) return errno;
    }
    epoll_event e = {};
    e.events = EPOLLIN;
    return epoll_ctl(events_, EPOLL_CTL_ADD, fd, &e) == 0 ? 0 : errno;
  }

  uint32_t receive_from(const Listener& l, Pool& pool, Packet** out, uint32_t max) {
    Batch& b = *batch_;
    for (uint32_t i = 0; i < max; i++) {
      b.parts[i] = {scratch_.get() + i * kDatagram, kDatagram};
      msghdr& m = b.messages[i].msg_hdr;
      m = {};
      m.msg_iov = &b.parts[i];
      m.msg_iovlen = 1;
      m.msg_name = &b.peers[i];
      m.msg_namelen = sizeof b.peers[i];
      m.msg_control = b.control[i];
      m.msg_controllen = sizeof b.control[i];
    }
    const int got = recvmmsg(l.fd, b.messages, max, 0, nullptr);
    uint32_t n = 0;
    for (int i = 0; i < got; i++) {
      if (Packet* p = arrived(l, pool, b.messages[i].msg_hdr, b.messages[i].msg_len))
        out[n++] = p;
      else
        lost_++;
    }
    return n;
  }

  // A frame of a datagram; nullptr: no buffer, or not a datagram of ours.
  Packet* arrived(const Listener& l, Pool& pool, msghdr& m, uint32_t bytes) {
    const auto* data = static_cast<const uint8_t*>(m.msg_iov->iov_base);
    if (!l.v6 && l.udp_port == 0) {  // raw sockets of IPv4 give the header too
      const uint32_t header = bytes == 0 ? 0 : (data[0] & 0x0fu) * 4;
      if (header < kIpv4 || header > bytes) return nullptr;
      data += header;
      bytes -= header;
    }
    const uint32_t headers = kEth + (l.v6 ? kIpv6 : kIpv4) + (l.udp_port != 0 ? kUdp : 0);
    Packet* p = pool.take(headers + bytes > kSmallBuffer - kHeadroom);
    if (!p) return nullptr;
    p->len = headers + bytes;
    std::memset(p->data, 0, headers);
    std::memcpy(p->data + headers, data, bytes);
    uint8_t* ip = p->data + kEth;
    const uint32_t carried = p->len - kEth - (l.v6 ? kIpv6 : kIpv4);
    uint8_t tos = 0, ttl = 0;
    uint16_t unit = 0;
    const uint8_t* to = nullptr;
    for (cmsghdr* c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
      int value = 0;
      std::memcpy(&value, CMSG_DATA(c), c->cmsg_len >= CMSG_LEN(sizeof value) ? sizeof value : 1);
      if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) to = reinterpret_cast<uint8_t*>(&reinterpret_cast<in_pktinfo*>(CMSG_DATA(c))->ipi_addr);
      if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) to = reinterpret_cast<uint8_t*>(&reinterpret_cast<in6_pktinfo*>(CMSG_DATA(c))->ipi6_addr);
      if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) || (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)) ttl = static_cast<uint8_t>(value);
      if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) || (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS)) tos = static_cast<uint8_t>(value);
      if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) unit = static_cast<uint16_t>(value);
    }
    const uint8_t proto = l.udp_port != 0 ? kProtoUdp : kProtoGre;
    uint16_t from_port = 0;
    if (l.v6) {
      const auto* peer = static_cast<const sockaddr_in6*>(m.msg_name);
      from_port = peer->sin6_port;
      put_be16(p->data + 12, 0x86dd);
      put_be32(ip, 0x60000000u | static_cast<uint32_t>(tos) << 20);
      put_be16(ip + 4, static_cast<uint16_t>(carried));
      ip[6] = proto;
      ip[7] = ttl;
      std::memcpy(ip + 8, &peer->sin6_addr, 16);
      if (to) std::memcpy(ip + 24, to, 16);
    } else {
      const auto* peer = static_cast<const sockaddr_in*>(m.msg_name);
      from_port = peer->sin_port;
      put_be16(p->data + 12, 0x0800);
      ip[0] = 0x45;
      ip[1] = tos;
      put_be16(ip + 2, static_cast<uint16_t>(kIpv4 + carried));
      ip[8] = ttl;
      ip[9] = proto;
      std::memcpy(ip + 12, &peer->sin_addr, 4);
      if (to) std::memcpy(ip + 16, to, 4);
      store(ip + 10, ip_header_checksum(ip, kIpv4));
    }
    if (l.udp_port != 0) {
      uint8_t* udp = p->data + headers - kUdp;
      store(udp, from_port);
      put_be16(udp + 2, l.udp_port);
      put_be16(udp + 4, static_cast<uint16_t>(carried));
    }
    if (unit != 0 && unit < bytes)
      note_joined(*p, headers, unit, l.v6);
    else
      note_unfinished(*p, headers, l.udp_port == 0);
    return p;
  }

  // The socket for such packets, made when it is not there; -1: none can be had.
  int sender(const Outer& o) {
    const uint32_t kind = (o.v6 ? 8u : 0u) | (o.proto == kProtoGre ? 4u : 0u) | (o.df ? 2u : 0u) | (o.checksummed ? 1u : 0u);
    int& fd = senders_[kind][o.proto == kProtoGre ? 0 : o.src_port % kSenders];
    if (fd >= 0) return fd;
    const int family = o.v6 ? AF_INET6 : AF_INET;
    fd = o.proto == kProtoGre ? socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, kProtoGre) : socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    set(fd, SOL_SOCKET, SO_RCVBUF, 0);  // nobody reads what comes to it
    set(fd, SOL_SOCKET, SO_SNDBUF, kReceiveBuffer);
    // IPv6 does not say whether it may be cut: what may not does not come so far when it is too long, unless a network on the way takes less.
    if (o.v6)
      set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_WANT);
    else
      set(fd, IPPROTO_IP, IP_MTU_DISCOVER, o.df ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT);
    if (!o.checksummed && o.proto == kProtoUdp) {
      if (o.v6)
        set(fd, IPPROTO_UDP, UDP_NO_CHECK6_TX, 1);
      else
        set(fd, SOL_SOCKET, SO_NO_CHECK, 1);
    }
    return fd;
  }

  void prepare(uint32_t at, Packet& p, const Outer& o) {
    Batch& b = *batch_;
    b.parts[at] = {p.data + o.payload, p.len - o.payload};
    msghdr& m = b.messages[at].msg_hdr;
    m = {};
    m.msg_iov = &b.parts[at];
    m.msg_iovlen = 1;
    m.msg_name = &b.peers[at];
    m.msg_control = b.control[at];
    std::memset(b.control[at], 0, sizeof b.control[at]);
    std::memset(&b.peers[at], 0, sizeof b.peers[at]);
    const int tos = o.tos, ttl = o.ttl;
    if (o.v6) {
      auto* to = reinterpret_cast<sockaddr_in6*>(&b.peers[at]);
      to->sin6_family = AF_INET6;
      to->sin6_port = htons(o.dst_port);
      std::memcpy(&to->sin6_addr, o.dst, 16);
      m.msg_namelen = sizeof *to;
      in6_pktinfo info = {};
      std::memcpy(&info.ipi6_addr, o.src, 16);
      add_control(m, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
      add_control(m, IPPROTO_IPV6, IPV6_HOPLIMIT, &ttl, sizeof ttl);
      add_control(m, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof tos);
    } else {
      auto* to = reinterpret_cast<sockaddr_in*>(&b.peers[at]);
      to->sin_family = AF_INET;
      to->sin_port = htons(o.dst_port);
      std::memcpy(&to->sin_addr, o.dst, 4);
      m.msg_namelen = sizeof *to;
      in_pktinfo info = {};
      std::memcpy(&info.ipi_spec_dst, o.src, 4);
      add_control(m, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
      add_control(m, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl);
      add_control(m, IPPROTO_IP, IP_TOS, &tos, sizeof tos);
    }
    if (p.offload.gso_type == kGsoUdpL4) add_control(m, IPPROTO_UDP, UDP_SEGMENT, &p.offload.gso_size, sizeof p.offload.gso_size);
  }

  // Joined datagrams of `unit` bytes, each in a call of its own. False: errno says why the rest was not sent.
  static bool send_apart(int fd, const msghdr& all, uint32_t unit) {
    const iovec whole = *all.msg_iov;
    msghdr m = all;
    m.msg_controllen -= CMSG_SPACE(sizeof(uint16_t));  // the last one says that they are joined
    for (size_t at = 0; at < whole.iov_len;) {
      iovec part = {static_cast<uint8_t*>(whole.iov_base) + at, std::min<size_t>(unit, whole.iov_len - at)};
      m.msg_iov = &part;
      if (sendmsg(fd, &m, 0) >= 0)
        at += part.iov_len;
      else if (errno != EINTR)
        return false;
    }
    return true;
  }

  void send(int fd, Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally) {
    for (uint32_t i = 0; i < n;) {
      const int sent = sendmmsg(fd, batch_->messages + i, n - i, 0);
      if (sent > 0) {
        for (int k = 0; k < sent; k++, i++) {
          ok[i] = 1;
          tally.sent_packets++;
          tally.sent_bytes += packets[i]->len;
        }
        continue;
      }
      if (errno == EINTR) continue;
      // The kernel takes no joined datagrams of which each is longer than the way: one by one it cuts them itself, where it may.
      const bool joined = packets[i]->offload.gso_type == kGsoUdpL4 && (errno == EINVAL || errno == EMSGSIZE);
      if (joined && send_apart(fd, batch_->messages[i].msg_hdr, packets[i]->offload.gso_size)) {
        ok[i] = 1;
        tally.sent_packets++;
        tally.sent_bytes += packets[i++]->len;
        continue;
      }
      ok[i++] = 0;
      if (errno == EMSGSIZE)
        tally.dropped_mtu++;
      else if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
        tally.dropped_full++;
      else
        tally.dropped_error++;
    }
  }

  int events_;
  std::vector<Listener> listeners_;
  int senders_[16][kSenders];
  std::unique_ptr<Batch> batch_;
  std::unique_ptr<uint8_t[]> scratch_;
  uint64_t lost_ = 0;
};

}  // namespace

// The device is a list of what is listened to: "udp:4789,udp:6081,gre". What ends in "?" is done without where it is refused.
Port* open_host(const PortOptions& o, char* why, int* err) {
  const int events = epoll_create1(EPOLL_CLOEXEC);
  if (events < 0) {
    *err = errno;
    std::snprintf(why, 512, "tunnels by the host: %s", std::strerror(*err));
    return nullptr;
  }
  auto port = std::make_unique<HostPort>(events);
  const std::string all = o.device;
  for (size_t at = 0; at < all.size();) {
    const size_t end = std::min(all.find(',', at), all.size());
    std::string one = all.substr(at, end - at);
    at = end + 1;
    const bool optional = one.ends_with('?');
    if (optional) one.pop_back();
    const auto udp_port = static_cast<uint16_t>(one.starts_with("udp:") ? std::atoi(one.c_str() + 4) : 0);
    for (const bool v6 : {false, true}) {
      *err = port->listen(udp_port, v6);
      if (*err == 0) continue;
      if (optional) {
        *err = 0;
        continue;
      }
      std::snprintf(why, 512, "cannot listen for tunnels at %s: %s%s", one.c_str(), std::strerror(*err),
                    *err == EPERM ? " (it needs CAP_NET_RAW)" : *err == EADDRINUSE ? " (another program has the port)" : "");
      return nullptr;
    }
  }
  return port.release();
}

}  // namespace weft
