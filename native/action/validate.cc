// The only check that action words get: everything that `execute` reads of them is within them.
#include "../generated/actions.h"
#include "../tunnel/tunnel.h"
#include "execute.h"

namespace weft {
namespace {

uint32_t words_of(uint32_t bytes) { return bytes / 4 + (bytes % 4 != 0); }

bool valid_list(const uint32_t* a, uint32_t words, unsigned depth);

// Their bytes lie within the key's.
bool valid_options(const uint32_t* options, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t length = options[2 * i] & 0xff, offset = options[2 * i + 1] >> 16, index = options[2 * i + 1] & 0xffff;
    if (length > 124 || length % 4 != 0 || offset + length > 4 * kLineBytes || index > 63) return false;
  }
  return true;
}

// `a` points at the header; `words` counts it and is at least 1.
bool valid_action(const uint32_t* a, uint32_t words, unsigned depth) {
  switch (static_cast<Op>(a[0] & 0xffff)) {
    case Op::kOutput:
    case Op::kPushVlan:
    case Op::kPopMpls:
    case Op::kRecirc:
    case Op::kTrunc:
    case Op::kMeter:
      return words == 2;
    case Op::kPopVlan:
    case Op::kPopEth:
    case Op::kPopNsh:
      return words == 1;
    case Op::kPushEth:
      return words == 4;
    case Op::kPushNsh:
      return words >= 2 && a[1] >= 8 && a[1] <= 252 && words == 2 + words_of(a[1]);
    case Op::kPushMpls:
    case Op::kAddMpls:
      return words == 3;
    case Op::kHash:
      return words == 3 && a[1] <= 1;
    case Op::kDrop:
      return words == 2 && a[1] > 0 && a[1] < kDropReasons;
    case Op::kTnlPush:
      return words >= 6 && a[4] <= kMaxTunnelHeader && words == 6 + words_of(a[4]) && valid_push(*reinterpret_cast<const TunnelPush*>(a + 1));
    case Op::kTnlPop:
      return words >= 3 && words % 2 == 1 && is_tunnel_kind(a[2] & 0xff) && (a[2] & ~(0xffu | kPopGbp | kPopGpe | kPopBare)) == 0 &&
             valid_options(a + 3, (words - 3) / 2);
    case Op::kSet:
      return words >= 3 && a[1] < kSetKinds && a[2] == kSetBytes[a[1]] && words == 3 + 2 * words_of(a[2]);
    case Op::kUserspace:
      return words >= 2 && a[1] <= (words - 2) * 4 && words == 2 + words_of(a[1]);
    case Op::kClone:
      return valid_list(a + 1, words - 1, depth + 1);
    case Op::kSample:
      return words >= 2 && valid_list(a + 2, words - 2, depth + 1);
    case Op::kCheckPktLen:
      return words >= 3 && a[2] <= words - 3 && valid_list(a + 3, a[2], depth + 1) && valid_list(a + 3 + a[2], words - 3 - a[2], depth + 1);
  }
  return false;
}

bool valid_list(const uint32_t* a, uint32_t words, unsigned depth) {
  if (depth > kMaxNesting) return false;
  while (words != 0) {
    const uint32_t n = a[0] >> 16;
    if (n == 0 || n > words || !valid_action(a, n, depth)) return false;
    a += n;
    words -= n;
  }
  return true;
}

}  // namespace

bool validate_actions(const uint32_t* actions, uint32_t words) { return valid_list(actions, words, 0); }

bool asks_up(const uint32_t* a, uint32_t words) {
  for (uint32_t n; words != 0; a += n, words -= n) {
    n = a[0] >> 16;
    const auto op = static_cast<Op>(a[0] & 0xffff);
    if (op == Op::kUserspace) return true;
    const uint32_t fixed = op == Op::kClone ? 1 : op == Op::kSample ? 2 : op == Op::kCheckPktLen ? 3 : n;
    const uint32_t first = op == Op::kCheckPktLen ? a[2] : n - fixed;  // one of its two lists, or its only one
    if (asks_up(a + fixed, first) || asks_up(a + fixed + first, n - fixed - first)) return true;
  }
  return false;
}

}  // namespace weft
