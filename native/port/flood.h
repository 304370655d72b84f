// A flood of small frames out of a veth device.
//
// Problem: a veth device has no interrupt. Taking a frame off its ring, copying it into a page that XDP programs may see, running ours and writing into our memory is
// done by whoever sent the frame, in a software interrupt a frame. On a flood that is a third of what a frame costs its sender, who is the limit.
// Idea: while there is a flood, the kernel polls the device by a timer, all frames that wait at once, and the device calls for no poll in between.
// Measured, two hosts, 60 bytes, with bursts (burst.h) on the way out: 305 kpps became 373 to 439; the sender's share 3,110 ns a frame and then 2,185 to 2,500. A pause
// of 50 us gave 346 to 366; with 200 us the device's ring (256 frames) ran over.
// Price: up to kPauseNs for each frame. So only while packets come at kFlood; segments of TCP, which are joined before they are counted, do not (4.4 Gbit/s became 3.5).
#pragma once
#include <time.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "deferral.h"
#include "napi.h"

namespace weft {

class Flood {
 public:
  // Without a poll that can be told when to look there is nothing to do.
  void use(std::unique_ptr<Napi> napi) {
    if (!napi) return;
    poll_.emplace([napi = std::shared_ptr<Napi>(std::move(napi))](bool on) { return napi->defer(on ? kPauses : 0, on ? kPauseNs : 0); });
  }

  // So many packets came, at least one.
  void took(uint32_t n) {
    packets_ += n;
    if (poll_ && (poll_->wanted() || packets_ >= kCheckEvery)) check(now_ns());
  }
  // Any thread.
  bool on() const { return poll_ && poll_->on(); }

 private:
  static constexpr uint32_t kCheckEvery = 512;
  static constexpr uint64_t kMilli = 1'000'000, kShortest = 2 * kMilli;
  // It begins at so many packets a second, and has ended below so many.
  static constexpr uint64_t kBegin = 100'000, kEnd = 50'000;
  // A device that was silent for as long as these calls by itself again.
  static constexpr uint32_t kPauses = 10, kPauseNs = 100'000;

  static uint64_t now_ns() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1000 * kMilli + static_cast<uint64_t>(t.tv_nsec);
  }
  void check(uint64_t now) {
    const uint64_t ns = now - since_;
    if (ns < kShortest) return;
    const uint64_t rate = packets_ * 1000 * kMilli / ns;
    packets_ = 0;
    since_ = now;
    const bool begins = !poll_->wanted();
    if (poll_->works() && (begins ? rate >= kBegin : rate < kEnd)) poll_->want(begins);
  }

  std::optional<Deferral> poll_;
  uint64_t packets_ = 0, since_ = 0;
};

}  // namespace weft
