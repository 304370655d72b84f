#include "tunnel.h"

#include <cstddef>
#include <cstring>

#include "../action/headers.h"
#include "../action/push_pop.h"
#include "../packet/checksum.h"
#include "../packet/dp_hash.h"
#include "../packet/offload.h"

namespace weft {
namespace {

constexpr uint32_t kEth = 14;
constexpr uint8_t kProtoGre = 47;
constexpr uint16_t kGreChecksum = 0x8000, kGreKey = 0x2000, kGreSequence = 0x1000;
constexpr uint16_t kEthernetInside = 0x6558, kFirstType = 0x600;  // smaller numbers are lengths

static_assert(offsetof(TunnelPush, header) == 20);

void finish_udp(uint8_t* frame, uint32_t len, uint32_t l4, bool v6, bool checksummed, uint32_t hash) {
  uint8_t* udp = frame + l4;
  const uint32_t bytes = len - l4;
  put_be16(udp, outer_source_port(hash));
  put_be16(udp + 4, static_cast<uint16_t>(bytes));
  if (!checksummed) return;
  put_be16(udp + 6, 0);
  const uint64_t pseudo =
      v6 ? csum_pseudo6(udp - 32, udp - 16, kProtoUdp, bytes) : csum_pseudo4(udp - 8, udp - 4, kProtoUdp, bytes);
  store(udp + 6, csum_nonzero(csum_finish(csum_add(pseudo, udp, bytes))));
}

void finish_gre(uint8_t* frame, uint32_t len, uint32_t l4, bool checksummed, uint32_t count) {
  uint8_t* gre = frame + l4;
  const uint16_t flags = be16(gre);
  if (flags & kGreSequence) put_be32(gre + 4 + (checksummed ? 4 : 0) + (flags & kGreKey ? 4 : 0), count);
  if (!checksummed) return;
  put_be32(gre + 4, 0);
  store(gre + 4, csum_finish(csum_add(0, gre, len - l4)));
}

// A byte of the key, by its place; members are arrays of their own.
uint8_t* key_at(Key& key, uint32_t offset) { return reinterpret_cast<uint8_t*>(&key) + offsetof(Key, in_port) + offset; }

// What the outer headers said.
struct Outer {
  uint32_t l3, l4, end;
  bool v6;
  uint16_t flags;       // TUN_FLAG
  uint32_t at;          // first byte of what is carried
  uint16_t type;        // and what that is
  uint32_t id;          // key or VNI
  uint32_t options;     // where Geneve's begin; 0: none
  uint8_t gbp_flags;
  uint8_t gbp_id[2];
};

// Where the outer transport header stands.
DropReason network(const Packet& p, unsigned vlans, uint8_t proto, Outer& o) {
  const Headers h = locate(p.data, p.len, vlans);
  if (!h.ip || h.proto != proto) return DropReason::kTunnelHeader;
  o.l3 = h.l3;
  o.end = h.l4_end;
  o.v6 = h.type == kTypeIpv6;
  const uint8_t* ip = p.data + h.l3;
  if (o.v6) {
    // The chain was followed by locate: every header lies within.
    uint8_t next = ip[6];
    uint32_t at = h.l3 + 40;
    while (next != proto) {
      const uint8_t* ext = p.data + at;
      if (next == 44) {
        if (be16(ext + 2) != 0) return DropReason::kTunnelFragment;
        at += 8;
      } else {
        at += next == 51 ? (ext[1] + 2u) * 4 : (ext[1] + 1u) * 8;
      }
      next = ext[0];
    }
    o.l4 = at;
    return DropReason::kNone;
  }
  if (be16(ip + 6) & 0x3fff) return DropReason::kTunnelFragment;
  const uint32_t header = (ip[0] & 0x0fu) * 4;
  o.l4 = h.l3 + header;
  if (csum_fold(csum_add(0, ip, header)) != 0xffff) return DropReason::kTunnelChecksum;
  if (ip[6] & 0x40) o.flags |= kTunFlagDontFragment;
  return DropReason::kNone;
}

bool unchecked(const Packet& p) { return p.offload.flags & (kNeedsCsum | kDataValid); }

// The type of what VXLAN's generic protocol extension carries; 0: none of ours.
uint16_t gpe_type(uint8_t next) {
  constexpr uint16_t kTypes[] = {0, kTypeIpv4, kTypeIpv6, kEthernetInside, kTypeNsh};
  return next < sizeof kTypes / sizeof *kTypes ? kTypes[next] : uint16_t{0};
}

DropReason vxlan(const uint8_t* v, Outer& o, uint32_t kind) {
  const bool group = (kind & kPopGbp) && (v[0] & 0x80);
  const bool typed = (kind & kPopGpe) && (v[0] & 0x04);
  const int known = 0x08 | (group ? 0x80 : 0) | (typed ? 0x04 : 0);
  o.type = typed ? gpe_type(v[3]) : kEthernetInside;
  if (v[0] != known || v[7] != 0 || o.type == 0) return DropReason::kTunnelHeader;
  if (group) {
    if (v[1] & ~0x48) return DropReason::kTunnelHeader;
    o.gbp_flags = v[1] & 0x48;
    std::memcpy(o.gbp_id, v + 2, 2);
  } else if (v[1] != 0 || v[2] != 0 || (!typed && v[3] != 0)) {
    return DropReason::kTunnelHeader;
  }
  o.at = o.l4 + 16;
  return DropReason::kNone;
}

// An option's place is two words: class << 16 | type << 8 | length, then offset << 16 | index.
const uint32_t* find_option(const uint32_t* options, uint32_t count, uint32_t what) {
  for (uint32_t i = 0; i < count; i++)
    if (options[2 * i] == what) return options + 2 * i;
  return nullptr;
}

uint32_t option_words(const uint8_t* option) { return option[3] & 0x1fu; }
uint32_t option_what(const uint8_t* option) { return be32(option) & 0xffffff00u; }

DropReason geneve(const uint8_t* frame, Outer& o, const uint32_t* options, uint32_t count) {
  const uint32_t at = o.l4 + 8;
  const uint32_t end = at + 8 + (frame[at] & 0x3fu) * 4;
  if (frame[at] >> 6 != 0 || end > o.end) return DropReason::kTunnelHeader;
  if (frame[at + 1] & 0x80) o.flags |= kTunFlagOam;
  for (uint32_t i = at + 8; i < end;) {
    const uint32_t bytes = 4 + option_words(frame + i) * 4;
    if (bytes > end - i) return DropReason::kTunnelHeader;
    if ((frame[i + 2] & 0x80) && !find_option(options, count, option_what(frame + i) | (bytes - 4))) return DropReason::kTunnelHeader;
    i += bytes;
  }
  o.options = at + 8;
  o.at = end;
  o.type = be16(frame + at + 2);
  return DropReason::kNone;
}

DropReason udp(const Packet& p, Outer& o, uint32_t kind, const uint32_t* options, uint32_t count) {
  const uint8_t* u = p.data + o.l4;
  if (o.end - o.l4 < 16) return DropReason::kTunnelHeader;
  const uint32_t length = be16(u + 4);
  if (length < 16 || length > o.end - o.l4) return DropReason::kTunnelHeader;
  o.end = o.l4 + length;
  o.flags |= kTunFlagKey;
  if (load<uint16_t>(u + 6) != 0) {
    o.flags |= kTunFlagCsum;
    const uint8_t* ip = p.data + o.l3;
    const uint64_t pseudo =
        o.v6 ? csum_pseudo6(ip + 8, ip + 24, kProtoUdp, length) : csum_pseudo4(ip + 12, ip + 16, kProtoUdp, length);
    if (!unchecked(p) && csum_fold(csum_add(pseudo, u, length)) != 0xffff) return DropReason::kTunnelChecksum;
  }
  o.id = be32(u + 12) >> 8;
  return (kind & 0xff) == kTunnelGeneve ? geneve(p.data, o, options, count) : vxlan(u + 8, o, kind);
}

DropReason gre(const Packet& p, Outer& o) {
  const uint8_t* g = p.data + o.l4;
  if (o.end - o.l4 < 4) return DropReason::kTunnelHeader;
  const uint16_t flags = be16(g);
  if (flags & ~(kGreChecksum | kGreKey | kGreSequence)) return DropReason::kTunnelHeader;
  const uint32_t sum = flags & kGreChecksum ? 4 : 0, key = flags & kGreKey ? 4 : 0;
  o.at = o.l4 + 4 + sum + key + (flags & kGreSequence ? 4 : 0);
  if (o.at > o.end) return DropReason::kTunnelHeader;
  if (sum) {
    o.flags |= kTunFlagCsum;
    if (!unchecked(p) && csum_fold(csum_add(0, g, o.end - o.l4)) != 0xffff) return DropReason::kTunnelChecksum;
  }
  if (key) {
    o.flags |= kTunFlagKey;
    o.id = be32(g + 4 + sum);
  }
  o.type = be16(g + 2);
  return DropReason::kNone;
}

// Options that have a place, into lines 5 to 8; a line is announced when something in it is not zero.
void write_options(const uint8_t* frame, const Outer& o, const uint32_t* options, uint32_t count, Key& key) {
  constexpr uint32_t kSpace = 4 * kLineBytes;
  uint8_t bytes[kSpace] = {};
  uint64_t present = 0;
  for (uint32_t i = o.options; i < o.at; i += 4 + option_words(frame + i) * 4) {
    const uint32_t length = option_words(frame + i) * 4;
    const uint32_t what = option_what(frame + i) | length;
    for (uint32_t n = 0; n < count; n++) {  // bridges may have the same option under several numbers
      if (options[2 * n] != what) continue;
      const uint32_t place = options[2 * n + 1];
      std::memcpy(bytes + (place >> 16), frame + i + 4, length);
      present |= uint64_t{1} << (place & 63);
    }
  }
  store(key.tun_md_present, __builtin_bswap64(present));
  for (uint32_t line = 0; line < 4; line++) {
    const uint8_t* from = bytes + line * kLineBytes;
    uint64_t any = 0;
    for (uint32_t i = 0; i < kLineBytes; i += 8) any |= load<uint64_t>(from + i);
    if (any == 0) continue;
    key.lines |= static_cast<uint8_t>(1u << (4 + line));
    std::memcpy(key_at(key, (5 + line) * kLineBytes), from, kLineBytes);
  }
}

// What the outer headers said, into line 3.
void describe(const uint8_t* frame, const Outer& o, const uint32_t* options, uint32_t count, Key& key) {
  const uint8_t* ip = frame + o.l3;
  std::memset(key_at(key, 3 * kLineBytes), 0, kLineBytes);
  key.lines |= 4;
  put_be32(key.tun_id + 4, o.id);
  if (o.v6) {
    std::memcpy(key.tun_ipv6_src, ip + 8, 32);
    key.tun_tos = static_cast<uint8_t>(be16(ip) >> 4);
    key.tun_ttl = ip[7];
  } else {
    std::memcpy(key.tun_src, ip + 12, 8);
    key.tun_tos = ip[1];
    key.tun_ttl = ip[8];
  }
  put_be16(key.tun_flags, o.flags);
  std::memcpy(key.tun_gbp_id, o.gbp_id, 2);
  key.tun_gbp_flags = o.gbp_flags;
  if (o.options != 0) write_options(frame, o, options, count, key);
}

}  // namespace

void forget_tunnel(Key& key) {
  key.lines &= 3;
  if (key.lines & 2) std::memset(key_at(key, kOfsTunErspanIdx), 0, 3 * kLineBytes - kOfsTunErspanIdx);
  put_be32(key.dp_hash, 0);
}

bool valid_push(const TunnelPush& t) {
  if (!is_tunnel_kind(t.kind & 0xff) || (t.kind & 0xffff & ~(0xffu | kTunnelBare | kTunnelCut | kTunnelAnswer | kTunnelAnswerKey)) != 0 || t.bytes > kMaxTunnelHeader || t.bytes < kEth + 20) return false;
  const bool v6 = be16(t.header + 12) == kTypeIpv6;
  const uint32_t l4 = kEth + (v6 ? 40 : 20);
  if (t.bytes < l4 + 4) return false;
  if (t.header[v6 ? kEth + 6 : kEth + 9] == kProtoUdp) return t.bytes >= l4 + 8;
  const uint16_t flags = be16(t.header + l4);
  return t.bytes >= l4 + 4 + (flags & kGreChecksum ? 4u : 0u) + (flags & kGreKey ? 4u : 0u) + (flags & kGreSequence ? 4u : 0u);
}

DropReason encapsulate(Sink& sink, Packet& p, Key& key, const TunnelPush& t, uint32_t* sent) {
  const bool v6 = be16(t.header + 12) == kTypeIpv6;
  const uint32_t l4 = kEth + (v6 ? 40 : 20);
  const bool is_udp = t.header[v6 ? kEth + 6 : kEth + 9] == kProtoUdp;
  const bool checksummed = is_udp ? load<uint16_t>(t.header + l4 + 6) != 0 : (be16(t.header + l4) & kGreChecksum) != 0;
  const uint32_t inside = t.kind & kTunnelBare ? kEth : 0;
  if (p.len < inside) return DropReason::kTooShort;
  if (p.len - inside + t.bytes - kEth - (v6 ? 40 : 0) > 0xffff) return DropReason::kTooLong;
  if (checksummed) {
    if (!finish_checksum(p)) return DropReason::kMalformed;
    p.offload = Offload{};
  }
  if (headroom(p) < t.bytes - inside) return DropReason::kNoHeadroom;
  const uint32_t count = sink.encapsulated(&p, t.port, p.len - inside);
  if (sent) *sent = count;
  insert(p, 0, t.bytes - inside);
  const Offload old = p.offload;
  p.offload = Offload{};
  if (old.flags & kNeedsCsum) {
    p.offload.flags = kNeedsCsum;
    p.offload.csum_start = old.csum_start;
    p.offload.csum_offset = old.csum_offset;
  }
  uint8_t* frame = p.data;
  std::memcpy(frame, t.header, t.bytes);
  uint8_t* ip = frame + kEth;
  if (v6) {
    put_be16(ip + 4, static_cast<uint16_t>(p.len - l4));
  } else {
    // Summed where the header comes from: what was just written could not be read back without a wait.
    const uint8_t* from = t.header + kEth;
    const uint16_t length = net16(static_cast<uint16_t>(p.len - kEth));
    const uint16_t id = from[6] & 0x40 ? load<uint16_t>(from + 4) : net16(static_cast<uint16_t>(count));  // who may not be cut needs no name
    const uint64_t sum = uint64_t{load<uint16_t>(from)} + length + id + load<uint32_t>(from + 6) + load<uint32_t>(from + 12) + load<uint32_t>(from + 16);
    store(ip + 2, length);
    store(ip + 4, id);
    store(ip + 10, csum_finish(sum));
  }
  if (is_udp)
    finish_udp(frame, p.len, l4, v6, checksummed, dp_hash_l4(key, 0));
  else
    finish_gre(frame, p.len, l4, checksummed, count);
  forget_tunnel(key);
  return DropReason::kNone;
}

bool is_udp(const TunnelPush& t) { return t.header[be16(t.header + 12) == kTypeIpv6 ? kEth + 6 : kEth + 9] == kProtoUdp; }

void Joined::begin(Packet* big, const Packet& first) {
  constexpr uint32_t kUdp = 8;
  big_ = big;
  big->len = first.len;
  big->offload = Offload{};
  std::memcpy(big->data, first.data, first.len);
  l4_ = kEth + (be16(first.data + 12) == kTypeIpv6 ? 40 : 20);
  unit_ = first.len - l4_ - kUdp;
  count_ = 1;
  closed_ = false;
}

bool Joined::add(const Packet& p) {
  constexpr uint32_t kUdp = 8, kMaxDatagrams = 64;
  const uint32_t bytes = p.len - l4_ - kUdp, network = l4_ - kEth;
  if (closed_ || bytes > unit_ || count_ == kMaxDatagrams) return false;
  if (big_->len - l4_ + bytes > 0xffff - (network == 40 ? 0 : network) || bytes > tailroom(*big_)) return false;
  std::memcpy(big_->data + big_->len, p.data + l4_ + kUdp, bytes);
  big_->len += bytes;
  count_++;
  closed_ = bytes < unit_;
  return true;
}

void Joined::finish() {
  if (count_ == 1) return;
  uint8_t* ip = big_->data + kEth;
  uint8_t* udp = big_->data + l4_;
  const uint32_t length = big_->len - l4_;
  const bool v6 = l4_ == kEth + 40;
  if (v6) {
    put_be16(ip + 4, static_cast<uint16_t>(length));
  } else {
    put_be16(ip + 2, static_cast<uint16_t>(big_->len - kEth));
    put_be16(ip + 10, 0);
    store(ip + 10, ip_header_checksum(ip, 20));
  }
  put_be16(udp + 4, static_cast<uint16_t>(length));
  store(udp + 6, csum_fold(v6 ? csum_pseudo6(ip + 8, ip + 24, kProtoUdp, length) : csum_pseudo4(ip + 12, ip + 16, kProtoUdp, length)));
  big_->offload = Offload{};
  big_->offload.flags = kNeedsCsum;
  big_->offload.gso_type = kGsoUdpL4;
  big_->offload.hdr_len = static_cast<uint16_t>(l4_ + 8);
  big_->offload.gso_size = static_cast<uint16_t>(unit_);
  big_->offload.csum_start = static_cast<uint16_t>(l4_);
  big_->offload.csum_offset = 6;
}

bool is_uncut_inside(const Packet& p, const TunnelPop& t, unsigned vlans) {
  const uint8_t gso = gso_of(p), kind = t.kind & 0xff;
  // Tunnels are UDP or GRE, so TCP is inside.
  if (gso == kGsoTcp4 || gso == kGsoTcp6 || kind == kTunnelGre || kind == kTunnelIp6Gre) return true;
  const Headers h = locate(p.data, p.len, vlans);
  return p.offload.csum_start >= h.l3 + (h.type == kTypeIpv6 ? 90 : 70);  // the earliest inner transport header by UDP
}

DropReason decapsulate(Packet& p, Key& key, const TunnelPop& t, const uint32_t* options, uint32_t count, unsigned vlans) {
  const uint32_t kind = t.kind & 0xff;
  const bool is_gre = kind == kTunnelGre || kind == kTunnelIp6Gre;
  Outer o = {};
  if (const DropReason why = network(p, vlans, is_gre ? kProtoGre : kProtoUdp, o); why != DropReason::kNone) return why;
  if (const DropReason why = is_gre ? gre(p, o) : udp(p, o, t.kind, options, count); why != DropReason::kNone) return why;
  const bool bare = o.type != kEthernetInside;
  const Offload old = p.offload;
  const bool inner = (old.flags & kNeedsCsum) && old.csum_start >= o.at;
  if (!inner && old.gso_type != 0) return DropReason::kMalformed;
  if (bare ? !(t.kind & kPopBare) || o.type < kFirstType : o.end - o.at < kEth) return DropReason::kTunnelHeader;
  forget_tunnel(key);
  describe(p.data, o, options, count, key);
  put_be32(key.in_port, t.port);
  put_be32(key.packet_type, bare ? 0x10000u | o.type : 0);
  p.len = o.end;
  remove(p, 0, bare ? o.at - kEth : o.at);
  p.offload.flags = kNeedsCsum;
  if (!inner) p.offload = Offload{};
  if (bare) {
    std::memset(p.data, 0, 12);
    put_be16(p.data + 12, o.type);
  }
  return DropReason::kNone;
}

}  // namespace weft
