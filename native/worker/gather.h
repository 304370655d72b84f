// When a worker lets frames gather instead of looking for each as it comes.
//
// Problem: looking for each is dear. The lines that both sides use change hands with every frame, a burst (../port/burst.h) of 3 costs as much as one of 10, and a worker that is quicker
// than the sender spends what it is quicker by on looks: with 60-byte frames between veth pairs 60 % came in batches of 1 to 8, and a frame cost the worker 2,380 ns where it could cost 1,400.
// Idea: where small frames come closely, a look that brought less than a full batch is followed by a short sleep.
// Measured, sender and worker on two processors, slices of 250 ms in turn, 24 each: 366 and 372 kpps, so the sender, who is the limit, loses nothing; the worker 2,382 ns a frame, with sleeps 1,781, and a third
// of its processor free. Beside others who want a processor (load 4 to 6, 16 each): 262 and 301 kpps. Turning round for 8 us instead, as an earlier version did, brought batches of 5 in the mean, here 26;
// for 40 us it brought as large ones, but took the time from the sender where they share a processor: 242 kpps beside 265.
// Price: up to kNs, and what a wake-up takes, for frames of a flood. A wait needs so many light breaths in a row, each with work and soon after the one before, that TCP in segments does not meet it,
// and one that brought few ends them, so that an exchange meets one in seventeen frames at most.
#pragma once
#include <cstdint>

namespace weft {

class Gather {
 public:
  static constexpr uint64_t kNs = 25000;
  static constexpr uint64_t kLightNs = 4000;  // a packet, and a breath; a segment of TCP takes 28,000 and more
  static constexpr uint64_t kCloseNs = 5000;
  static constexpr uint32_t kDense = 16;   // breaths
  static constexpr uint32_t kFull = 32;    // packets: a batch
  static constexpr uint32_t kEnough = 8;   // of a wait

  // A breath that had work: packets, how long it took, for how long there was none before. True: wait for kNs.
  bool after(uint32_t work, uint64_t took_ns, uint64_t idle_ns) {
    const bool in_vain = waited_ && work < kEnough;
    const bool goes_on = took_ns < kLightNs * (work + 1) && idle_ns < kCloseNs && !in_vain;
    dense_ = goes_on ? dense_ + 1 : 0;
    return waited_ = dense_ > kDense && work < kFull;
  }
  // A breath that had none.
  void nothing() {
    if (waited_) dense_ = 0;
    waited_ = false;
  }

 private:
  uint32_t dense_ = 0;  // light breaths in a row
  bool waited_ = false;
};

}  // namespace weft
