// What comes of a packet at tunnels: it gets a header, or several of them as pieces, loses one, or is too long.
#include "../generated/ring.h"
#include "run.h"

namespace weft {

// Pieces of a packet, each of which runs a list.
struct Run::Each {
  Run* run;
  const uint32_t* rest;
  uint32_t words;
  uint32_t most;
  static void take(void* ctx, Packet* piece) {
    auto& [run, list, n, most] = *static_cast<Each*>(ctx);
    piece->delivered = 0;
    piece->trunc = excess(*piece, most);
    Key key;
    copy_key(key, run->key_);
    run->taken(Run(run->sink_, piece, key, run->max_vlans_, run->vlans_).list(list, n));
  }
};

// Runs the rest of the list for each segment, cut to `mtu` L3 bytes where it may be cut so.
bool Run::pieces(const uint32_t* rest, uint32_t words, uint32_t mtu) {
  Each each{this, rest, words, p_->trunc ? p_->len - p_->trunc : 0xffffffffu};
  return ended(segment(sink_.pool(), *p_, mtu, Each::take, &each), DropReason::kMalformed);
}

// The packet has become `made` others. -1: it could not, for that reason; -2: there were no buffers for all.
bool Run::ended(int made, DropReason refused) {
  if (made == -1) return drop(refused);
  if (made == -2) why_ = DropReason::kNoBuffer;
  if (!p_->delivered) return drop(why_);
  end_ = DropReason::kNone;
  sink_.release(p_);
  return true;
}

// The segments with a header each, put together as datagrams to be cut; then the rest of the list for what that makes.
bool Run::joined(const uint32_t* a, uint32_t n, uint32_t after) {
  struct Joining {
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
  const auto take = [](void* ctx, Packet* piece) { static_cast<Joining*>(ctx)->take(piece); };
  const int made = segment(sink_.pool(), *p_, most(push_of(a)), take, &each);
  if (made != -1) each.flush();
  return ended(made, DropReason::kMalformed);
}

bool Run::push(const uint32_t* a, uint32_t n, uint32_t after) {
  if (p_->len > room_of(push_of(a))) [[unlikely]] return misfit(a, n, after);
  moved();
  const DropReason why = encapsulate(sink_, *p_, key_, push_of(a));
  if (why != DropReason::kNone) return drop(why);
  vlans_ = max_vlans_;
  return false;
}

// The packet is too long for its tunnel.
bool Run::misfit(const uint32_t* a, uint32_t n, uint32_t after) {
  const TunnelPush& t = push_of(a);
  const bool cut_outside = t.kind & kTunnelCut;
  const uint32_t l3 = link_end(*p_);
  const bool is_ipv4 = p_->len >= l3 && be16(p_->data + l3 - 2) == kTypeIpv4;
  if (!cut_outside && !is_ipv4) return tell(t, l3);
  if (!finish_checksum(*p_)) return drop(DropReason::kMalformed);
  p_->offload = Offload{};
  if (!cut_outside) {
    Each each{this, a, n + after, 0xffffffffu};
    const int made = fragment(sink_.pool(), *p_, l3, most(t), 0, Each::take, &each);
    if (made > 0) sink_.tally(t.port, kPortTnlFragments, static_cast<uint32_t>(made));
    return made == -1 ? tell(t, l3) : ended(made, DropReason::kMtu);
  }
  moved();
  uint32_t count = 0;
  const DropReason why = encapsulate(sink_, *p_, key_, t, &count);
  if (why != DropReason::kNone) return drop(why);
  vlans_ = max_vlans_;
  Each each{this, a + n, after, 0xffffffffu};
  const int made = fragment(sink_.pool(), *p_, kShortest, way_mtu(t), count, Each::take, &each);
  if (made > 0) sink_.tally(t.port, kPortTnlFragments, static_cast<uint32_t>(made));
  return ended(made, DropReason::kMtu);
}

// The sender hears of what would fit, and the packet ends.
bool Run::tell(const TunnelPush& t, uint32_t l3) {
  const uint32_t room = room_of(t);
  if (room < l3 + kLeastMtu || !may_answer(*p_)) return drop(DropReason::kMtu);
  Packet* answer = sink_.copy(p_);
  if (!answer) return drop(DropReason::kNoBuffer);
  too_big(*answer, room - l3);
  Key key;
  copy_key(key, key_);
  answer_key(key, t, t.kind & kTunnelBare ? be16(answer->data + 12) : uint16_t{0});
  const DropReason why = sink_.arrive(answer, t.port, bytes_of(*answer, key));
  if (why == DropReason::kNone)
    sink_.tally(t.port, kPortTnlTooBig, 1);
  if (why == DropReason::kNone)
    sink_.recirculate(answer, key, 0);
  else
    sink_.drop(answer, why);
  return drop(DropReason::kTunnelMtu);
}

bool Run::pop(const TunnelPop& t, const uint32_t* options, uint32_t count, bool last) {
  Packet* out = last ? p_ : sink_.copy(p_);
  if (!out) return taken(DropReason::kNoBuffer);
  out->trunc = 0;
  Key key;
  copy_key(key, key_);
  DropReason why = decapsulate(*out, key, t, options, count, vlans_);
  if (why == DropReason::kNone) why = sink_.arrive(out, t.port, bytes_of(*out, key));
  if (why != DropReason::kNone && last) return drop(why);
  if (why == DropReason::kNone)
    sink_.recirculate(out, key, 0);
  else
    sink_.drop(out, why);
  end_ = DropReason::kNone;
  return last || taken(why);
}

}  // namespace weft
