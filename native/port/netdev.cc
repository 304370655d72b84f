#include "netdev.h"

#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace weft {

NetnsScope::NetnsScope(const char* path) {
  if (path == nullptr || *path == 0) return;
  back_ = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  const int to = open(path, O_RDONLY | O_CLOEXEC);
  if (back_ < 0 || to < 0 || setns(to, CLONE_NEWNET) != 0) error_ = errno;
  if (to >= 0) close(to);
}

NetnsScope::~NetnsScope() {
  if (back_ < 0) return;
  // Coming back into the namespace the process was born in needs what entering needed; it cannot be lost in between.
  if (error_ == 0) (void)!setns(back_, CLONE_NEWNET);
  close(back_);
}

namespace {

ifreq named(const char* name) {
  ifreq r{};
  std::strncpy(r.ifr_name, name, IFNAMSIZ - 1);
  return r;
}

}  // namespace

int device_info(int sock, const char* name, DeviceInfo* out) {
  ifreq r = named(name);
  if (ioctl(sock, SIOCGIFINDEX, &r) != 0) return errno;
  out->ifindex = r.ifr_ifindex;
  r = named(name);
  if (ioctl(sock, SIOCGIFMTU, &r) != 0) return errno;
  out->mtu = static_cast<uint32_t>(r.ifr_mtu);
  r = named(name);
  if (ioctl(sock, SIOCGIFHWADDR, &r) != 0) return errno;
  std::memcpy(out->mac, r.ifr_hwaddr.sa_data, 6);
  r = named(name);
  if (ioctl(sock, SIOCGIFFLAGS, &r) != 0) return errno;
  out->up = (r.ifr_flags & IFF_UP) != 0;
  out->running = (r.ifr_flags & IFF_RUNNING) != 0;
  return 0;
}

int device_name(int sock, int ifindex, char* name) {
  ifreq r{};
  r.ifr_ifindex = ifindex;
  if (ioctl(sock, SIOCGIFNAME, &r) != 0) return errno;
  std::memcpy(name, r.ifr_name, IFNAMSIZ);
  return 0;
}

int device_set_mtu(int sock, const char* name, uint32_t mtu) {
  ifreq r = named(name);
  r.ifr_mtu = static_cast<int>(mtu);
  return ioctl(sock, SIOCSIFMTU, &r) == 0 ? 0 : errno;
}

int device_set_up(int sock, const char* name, bool up) {
  ifreq r = named(name);
  if (ioctl(sock, SIOCGIFFLAGS, &r) != 0) return errno;
  if (up) {
    r.ifr_flags |= IFF_UP;
  } else {
    r.ifr_flags &= ~IFF_UP;
  }
  return ioctl(sock, SIOCSIFFLAGS, &r) == 0 ? 0 : errno;
}

int device_set_mac(int sock, const char* name, const uint8_t mac[6]) {
  ifreq r = named(name);
  r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::memcpy(r.ifr_hwaddr.sa_data, mac, 6);
  return ioctl(sock, SIOCSIFHWADDR, &r) == 0 ? 0 : errno;
}

int explain(char* why, int err, const char* what, const char* name) {
  const char* advice = "";
  if (err == EPERM || err == EACCES) {
    advice = " (it needs CAP_NET_ADMIN for tap and CAP_NET_RAW for system ports: run as root, or give node these capabilities)";
  } else if (err == ENODEV) {
    advice = " (ip link show lists the devices there are)";
  } else if (err == EBUSY) {
    advice = " (another program holds it)";
  }
  std::snprintf(why, 512, "%s %s: %s%s", what, name, std::strerror(err), advice);
  return err;
}

}  // namespace weft
