// Figures of the flow caches: nanoseconds and cycles a packet, the best of several rounds, in batches as a worker asks. Run by scripts/bench-native.sh.
// sources: native/cache/megaflow.cc native/cache/subtable.cc native/cache/subtable_lookup.cc native/cache/microflow.cc
#include <cstring>
#include <vector>

#include "../cache/megaflow.h"
#include "../cache/microflow.h"
#include "../packet/bytes.h"
#include "../packet/hash.h"
#include "figure.h"

using namespace weft;

namespace {

constexpr uint32_t kFlows = 8192;

std::vector<Flow> flows(kFlows);
std::vector<Key> keys(kFlows);
volatile uint32_t sink;

// UDP over IPv4: addresses and ports differ from key to key.
void fill() {
  std::memset(keys.data(), 0, kFlows * sizeof(Key));
  for (uint32_t i = 0; i < kFlows; i++) {
    Key& k = keys[i];
    std::memset(&flows[i], 0, sizeof(Flow));
    flows[i].seq = 1;
    flows[i].slot = i;
    put_be32(k.in_port, 1);
    put_be16(k.eth_type, 0x0800);
    k.nw_proto = 17;
    put_be32(k.nw_src, 0x0a000000 + i * 2654435761u);
    put_be32(k.nw_dst, 0x0a010000 + i);
    put_be16(k.tp_src, static_cast<uint16_t>(1024 + i));
    put_be16(k.tp_dst, 2000);
  }
}

// Flow i has the mask i modulo `masks`: the port, and prefixes of both addresses that are long enough to tell all flows apart. `shared`: after the upkeep that
// joins what has enough in common, which these masks have.
void megaflow(uint32_t masks, bool shared) {
  MegaflowCache cache(flows.data());
  for (uint32_t i = 0; i < kFlows; i++) {
    Key mask;
    std::memset(&mask, 0, sizeof mask);
    std::memset(mask.in_port, 0xff, sizeof mask.in_port);
    std::memset(mask.eth_type, 0xff, sizeof mask.eth_type);
    put_be32(mask.nw_dst, ~0u);
    put_be32(mask.nw_src, ~0u << (i % masks % 8));
    put_be16(mask.tp_src, static_cast<uint16_t>(~0u << (i % masks / 8)));
    cache.insert(flows[i], keys[i], mask);
  }
  char name[64];
  std::snprintf(name, sizeof name, "megaflow, %u masks%s", masks, shared ? ", shared" : "");
  uint64_t asked = 0;
  const auto ask_all = [&] {
    uint32_t slots[kBatchKeys];
    for (uint32_t i = 0; i < kFlows; i += kBatchKeys) sink = cache.lookup(&keys[i], ~0u, slots, &asked);
  };
  for (uint32_t n = 0; shared && n < 1000 && cache.subtables() > 1; n++) {
    ask_all();
    cache.reorder();
  }
  measure(name, kFlows, ask_all);
  for (uint32_t i = 0; i < kFlows; i++) cache.remove(flows[i]);
}

// A subtable of so few flows that it compares whole lines with each.
void few(uint32_t flows_each) {
  MegaflowCache cache(flows.data());
  Key mask;
  std::memset(&mask, 0, sizeof mask);
  std::memset(mask.in_port, 0xff, kLineBytes);
  for (uint32_t i = 0; i < flows_each; i++) cache.insert(flows[i], keys[i], mask);
  std::vector<Key> batch(kBatchKeys);
  for (uint32_t i = 0; i < kBatchKeys; i++) batch[i] = keys[i % flows_each];
  char name[64];
  std::snprintf(name, sizeof name, "megaflow, 1 mask, %u flows", flows_each);
  uint64_t asked = 0;
  measure(name, kBatchKeys * 64, [&] {
    uint32_t slots[kBatchKeys];
    for (uint32_t i = 0; i < 64; i++) sink = cache.lookup(batch.data(), ~0u, slots, &asked);
  });
  for (uint32_t i = 0; i < flows_each; i++) cache.remove(flows[i]);
}

}  // namespace

int main() {
  fill();
  for (uint32_t n = 1; n <= 4; n *= 2) few(n);
  MicroflowCache cache(flows.data());
  for (uint32_t i = 0; i < kFlows; i++) cache.insert(hash_key(keys[i]), keys[i], flows[i]);
  measure("microflow, 8,192 keys", kFlows, [&] {
    int32_t place[kBatchKeys];
    for (uint32_t i = 0; i < kFlows; i += kBatchKeys) {
      uint32_t hash[kBatchKeys];
      for (uint32_t j = 0; j < kBatchKeys; j++) cache.prefetch(hash[j] = hash_key(keys[i + j]));
      for (uint32_t j = 0; j < kBatchKeys; j++) place[j] = cache.find(hash[j], 0);
      for (uint32_t j = 0; j < kBatchKeys; j++) sink = place[j] < 0 ? 0 : cache.confirm(place[j], keys[i + j]);
    }
  });
  for (uint32_t masks = 1; masks <= 64; masks *= 2) megaflow(masks, false);
  for (uint32_t masks = 4; masks <= 64; masks *= 4) megaflow(masks, true);
  return 0;
}
