#include "quick.h"

#include <new>

#include "../generated/actions.h"

namespace weft {
namespace {

bool is(uint32_t word, Op op) { return (word & 0xffff) == static_cast<uint32_t>(op); }

}  // namespace

PushPlan* plan_push(const uint32_t* a, uint32_t words) {
  if (words < 2 || !is(a[0], Op::kTnlPush) || words != (a[0] >> 16) + 2 || !is(a[words - 2], Op::kOutput)) return nullptr;
  const TunnelPush& t = *reinterpret_cast<const TunnelPush*>(a + 1);
  if (t.bytes > PushPlan::kRoom || (t.kind & kTunnelBare)) return nullptr;
  const uint32_t l3 = 14;
  const bool v6 = be16(t.header + 12) == 0x86dd, udp = is_udp(t);
  const uint32_t l4 = l3 + (v6 ? 40 : 20);
  // A checksum or number that is new with each packet is not for here.
  if (udp ? load<uint16_t>(t.header + l4 + 6) != 0 : (be16(t.header + l4) & 0x9000) != 0) return nullptr;
  auto* plan = new (std::nothrow) PushPlan{};
  if (!plan) return nullptr;
  std::memcpy(plan->header + PushPlan::kRoom - t.bytes, t.header, t.bytes);
  plan->bytes = t.bytes;
  plan->blocks = (t.bytes + 15) / 16;
  plan->port = t.port;
  plan->room = room_of(t);
  plan->out = a[words - 1];
  plan->l3 = l3;
  plan->l4 = udp ? l4 : 0;
  plan->v6 = v6;
  const uint8_t* ip = t.header + l3;
  plan->named = !v6 && !(ip[6] & 0x40);
  plan->sum = csum_fold(uint64_t{load<uint16_t>(ip)} + (plan->named ? 0u : load<uint16_t>(ip + 4)) + load<uint32_t>(ip + 6) + load<uint32_t>(ip + 12) + load<uint32_t>(ip + 16));
  return plan;
}

const TunnelPop* plan_pop(const uint32_t* a, uint32_t words) {
  return words != 0 && is(a[0], Op::kTnlPop) && a[0] >> 16 == words ? reinterpret_cast<const TunnelPop*>(a + 1) : nullptr;
}

}  // namespace weft
