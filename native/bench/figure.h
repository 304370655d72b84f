// How benches of the native rooms measure: the best of several rounds, for others on the machine only make one slower.
#pragma once
#include <x86intrin.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>

namespace weft {

constexpr int kRounds = 200;

struct Figure {
  double ns = 1e9, cycles = 1e9;
};

// What one takes where `body` does `per`.
template <class F>
Figure best(double per, F&& body) {
  Figure best;
  for (int round = 0; round < kRounds; round++) {
    const auto t0 = std::chrono::steady_clock::now();
    const uint64_t c0 = __rdtsc();
    body();
    const uint64_t c1 = __rdtsc();
    const double ns = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - t0).count();
    best.ns = std::min(best.ns, ns / per);
    best.cycles = std::min(best.cycles, static_cast<double>(c1 - c0) / per);
  }
  return best;
}

inline void print(const char* name, const Figure& f) { std::printf("%-34s %7.2f ns %7.1f cycles\n", name, f.ns, f.cycles); }

// Runs `body`, which does `per` things, and prints what one takes.
template <class F>
void measure(const char* name, double per, F&& body) {
  print(name, best(per, body));
}

}  // namespace weft
