// Any bytes as a frame, its offload state and action words. What validate_actions accepts must run without a read or write outside of frame, key and
// words, and every packet must end once. Copies are exactly as large as their frame and headroom, so that a write past either is seen.
// sources: native/action/execute.cc native/action/run_tunnel.cc native/packet/fragment.cc native/tunnel/fit.cc native/tunnel/merge.cc native/action/wrap.cc native/action/validate.cc native/action/headers.cc native/action/metadata.cc native/action/push_pop.cc native/action/set_link.cc native/action/set_ip.cc native/action/set_transport.cc native/action/set_nd.cc native/packet/extract.cc native/packet/offload.cc native/tunnel/tunnel.cc
#include <cstdlib>
#include <cstring>

#include "../action/execute.h"
#include "../generated/actions.h"
#include "../packet/bytes.h"
#include "../packet/extract.h"
#include "../packet/heap_pool.h"
#include "../tunnel/tunnel.h"
#include "input.h"

using namespace weft;

namespace {

// Segments are packets like others: their end is counted by the sink.
class SegmentPool final : public HeapPool {
 public:
  explicit SegmentPool(int& alive) : alive_(alive) {}
  Packet* take(bool large) override {
    if (++taken_ > 500) return nullptr;
    alive_++;
    return HeapPool::take(large);
  }

 private:
  int& alive_;
  uint32_t taken_ = 0;
};

class CountingSink final : public Sink {
 public:
  Packet* make(const uint8_t* frame, uint32_t len, uint32_t room) {
    auto* p = new Packet{};
    p->capacity = room + len;
    p->buffer = static_cast<uint8_t*>(std::malloc(p->capacity));
    p->data = p->buffer + room;
    p->len = len;
    std::memcpy(p->data, frame, len);
    alive++;
    return p;
  }
  DropReason output(Packet* p, uint32_t port) override {
    end(p);
    return port & 1 ? DropReason::kNone : DropReason::kNoSuchPort;
  }
  void recirculate(Packet* p, Key& key, uint32_t) override {
    extract(p->data, p->len, key, 2);
    end(p);
  }
  void drop(Packet* p, DropReason why) override {
    require(why != DropReason::kNone);
    end(p);
  }
  void release(Packet* p) override { end(p); }
  DropReason userspace(Packet* p, const Key& key, const uint8_t* cookie, uint32_t cookie_len) override {
    uint32_t seen = key.lines + p->data[p->len - 1];
    for (uint32_t i = 0; i < cookie_len; i++) seen += cookie[i];
    sink_hole = seen;
    return DropReason::kNone;
  }
  Packet* copy(const Packet* p) override {
    if (++copies % 13 == 0 || copies > 2000) return nullptr;
    Packet* c = make(p->data, p->len, headroom(*p));
    c->offload = p->offload;
    c->trunc = p->trunc;
    return c;
  }
  bool meter(uint32_t id, uint32_t) override { return id & 1; }
  uint32_t encapsulated(Packet*, uint32_t, uint32_t) override { return copies; }
  void tally(uint32_t, uint32_t, uint32_t) override {}
  DropReason arrive(Packet* p, uint32_t port, uint32_t) override {
    if (port & 1) return DropReason::kNoSuchPort;
    p->counted = 1;
    p->delivered = 0;
    return DropReason::kNone;
  }
  Pool& pool() override { return segments; }
  uint32_t random() override { return copies * 0x9e3779b9u; }

  int alive = 0;
  uint32_t copies = 0;
  SegmentPool segments{alive};
  volatile uint32_t sink_hole = 0;

