// How long a thread's turns on a processor are, by which the kernel decides how soon it gets one.
//
// Problem: who is woken on a processor that another has waits for the end of that one's turn, 1.4 ms and more, or until it sleeps: a program that sends one frame
// and then waits takes 30 us to get there, and the worker it woke stands behind it.
// Idea: who asks the kernel for short turns gets them early, and at once where a thread of longer ones runs (Linux 6.12 and newer; no privilege is needed).
// Price: its turns end early, too, and each frame of a flood would interrupt the sender. So a worker asks for short ones after it slept for long, and for those it
// had when sleeps are short or do not come. Asked before a sleep: the frame that ends it does not wait for the call.
#pragma once
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace weft {

class Turns {
 public:
  static constexpr uint64_t kShortNs = 200000;
  static constexpr uint64_t kLongSleepNs = 10000000;
  static constexpr uint32_t kBusySleeps = 64;      // shorter ones in a row
  static constexpr uint32_t kBusyBreaths = 16384;  // without a sleep: some milliseconds

  void before_sleep() {
    breaths_ = 0;
    if (want_short_ != short_) change();
  }
  void slept(uint64_t ns) {
    sleeps_ = ns < kLongSleepNs ? sleeps_ + (sleeps_ < kBusySleeps) : 0;
    want_short_ = ns >= kLongSleepNs || (want_short_ && sleeps_ < kBusySleeps);
  }
  void breath() {
    if (++breaths_ != kBusyBreaths) [[likely]] return;
    breaths_ = 0;
    want_short_ = false;
    if (short_) change();
  }

 private:
  // As the kernel has it; glibc 2.36 does not.
  struct Attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;  // ns; of an ordinary thread `runtime` is its turn, 0 where the kernel knows no such thing
  };

  // Somebody else may have changed what the thread is meanwhile: then it is as they say.
  void change() {
    short_ = want_short_;
    Attributes a{};
    if (syscall(SYS_sched_getattr, 0, &a, sizeof a, 0) != 0 || a.policy != SCHED_OTHER || a.runtime == 0) return;
    if (short_) usual_ns_ = a.runtime;
    a.size = sizeof a;
    a.runtime = short_ && usual_ns_ > kShortNs ? kShortNs : usual_ns_;
    syscall(SYS_sched_setattr, 0, &a, 0);
  }

  bool want_short_ = false, short_ = false;
  uint32_t sleeps_ = 0, breaths_ = 0;
  uint64_t usual_ns_ = 0;
};

}  // namespace weft
