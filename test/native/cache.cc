// Both caches against a plain list of flows, through random puts, deletes and look-ups. Prints what is wrong, or "ok LOOKUPS" and how many subtables were joined.
//
// Flows may overlap here, so any flow that matches is right; no flow is right only when none does. Keys differ in few bits, so that signatures,
// buckets and subtables are shared, and subtables grow and shrink through every size.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "../../native/cache/megaflow.h"
#include "../../native/cache/microflow.h"
#include "../../native/packet/hash.h"
#include "../../native/worker/random.h"

using namespace weft;

namespace {

// Sizes that stress different things: few flows and few masks show what is missed, many what is mixed up, narrow keys what differs in one line only.
struct Shape {
  uint32_t slots, masks, spread;
  uint32_t common = 0;  // bytes that all masks have: then subtables are joined
};
constexpr Shape kShapes[] = {{7, 1, 0x01},     {7, 3, 0x0f},        {60, 1, 0x0f},         {300, 2, 0x03},        {3000, 12, 0x0f},
                             {3000, 1, 0xff}, {60, 12, 0x0f, 8}, {3000, 12, 0x0f, 8}, {3000, 100, 0x0f, 20}, {3000, 30, 0xff, 6}};

struct Model {
  Key key, mask;
  bool live = false;
};

uint8_t* bytes(Key& k) { return reinterpret_cast<uint8_t*>(&k); }
uint64_t word(const Key& k, uint32_t i) { return load<uint64_t>(reinterpret_cast<const uint8_t*>(&k) + 8 * i); }

bool matches(const Model& m, const Key& k) {
  const uint32_t present = 1u | static_cast<uint32_t>(k.lines) << 1;
  for (uint32_t i = 0; i < kKeyWords; i++) {
    const uint64_t mine = present >> (i / 8) & 1 ? word(k, i) : 0;
    if ((mine & word(m.mask, i)) != (word(m.key, i) & word(m.mask, i))) return false;
  }
  return true;
}

class Test {
 public:
  Test(uint32_t seed, Shape shape)
      : random_(seed), shape_(shape), memory_(shape.slots * sizeof(Flow)), flows_(memory_.as<Flow>()), models_(shape.slots), mega_(flows_), micro_(flows_) {
    Key base{};
    for (uint32_t i = 0; i < shape_.common; i++) bytes(base)[place(seed % 2)] = 0xff;
    for (uint32_t i = 0; i < shape_.masks; i++) {
      Key m = base;
      const uint32_t fields = 2 + random_.u32() % 4;
      for (uint32_t f = 0; f < fields; f++) bytes(m)[place(seed % 2)] = random_.u32() & 1 ? 0xff : static_cast<uint8_t>(random_.u32());
      std::memset(&m.lines, 0, 4);
      masks_.push_back(m);
    }
    for (uint32_t i = 0; i < shape_.slots; i++) flows_[i].slot = i;
  }

  bool run(uint32_t rounds) {
    for (uint32_t r = 0; r < rounds; r++) {
      // Phases of growing and of shrinking.
      const bool grow = (r / 64) % 2 == 0;
      for (uint32_t i = 0; i < 1 + shape_.slots / 30; i++) change(random_.u32() % 8 < (grow ? 7u : 1u));
      const uint32_t before = mega_.subtables();
      if (r % 16 == 0) mega_.reorder();
      joined += before - mega_.subtables();
      if (!check()) return false;
    }
    return true;
  }
  uint64_t lookups = 0;
  uint64_t joined = 0;  // subtables that upkeep made fewer

 private:
  // Line 0 mostly, then the others; with common bytes those of one: more than one are never joined.
  uint32_t place(uint32_t further) {
    const uint32_t line = random_.u32() % 4 ? 0 : shape_.common ? further : random_.u32() % kKeyLines;
    return line * kLineBytes + 8 * (random_.u32() % 7) + random_.u32() % 2;
  }

