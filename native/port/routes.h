// What the kernel knows of ways and addresses, by rtnetlink. Everything here is asked anew each time; who keeps answers asks `changed` when to ask again.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace weft {

struct IpAddress {
  uint8_t bytes[16];
  uint8_t size = 0;  // 4 or 16; 0: none
};

struct KernelRoute {
  IpAddress prefix;
  uint8_t length;   // bits of the prefix
  IpAddress gateway;
  IpAddress source;  // that the kernel would send from
  bool local;        // an address of this machine
  uint32_t priority;
  uint32_t mtu = 0;  // that the route itself has, or has learnt; 0: the device's
  std::string device;
};

struct KernelAddress {
  IpAddress address;
  uint8_t length = 0;  // bits of it that are its network's
  std::string device;
};

// These return 0 or an errno.
int kernel_routes(std::vector<KernelRoute>* out);       // unicast and local ones of the main, local and default tables
int kernel_addresses(std::vector<KernelAddress>* out);
// The way of one packet, by all rules that there are. ENETUNREACH and the like where there is none.
int kernel_route(const IpAddress& to, uint32_t mark, KernelRoute* out);

// Says once for each time that routes, rules, addresses or links have changed since the last question, the first time always.
class RouteWatch {
 public:
  RouteWatch();
  ~RouteWatch();
  RouteWatch(const RouteWatch&) = delete;
  RouteWatch& operator=(const RouteWatch&) = delete;
  bool changed();

 private:
  int fd_;
  bool first_ = true;
};

}  // namespace weft
