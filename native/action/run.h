// One packet in one list of actions: the executor's inside, apart from what it does at tunnels.
#pragma once
#include <algorithm>
#include <cstring>

#include "../generated/actions.h"
#include "../packet/dp_hash.h"
#include "../packet/extract.h"
#include "../packet/fragment.h"
#include "../packet/offload.h"
#include "../port/port.h"
#include "../tunnel/fit.h"
#include "../tunnel/merge.h"
#include "execute.h"
#include "push_pop.h"
#include "set.h"
#include "wrap.h"

namespace weft {

inline constexpr uint32_t kAlways = 0xffffffffu;
// Beside the type of a label's actions: around a whole frame.
inline constexpr uint32_t kWhole = 0x10000u;

inline constexpr uint32_t kShortest = 14;   // an Ethernet header
inline constexpr uint32_t kLeastMtu = 68;  // what every host takes as an answer to how much fits (RFC 1191)

inline uint32_t excess(const Packet& p, uint32_t most) { return p.len > most ? p.len - most : 0; }

// What `trunc` asked for. A frame that is cut is no segment any more, and its checksum cannot be finished.
inline void cut(Packet* p) {
  if (p->trunc != 0) {
    p->len = p->len > p->trunc ? p->len - p->trunc : 1;
    p->offload = Offload{};
  }
  p->trunc = 0;
}

// One packet in one list.
class Run {
 public:
  Run(Sink& sink, Packet* p, Key& key, unsigned max_vlans, unsigned vlans)
      : sink_(sink), p_(p), key_(key), max_vlans_(max_vlans), vlans_(vlans) {}

  // Runs to the packet's end. kNone: delivered; else why not.
  DropReason list(const uint32_t* a, uint32_t words) {
    while (words != 0) {
      const uint32_t n = a[0] >> 16;
      words -= n;
      if (step(a, n, words)) return end_;
      a += n;
    }
    if (!p_->delivered) return drop(why_), end_;
    sink_.release(p_);
    return DropReason::kNone;
  }

 private:
  // True: the packet has ended, as `end_` says. `n`: words of the action; `after`: of those behind it.
  bool step(const uint32_t* a, uint32_t n, uint32_t after) {
    const bool last = after == 0;
    switch (static_cast<Op>(a[0] & 0xffff)) {
      case Op::kOutput:
        return output(a[1], last);
      case Op::kSet:
        set(static_cast<SetKind>(a[1]), reinterpret_cast<const uint8_t*>(a + 3), a[2]);
        return false;
      case Op::kPushVlan:
        moved();
        if (!push_vlan(*p_, static_cast<uint16_t>(a[1] >> 16), static_cast<uint16_t>(a[1]))) return drop(DropReason::kNoHeadroom);
        vlans_++;
        return false;
      case Op::kPopVlan:
        moved();
        if (pop_vlan(*p_, vlans_)) vlans_--;
        return false;
      case Op::kPushMpls:
        moved();
        return !push_mpls(*p_, vlans_, a[1], static_cast<uint16_t>(a[2])) && drop(DropReason::kNoHeadroom);
      case Op::kPopMpls:
        moved();
        if (!(a[1] & kWhole))
          pop_mpls(*p_, vlans_, static_cast<uint16_t>(a[1]));
        else if (pop_mpls_whole(*p_))
          vlans_ = max_vlans_;
        return false;
      case Op::kAddMpls:
        moved();
        if (!add_mpls(*p_, a[1], static_cast<uint16_t>(a[2]), a[2] & kWhole)) return drop(DropReason::kNoHeadroom);
        if (a[2] & kWhole) vlans_ = max_vlans_;
        return false;
      case Op::kPushEth:
        set_addresses(*p_, reinterpret_cast<const uint8_t*>(a + 1));
        return false;
      case Op::kPopEth:
        set_addresses(*p_, nullptr);
        return false;
      case Op::kPushNsh:
        moved();
        if (!push_nsh(*p_, reinterpret_cast<const uint8_t*>(a + 2), a[1])) return drop(DropReason::kNoHeadroom);
        vlans_ = max_vlans_;
        return false;
      case Op::kPopNsh:
        moved();
        if (pop_nsh(*p_)) vlans_ = max_vlans_;
        return false;
      case Op::kRecirc:
        return recirculate(a[1], last);
      case Op::kHash:
        hash(static_cast<HashAlg>(a[1]), a[2]);
        return false;
      case Op::kTrunc:
        p_->trunc = excess(*p_, a[1] < kShortest ? kShortest : a[1]);
        return false;
      case Op::kClone:
        return nested(a + 1, n - 1, last);
      case Op::kSample:
        if (a[1] == kAlways || sink_.random() < a[1]) return nested(a + 2, n - 2, last);
        return taken(DropReason::kSampledOut);
      case Op::kUserspace:
        return taken(sink_.userspace(p_, key_, reinterpret_cast<const uint8_t*>(a + 2), a[1]));
      case Op::kCheckPktLen:
        return wire_length() > a[1] ? nested(a + 3, a[2], last) : nested(a + 3 + a[2], n - 3 - a[2], last);
      case Op::kMeter:
        return !sink_.meter(a[1], bytes_of(*p_, key_)) && drop(DropReason::kMeter);
      case Op::kTnlPush:
        cut(p_);
        if (!uncut()) return push(a, n, after);
        return is_udp(push_of(a)) && joins(push_of(a)) ? joined(a, n, after) : pieces(a, n + after, most(push_of(a)));
      case Op::kTnlPop:
        return cut_outside(*reinterpret_cast<const TunnelPop*>(a + 1), last) ? pieces(a, n + after)
                                                                             : pop(*reinterpret_cast<const TunnelPop*>(a + 1), a + 3, (n - 3) / 2, last);
      case Op::kDrop:
        return drop(static_cast<DropReason>(a[1]));
    }
    return false;
  }

