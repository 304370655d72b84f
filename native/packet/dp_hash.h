// The value of the `hash` action. The twin is src/packet/dp-hash.ts, where the choice of inputs is explained.
#pragma once
#include "hash.h"

namespace weft {

inline uint32_t dp_hash_finish(uint32_t h) {
  h ^= h >> 16;
  h *= 0x85ebca6b;
  h ^= h >> 13;
  h *= 0xc2b2ae35;
  h ^= h >> 16;
  return h != 0 ? h : 1;
}

constexpr bool dp_hash_has_ports(uint8_t proto) { return proto == 6 || proto == 17 || proto == 132; }

inline uint32_t dp_hash_l4(const Key& key, uint32_t basis) {
  uint32_t h = basis;
  if (load<uint16_t>(key.eth_type) == net16(0x86dd) && (key.lines & 1)) {
    h = crc32c(h, key.ipv6_src, 32);
  } else {
    h = crc32c(h, key.nw_src, 8);
  }
  h = crc_u8(h, key.nw_proto);
  if (dp_hash_has_ports(key.nw_proto)) h = crc32c(h, key.tp_src, 4);
  return dp_hash_finish(h);
}

// Each pair folded by xor: the same in both directions. Four words, in registers; the twin writes the same 32 bytes.
inline uint32_t dp_hash_sym_l4(const Key& key, uint32_t basis) {
  constexpr uint64_t kMac = 0xffffffffffff;
  const uint64_t type = load<uint16_t>(key.eth_type);
  const uint64_t macs = (load<uint64_t>(key.eth_dst) ^ load<uint64_t>(key.eth_src)) & kMac;
  uint64_t rest = load<uint16_t>(key.vlan_tci) & net16(0x0fff), address[2] = {};
  const bool v6 = type == net16(0x86dd) && (key.lines & 1);
  if (v6 || type == net16(0x0800)) {
    if (v6) {
      address[0] = load<uint64_t>(key.ipv6_src) ^ load<uint64_t>(key.ipv6_dst);
      address[1] = load<uint64_t>(key.ipv6_src + 8) ^ load<uint64_t>(key.ipv6_dst + 8);
    } else {
      address[0] = load<uint32_t>(key.nw_src) ^ load<uint32_t>(key.nw_dst);
    }
    rest |= static_cast<uint64_t>(key.nw_proto) << 16;
    if (dp_hash_has_ports(key.nw_proto)) {
      rest |= static_cast<uint64_t>(load<uint16_t>(key.tp_src) ^ load<uint16_t>(key.tp_dst)) << 32;
    }
  }
  return dp_hash_finish(crc_u64(crc_u64(crc_u64(crc_u64(basis, macs | type << 48), rest), address[0]), address[1]));
}

enum class HashAlg : uint32_t { kL4 = 0, kSymL4 = 1 };

inline uint32_t dp_hash(HashAlg alg, const Key& key, uint32_t basis) {
  return alg == HashAlg::kL4 ? dp_hash_l4(key, basis) : dp_hash_sym_l4(key, basis);
}

}  // namespace weft
