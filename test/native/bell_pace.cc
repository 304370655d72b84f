// When the bell rings: what comes after a pause at once, what comes closely together, an exchange hardly ever later. Prints what is wrong, or "ok EVENTS".
#include <cstdio>
#include <cstdlib>

#include "../../native/worker/bell_pace.h"
#include "../../native/worker/random.h"

using namespace weft;

namespace {

constexpr uint64_t kUs = 1000;

// Events each so many ns after the last, or after the ring for it (an exchange); the worker looks each microsecond. Returns rings; `wait` is how long the events waited.
int rings(int events, uint64_t apart, bool exchange, uint64_t& wait) {
  BellPace pace;
  uint64_t now = 3600000000000, next = now, since = 0;
  int rung = 0, waiting = 0, left = events;
  wait = 0;
  for (; left > 0 || waiting > 0; now += kUs) {
    const bool news = left > 0 && now >= next && (!exchange || waiting == 0);
    if (news) {
      left--;
      waiting++;
      since += now;
      next = now + apart;
    }
    if (!pace.ring(now, news)) {
      if (waiting > 0 && pace.due() == 0) return -1;
      continue;
    }
    if (waiting == 0) return -2;
    wait += static_cast<uint64_t>(waiting) * now - since;
    since = 0;
    waiting = 0;
    rung++;
    next = exchange ? now + apart : next;
    pace.rung(now);
  }
  return rung;
}

bool check(const char* what, int rung, int least, int most, uint64_t wait, uint64_t longest) {
  if (rung >= least && rung <= most && wait <= longest) return true;
  std::printf("%s: %d rings where %d to %d are right, %llu ns of waiting where %llu are\n", what, rung, least, most, static_cast<unsigned long long>(wait),
              static_cast<unsigned long long>(longest));
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  Random random(argc > 1 ? static_cast<uint32_t>(std::strtoul(argv[1], nullptr, 10)) : 1);
  constexpr int kEvents = 6000;
  uint64_t wait = 0;
  bool good = true;
  int n = rings(kEvents, 2 * BellPace::kCloseNs, false, wait);
  good &= check("far apart", n, kEvents, kEvents, wait, 0);
  n = rings(kEvents, 200 * kUs, false, wait);
  good &= check("5,000 a second", n, kEvents / 4, kEvents / 2, wait, kEvents * BellPace::kGatherNs);
  n = rings(kEvents, 2 * kUs, false, wait);
  good &= check("500,000 a second", n, kEvents / 64, kEvents / 16, wait, kEvents * BellPace::kGatherNs);
  n = rings(kEvents, 50 * kUs, true, wait);
  good &= check("an exchange", n, kEvents, kEvents, wait, kEvents / BellPace::kAtOnce * BellPace::kGatherNs);
  for (int i = 0; i < 50; i++) {
    n = rings(kEvents, random.u32() % 1500 * kUs, random.u32() & 1, wait);
    good &= check("at random", n, 1, kEvents, wait, kEvents * BellPace::kGatherNs);
  }
  if (good) std::printf("ok %d\n", 54 * kEvents);
  return good ? 0 : 1;
}