  bool drop(DropReason why) {
    end_ = p_->delivered ? DropReason::kNone : why;
    sink_.drop(p_, why);
    return true;
  }

  // What became of a copy, or of a sending up. Always false: the packet goes on.
  bool taken(DropReason why) {
    if (why == DropReason::kNone)
      p_->delivered = 1;
    else
      why_ = why;
    return false;
  }

  bool output(uint32_t port, bool last) {
    if (last) {
      const bool delivered = p_->delivered;
      cut(p_);
      const DropReason why = sink_.output(p_, port);
      end_ = delivered ? DropReason::kNone : why;
      return true;
    }
    Packet* copy = sink_.copy(p_);
    p_->trunc = 0;
    if (!copy) return taken(DropReason::kNoBuffer);
    cut(copy);
    return taken(sink_.output(copy, port));
  }

  bool recirculate(uint32_t id, bool last) {
    Packet* again = last ? p_ : sink_.copy(p_);
    if (!again) return taken(DropReason::kNoBuffer);
    again->trunc = 0;
    sink_.recirculate(again, key_, id);
    end_ = DropReason::kNone;
    return last || taken(DropReason::kNone);
  }

  bool nested(const uint32_t* a, uint32_t words, bool last) {
    if (last) {
      end_ = list(a, words);
      return true;
    }
    Packet* copy = sink_.copy(p_);
    p_->trunc = 0;
    if (!copy) return taken(DropReason::kNoBuffer);
    Key key;
    copy_key(key, key_);
    return taken(Run(sink_, copy, key, max_vlans_, vlans_).list(a, words));
  }

  bool uncut() const { return gso_of(*p_) != 0; }

  static const TunnelPush& push_of(const uint32_t* a) { return *reinterpret_cast<const TunnelPush*>(a + 1); }

  // L3 bytes that fit through a tunnel.
  uint32_t most(const TunnelPush& t) const {
    const uint32_t room = room_of(t), l3 = link_end(*p_);
    return room < l3 ? 0 : std::min(room - l3, 0xffffu);
  }

  // Do all segments fit through a tunnel? Those of TCP are cut so.
  bool joins(const TunnelPush& t) { return gso_of(*p_) == kGsoTcp4 || gso_of(*p_) == kGsoTcp6 || wire_length() <= room_of(t); }

  // Is it to be cut before a header comes off? What can be put together need not be.
  bool cut_outside(const TunnelPop& t, bool last) { return uncut() && !is_uncut_inside(*p_, t, vlans_) && !(last && merge(*p_, t)); }

  // What comes of a packet at tunnels: run_tunnel.cc.
  struct Each;
  bool pieces(const uint32_t* rest, uint32_t words, uint32_t mtu = 0xffff);
  bool joined(const uint32_t* a, uint32_t n, uint32_t after);
  bool ended(int made, DropReason refused);
  bool push(const uint32_t* a, uint32_t n, uint32_t after);
  bool misfit(const uint32_t* a, uint32_t n, uint32_t after);
  bool tell(const TunnelPush& t, uint32_t l3);
  bool pop(const TunnelPop& t, const uint32_t* options, uint32_t count, bool last);

  void hash(HashAlg alg, uint32_t basis) {
    Key now;
    std::memset(&now, 0, kLineBytes);
    extract(p_->data, p_->len, now, max_vlans_);
    put_be32(key_.dp_hash, dp_hash(alg, now, basis));
  }

  void set(SetKind kind, const uint8_t* value, uint32_t bytes) {
    const uint8_t* mask = value + (bytes + 3) / 4 * 4;
    if (kind == SetKind::kEth) return set_eth(*p_, value, mask);
    if (set_metadata(kind, key_, value, mask)) return;
    const SetInput s{p_, &headers(), vlans_, value, mask};
    switch (kind) {
      case SetKind::kIpv4:
        return set_ipv4(s);
      case SetKind::kIpv6:
        return set_ipv6(s);
      case SetKind::kTcp:
        return set_ports(s, kProtoTcp);
      case SetKind::kUdp:
        return set_ports(s, kProtoUdp);
      case SetKind::kSctp:
        return set_sctp(s);
      case SetKind::kIcmp:
        return set_icmp(s, kProtoIcmp, kTypeIpv4);
      case SetKind::kIcmpv6:
        return set_icmp(s, kProtoIcmpv6, kTypeIpv6);
      case SetKind::kArp:
        return set_arp(s);
      case SetKind::kNd:
        return set_nd(s);
      case SetKind::kNdExt:
        return set_nd_ext(s);
      case SetKind::kMpls:
        return set_mpls(s);
      case SetKind::kVlan:
        return set_vlan(s);
      case SetKind::kNsh:
        return set_nsh(s);
      case SetKind::kEth:
      case SetKind::kSkbPriority:
      case SetKind::kSkbMark:
      case SetKind::kTunnel:
        return;
    }
  }

  uint32_t wire_length() { return uncut() ? segment_length(*p_, headers()) : p_->len; }

  const Headers& headers() {
    if (!located_) headers_ = locate(p_->data, p_->len, vlans_);
    located_ = true;
    return headers_;
  }
  void moved() { located_ = false; }

  Sink& sink_;
  Packet* p_;
  Key& key_;
  const unsigned max_vlans_;
  unsigned vlans_;  // tags in front of the frame that are not payload, at most
  DropReason why_ = DropReason::kPolicy;
  DropReason end_ = DropReason::kNone;
  bool located_ = false;
  Headers headers_;
};

}  // namespace weft
