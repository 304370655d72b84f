// Any bytes as a packet of a tunnel, of any kind, format and offload state. What is refused is as it was; what is taken apart lies within the old
// packet, says what its key says, and can be extracted, finished and cut like any other. The buffer is exactly as large as it must be. What quick_pop takes
// apart, decapsulate does in the same way; and what quick_push makes of the bytes as a header and a packet, encapsulate makes too. Segments that are merged come out of the tunnel
// as one packet, which can be cut again into as many.
// sources: native/tunnel/merge.cc native/tunnel/quick.cc native/tunnel/tunnel.cc native/packet/extract.cc native/packet/offload.cc native/action/headers.cc native/action/push_pop.cc
#include <cstring>
#include <vector>

#include "../action/headers.h"
#include "../packet/bytes.h"
#include "../packet/checksum.h"
#include "../packet/extract.h"
#include "../packet/heap_pool.h"
#include "../packet/offload.h"
#include "../tunnel/merge.h"
#include "../tunnel/quick.h"
#include "input.h"

using namespace weft;

namespace {

// Random sums are wrong: without this nothing behind them is ever reached.
void mend(uint8_t* frame, uint32_t len, uint8_t how, uint32_t kind) {
  const Headers h = locate(frame, len, 2);
  if (!h.ip) return;
  uint8_t* ip = frame + h.l3;
  const bool v6 = h.type == 0x86dd;
  const uint32_t header = v6 ? 40 : (ip[0] & 0x0fu) * 4;
  const uint32_t l4 = h.l3 + header;
  if ((how & 1) && !v6) {
    put_be16(ip + 10, 0);
    store(ip + 10, ip_header_checksum(ip, header));
  }
  if (!(how & 2) || h.l4_end < l4 + 16) return;
  if (kind == kTunnelGre || kind == kTunnelIp6Gre) {
    if (!(frame[l4] & 0x80)) return;
    put_be32(frame + l4 + 4, 0);
    store(frame + l4 + 4, csum_finish(csum_add(0, frame + l4, h.l4_end - l4)));
  } else {
    const uint32_t n = h.l4_end - l4;
    put_be16(frame + l4 + 4, static_cast<uint16_t>(n));
    put_be16(frame + l4 + 6, 0);
    const uint64_t pseudo = v6 ? csum_pseudo6(ip + 8, ip + 24, 17, n) : csum_pseudo4(ip + 12, ip + 16, 17, n);
    store(frame + l4 + 6, csum_nonzero(csum_finish(csum_add(pseudo, frame + l4, n))));
  }
}

// Keys whose lines are all there or count as nothing.
bool same_key(const Key& a, const Key& b) {
  if (std::memcmp(&a, &b, kLineBytes) != 0) return false;
  for (uint32_t n = 1; n < kKeyLines; n++)
    if ((a.lines >> (n - 1) & 1) && std::memcmp(reinterpret_cast<const uint8_t*>(&a) + n * kLineBytes, reinterpret_cast<const uint8_t*>(&b) + n * kLineBytes, kLineBytes) != 0) return false;
  return true;
}

// The packet as quick_pop leaves it; `taken`: did it decide?
struct Quick {
  std::vector<uint8_t> frame;
  Key key;
  uint32_t hash;
  bool taken;
};

Quick pop_quickly(const uint8_t* frame, uint32_t len, const Offload& offload, const TunnelPop& t, unsigned vlans) {
  Quick q{{frame, frame + len}, {}, 0, false};
  std::memset(&q.key, 0xa5, sizeof q.key);
  Packet p = {};
  p.data = p.buffer = q.frame.data();
  p.capacity = p.len = len;
  p.offload = offload;
  q.taken = quick_pop(p, q.key, q.hash, t, vlans);
  if (!q.taken) require(p.data == p.buffer && p.len == len && std::memcmp(&p.offload, &offload, sizeof offload) == 0 && std::memcmp(p.data, frame, len) == 0);
  if (q.taken) require(p.offload.flags == 0 && p.offload.gso_type == 0);
  q.frame.erase(q.frame.begin(), q.frame.begin() + (p.data - p.buffer));
  q.frame.resize(p.len);
  return q;
}

class Counter final : public Sink {
 public:
  DropReason output(Packet*, uint32_t) override { return DropReason::kNone; }
  void recirculate(Packet*, Key&, uint32_t) override {}
  void drop(Packet*, DropReason) override {}
  void release(Packet*) override {}
  DropReason userspace(Packet*, const Key&, const uint8_t*, uint32_t) override { return DropReason::kNone; }
  Packet* copy(const Packet*) override { return nullptr; }
  bool meter(uint32_t, uint32_t) override { return true; }
  uint32_t random() override { return 0; }
  uint32_t encapsulated(Packet*, uint32_t, uint32_t) override { return 77; }
  DropReason arrive(Packet*, uint32_t, uint32_t) override { return DropReason::kNone; }
  void tally(uint32_t, uint32_t, uint32_t) override {}
  Pool& pool() override { std::abort(); }
};

// The first `header` bytes are a header, the rest a packet.
void push(const uint8_t* bytes, uint32_t header, uint32_t len, uint32_t kind) {
  constexpr uint32_t kRoom = 600;
  if (len < header + 14) return;
  std::vector<uint32_t> actions(6 + (header + 3) / 4 + 2);
  actions[0] = 20 | static_cast<uint32_t>(actions.size() - 2) << 16;
  actions[1] = 7, actions[3] = kind, actions[4] = header;
  std::memcpy(&actions[6], bytes, header);
  actions[actions.size() - 2] = 1 | 2 << 16;
  actions.back() = 3;
  if (!valid_push(*reinterpret_cast<const TunnelPush*>(&actions[1]))) return;
  PushPlan* plan = plan_push(actions.data(), static_cast<uint32_t>(actions.size()));
  if (!plan) return;
  Packet p[2] = {};
  std::vector<uint8_t> room[2];
  Key key;
  std::memset(&key, 0, sizeof key);
  extract(bytes + header, len - header, key, 1);
  for (int i = 0; i < 2; i++) {
    room[i].resize(kRoom);
    room[i].insert(room[i].end(), bytes + header, bytes + len);
    p[i].buffer = room[i].data();
    p[i].data = p[i].buffer + kRoom;
    p[i].len = len - header;
    p[i].capacity = static_cast<uint32_t>(room[i].size());
  }
  require(can_quick_push(p[0], *plan) && plan->port == 7 && plan->out == 3);
  quick_push(p[0], key, *plan, 77);
  Counter counter;
  require(encapsulate(counter, p[1], key, *reinterpret_cast<const TunnelPush*>(&actions[1])) == DropReason::kNone);
  require(p[0].len == p[1].len && std::memcmp(p[0].data, p[1].data, p[0].len) == 0);
  delete plan;
}

// Datagrams with a segment each.
void put_together(const uint8_t* frame, uint32_t len, const Offload& offload, const TunnelPop& t) {
  std::vector<uint8_t> bytes(frame, frame + len);
  Packet p = {};
  p.data = p.buffer = bytes.data();
  p.capacity = p.len = len;
  p.offload = offload;
  if (!merge(p, t)) {
    require(p.len == len && std::memcmp(bytes.data(), frame, len) == 0 && std::memcmp(&p.offload, &offload, sizeof offload) == 0);
    return;
  }
  require(p.len < len && gso_of(p) != 0 && p.offload.csum_start + 18u <= p.len);
  Key key;
  std::memset(&key, 0, sizeof key);
  const Headers outer = locate(p.data, p.len, 0);
  const uint32_t pieces = (outer.l4_end - p.offload.hdr_len + p.offload.gso_size - 1) / p.offload.gso_size;
  const DropReason why = decapsulate(p, key, t, nullptr, 0, 0);
  if (why != DropReason::kNone) return;
  HeapPool pool;
  uint32_t cut = 0;
  struct Each {
    HeapPool& pool;
    uint32_t& n;
  } each{pool, cut};
  const auto one = [](void* ctx, Packet* s) {
    static_cast<Each*>(ctx)->n++;
    static_cast<Each*>(ctx)->pool.give(s);
  };
  require(segment(pool, p, 0xffff, one, &each) > 0 && cut == pieces);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes in(data, size);
  constexpr uint8_t kHeaders[] = {38, 42, 46, 50, 54, 58, 62, 70, 78, 96, 97};  // lengths of what quick_push puts on, and one too long
  constexpr uint8_t kKinds[] = {kTunnelGre, kTunnelVxlan, kTunnelGeneve, kTunnelIp6Gre};
  const uint8_t choice = in.u8();
  TunnelPop t = {7, kKinds[choice & 3] | (static_cast<uint32_t>(choice & 0x1c) << 6)};
  const unsigned vlans = 1 + (choice >> 5 & 1);
  const uint8_t how = in.u8();
  Offload offload = {};
  if (how & 4) offload = {static_cast<uint8_t>(in.u8() & 3), in.u8(), in.u16(), in.u16(), in.u16(), in.u16(), 0};
  std::vector<uint32_t> places;
  for (unsigned n = how >> 4; n > 0; n--) {
    const uint32_t length = (in.u8() & 31) * 4u;
    const uint32_t what = static_cast<uint32_t>(in.u16()) << 16 | static_cast<uint32_t>(in.u8()) << 8 | length;
    places.push_back(what);
    places.push_back((in.u8() % (257 - length)) << 16 | (n - 1));
  }
  const auto len = static_cast<uint32_t>(in.left() > 4000 ? 4000 : in.left());
  if (len < 14) return 0;
  const uint32_t room = how & 8 ? 0 : 64;
  std::vector<uint8_t> buffer(room + len);
  std::memcpy(buffer.data() + room, in.at(), len);
  mend(buffer.data() + room, len, how, t.kind & 0xff);
  Packet p = {};
  p.buffer = buffer.data();
  p.capacity = static_cast<uint32_t>(buffer.size());
  p.data = p.buffer + room;
  p.len = len;
  p.offload = offload;
  Key key;
  std::memset(&key, 0, sizeof key);
  extract(p.data, p.len, key, vlans);
  const std::vector<uint8_t> before = buffer;
  const Key key_before = key;
  (void)is_uncut_inside(p, t, vlans);
  put_together(p.data, len, offload, t);
  if (vlans == 1) push(p.data, kHeaders[how % sizeof kHeaders], len, t.kind & 0xff);
  // What was to be cut does not go there.
  const Quick quick = (offload.gso_type & 0x7f) == 0 ? pop_quickly(p.data, len, offload, t, vlans) : Quick{};
  const DropReason why = decapsulate(p, key, t, places.data(), static_cast<uint32_t>(places.size() / 2), vlans);
  require(why == DropReason::kNone || !quick.taken);
  if (why != DropReason::kNone) {
    require(buffer == before && std::memcmp(&key, &key_before, sizeof key) == 0);
    require(p.data == p.buffer + room && p.len == len && std::memcmp(&p.offload, &offload, sizeof offload) == 0);
    return 0;
  }
  require(p.data >= p.buffer && p.len >= 14 && p.data + p.len <= p.buffer + p.capacity && p.len < len);
  require(be32(key.in_port) == t.port && (key.lines & 4));
  require(be32(key.packet_type) == 0 || (t.kind & kPopBare));
  require((how & 4) || (p.offload.flags == 0 && p.offload.gso_type == 0));
  if (quick.taken) {
    Key again = key;
    extract(p.data, p.len, again, vlans);
    require(quick.frame.size() == p.len && std::memcmp(quick.frame.data(), p.data, p.len) == 0);
    require(same_key(quick.key, again) && quick.hash == hash_key(again) && p.offload.flags == 0);
  }
  Key inner;
  std::memset(&inner, 0, sizeof inner);
  extract(p.data, p.len, inner, vlans);
  (void)finish_checksum(p);
  return 0;
}
