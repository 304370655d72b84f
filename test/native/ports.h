// What programs that drive a port by hand share: a check that counts in every build, and buffers of which none may be left behind.
#pragma once
#include <cstdio>
#include <cstdlib>

#include "../../native/packet/heap_pool.h"

namespace weft {

inline void require(bool truth, const char* what) {
  if (truth) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

// How many buffers are out.
struct Counted : HeapPool {
  using HeapPool::HeapPool;
  Packet* take(bool large) override {
    Packet* p = HeapPool::take(large);
    out += p != nullptr;
    return p;
  }
  void give(Packet* p) override {
    out--;
    HeapPool::give(p);
  }
  int out = 0;
};

}  // namespace weft
