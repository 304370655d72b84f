// Figures of the packet room: nanoseconds and cycles a packet, the best of several rounds. Run by scripts/bench-native.sh.
// sources: native/packet/extract.cc
#include <cstring>
#include <vector>

#include "../packet/checksum.h"
#include "../packet/dp_hash.h"
#include "../packet/extract_inline.h"
#include "figure.h"

using namespace weft;

namespace {

constexpr int kFrames = 1024;  // of 64 bytes in 2 KB buffers: more than the first cache, as frames of a ring are
constexpr int kBatch = 32;

struct Frame {
  uint8_t* data;
  uint32_t len;
};

std::vector<uint8_t> memory(kFrames * 2048);
std::vector<Frame> frames(kFrames);
alignas(64) Key keys[kBatch];
uint32_t hashes[kBatch];
volatile uint32_t sink;

// mix: 0 TCP, 1 UDP, 2 either by chance, 3 tagged UDP, 4 UDP with IP options (the slow way), 5 IPv6 UDP, 6 ARP
void fill(int mix) {
  uint32_t seed = 1;
  for (int i = 0; i < kFrames; i++) {
    uint8_t* d = &memory[static_cast<size_t>(i) * 2048 + 192];
    seed = seed * 1664525 + 1013904223;
    std::memset(d, 0, 128);
    const uint8_t macs[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
    std::memcpy(d, macs, 12);
    uint32_t at = 12;
    if (mix == 3) {
      put_be16(d + at, 0x8100);
      put_be16(d + at + 2, 5);
      at += 4;
    }
    const uint16_t type = mix == 5 ? 0x86dd : mix == 6 ? 0x0806 : 0x0800;
    put_be16(d + at, type);
    uint8_t* l3 = d + at + 2;
    const bool tcp = mix == 0 || (mix == 2 && (seed >> 16 & 1));
    if (type == 0x0800) {
      const uint32_t header = mix == 4 ? 24 : 20;
      l3[0] = static_cast<uint8_t>(0x40 | header / 4);
      put_be16(l3 + 2, 46);
      l3[8] = 64;
      l3[9] = tcp ? 6 : 17;
      put_be32(l3 + 12, 0x0a000001);
      put_be32(l3 + 16, seed);
      put_be32(l3 + header, seed * 7);
      l3[header + 12] = 0x50;
    } else if (type == 0x86dd) {
      l3[0] = 0x60;
      put_be16(l3 + 4, 6 + 8);
      l3[6] = 17;
      put_be32(l3 + 36, seed);
    } else {
      const uint8_t arp[8] = {0, 1, 8, 0, 6, 4, 0, 1};
      std::memcpy(l3, arp, 8);
    }
    frames[static_cast<size_t>(i)] = {d, mix == 3 ? 64u : type == 0x86dd ? 68u : 60u};
  }
}

template <class F>
void per_packet(const char* name, F&& one) {
  measure(name, kFrames, [&] {
    for (int i = 0; i < kFrames; i += kBatch)
      for (int j = 0; j < kBatch; j++) one(frames[static_cast<size_t>(i + j)], keys[j], j);
  });
}

}  // namespace

int main() {
  const char* names[] = {"TCP", "UDP", "TCP or UDP by chance", "tagged UDP", "UDP, IP options", "IPv6 UDP", "ARP"};
  for (int mix = 0; mix < 7; mix++) {
    fill(mix);
    char name[64];
    std::snprintf(name, sizeof name, "extract: %s", names[mix]);
    per_packet(name, [](const Frame& f, Key& k, int) {
      std::memset(k.in_port, 0, kLineBytes);
      extract_inline(f.data, f.len, k, 1);
    });
  }
  fill(2);
  measure("extract + hash, batches of 32", kFrames, [] {
    for (int i = 0; i < kFrames; i += kBatch) {
      for (int j = 0; j < kBatch; j++) {
        std::memset(keys[j].in_port, 0, kLineBytes);
        extract_inline(frames[static_cast<size_t>(i + j)].data, frames[static_cast<size_t>(i + j)].len, keys[j], 1);
      }
      for (int j = 0; j < kBatch; j++) hashes[j] = hash_key(keys[j]);
      sink = hashes[i & 31];
    }
  });
  per_packet("extract_received (hash too)", [](const Frame& f, Key& k, int j) { extract_received(f.data, f.len, 7, k, 1, hashes[j]); });
  per_packet("hash_key, line 0", [](const Frame&, Key& k, int j) { hashes[j] = hash_key(k); });
  per_packet("dp_hash l4", [](const Frame&, Key& k, int j) { hashes[j] = dp_hash_l4(k, 0); });
  per_packet("dp_hash sym_l4", [](const Frame&, Key& k, int j) { hashes[j] = dp_hash_sym_l4(k, 0); });
  std::vector<uint8_t> big(65536, 0x5a);
  measure("checksum of 64 KB, a KB", 64, [&] { sink = csum_finish(csum_add(sink, big.data(), big.size())); });
  for (const size_t bytes : {20, 64, 256, 576, 1460, 9000}) {
    char name[64];
    std::snprintf(name, sizeof name, "checksum of %zu bytes", bytes);
    const size_t n = big.size() / bytes;
    measure(name, static_cast<double>(n), [&] {
      uint32_t s = 0;
      for (size_t i = 0; i < n; i++) s += csum_finish(csum_add(0, big.data() + i * bytes, bytes));
      sink = s;
    });
  }
  return 0;
}
