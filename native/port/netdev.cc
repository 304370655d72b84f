#include "netdev.h"

#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
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

int ask_driver(int sock, const char* name, void* question) {
  ifreq r = named(name);
  r.ifr_data = static_cast<char*>(question);
  return ioctl(sock, SIOCETHTOOL, &r) == 0 ? 0 : errno;
}

// ETHTOOL_GLINKSETTINGS: a head, and behind it three sets of link modes of as many words each as the question says.
constexpr int kMostWords = 16;

int ask_link(int sock, const char* name, int words, ethtool_link_settings* head, uint32_t* modes) {
  uint32_t room[sizeof *head / 4 + 3 * kMostWords] = {};
  *head = {};
  head->cmd = ETHTOOL_GLINKSETTINGS;
  head->link_mode_masks_nwords = static_cast<int8_t>(words);
  std::memcpy(room, head, sizeof *head);
  const int err = ask_driver(sock, name, room);
  std::memcpy(head, room, sizeof *head);
  std::memcpy(modes, room + sizeof *head / 4, sizeof room - sizeof *head);
  return err;
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

int device_link(int sock, const char* name, DeviceLink* out) {
  *out = {};
  ifreq r = named(name);
  if (ioctl(sock, SIOCGIFINDEX, &r) != 0) return errno;
  ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  if (ask_driver(sock, name, &info) == 0) {
    std::memcpy(out->driver, info.driver, sizeof out->driver - 1);
    std::memcpy(out->version, info.version, sizeof out->version - 1);
    std::memcpy(out->firmware, info.fw_version, sizeof out->firmware - 1);
  }
  // Asked without room the kernel says, as a negative number, how many words it wants for each set.
  ethtool_link_settings head;
  uint32_t modes[3 * kMostWords];
  if (ask_link(sock, name, 0, &head, modes) != 0) return 0;
  const int words = -head.link_mode_masks_nwords;
  if (words <= 0 || words > kMostWords || ask_link(sock, name, words, &head, modes) != 0 || head.link_mode_masks_nwords != words) return 0;
  out->speed = head.speed == static_cast<uint32_t>(SPEED_UNKNOWN) ? 0 : head.speed;
  out->full = head.duplex == DUPLEX_FULL;
  out->half = head.duplex == DUPLEX_HALF;
  out->autonegotiates = head.autoneg == AUTONEG_ENABLE;
  out->copper = head.port == PORT_TP;
  out->fiber = head.port == PORT_FIBRE;
  const size_t bytes = 4 * std::min<size_t>(static_cast<size_t>(words), DeviceLink::kWords);
  std::memcpy(out->supported, modes, bytes);
  std::memcpy(out->advertised, modes + words, bytes);
  std::memcpy(out->peer, modes + 2 * words, bytes);
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
