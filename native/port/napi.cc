#include "napi.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace weft {
namespace {

constexpr char kFamily[] = "netdev";
// Of newer kernels' <linux/netdev.h>.
constexpr uint8_t kNapiGet = 11, kNapiSet = 14;
constexpr uint16_t kIfindex = 1, kId = 2, kDeferTimes = 5, kFlushTimeout = 6;
constexpr uint32_t kHeaders = NLMSG_HDRLEN + GENL_HDRLEN;

// A request under construction, and then what answers it.
struct Message {
  alignas(NLMSG_ALIGNTO) uint8_t bytes[8192];
  uint32_t size = kHeaders;

  Message(uint16_t family, uint8_t command, uint16_t flags) {
    std::memset(bytes, 0, size);
    nlmsghdr h{};
    h.nlmsg_type = family;
    h.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
    genlmsghdr g{};
    g.cmd = command;
    g.version = 1;
    std::memcpy(bytes, &h, sizeof h);
    std::memcpy(bytes + NLMSG_HDRLEN, &g, sizeof g);
  }
  void add(uint16_t type, const void* value, uint16_t n) {
    const nlattr a{static_cast<uint16_t>(NLA_HDRLEN + n), type};
    std::memset(bytes + size, 0, NLA_HDRLEN + NLA_ALIGN(n));
    std::memcpy(bytes + size, &a, sizeof a);
    std::memcpy(bytes + size + NLA_HDRLEN, value, n);
    size += static_cast<uint32_t>(NLA_HDRLEN + NLA_ALIGN(n));
  }
  void add(uint16_t type, uint32_t value) { add(type, &value, sizeof value); }

  bool send_by(int fd) {
    std::memcpy(bytes, &size, sizeof size);
    return ::send(fd, bytes, size, 0) >= 0;
  }
  // The next part of the answer; false with errno.
  bool hear(int fd) {
    const ssize_t n = recv(fd, bytes, sizeof bytes, 0);
    size = n < 0 ? 0 : static_cast<uint32_t>(n);
    return n >= 0;
  }
  nlmsghdr header(uint32_t at) const {
    nlmsghdr h{};
    if (at + sizeof h <= size) std::memcpy(&h, bytes + at, sizeof h);
    if (h.nlmsg_len < sizeof h || h.nlmsg_len > size - at) h = {};  // no message
    return h;
  }
  // Of a message that says how it went.
  int error(uint32_t at, const nlmsghdr& h) const {
    int32_t e = -EBADMSG;
    if (h.nlmsg_len >= NLMSG_LENGTH(sizeof e)) std::memcpy(&e, bytes + at + NLMSG_HDRLEN, sizeof e);
    return -e;
  }
  // A number among the message's attributes, of 16 or 32 bits; 0: it is not there.
  uint32_t number(uint32_t message, const nlmsghdr& h, uint16_t type) const {
    const uint32_t end = message + h.nlmsg_len;
    for (uint32_t at = message + kHeaders; at + NLA_HDRLEN <= end;) {
      nlattr a;
      std::memcpy(&a, bytes + at, sizeof a);
      if (a.nla_len < NLA_HDRLEN || a.nla_len > end - at) break;
      const uint32_t n = a.nla_len - NLA_HDRLEN;
      if (a.nla_type == type && (n == 2 || n == 4)) {
        uint32_t v = 0;
        std::memcpy(&v, bytes + at + NLA_HDRLEN, n);
        return v;
      }
      at += NLA_ALIGN(a.nla_len);
    }
    return 0;
  }
};

uint16_t family_number(int fd) {
  Message m(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
  m.add(CTRL_ATTR_FAMILY_NAME, kFamily, sizeof kFamily);
  if (!m.send_by(fd) || !m.hear(fd)) return 0;
  const nlmsghdr h = m.header(0);
  if (h.nlmsg_type == NLMSG_ERROR) return errno = m.error(0, h), 0;
  const uint32_t id = m.number(0, h, CTRL_ATTR_FAMILY_ID);
  if (id == 0) errno = ENOTSUP;
  return static_cast<uint16_t>(id);
}

// 0 with errno.
uint32_t only_napi(int fd, uint16_t family, uint32_t ifindex) {
  Message m(family, kNapiGet, NLM_F_DUMP);
  m.add(kIfindex, ifindex);
  if (!m.send_by(fd)) return 0;
  uint32_t id = 0, count = 0;
  for (bool more = true; more;) {
    if (!m.hear(fd)) return 0;
    for (uint32_t at = 0; more && at < m.size;) {
      const nlmsghdr h = m.header(at);
      if (h.nlmsg_len == 0) return errno = EBADMSG, 0;
      if (h.nlmsg_type == NLMSG_ERROR) return errno = m.error(at, h), 0;
      more = h.nlmsg_type != NLMSG_DONE;
      if (more && m.number(at, h, kIfindex) == ifindex) id = m.number(at, h, kId), count++;
      at += NLMSG_ALIGN(h.nlmsg_len);
    }
  }
  if (count == 1 && id != 0) return id;
  return errno = ENOTSUP, 0;
}

}  // namespace

std::unique_ptr<Napi> Napi::open(uint32_t ifindex) {
  Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC));
  if (!fd.ok()) return nullptr;
  // The kernel answers within the call; should it not, nobody waits for ever.
  const timeval patience{1, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::unique_ptr<Napi> n(new Napi);
  if ((n->family_ = family_number(fd.get())) == 0) return nullptr;
  n->ifindex_ = ifindex;
  n->fd_ = std::move(fd);
  return n;
}

// A device that was taken down and up has another poll.
bool Napi::defer(uint32_t times, uint32_t ns) {
  const uint32_t id = only_napi(fd_.get(), family_, ifindex_);
  if (id == 0) return false;
  Message m(family_, kNapiSet, NLM_F_ACK);
  m.add(kId, id);
  m.add(kDeferTimes, times);
  m.add(kFlushTimeout, ns);
  if (!m.send_by(fd_.get()) || !m.hear(fd_.get())) return false;
  const nlmsghdr h = m.header(0);
  const int e = h.nlmsg_type == NLMSG_ERROR ? m.error(0, h) : EBADMSG;
  return e == 0 || (errno = e, false);
}

}  // namespace weft
