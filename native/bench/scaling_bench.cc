// What this machine gives two threads that share nothing: the bare loop of price_bench.cc (copy a frame in, check and extract its key, hash it, compare it with one
// line, count) in one thread and then in two, in turn. No switch scales better here than this does: processors that are two halves of one core, clocks that sink when
// both are busy and other programs' turns meet it as they meet a worker.
// sources: native/packet/extract.cc native/packet/offload.cc
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "../cache/compare.h"
#include "../cache/subtable.h"
#include "../packet/extract_inline.h"
#include "frame.h"

using namespace weft;

namespace {

constexpr uint32_t kBatch = 32, kBuffer = 2112, kIn = 1;

// What one thread has, on lines of its own.
struct alignas(128) Loop {
  alignas(64) uint8_t frames[kBatch * 64] = {};
  alignas(64) uint8_t buffers[kBatch * kBuffer];
  alignas(64) Key keys[kBatch];
  Subtable::Line mask = {}, flow = {};
  uint64_t packets = 0, hits = 0;

  Loop() {
    for (uint32_t i = 0; i < kBatch; i++) fill(frames + 64 * i);
    mask.word[0] = ~uint64_t{0};
    uint32_t hash;
    if (!extract_received(frames, kFrame, kIn, keys[0], 1, hash)) std::abort();
    std::memcpy(&flow, &keys[0], sizeof flow.word[0]);
  }

  void run(std::atomic<uint32_t>& ready, const std::atomic<bool>& go, const std::atomic<bool>& stop) {
    ready.fetch_add(1);
    while (!go.load(std::memory_order_acquire)) {
    }
    while (!stop.load(std::memory_order_relaxed)) {
      for (uint32_t i = 0; i < kBatch; i++) {
        uint8_t* to = buffers + i * kBuffer;
        std::memcpy(to, frames + 64 * i, 64);
        uint32_t hash;
        extract_received(to, kFrame, kIn, keys[i], 1, hash);
      }
      for (uint32_t i = 0; i < kBatch; i++) hits += equal_masked_lines(&keys[i], &mask, &flow);
      packets += kBatch;
    }
    if (hits != packets) std::abort();
  }
};

double mpps(uint32_t threads, double seconds) {
  std::atomic<uint32_t> ready{0};
  std::atomic<bool> go{false}, stop{false};
  std::vector<std::unique_ptr<Loop>> loops;
  std::vector<std::thread> running;
  for (uint32_t i = 0; i < threads; i++) loops.push_back(std::make_unique<Loop>());
  for (auto& l : loops) running.emplace_back([&] { l->run(ready, go, stop); });
  while (ready.load() != threads) std::this_thread::yield();
  const auto start = std::chrono::steady_clock::now();
  go.store(true, std::memory_order_release);
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop.store(true);
  for (std::thread& t : running) t.join();
  const double us = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
  double packets = 0;
  for (auto& l : loops) packets += static_cast<double>(l->packets);
  return packets / us;
}

}  // namespace

// Arguments: rounds (3), seconds of each (1). Who is first changes from round to round.
int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 3;
  const double seconds = argc > 2 ? std::atof(argv[2]) : 1;
  for (int i = 0; i < rounds; i++) {
    const double before = i % 2 == 1 ? mpps(1, seconds) : 0;
    const double two = mpps(2, seconds);
    const double one = before != 0 ? before : mpps(1, seconds);
    std::printf("bare loop: one thread %.1f Mpps, two %.1f Mpps, scales %.3f\n", one, two, two / one);
  }
  return 0;
}
