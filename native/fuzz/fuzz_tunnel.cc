// Any bytes as a packet of a tunnel, of any kind, format and offload state. What is refused is as it was; what is taken apart lies within the old
// packet, says what its key says, and can be extracted, finished and cut like any other. The buffer is exactly as large as it must be.
// sources: native/tunnel/tunnel.cc native/packet/extract.cc native/packet/offload.cc native/action/headers.cc native/action/push_pop.cc
#include <cstring>
#include <vector>

#include "../action/headers.h"
#include "../packet/bytes.h"
#include "../packet/checksum.h"
#include "../packet/extract.h"
#include "../packet/offload.h"
#include "../tunnel/tunnel.h"
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes in(data, size);
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
  const DropReason why = decapsulate(p, key, t, places.data(), static_cast<uint32_t>(places.size() / 2), vlans);
  if (why != DropReason::kNone) {
    require(buffer == before && std::memcmp(&key, &key_before, sizeof key) == 0);
    require(p.data == p.buffer + room && p.len == len && std::memcmp(&p.offload, &offload, sizeof offload) == 0);
    return 0;
  }
  require(p.data >= p.buffer && p.len >= 14 && p.data + p.len <= p.buffer + p.capacity && p.len < len);
  require(be32(key.in_port) == t.port && (key.lines & 4));
  require(be32(key.packet_type) == 0 || (t.kind & kPopBare));
  require((how & 4) || (p.offload.flags == 0 && p.offload.gso_type == 0));
  Key inner;
  std::memset(&inner, 0, sizeof inner);
  extract(p.data, p.len, inner, vlans);
  (void)finish_checksum(p);
  return 0;
}
