// Sets of what the key holds beside the frame.
#include <cstring>

#include "set.h"

namespace weft {
namespace {

void masked(uint8_t* at, const uint8_t* value, const uint8_t* mask, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) at[i] = static_cast<uint8_t>((at[i] & ~mask[i]) | (value[i] & mask[i]));
}

bool any(const uint8_t* mask, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    if (mask[i] != 0) return true;
  return false;
}

// Where the pieces of a tunnel's value go.
struct Part {
  uint32_t line;
  uint32_t offset;
  uint32_t bytes;
};
constexpr Part kTunnelParts[] = {
    {3, 3 * kLineBytes, 64}, {2, kOfsTunErspanIdx, 9},    {5, 5 * kLineBytes, 64},
    {6, 6 * kLineBytes, 64}, {7, 7 * kLineBytes, 64}, {8, 8 * kLineBytes, 64},
};

// A line is announced when a bit of it is written; before that it holds garbage.
void set_tunnel(Key& key, const uint8_t* value, const uint8_t* mask) {
  auto* bytes = reinterpret_cast<uint8_t*>(&key);
  for (const Part& part : kTunnelParts) {
    if (any(mask, part.bytes)) {
      const auto bit = static_cast<uint8_t>(1u << (part.line - 1));
      if (!(key.lines & bit)) std::memset(bytes + part.line * kLineBytes, 0, kLineBytes);
      key.lines |= bit;
      masked(bytes + part.offset, value, mask, part.bytes);
    }
    value += part.bytes;
    mask += part.bytes;
  }
}

}  // namespace

bool set_metadata(SetKind kind, Key& key, const uint8_t* value, const uint8_t* mask) {
  switch (kind) {
    case SetKind::kSkbPriority:
      masked(key.skb_priority, value, mask, 4);
      return true;
    case SetKind::kSkbMark:
      masked(key.pkt_mark, value, mask, 4);
      return true;
    case SetKind::kTunnel:
      set_tunnel(key, value, mask);
      return true;
    default:
      return false;
  }
}

}  // namespace weft
