// The action executor. What it does is specified by src/datapath/reference/execute.ts; this is the same, without allocation: nested lists run on copies
// that the sink makes, and headers are looked for once as long as the frame keeps its shape.
#include "execute.h"

#include <algorithm>
#include <cstring>

#include "../generated/actions.h"
#include "../packet/dp_hash.h"
#include "../packet/extract.h"
#include "../packet/offload.h"
#include "../port/port.h"
#include "../tunnel/merge.h"
#include "push_pop.h"
#include "set.h"
#include "wrap.h"

namespace weft {
namespace {

constexpr uint32_t kAlways = 0xffffffffu;
// Beside the type of a label's actions: around a whole frame.
constexpr uint32_t kWhole = 0x10000u;

constexpr uint32_t kShortest = 14;

uint32_t excess(const Packet& p, uint32_t most) { return p.len > most ? p.len - most : 0; }

// What `trunc` asked for. A frame that is cut is no segment any more, and its checksum cannot be finished.
void cut(Packet* p) {
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
        return !sink_.meter(p_, a[1]) && drop(DropReason::kMeter);
      case Op::kTnlPush:
        cut(p_);
        if (!uncut()) return push(*reinterpret_cast<const TunnelPush*>(a + 1));
        return is_udp(*reinterpret_cast<const TunnelPush*>(a + 1)) ? joined(a, n, after) : pieces(a, n + after);
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

  // Runs the rest of the list for each segment.
  bool pieces(const uint32_t* rest, uint32_t words) {
    struct Each {
      Run* run;
      const uint32_t* rest;
      uint32_t words;
      uint32_t most;
    } each{this, rest, words, p_->trunc ? p_->len - p_->trunc : 0xffffffffu};
    const auto one = [](void* ctx, Packet* piece) {
      auto& [run, list, n, most] = *static_cast<Each*>(ctx);
      piece->delivered = 0;
      piece->trunc = excess(*piece, most);
      Key key;
      copy_key(key, run->key_);
      run->taken(Run(run->sink_, piece, key, run->max_vlans_, run->vlans_).list(list, n));
    };
    const int made = segment(sink_.pool(), *p_, 0xffff, one, &each);
    if (made == -1) return drop(DropReason::kMalformed);
    if (made == -2) why_ = DropReason::kNoBuffer;
    if (!p_->delivered) return drop(why_);
    end_ = DropReason::kNone;
    sink_.release(p_);
    return true;
  }

  // The segments with a header each, put together as datagrams to be cut; then the rest of the list for what that makes.
  bool joined(const uint32_t* a, uint32_t n, uint32_t after) {
    struct Each {
      Run* run;
      const TunnelPush* push;
      const uint32_t* rest;
      uint32_t words;
      Joined joined;
      Key key;
      void flush() {
        Packet* big = joined.packet();
        if (!big) return;
        joined.finish();
        run->taken(Run(run->sink_, big, key, run->max_vlans_, run->max_vlans_).list(rest, words));
        joined = Joined();
      }
      void take(Packet* piece) {
        Sink& sink = run->sink_;
        piece->delivered = 0;
        piece->trunc = 0;
        Key own;
        copy_key(own, run->key_);
        const DropReason why = encapsulate(sink, *piece, own, *push);
        if (why != DropReason::kNone) {
          sink.drop(piece, why);
          run->taken(why);
          return;
        }
        if (!joined.packet() || !joined.add(*piece)) {
          flush();
          copy_key(key, own);
          Packet* big = sink.pool().take(true);
          if (!big) {  // then it goes alone
            run->taken(Run(sink, piece, key, run->max_vlans_, run->max_vlans_).list(rest, words));
            return;
          }
          big->in_port = piece->in_port;
          big->slot = piece->slot;
          big->recirc_depth = piece->recirc_depth;
          big->trunc = 0;
          joined.begin(big, *piece);
        }
        sink.release(piece);
      }
    } each{this, reinterpret_cast<const TunnelPush*>(a + 1), a + n, after, {}, {}};
    const int made = segment(sink_.pool(), *p_, 0xffff, [](void* ctx, Packet* piece) { static_cast<Each*>(ctx)->take(piece); }, &each);
    if (made == -1) return drop(DropReason::kMalformed);
    each.flush();
    if (made == -2) why_ = DropReason::kNoBuffer;
    if (!p_->delivered) return drop(why_);
    end_ = DropReason::kNone;
    sink_.release(p_);
    return true;
  }

  bool push(const TunnelPush& t) {
    moved();
    const DropReason why = encapsulate(sink_, *p_, key_, t);
    if (why != DropReason::kNone) return drop(why);
    vlans_ = max_vlans_;
    return false;
  }

  // Is it to be cut before a header comes off? What can be put together need not be.
  bool cut_outside(const TunnelPop& t, bool last) { return uncut() && !is_uncut_inside(*p_, t, vlans_) && !(last && merge(*p_, t)); }

  bool pop(const TunnelPop& t, const uint32_t* options, uint32_t count, bool last) {
    Packet* out = last ? p_ : sink_.copy(p_);
    if (!out) return taken(DropReason::kNoBuffer);
    out->trunc = 0;
    Key key;
    copy_key(key, key_);
    DropReason why = decapsulate(*out, key, t, options, count, vlans_);
    if (why == DropReason::kNone) why = sink_.arrive(out, t.port);
    if (why != DropReason::kNone && last) return drop(why);
    if (why == DropReason::kNone)
      sink_.recirculate(out, key, 0);
    else
      sink_.drop(out, why);
    end_ = DropReason::kNone;
    return last || taken(why);
  }

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

  // Bytes of the frame, or of a full segment of a frame that will be cut before it meets a wire.
  uint32_t wire_length() {
    const Offload& o = p_->offload;
    const uint8_t gso = gso_of(*p_);
    if (gso == 0) return p_->len;
    const Headers& h = headers();
    if (h.l4 == kNone) return p_->len;
    uint32_t whole = p_->len;
    if ((gso == kGsoTcp4 || gso == kGsoTcp6) && h.proto == kProtoTcp)
      whole = h.l4 + (p_->data[h.l4 + 12] >> 4) * 4u + o.gso_size;
    else if (gso == kGsoUdpL4 && h.proto == kProtoUdp)
      whole = h.l4 + 8 + o.gso_size;
    return std::min(p_->len, whole);
  }

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

}  // namespace

void execute(Sink& sink, Packet* p, Key& key, const uint32_t* actions, uint32_t words, unsigned max_vlans) {
  if (words == 2 && actions[0] == (static_cast<uint32_t>(Op::kOutput) | 2u << 16)) [[likely]] {
    cut(p);
    sink.output(p, actions[1]);
    return;
  }
  Run(sink, p, key, max_vlans, max_vlans).list(actions, words);
}

}  // namespace weft
