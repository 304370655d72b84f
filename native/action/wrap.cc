#include "wrap.h"

#include <cstring>

#include "headers.h"
#include "push_pop.h"

namespace weft {
namespace {

constexpr uint32_t kEthHeader = 14;
constexpr uint32_t kNshMin = 8;
constexpr uint32_t kLabel = 4;
constexpr uint8_t kNextEthernet = 3;

// The type that stands for NSH's next protocol; 0: none of ours.
uint16_t type_of(uint8_t next) {
  switch (next) {
    case 1:
      return kTypeIpv4;
    case 2:
      return kTypeIpv6;
    case 4:
      return kTypeNsh;
    default:
      return 0;
  }
}

}  // namespace

void set_addresses(Packet& p, const uint8_t* addresses) {
  if (addresses)
    std::memcpy(p.data, addresses, 12);
  else
    std::memset(p.data, 0, 12);
}

bool push_nsh(Packet& p, const uint8_t* header, uint32_t bytes) {
  const uint32_t inside = header[3] == kNextEthernet ? 0 : kEthHeader;
  if (!insert(p, inside, kEthHeader - inside + bytes)) return false;
  if (inside == 0) std::memset(p.data, 0, 12);
  put_be16(p.data + 12, kTypeNsh);
  std::memcpy(p.data + kEthHeader, header, bytes);
  return true;
}

bool add_mpls(Packet& p, uint32_t lse, uint16_t eth_type, bool whole) {
  const uint32_t inside = whole ? 0 : kEthHeader;
  if (!insert(p, inside, kEthHeader - inside + kLabel)) return false;
  if (whole) std::memset(p.data, 0, 12);
  put_be16(p.data + 12, eth_type);
  put_be16(p.data + kEthHeader, static_cast<uint16_t>(lse >> 16));
  put_be16(p.data + kEthHeader + 2, static_cast<uint16_t>(lse));
  return true;
}

bool pop_mpls_whole(Packet& p) {
  if (p.len < 2 * kEthHeader + kLabel || !is_mpls(be16(p.data + 12))) return false;
  remove(p, 0, kEthHeader + kLabel);
  return true;
}

bool pop_nsh(Packet& p) {
  const uint32_t left = p.len - kEthHeader;
  const uint8_t* nsh = p.data + kEthHeader;
  if (left < kNshMin || be16(p.data + 12) != kTypeNsh) return false;
  const uint32_t length = (nsh[1] & 0x3fu) * 4;
  if (length < kNshMin || length > left) return false;
  const uint8_t next = nsh[3];
  if (next == kNextEthernet) {
    if (left - length < kEthHeader) return false;
    remove(p, 0, kEthHeader + length);
    return true;
  }
  const uint16_t type = type_of(next);
  if (type == 0) return false;
  remove(p, kEthHeader, length);
  put_be16(p.data + 12, type);
  return true;
}

}  // namespace weft
