#include "fit.h"

#include <cstring>

#include "../action/headers.h"

namespace weft {

void answer_key(Key& key, const TunnelPush& t, uint16_t bare) {
  constexpr uint32_t kEth = 14;
  const uint8_t* h = t.header;
  const bool v6 = be16(h + 12) == kTypeIpv6;
  const uint32_t l4 = kEth + (v6 ? 40 : 20);
  forget_tunnel(key);
  std::memset(reinterpret_cast<uint8_t*>(&key) + offsetof(Key, in_port) + 3 * kLineBytes, 0, kLineBytes);
  key.lines |= 4;
  put_be32(key.in_port, t.port);
  put_be32(key.packet_type, bare ? 0x10000u | bare : 0);
  uint16_t flags = !v6 && (h[kEth + 6] & 0x40) ? kTunFlagDontFragment : uint16_t{0};
  if (v6) {
    std::memcpy(key.tun_ipv6_src, h + kEth + 24, 16);
    std::memcpy(key.tun_ipv6_dst, h + kEth + 8, 16);
  } else {
    std::memcpy(key.tun_src, h + kEth + 16, 4);
    std::memcpy(key.tun_dst, h + kEth + 12, 4);
  }
  key.tun_ttl = h[v6 ? kEth + 7 : kEth + 8];
  const uint32_t kind = t.kind & 0xff;
  if (kind == kTunnelGre || kind == kTunnelIp6Gre) {
    const uint16_t said = be16(h + l4);
    if (said & 0x8000) flags |= kTunFlagCsum;
    if (said & 0x2000) {
      flags |= kTunFlagKey;
      std::memcpy(key.tun_id + 4, h + l4 + (said & 0x8000 ? 8 : 4), 4);
    }
  } else {
    flags |= kTunFlagKey;
    if (be16(h + l4 + 6) != 0) flags |= kTunFlagCsum;
    put_be32(key.tun_id + 4, be32(h + l4 + 12) >> 8);
  }
  if (t.kind & kTunnelAnswer) {
    flags = static_cast<uint16_t>(t.kind & kTunnelAnswerKey ? flags | kTunFlagKey : flags & ~kTunFlagKey);
    put_be32(key.tun_id + 4, t.answer);
  }
  put_be16(key.tun_flags, flags);
}

}  // namespace weft
