// Any bytes through extraction. The frame ends where its allocation ends, so that a read past it is seen.
// sources: native/packet/extract.cc
#include <cstring>

#include "../packet/dp_hash.h"
#include "../packet/extract.h"
#include "../packet/extract_inline.h"
#include "input.h"

using namespace weft;

namespace {

bool same(const Key& a, const Key& b) {
  if (std::memcmp(&a, &b, kLineBytes) != 0) return false;
  if (a.lines & 1 && std::memcmp(a.ipv6_src, b.ipv6_src, kLineBytes) != 0) return false;
  return !(a.lines & 2) || std::memcmp(a.arp_sha, b.arp_sha, kLineBytes) == 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
  if (size < 1) return 0;
  const unsigned vlans = input[0] % 3;
  const auto len = static_cast<uint32_t>(size - 1);
  auto* frame = static_cast<uint8_t*>(std::malloc(len ? len : 1));
  std::memcpy(frame, input + 1, len);

  static Key inlined, slow, received;
  std::memset(&inlined, 0xa5, sizeof inlined);
  inlined.lines = 0;
  std::memset(&slow, 0x5a, sizeof slow);
  std::memcpy(&slow, &inlined, kLineBytes);
  const bool ok = extract(frame, len, inlined, vlans);
  require(ok == extract_slow(frame, len, slow, vlans));  // the common case is the general one, only sooner
  require(ok == (len >= 14));
  require(same(inlined, slow));

  uint32_t hash = 0;
  std::memset(&received, 0xa5, sizeof received);
  require(ok == extract_received(frame, len, 7, received, vlans, hash));
  require(hash == hash_key(received));
  require(std::memcmp(inlined.eth_dst, received.eth_dst, offsetof(Key, dp_hash) - offsetof(Key, eth_dst)) == 0);
  require(received.in_port[3] == 7 && load<uint32_t>(received.dp_hash) == 0);
  require(dp_hash(HashAlg::kL4, received, hash) != 0 && dp_hash(HashAlg::kSymL4, received, hash) != 0);
  std::free(frame);
  return 0;
}