  Key random_key() {
    Key k{};
    for (uint32_t i = 0; i < kKeyBytes; i += 8) {
      bytes(k)[i] = static_cast<uint8_t>(random_.u32() & shape_.spread);
      bytes(k)[i + 1] = static_cast<uint8_t>(random_.u32() & 1 & shape_.spread);
    }
    if (random_.u32() & 1) std::memset(bytes(k), 0, kLineBytes);  // then only further lines differ
    k.lines = random_.u32() & 1 ? 0 : static_cast<uint8_t>(random_.u32());
    std::memset(k.pad0, 0, sizeof k.pad0);
    return k;
  }

  void change(bool put) {
    const uint32_t slot = random_.u32() % shape_.slots;
    Flow& f = flows_[slot];
    Model& m = models_[slot];
    if (m.live) {
      mega_.remove(f);
      f.seq++;
      m.live = false;
    }
    if (!put) return;
    m.key = random_key();
    m.mask = masks_[random_.u32() % masks_.size()];
    m.key.lines = 0xff;
    m.live = true;
    f.seq++;
    mega_.insert(f, m.key, m.mask);
  }

  bool right(const Key& k, uint32_t slot, const char* who) {
    lookups++;
    if (slot != MegaflowCache::kNone) {
      if (slot < shape_.slots && models_[slot].live && matches(models_[slot], k)) return true;
      return std::printf("%s gave slot %u, which does not match\n", who, slot), false;
    }
    for (uint32_t i = 0; i < shape_.slots; i++)
      if (models_[i].live && matches(models_[i], k)) return std::printf("%s missed slot %u\n", who, i), false;
    return true;
  }

  bool check() {
    Key keys[kBatchKeys];
    uint32_t found[kBatchKeys];
    const uint32_t wanted = random_.u32();
    for (uint32_t i = 0; i < kBatchKeys; i++) {
      keys[i] = random_key();
      const Model& m = models_[random_.u32() % shape_.slots];
      if (m.live && i % 2) {
        keys[i] = m.key;
        keys[i].lines = 0xff;
      }
      found[i] = MegaflowCache::kNone;
    }
    uint64_t asked = 0;
    const uint32_t hits = mega_.lookup(keys, wanted, found, &asked);
    for (uint32_t i = 0; i < kBatchKeys; i++) {
      const bool hit = hits >> i & 1;
      if (!(wanted >> i & 1)) {
        if (hit) return std::printf("an answer nobody asked for\n"), false;
        continue;
      }
      if (hit != (found[i] != MegaflowCache::kNone) || !right(keys[i], found[i], "megaflow")) return false;
      if (!hit) continue;
      micro_.insert(hash_key(keys[i]), keys[i], flows_[found[i]]);
      seen_.push_back(keys[i]);
    }
    // What the microflow cache still knows must be true now, whatever was deleted since.
    if (seen_.size() > 20000) seen_.clear();
    for (int i = 0; i < 64 && !seen_.empty(); i++) {
      const Key& k = seen_[random_.u32() % seen_.size()];
      const int32_t place = micro_.find(hash_key(k), k.lines);
      const uint32_t slot = place < 0 ? MicroflowCache::kNone : micro_.confirm(place, k);
      if (slot != MicroflowCache::kNone && !right(k, slot, "microflow")) return false;
    }
    return true;
  }

  Random random_;
  const Shape shape_;
  Mapping memory_;
  Flow* flows_;
  std::vector<Model> models_;
  MegaflowCache mega_;
  MicroflowCache micro_;
  std::vector<Key> masks_;
  std::vector<Key> seen_;
};

}  // namespace

int main(int argc, char** argv) {
  const uint32_t seed = argc > 1 ? static_cast<uint32_t>(std::strtoul(argv[1], nullptr, 10)) : 1;
  uint64_t lookups = 0, joined = 0;
  for (uint32_t i = 0; i < 6; i++) {
    for (const Shape& shape : kShapes) {
      Test t(seed + i, shape);
      if (!t.run(200)) return std::printf("seed %u, %u slots, %u masks\n", seed + i, shape.slots, shape.masks), 1;
      lookups += t.lookups;
      joined += t.joined;
    }
  }
  std::printf("ok %llu\njoined %llu\n", static_cast<unsigned long long>(lookups), static_cast<unsigned long long>(joined));
  return 0;
}