 private:
  void end(Packet* p) {
    require(headroom(*p) + p->len <= p->capacity && p->data >= p->buffer);
    std::free(p->buffer);
    delete p;
    alive--;
  }
};

// Random words are seldom actions, so most inputs are read as a recipe for well-formed ones; the rest are taken as they are.
uint32_t recipe(Bytes& in, uint32_t* out, uint32_t room, unsigned depth) {
  uint32_t n = 0;
  for (unsigned count = in.u8() % 8; count > 0 && room - n > 200; count--) {
    uint32_t* a = out + n;
    const auto op = static_cast<Op>(1 + in.u8() % 22);
    uint32_t words = 2;
    a[1] = in.u16();
    switch (op) {
      case Op::kSet: {
        a[1] = in.u8() % kSetKinds;
        a[2] = kSetBytes[a[1]];
        const uint32_t half = (a[2] + 3) / 4 * 4;
        auto* bytes = reinterpret_cast<uint8_t*>(a + 3);
        std::memset(bytes, 0, 2 * half);
        for (uint32_t i = 0; i < a[2] && in.left(); i++) bytes[i] = in.u8();
        std::memset(bytes + half, in.u8() & 1 ? 0xff : in.u8(), a[2]);
        words = 3 + half / 2;
        break;
      }
      case Op::kPopVlan:
      case Op::kPopEth:
      case Op::kPopNsh:
        words = 1;
        break;
      case Op::kPushEth:
        a[2] = in.u32();
        a[3] = in.u32();
        words = 4;
        break;
      case Op::kPushNsh:
        a[1] = 8 + a[1] % 60 * 4;
        words = 2 + (a[1] + 3) / 4;
        for (uint32_t i = 2; i < words; i++) a[i] = in.u32();
        break;
      case Op::kPushVlan:
        a[1] = (in.u8() & 1 ? 0x81000000u : 0x88a80000u) | in.u16();
        break;
      case Op::kPushMpls:
      case Op::kAddMpls:
        a[2] = 0x8847 | (a[1] & 1) << 16;
        words = 3;
        break;
      case Op::kHash:
        a[1] &= 1;
        a[2] = in.u8();
        words = 3;
        break;
      case Op::kDrop:
        a[1] = 1 + a[1] % (kDropReasons - 1);
        break;
      case Op::kUserspace:
        a[1] = a[1] % 9;
        std::memset(a + 2, 7, 12);
        words = 2 + (a[1] + 3) / 4;
        break;
      case Op::kTnlPush: {
        static constexpr uint8_t kKinds[] = {kTunnelGre, kTunnelVxlan, kTunnelGeneve, kTunnelIp6Gre};
        const uint8_t shape = in.u8();
        a[2] = 1;
        a[3] = kKinds[shape & 3] | (shape & 4 ? kTunnelBare : 0) | (shape & 16 ? kTunnelCut : 0) | (shape & 64 ? kTunnelAnswer : 0) | (shape & 128 ? kTunnelAnswerKey : 0) | (shape & 32 ? uint32_t{in.u16()} << 16 : 0);
        const bool gre = a[3] % 256 == kTunnelGre || a[3] % 256 == kTunnelIp6Gre, v6 = shape & 8;
        const uint32_t l4 = 14 + (v6 ? 40 : 20);
        a[4] = l4 + 16 + (gre ? 0 : in.u8() % 16 * 4);
        auto* h = reinterpret_cast<uint8_t*>(a + 6);
        std::memset(h, 0, (a[4] + 3) / 4 * 4);
        for (uint32_t i = l4; i < a[4] && in.left(); i++) h[i] = in.u8();
        put_be16(h + 12, v6 ? 0x86dd : 0x0800);
        h[14] = v6 ? 0x60 : 0x45;
        h[v6 ? 20 : 23] = gre ? 47 : 17;
        a[5] = shape;
        words = 6 + (a[4] + 3) / 4;
        break;
      }
      case Op::kTnlPop: {
        static constexpr uint8_t kKinds[] = {kTunnelGre, kTunnelVxlan, kTunnelGeneve, kTunnelIp6Gre};
        a[2] = kKinds[in.u8() & 3] | (in.u8() & 7u) << 8;
        a[3] = static_cast<uint32_t>(in.u16()) << 16 | (in.u8() & 0x1cu) | (in.u8() & 3u) << 8;
        a[4] = (in.u8() & 0x7cu) << 16 | (in.u8() & 63u);
        words = 5;
        break;
      }
      case Op::kClone:
        words = depth < 4 ? 1 + recipe(in, a + 1, room - n - 100, depth + 1) : 1;
        break;
      case Op::kSample:
        words = depth < 4 ? 2 + recipe(in, a + 2, room - n - 100, depth + 1) : 2;
        break;
      case Op::kCheckPktLen:
        a[2] = depth < 4 ? recipe(in, a + 3, room - n - 100, depth + 1) : 0;
        words = 3 + a[2] + (depth < 4 ? recipe(in, a + 3 + a[2], room - n - 100 - a[2], depth + 1) : 0);
        break;
      default:
        break;
    }
    a[0] = static_cast<uint32_t>(op) | words << 16;
    n += words;
  }
  return n;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
  Bytes in(input, size);
  const uint8_t mode = in.u8();
  const unsigned vlans = in.u8() % 3;
  Offload offload{};
  offload.flags = in.u8();
  offload.gso_type = in.u8();
  offload.hdr_len = in.u16();
  offload.gso_size = in.u16();
  offload.csum_start = in.u8();
  offload.csum_offset = in.u8();

  static uint32_t made[8192];
  const uint8_t* raw = nullptr;
  uint32_t words = 0;
  if (mode & 1) {
    words = static_cast<uint32_t>(in.u8() % 64 * 4 > in.left() ? in.left() / 4 : in.u8() % 64);
    if (words * 4 > in.left()) words = static_cast<uint32_t>(in.left() / 4);
    raw = in.take(words * 4);
  } else {
    words = recipe(in, made, 8192, 0);
  }
  auto* actions = static_cast<uint32_t*>(std::malloc(words ? words * 4 : 4));
  if (words) std::memcpy(actions, raw ? reinterpret_cast<const void*>(raw) : made, words * 4);
  const bool valid = validate_actions(actions, words);
  require(valid || raw);
  if (valid && in.left() >= 14) {
    CountingSink sink;
    const auto len = static_cast<uint32_t>(in.left());
    Packet* p = sink.make(in.take(len), len, mode >> 4);
    p->offload = offload;
    p->counted = 1;
    static Key key;
    std::memset(&key, 0xa5, sizeof key);  // lines that are not announced hold garbage
    std::memset(&key, 0, kLineBytes);
    extract(p->data, p->len, key, vlans);
    execute(sink, p, key, actions, words, vlans);
    require(sink.alive == 0);
  }
  std::free(actions);
  return 0;
}
