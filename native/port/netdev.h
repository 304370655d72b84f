// Network devices by ioctl: what tap and system ports, and the boundary's device functions, share.
#pragma once
#include <cstdint>

namespace weft {

// Moves the calling thread into a network namespace for the life of the object, then back. An empty path does nothing.
class NetnsScope {
 public:
  explicit NetnsScope(const char* path);
  ~NetnsScope();
  NetnsScope(const NetnsScope&) = delete;
  NetnsScope& operator=(const NetnsScope&) = delete;
  int error() const { return error_; }  // errno of entering, or 0

 private:
  int back_ = -1;
  int error_ = 0;
};

struct DeviceInfo {
  int ifindex;
  uint32_t mtu;
  uint8_t mac[6];
  bool up;       // administratively
  bool running;  // carrier
};

// What a device says of its link and of its driver. Zeros where it says nothing.
struct DeviceLink {
  static constexpr uint32_t kWords = 4;  // of 32 link modes each
  uint32_t speed;                        // Mbit/s
  bool full, half;                       // duplex
  bool autonegotiates;
  bool copper, fiber;                    // what the connector is for
  uint32_t supported[kWords], advertised[kWords], peer[kWords];  // ETHTOOL_LINK_MODE_ bits
  char driver[32], version[32], firmware[32];
};

// These take any socket of the device's namespace and return 0 or an errno.
int device_info(int sock, const char* name, DeviceInfo* out);
int device_link(int sock, const char* name, DeviceLink* out);
int device_name(int sock, int ifindex, char* name);  // `name` holds IFNAMSIZ bytes
int device_set_mtu(int sock, const char* name, uint32_t mtu);
int device_set_up(int sock, const char* name, bool up);
int device_set_mac(int sock, const char* name, const uint8_t mac[6]);

// Writes "what NAME: reason" with advice where the reason is a privilege; `why` holds 512 bytes. Returns err.
int explain(char* why, int err, const char* what, const char* name);

}  // namespace weft
