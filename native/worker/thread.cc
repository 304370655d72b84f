// The threads: breathe while there is work, spin a little, then sleep until a device, JavaScript or another worker has something.
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>

#include "datapath.h"

namespace weft {
namespace {

// An idle worker looks again for so long before it sleeps, so that a pause between two batches costs no wake-up. Chosen, not measured: with it an
// idle daemon on two veth ports took 10 ms of processor time in 5 s.
constexpr uint64_t kSpinNs = 20000;
constexpr int kWaitingMs = 100;  // how often the age of waiting packets is looked at
constexpr int kIdleMs = 1000;

uint64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000000 + static_cast<uint64_t>(t.tv_nsec);
}

uint64_t cycles() {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#else
  return now_ns();
#endif
}

}  // namespace

void Datapath::run(uint32_t i) {
  Worker& w = *workers_[i];
  Runner& r = *runners_[i];
  char name[16];
  std::snprintf(name, sizeof name, "weft-worker%u", i);
  pthread_setname_np(pthread_self(), name);
  uint64_t idle_since = 0;
  uint64_t before = cycles();
  for (;;) {
    if (r.asked.load(std::memory_order_acquire) && !serve(w, r)) return;
    const uint64_t now = now_ns();
    const uint32_t work = w.breathe(now);
    const uint64_t after = cycles();
    w.stats()[work ? kWorkerBusyCycles : kWorkerIdleCycles] += after - before;
    before = after;
    if (work) {
      idle_since = 0;
      continue;
    }
    if (shared_.config.busy || w.must_poll()) continue;
    if (idle_since == 0) idle_since = now;
    if (now - idle_since < kSpinNs) continue;
    sleep(w, r);
    idle_since = 0;
    before = cycles();
  }
}

// Says that it sleeps, looks once more, and only then sleeps: whoever brings work writes it first and looks at `sleeping` after.
void Datapath::sleep(Worker& w, Runner& r) {
  w.sleeping.store(true, std::memory_order_seq_cst);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!w.has_work() && !r.asked.load(std::memory_order_acquire)) {
    w.stats()[kWorkerSleeps]++;
    w.wait(w.waits() ? kWaitingMs : kIdleMs);
  }
  w.sleeping.store(false, std::memory_order_relaxed);
}

// Applies what the other side waits for. False: the thread ends.
bool Datapath::serve(Worker& w, Runner& r) {
  std::lock_guard hold(r.lock);
  r.asked.store(false, std::memory_order_relaxed);
  if (r.control) w.apply_control(*r.control);
  r.control = nullptr;
  r.changed.notify_all();
  return !r.stop;
}

void Datapath::control(uint32_t worker, const Control& c) {
  if (shared_.config.manual) return workers_[worker]->apply_control(c);
  Runner& r = *runners_[worker];
  std::unique_lock hold(r.lock);
  r.control = &c;
  r.asked.store(true, std::memory_order_release);
  workers_[worker]->kick();
  r.changed.wait(hold, [&r] { return r.control == nullptr; });
}

}  // namespace weft
