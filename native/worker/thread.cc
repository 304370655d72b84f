// The threads: breathe while there is work, spin a little, then sleep until a device, JavaScript or another worker has something.
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cycles.h"
#include "datapath.h"

namespace weft {
namespace {

// An idle worker looks again for a while before it sleeps, so that a pause between two batches costs no wake-up. A wait that found work makes the next
// one twice as long, one that ended in sleep half as long: at 10,000 packets a second, a tenth of a millisecond apart, waiting 20 us each time was half
// of the worker's time and never helped; TCP at full speed has pauses of a few microseconds, and sleeping in them cost a tenth of its rate.
constexpr uint64_t kLongestSpinNs = 20000;
constexpr uint64_t kShortestSpinNs = 1500;
constexpr uint64_t kWaitingNs = 100000000;  // how often the age of waiting packets is looked at
constexpr uint64_t kIdleNs = 1000000000;

// Looking for each frame as it comes is dear for whoever sends it: the lines that both sides use then change hands with every frame, and batches of one or
// two cost us twice as much as one of eight. So when small frames come closely, a look that brought few is followed by a short wait: with 8 us the
// sender of 60-byte frames on veth spends 2,340 ns on each where it was 2,540, the worker 1,620 where it was 1,960. A wait needs so many light breaths
// in a row, each with work and soon after the one before, that neither an exchange of single frames nor TCP in segments meets it.
constexpr uint64_t kGatherNs = 8000;
constexpr uint64_t kLightNs = 2000;  // a packet, and a breath; a segment of TCP takes 28,000 and more
constexpr uint64_t kCloseNs = 5000;
constexpr uint32_t kDenseBreaths = 64;
constexpr uint32_t kGoodBatch = 16;

// While JavaScript is behind with decisions, a worker that found little to do naps: nobody waits for it more than for JavaScript, which may need the processor. A breath
// and a sleep cost some 10 us whether they bring one frame or thirty, so in a storm of new flows half of the worker's time brought nothing.
constexpr uint64_t kNapNs = 100000;

void nap() {
  const timespec t{0, kNapNs};
  nanosleep(&t, nullptr);
}

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
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
  uint64_t spin = kLongestSpinNs;
  uint64_t before = cycles();
  uint32_t dense = 0;  // light breaths in a row
  bool gather = false;
  for (;;) {
    if (gather) {
      for (const uint64_t until = monotonic_ns() + kGatherNs; monotonic_ns() < until && !r.asked.load(std::memory_order_relaxed);) relax();
      gather = false;
      const uint64_t after = cycles();
      w.stats()[kWorkerIdleCycles] += after - before;
      before = after;
    }
    if (r.asked.load(std::memory_order_acquire) && !serve(w, r)) return;
    const uint64_t now = monotonic_ns();
    const uint32_t work = w.breathe(now);
    const uint64_t after = cycles();
    w.stats()[work ? kWorkerBusyCycles : kWorkerIdleCycles] += after - before;
    w.stats()[work ? kWorkerBusyBreaths : kWorkerIdleBreaths]++;
    before = after;
    if (work) {
      const bool light = monotonic_ns() - now < kLightNs * (work + 1);
      dense = light && (idle_since == 0 || now - idle_since < kCloseNs) ? dense + 1 : 0;
      gather = dense > kDenseBreaths && work < kGoodBatch && !shared_.config.busy && !w.is_behind();
      if (idle_since != 0) spin = std::min(spin * 2, kLongestSpinNs);
      idle_since = 0;
      if (work < kGoodBatch && w.is_behind() && !shared_.config.busy) nap();
      continue;
    }
    if (shared_.config.busy || w.must_poll()) continue;
    if (w.is_behind()) {
      nap();
      continue;
    }
    if (idle_since == 0) idle_since = now;
    if (now - idle_since < spin) continue;
    spin = std::max(spin / 2, kShortestSpinNs);
    sleep(w, r);
    idle_since = 0;
    before = cycles();
  }
}

// Says that it sleeps, looks once more, and only then sleeps: whoever brings work writes it first and looks at `sleeping` after.
void Datapath::sleep(Worker& w, Runner& r) {
  w.rest_quiet_ports();
  w.sleeping.store(true, std::memory_order_seq_cst);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!w.has_work() && !r.asked.load(std::memory_order_acquire)) {
    w.stats()[kWorkerSleeps]++;
    uint64_t ns = w.waits() ? kWaitingNs : kIdleNs;
    if (const uint64_t due = w.bell_due(); due != 0) {
      const uint64_t now = monotonic_ns();
      ns = due > now ? std::min(ns, due - now) : 0;
    }
    const uint64_t since = monotonic_ns();
    w.wait(ns);
    w.stats()[kWorkerSleptNs] += monotonic_ns() - since;
  }
  w.sleeping.store(false, std::memory_order_relaxed);
}

// Applies what the other side waits for. False: the thread ends.
bool Datapath::serve(Worker& w, Runner& r) {
  std::unique_lock hold(r.lock);
  r.asked.store(false, std::memory_order_relaxed);
  if (r.control) w.apply_control(*r.control);
  r.control = nullptr;
  r.changed.notify_all();
  if (r.hold) {
    r.held = true;
    r.changed.notify_all();
    r.changed.wait(hold, [&r] { return !r.hold; });
    r.held = false;
  }
  return !r.stop;
}

void Datapath::control(uint32_t worker, const Control& c) {
  if (shared_.config.manual || worker >= active_) return workers_[worker]->apply_control(c);
  Runner& r = *runners_[worker];
  std::unique_lock hold(r.lock);
  r.control = &c;
  r.asked.store(true, std::memory_order_release);
  workers_[worker]->kick();
  r.changed.wait(hold, [&r] { return r.control == nullptr; });
}

}  // namespace weft
