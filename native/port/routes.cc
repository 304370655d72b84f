#include "routes.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace weft {
namespace {

constexpr size_t kAnswer = 1 << 16;

int open_netlink(uint32_t groups) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return -1;
  sockaddr_nl self = {};
  self.nl_family = AF_NETLINK;
  self.nl_groups = groups;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&self), sizeof self) == 0) return fd;
  const int err = errno;
  close(fd);
  errno = err;
  return -1;
}

IpAddress address_of(const rtattr* a) {
  IpAddress out;
  const size_t n = RTA_PAYLOAD(a);
  if (n != 4 && n != 16) return out;
  std::memcpy(out.bytes, RTA_DATA(a), n);
  out.size = static_cast<uint8_t>(n);
  return out;
}

uint32_t u32_of(const rtattr* a) {
  uint32_t v = 0;
  if (RTA_PAYLOAD(a) >= sizeof v) std::memcpy(&v, RTA_DATA(a), sizeof v);
  return v;
}

// One of the numbers in a list of metrics; 0: it is not there.
uint32_t metric_of(const rtattr* metrics, uint16_t which) {
  auto left = static_cast<int>(RTA_PAYLOAD(metrics));
  for (const auto* a = static_cast<const rtattr*>(RTA_DATA(metrics)); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
    if (a->rta_type == which) return u32_of(a);
  }
  return 0;
}

std::string name_of(uint32_t index) {
  char name[IF_NAMESIZE];
  return if_indextoname(index, name) ? name : std::string();
}

// False: not a route that carries packets, or of another table.
bool read_route(const nlmsghdr* m, KernelRoute* out) {
  const auto* r = static_cast<const rtmsg*>(NLMSG_DATA(m));
  if (m->nlmsg_type != RTM_NEWROUTE || m->nlmsg_len < NLMSG_LENGTH(sizeof *r)) return false;
  if (r->rtm_type != RTN_UNICAST && r->rtm_type != RTN_LOCAL) return false;
  *out = KernelRoute{};
  out->length = r->rtm_dst_len;
  out->local = r->rtm_type == RTN_LOCAL;
  out->prefix.size = r->rtm_family == AF_INET ? 4 : 16;
  uint32_t table = r->rtm_table;
  auto left = static_cast<int>(RTM_PAYLOAD(m));
  for (const rtattr* a = RTM_RTA(r); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
    switch (a->rta_type) {
      case RTA_DST:
        out->prefix = address_of(a);
        break;
      case RTA_GATEWAY:
        out->gateway = address_of(a);
        break;
      case RTA_PREFSRC:
        out->source = address_of(a);
        break;
      case RTA_PRIORITY:
        out->priority = u32_of(a);
        break;
      case RTA_METRICS:
        out->mtu = metric_of(a, RTAX_MTU);
        break;
      case RTA_TABLE:
        table = u32_of(a);
        break;
      case RTA_OIF:
        out->device = name_of(u32_of(a));
        break;
      default:
        break;
    }
  }
  return !out->device.empty() && (table == RT_TABLE_MAIN || table == RT_TABLE_LOCAL || table == RT_TABLE_DEFAULT);
}

// Sends a request and gives each message of the answer to `each` until it ends. Returns 0 or an errno.
template <class Each>
int ask(nlmsghdr* request, Each each) {
  const int fd = open_netlink(0);
  if (fd < 0) return errno;
  request->nlmsg_seq = 1;
  int err = send(fd, request, request->nlmsg_len, 0) < 0 ? errno : 0;
  const bool dump = request->nlmsg_flags & NLM_F_DUMP;
  std::vector<char> answer(kAnswer);
  for (bool more = err == 0; more;) {
    const ssize_t n = recv(fd, answer.data(), answer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      err = n < 0 ? errno : EIO;
      break;
    }
    auto left = static_cast<uint32_t>(n);
    more = dump;
    for (auto* m = reinterpret_cast<nlmsghdr*>(answer.data()); NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
      if (m->nlmsg_type == NLMSG_ERROR && m->nlmsg_len >= NLMSG_LENGTH(sizeof(nlmsgerr))) {
        err = -static_cast<const nlmsgerr*>(NLMSG_DATA(m))->error;
        more = false;
      } else if (m->nlmsg_type == NLMSG_DONE) {
        more = false;
      } else {
        each(m);
      }
    }
  }
  close(fd);
  return err;
}

}  // namespace

