// When a worker's turns are short: after long sleeps, until it is busy. Asked of the kernel, where that knows of turns. Prints what is wrong, or "ok".
#include <sys/resource.h>

#include <cstdio>

#include "../../native/worker/turns.h"

using namespace weft;

namespace {

constexpr uint64_t kSecond = 1000000000, kBrief = 100000;
int wrong = 0;

uint64_t turn() {
  uint64_t a[7] = {};
  syscall(SYS_sched_getattr, 0, a, sizeof a, 0);
  return a[3];
}

void expect(const char* what, uint64_t ns) {
  if (turn() == ns) return;
  std::printf("%s: %llu ns, not %llu\n", what, static_cast<unsigned long long>(turn()), static_cast<unsigned long long>(ns));
  wrong++;
}

void sleeps(Turns& t, uint32_t n, uint64_t ns) {
  for (uint32_t i = 0; i < n; i++) {
    t.before_sleep();
    t.slept(ns);
  }
  t.before_sleep();
}

}  // namespace

int main() {
  const uint64_t usual = turn();
  const uint64_t brief = usual < Turns::kShortNs ? usual : Turns::kShortNs;
  setpriority(PRIO_PROCESS, 0, 3);
  Turns t;
  sleeps(t, 3, kBrief);
  expect("never quiet", usual);
  sleeps(t, 1, kSecond);
  expect("after a silence", brief);
  for (int i = 0; i < 200; i++) {
    sleeps(t, 5, kBrief);
    sleeps(t, 1, kSecond);
    expect("single frames, each with an answer", brief);
  }
  sleeps(t, Turns::kBusySleeps, kBrief);
  expect("frames that come closely", usual);
  sleeps(t, 1, kSecond);
  expect("quiet again", brief);
  for (uint32_t i = 0; i < Turns::kBusyBreaths; i++) t.breath();
  expect("a flood", usual);
  if (getpriority(PRIO_PROCESS, 0) != 3) std::printf("its niceness has changed\n"), wrong++;
  if (wrong == 0) std::printf("ok %s\n", usual != 0 ? "1" : "1 (no turns here)");
  return wrong != 0;
}
