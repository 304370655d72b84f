#include "stream.h"

#include <cstring>

#include "../action/headers.h"
#include "../packet/checksum.h"
#include "../packet/offload.h"

namespace weft {
namespace {

constexpr uint32_t kEth = 14, kTag = 4, kIpv4 = 20, kIpv6 = 40, kTcp = 20;
constexpr uint32_t kLongest = 65535;
constexpr uint8_t kPsh = 0x08, kAck = 0x10;
constexpr uint16_t kMoreAndOffset = 0x3fff, kDontFragment = 0x4000;

}  // namespace

bool Stream::begin(const uint8_t* frame, uint32_t len, bool unfinished) {
  ended_ = true;
  if (len < kWorthwhile) return false;
  uint16_t type = be16(frame + 12);
  ip_ = kEth;
  if (is_vlan(type)) type = be16(frame + 16), ip_ += kTag;
  v6_ = type == kTypeIpv6;
  if (!v6_ && type != kTypeIpv4) return false;
  const uint8_t* ip = frame + ip_;
  if (v6_ ? ip[6] != kProtoTcp : ip[0] != 0x45 || ip[9] != kProtoTcp || (be16(ip + 6) & kMoreAndOffset) != 0) return false;
  tcp_ = ip_ + (v6_ ? kIpv6 : kIpv4);
  const uint32_t header = (frame[tcp_ + 12] >> 4) * 4u;
  payload_ = tcp_ + header;
  if (header < kTcp || payload_ >= len) return false;
  size_ = len - payload_;
  // The first decides of which sort all are.
  unfinished_ = unfinished && load<uint16_t>(frame + tcp_ + 16) == csum_fold(pseudo(frame, len));
  if ((frame[tcp_ + 13] & ~kPsh) != kAck || !right(frame, len)) return false;
  first_ = frame;
  count_ = 0;
  bytes_ = 0;
  flags_ = 0;
  append(frame, len);
  return !ended_;
}

uint64_t Stream::pseudo(const uint8_t* frame, uint32_t len) const {
  const uint8_t* ip = frame + ip_;
  return v6_ ? csum_pseudo6(ip + 8, ip + 24, kProtoTcp, len - tcp_) : csum_pseudo4(ip + 12, ip + 16, kProtoTcp, len - tcp_);
}

// Lengths and checksums of a frame by itself.
bool Stream::right(const uint8_t* frame, uint32_t len) const {
  const uint8_t* ip = frame + ip_;
  if (v6_ ? be16(ip + 4) != len - tcp_ : be16(ip + 2) != len - ip_) return false;
  if (!v6_ && csum_fold(csum_add(0, ip, kIpv4)) != 0xffff) return false;
  const uint64_t sum = pseudo(frame, len);
  if (unfinished_) return load<uint16_t>(frame + tcp_ + 16) == csum_fold(sum);
  return csum_fold(csum_add(sum, frame + tcp_, len - tcp_)) == 0xffff;
}

bool Stream::follows(const uint8_t* frame, uint32_t len) const {
  if (len <= payload_ || len - payload_ > size_ || payload_ - ip_ + bytes_ + len - payload_ > kLongest) return false;
  const auto same = [this, frame](uint32_t from, uint32_t to) { return std::memcmp(first_ + from, frame + from, to - from) == 0; };
  if (be32(frame + tcp_ + 4) != be32(first_ + tcp_ + 4) + bytes_ || (frame[tcp_ + 13] & ~kPsh) != kAck) return false;
  if (!same(0, ip_ + 2)) return false;
  if (v6_) {
    if (!same(ip_ + 2, ip_ + 4) || !same(ip_ + 6, tcp_)) return false;
  } else {
    if (!same(ip_ + 6, ip_ + 10) || !same(ip_ + 12, tcp_)) return false;
    const bool named = static_cast<uint16_t>(be16(first_ + ip_ + 4) + count_) == be16(frame + ip_ + 4);
    if (!named && !(be16(frame + ip_ + 6) & kDontFragment)) return false;
  }
  return same(tcp_, tcp_ + 4) && same(tcp_ + 8, tcp_ + 13) && same(tcp_ + 14, tcp_ + 16) && same(tcp_ + 18, payload_) && right(frame, len);
}

void Stream::append(const uint8_t* frame, uint32_t len) {
  const uint8_t flags = frame[tcp_ + 13];
  count_++;
  bytes_ += len - payload_;
  flags_ |= flags;
  ended_ = len - payload_ < size_ || (flags & kPsh) != 0;
}

void Stream::finish(Packet& p) const {
  uint8_t* ip = p.data + ip_;
  p.data[tcp_ + 13] |= flags_;
  if (v6_) {
    put_be16(ip + 4, static_cast<uint16_t>(p.len - tcp_));
  } else {
    put_be16(ip + 2, static_cast<uint16_t>(p.len - ip_));
    put_be16(ip + 10, 0);
    store(ip + 10, ip_header_checksum(ip, kIpv4));
  }
  store(p.data + tcp_ + 16, csum_fold(pseudo(p.data, p.len)));
  p.offload.flags = kNeedsCsum;
  p.offload.gso_type = v6_ ? kGsoTcp6 : kGsoTcp4;
  p.offload.hdr_len = static_cast<uint16_t>(payload_);
  p.offload.gso_size = static_cast<uint16_t>(size_);
  p.offload.csum_start = static_cast<uint16_t>(tcp_);
  p.offload.csum_offset = 16;
}

}  // namespace weft
