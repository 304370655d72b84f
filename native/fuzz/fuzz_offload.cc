// Any bytes as a frame and its offload state: what comes out of `segment` must be whole, and reads and writes stay inside.
// sources: native/packet/offload.cc
#include <cstring>

#include "../packet/heap_pool.h"
#include "../packet/offload.h"
#include "input.h"

using namespace weft;

namespace {

struct Seen {
  HeapPool* pool;
  int n;
  uint32_t mtu;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
  constexpr size_t kHead = sizeof(Offload) + 3;
  if (size < kHead) return 0;
  Packet p = {};
  std::memcpy(&p.offload, input, sizeof(Offload));
  uint16_t mtu;
  std::memcpy(&mtu, input + sizeof(Offload), 2);
  HeapPool pool(input[sizeof(Offload) + 2]);  // runs out sometimes
  const auto len = static_cast<uint32_t>(size - kHead);
  auto* frame = static_cast<uint8_t*>(std::malloc(len ? len : 1));
  std::memcpy(frame, input + kHead, len);
  p.data = p.buffer = frame;
  p.len = p.capacity = len;

  Seen seen{&pool, 0, mtu};
  const int n = segment(
      pool, p, mtu,
      [](void* ctx, Packet* s) {
        auto* seen = static_cast<Seen*>(ctx);
        require(s->len >= 14 && s->len <= tailroom(*s) + s->len);
        require(s->len <= seen->mtu + 14u + 4096u);  // tags in front are not counted by the MTU
        require(s->offload.gso_type == 0 && s->offload.flags == 0);
        uint8_t sum = 0;
        for (uint32_t i = 0; i < s->len; i++) sum = static_cast<uint8_t>(sum + s->data[i]);  // every byte was written
        static volatile uint8_t sink;
        sink = sum;
        seen->n++;
        seen->pool->give(s);
      },
      &seen);
  require(n == seen.n || n == -2 || (n == -1 && seen.n == 0));
  require(std::memcmp(frame, input + kHead, len) == 0);  // the original is untouched
  finish_checksum(p);
  std::free(frame);
  return 0;
}