int kernel_routes(std::vector<KernelRoute>* out) {
  for (const uint8_t family : {AF_INET, AF_INET6}) {
    struct {
      nlmsghdr head;
      rtmsg body;
    } request = {};
    request.head.nlmsg_len = sizeof request;
    request.head.nlmsg_type = RTM_GETROUTE;
    request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.body.rtm_family = family;
    const int err = ask(&request.head, [out](const nlmsghdr* m) {
      KernelRoute r;
      if (read_route(m, &r)) out->push_back(r);
    });
    if (err != 0) return err;
  }
  return 0;
}

int kernel_addresses(std::vector<KernelAddress>* out) {
  struct {
    nlmsghdr head;
    ifaddrmsg body;
  } request = {};
  request.head.nlmsg_len = sizeof request;
  request.head.nlmsg_type = RTM_GETADDR;
  request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.ifa_family = AF_UNSPEC;
  return ask(&request.head, [out](const nlmsghdr* m) {
    const auto* a = static_cast<const ifaddrmsg*>(NLMSG_DATA(m));
    if (m->nlmsg_type != RTM_NEWADDR || m->nlmsg_len < NLMSG_LENGTH(sizeof *a)) return;
    KernelAddress found;
    found.device = name_of(a->ifa_index);
    found.length = a->ifa_prefixlen;
    auto left = static_cast<int>(IFA_PAYLOAD(m));
    for (const rtattr* r = IFA_RTA(a); RTA_OK(r, left); r = RTA_NEXT(r, left)) {
      // Of a point-to-point device IFA_ADDRESS is the other end's.
      if (r->rta_type == IFA_LOCAL || (r->rta_type == IFA_ADDRESS && found.address.size == 0)) found.address = address_of(r);
    }
    if (found.address.size != 0 && !found.device.empty()) out->push_back(found);
  });
}

int kernel_route(const IpAddress& to, uint32_t mark, KernelRoute* out) {
  struct {
    nlmsghdr head;
    rtmsg body;
    char attributes[64];
  } request = {};
  request.head.nlmsg_type = RTM_GETROUTE;
  request.head.nlmsg_flags = NLM_F_REQUEST;
  request.body.rtm_family = to.size == 4 ? AF_INET : AF_INET6;
  request.body.rtm_dst_len = static_cast<uint8_t>(to.size * 8);
  size_t at = 0;
  const auto add = [&request, &at](uint16_t type, const void* data, size_t n) {
    auto* a = reinterpret_cast<rtattr*>(request.attributes + at);
    a->rta_type = type;
    a->rta_len = static_cast<uint16_t>(RTA_LENGTH(n));
    std::memcpy(RTA_DATA(a), data, n);
    at += RTA_SPACE(n);
  };
  add(RTA_DST, to.bytes, to.size);
  if (mark != 0) add(RTA_MARK, &mark, sizeof mark);
  request.head.nlmsg_len = static_cast<uint32_t>(NLMSG_LENGTH(sizeof request.body) + at);
  bool found = false;
  const int err = ask(&request.head, [out, &found](const nlmsghdr* m) {
    // The table does not matter here: rules have chosen it.
    read_route(m, out);
    found = !out->device.empty();
  });
  return err != 0 ? err : found ? 0 : ENETUNREACH;
}

RouteWatch::RouteWatch()
    : fd_(open_netlink(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_RULE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE)) {}

RouteWatch::~RouteWatch() {
  if (fd_ >= 0) close(fd_);
}

bool RouteWatch::changed() {
  bool any = first_;
  first_ = false;
  char message[4096];
  // ENOBUFS: more changed than was kept for us.
  while (fd_ >= 0 && (recv(fd_, message, sizeof message, MSG_DONTWAIT) > 0 || errno == ENOBUFS || errno == EINTR)) any = true;
  return any;
}

}  // namespace weft
