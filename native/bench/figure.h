// How benches of the native rooms measure: the best of several rounds, for others on the machine only make one slower.
#pragma once
#include <x86intrin.h>

#include <chrono>
#include <cstdint>
#include <cstdio>

namespace weft {

constexpr int kRounds = 200;

// Runs `body`, which does `per` things, and prints what one takes.
template <class F>
void measure(const char* name, double per, F&& body) {
  double best_ns = 1e9, best_cycles = 1e9;
  for (int round = 0; round < kRounds; round++) {
    const auto t0 = std::chrono::steady_clock::now();
    const uint64_t c0 = __rdtsc();
    body();
    const uint64_t c1 = __rdtsc();
    const double ns = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - t0).count();
    best_ns = ns / per < best_ns ? ns / per : best_ns;
    best_cycles = static_cast<double>(c1 - c0) / per < best_cycles ? static_cast<double>(c1 - c0) / per : best_cycles;
  }
  std::printf("%-34s %7.2f ns %7.1f cycles\n", name, best_ns, best_cycles);
}

}  // namespace weft
