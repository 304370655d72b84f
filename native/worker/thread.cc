// The threads: breathe while there is work, spin a little, then sleep until a device, JavaScript or another worker has something.
#include <pthread.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cycles.h"
#include "datapath.h"
#include "gather.h"
#include "turns.h"

namespace weft {
namespace {

// An idle worker looks again for a while before it sleeps, so that a pause between two batches costs no wake-up. A wait that found work makes the next
// one twice as long, one that ended in sleep half as long: at 10,000 packets a second, a tenth of a millisecond apart, waiting 20 us each time was half
// of the worker's time and never helped; TCP at full speed has pauses of a few microseconds, and sleeping in them cost a tenth of its rate.
constexpr uint64_t kLongestSpinNs = 20000;
constexpr uint64_t kShortestSpinNs = 1500;
constexpr uint64_t kWaitingNs = 100000000;  // how often the age of waiting packets is looked at
constexpr uint64_t kIdleNs = 1000000000;

constexpr uint32_t kGoodBatch = 16;

// While JavaScript is behind with decisions, a worker that found little to do naps: nobody waits for it more than for JavaScript, which may need the processor. A breath
// and a sleep cost some 10 us whether they bring one frame or thirty, so in a storm of new flows half of the worker's time brought nothing.
constexpr uint64_t kNapNs = 150000;

// Sleeps end so late, where the kernel would give them 50 us.
constexpr unsigned long kSlackNs = 1000;

void sleep_for(uint64_t ns) {
  const timespec t{0, static_cast<long>(ns)};
  nanosleep(&t, nullptr);
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
  Gather gather;
  Turns turns;
  prctl(PR_SET_TIMERSLACK, kSlackNs);
  const auto rest = [&before](uint64_t ns) {
    sleep_for(ns);
    before = cycles();
  };
  for (;;) {
    if (r.asked.load(std::memory_order_acquire) && !serve(w, r)) return;
    const uint64_t now = monotonic_ns();
    const uint32_t work = w.breathe(now);
    const uint64_t after = cycles();
    w.stats()[work ? kWorkerBusyCycles : kWorkerIdleCycles] += after - before;
    w.stats()[work ? kWorkerBusyBreaths : kWorkerIdleBreaths]++;
    before = after;
    turns.breath();
    if (work) {
      const bool wait = gather.after(work, monotonic_ns() - now, idle_since == 0 ? 0 : now - idle_since);
      if (idle_since != 0) spin = std::min(spin * 2, kLongestSpinNs);
      idle_since = 0;
      if (shared_.config.busy) continue;
      if (w.is_behind()) {
        if (work < kGoodBatch) rest(kNapNs);
      } else if (wait) {
        rest(Gather::kNs);
      }
      continue;
    }
    gather.nothing();
    if (shared_.config.busy || w.must_poll()) continue;
    if (w.is_behind()) {
      rest(kNapNs);
      continue;
    }
    if (idle_since == 0) idle_since = now;
    if (now - idle_since < spin) continue;
    spin = std::max(spin / 2, kShortestSpinNs);
    sleep(w, r, turns);
    idle_since = 0;
    before = cycles();
  }
}

// Says that it sleeps, looks once more, and only then sleeps: whoever brings work writes it first and looks at `sleeping` after.
void Datapath::sleep(Worker& w, Runner& r, Turns& turns) {
  w.rest_quiet_ports();
  turns.before_sleep();
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
    const uint64_t slept = monotonic_ns() - since;
    w.stats()[kWorkerSleptNs] += slept;
    turns.slept(slept);
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
