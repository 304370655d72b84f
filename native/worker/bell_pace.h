// When JavaScript is woken for what went up.
//
// Problem: waking it costs both sides some ten microseconds, and being woken again by its answer as much. Where new flows come one by one, that is more than
// to decide about them.
// Idea: as network cards moderate interrupts. What goes up after a pause rings at once. What follows soon after a ring waits for others, for a while that nobody
// notices. Where none came (an exchange, in which each packet waits for the last one's answer) the next rings are not put off.
// Price: where flows come closely but not yet so closely that JavaScript never sleeps, their first packets wait for half of kGatherNs more in the mean.
#pragma once
#include <cstdint>

namespace weft {

class BellPace {
 public:
  static constexpr uint64_t kGatherNs = 400000;
  static constexpr uint64_t kCloseNs = 1000000;  // longer ago than this is a pause
  static constexpr uint32_t kMany = 32;          // JavaScript has enough to do
  static constexpr uint32_t kAtOnce = 64;        // rings after one that was put off for nothing

  // True: ring now, and say so by `rung`. `news`: something was published since the last call.
  bool ring(uint64_t now_ns, bool news) {
    if (due_ != 0) {
      gathered_ += news;
      return now_ns >= due_ || gathered_ >= kMany;
    }
    if (!news) return false;
    if (now_ns - last_ns_ > kCloseNs || at_once_ != 0) return true;
    due_ = now_ns + kGatherNs;
    gathered_ = 1;
    return false;
  }
  void rung(uint64_t now_ns) {
    if (due_ == 0)
      at_once_ -= at_once_ != 0;
    else if (gathered_ < 2)
      at_once_ = kAtOnce;
    due_ = 0;
    last_ns_ = now_ns;
  }
  // When to ring for what waits; 0: nothing does.
  uint64_t due() const { return due_; }

 private:
  uint64_t due_ = 0;
  uint64_t last_ns_ = 0;
  uint32_t gathered_ = 0;
  uint32_t at_once_ = 0;
};

}  // namespace weft
