// The twin is src/packet/fragment.ts, where the rules are; the order of steps is the same.
#include "fragment.h"

#include <algorithm>
#include <cstring>

#include "../port/port.h"
#include "checksum.h"
#include "offload.h"

namespace weft {
namespace {

constexpr uint16_t kDont = 0x4000, kMore = 0x2000, kOffset = 0x1fff;
constexpr uint32_t kIpv4 = 20, kIpv6 = 40, kFragmentHeader = 8, kIcmp = 8;
constexpr uint8_t kProtoIcmp = 1, kProtoFragment = 44, kProtoIcmpv6 = 58;
constexpr uint8_t kInternetControl = 0xc0, kHops = 64;

// Where what may be cut stands.
struct Layout {
  uint32_t header, from, end;
};

bool layout4(const Packet& p, uint32_t l3, Layout& h) {
  if (p.len < l3 + kIpv4) return false;
  const uint8_t* ip = p.data + l3;
  const uint32_t total = be16(ip + 2);
  const uint16_t field = be16(ip + 6);
  h.header = (ip[0] & 0x0fu) * 4;
  if (ip[0] >> 4 != 4 || h.header < kIpv4 || total < h.header || total > p.len - l3 || (field & kDont)) return false;
  if ((field & kOffset) * 8u + total - h.header > 0xffff) return false;
  h.from = l3 + h.header;
  h.end = l3 + total;
  return true;
}

bool layout6(const Packet& p, uint32_t l3, Layout& h) {
  if (p.len < l3 + kIpv6) return false;
  const uint8_t* ip = p.data + l3;
  if (ip[0] >> 4 != 6 || be16(ip + 4) > p.len - l3 - kIpv6) return false;
  h = {kIpv6 + kFragmentHeader, l3 + kIpv6, l3 + kIpv6 + be16(ip + 4)};
  return true;
}

// Options that are for the first fragment alone become no-ops.
void first_only(uint8_t* option, const uint8_t* end) {
  while (option < end && option[0] != 0) {
    if (option[0] == 1) {
      option++;
      continue;
    }
    const uint32_t length = option + 1 < end ? option[1] : 0;
    if (length < 2 || length > static_cast<uint32_t>(end - option)) return;
    if (!(option[0] & 0x80)) std::memset(option, 1, length);
    option += length;
  }
}

void finish4(Packet& s, uint32_t l3, uint32_t header, uint32_t offset, bool more) {
  uint8_t* ip = s.data + l3;
  const uint16_t field = be16(ip + 6);
  put_be16(ip + 2, static_cast<uint16_t>(s.len - l3));
  put_be16(ip + 6, static_cast<uint16_t>(((field & kOffset) + offset / 8) | (more || (field & kMore) ? kMore : 0)));
  if (offset > 0) first_only(ip + kIpv4, ip + header);
  put_be16(ip + 10, 0);
  store(ip + 10, ip_header_checksum(ip, header));
}

void finish6(Packet& s, uint32_t l3, uint32_t id, uint32_t offset, bool more) {
  uint8_t* ip = s.data + l3;
  put_be16(ip + 4, static_cast<uint16_t>(s.len - l3 - kIpv6));
  ip[kIpv6] = ip[6];
  ip[kIpv6 + 1] = 0;
  put_be16(ip + kIpv6 + 2, static_cast<uint16_t>(offset | (more ? 1 : 0)));
  put_be32(ip + kIpv6 + 4, id);
  ip[6] = kProtoFragment;
}

bool is_query(uint8_t type) { return type == 0 || type == 8 || type == 9 || type == 10 || (type >= 13 && type <= 18); }

// May the sender be answered?
bool answers4(const Packet& p, uint32_t l3) {
  if (p.len < l3 + kIpv4) return false;
  const uint8_t* ip = p.data + l3;
  const uint32_t header = (ip[0] & 0x0fu) * 4, total = be16(ip + 2);
  if (ip[0] >> 4 != 4 || header < kIpv4 || total < header || total > p.len - l3) return false;
  const uint8_t src = ip[12], dst = ip[16];
  if ((be16(ip + 6) & kOffset) || src == 0 || src == 127 || src >= 224 || dst >= 224) return false;
  return ip[9] != kProtoIcmp || (total > header && is_query(ip[header]));
}

bool answers6(const Packet& p, uint32_t l3) {
  if (p.len < l3 + kIpv6) return false;
  const uint8_t* ip = p.data + l3;
  if (ip[0] >> 4 != 6 || be16(ip + 4) > p.len - l3 - kIpv6) return false;
  const bool unspecified = std::all_of(ip + 8, ip + 24, [](uint8_t b) { return b == 0; });
  if (ip[8] == 0xff || ip[24] == 0xff || unspecified) return false;
  return ip[6] != kProtoIcmpv6 || (be16(ip + 4) > 0 && ip[kIpv6] >= 128);
}

// A frame back to who sent this one: `header` bytes to be written, then what is quoted. The old IP header is then behind them.
void back(Packet& p, uint32_t l3, uint32_t header, uint32_t quoted) {
  p.data -= header;
  std::memmove(p.data, p.data + header, l3);
  p.len = l3 + header + quoted;
  p.offload = Offload{};
  for (uint32_t i = 0; i < 6; i++) std::swap(p.data[i], p.data[6 + i]);
  std::memset(p.data + l3, 0, header);
}

void answer4(Packet& p, uint32_t l3, uint32_t mtu) {
  back(p, l3, kIpv4 + kIcmp, std::min<uint32_t>(be16(p.data + l3 + 2), 576 - kIpv4 - kIcmp));
  uint8_t* ip = p.data + l3;
  const uint8_t* old = ip + kIpv4 + kIcmp;
  ip[0] = 0x45;
  ip[1] = kInternetControl;
  put_be16(ip + 2, static_cast<uint16_t>(p.len - l3));
  put_be16(ip + 6, kDont);
  ip[8] = kHops;
  ip[9] = kProtoIcmp;
  std::memcpy(ip + 12, old + 16, 4);
  std::memcpy(ip + 16, old + 12, 4);
  store(ip + 10, ip_header_checksum(ip, kIpv4));
  uint8_t* icmp = ip + kIpv4;
  icmp[0] = 3;
  icmp[1] = 4;
  put_be16(icmp + 6, static_cast<uint16_t>(mtu));
  store(icmp + 2, csum_finish(csum_add(0, icmp, p.len - l3 - kIpv4)));
}

void answer6(Packet& p, uint32_t l3, uint32_t mtu) {
  const uint32_t quoted = std::min<uint32_t>(kIpv6 + be16(p.data + l3 + 4), 1280 - kIpv6 - kIcmp);
  back(p, l3, kIpv6 + kIcmp, quoted);
  uint8_t* ip = p.data + l3;
  const uint8_t* old = ip + kIpv6 + kIcmp;
  ip[0] = 0x60;
  put_be16(ip + 4, static_cast<uint16_t>(kIcmp + quoted));
  ip[6] = kProtoIcmpv6;
  ip[7] = kHops;
  std::memcpy(ip + 8, old + 24, 16);
  std::memcpy(ip + 24, old + 8, 16);
  uint8_t* icmp = ip + kIpv6;
  icmp[0] = 2;
  put_be32(icmp + 4, mtu);
  store(icmp + 2, csum_finish(csum_add(csum_pseudo6(ip + 8, ip + 24, kProtoIcmpv6, kIcmp + quoted), icmp, kIcmp + quoted)));
}

}  // namespace

uint32_t link_end(const Packet& p) {
  uint32_t at = 12;
  while (p.len >= at + 6 && (be16(p.data + at) == 0x8100 || be16(p.data + at) == 0x88a8)) at += 4;
  return at + 2;
}

int fragment(Pool& pool, const Packet& p, uint32_t l3, uint32_t mtu, uint32_t id, void (*emit)(void* ctx, Packet* piece), void* ctx) {
  Layout h;
  const bool v6 = p.len > l3 && p.data[l3] >> 4 == 6;
  if (!(v6 ? layout6(p, l3, h) : layout4(p, l3, h)) || mtu < h.header + 8) return -1;
  const uint32_t step = (mtu - h.header) & ~7u;
  const bool large = kHeadroom + l3 + h.header + step > kSmallBuffer;
  int n = 0;
  for (uint32_t at = h.from; at < h.end; at += step, n++) {
    const uint32_t part = std::min(step, h.end - at);
    Packet* s = take_piece(pool, p, large, l3 + h.header + part);
    if (!s) return -2;
    std::memcpy(s->data, p.data, h.from);
    std::memcpy(s->data + l3 + h.header, p.data + at, part);
    if (v6)
      finish6(*s, l3, id, at - h.from, at + part < h.end);
    else
      finish4(*s, l3, h.header, at - h.from, at + part < h.end);
    emit(ctx, s);
  }
  return n;
}

bool may_answer(const Packet& p) {
  const uint32_t l3 = link_end(p);
  if (p.len < l3 || (p.data[0] & 1) || (p.data[6] & 1)) return false;
  const uint16_t type = be16(p.data + l3 - 2);
  if (type == 0x0800) return answers4(p, l3) && headroom(p) >= kIpv4 + kIcmp;
  return type == 0x86dd && answers6(p, l3) && headroom(p) >= kIpv6 + kIcmp;
}

void too_big(Packet& p, uint32_t mtu) {
  const uint32_t l3 = link_end(p);
  if (be16(p.data + l3 - 2) == 0x0800)
    answer4(p, l3, mtu);
  else
    answer6(p, l3, mtu);
}

}  // namespace weft
