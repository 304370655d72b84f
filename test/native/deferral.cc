// What a worker wants of a device's poll: it is never kept waiting, and however quickly it changes its mind the kernel is told last what it wanted last, one thing at a
// time and nothing twice in a row; after a refusal nothing more; at the end "off". Prints what is wrong, or "ok WANTS".
// sources: native/port/chores.cc
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <vector>

#include "../../native/port/deferral.h"
#include "../../native/worker/random.h"

using namespace weft;

namespace {

void require(bool truth, const char* what) {
  if (truth) return;
  std::printf("not so: %s\n", what);
  std::exit(1);
}

// A kernel that can be kept busy, and that refuses from the Nth call on.
class Kernel {
 public:
  explicit Kernel(size_t refuses = SIZE_MAX) : refuses_(refuses) {}
  bool tell(bool on) {
    require(!inside_.exchange(true), "one call at a time");
    std::unique_lock hold(lock_);
    told_.push_back(on);
    changed_.notify_all();
    changed_.wait(hold, [this] { return !busy_; });
    inside_ = false;
    return told_.size() < refuses_;
  }
  void busy(bool b) {
    const std::lock_guard hold(lock_);
    busy_ = b;
    changed_.notify_all();
  }
  void wait_for(size_t calls) {
    std::unique_lock hold(lock_);
    changed_.wait(hold, [&] { return told_.size() >= calls; });
  }
  std::vector<bool> told() {
    const std::lock_guard hold(lock_);
    return told_;
  }

 private:
  std::mutex lock_;
  std::condition_variable changed_;
  std::vector<bool> told_;
  const size_t refuses_;
  bool busy_ = false;
  std::atomic<bool> inside_{false};
};

// Ends in each of two ways while the first call is under way.
void quick(bool last) {
  Kernel kernel;
  std::optional<Deferral> d([&](bool on) { return kernel.tell(on); });
  kernel.busy(true);
  d->want(true);
  kernel.wait_for(1);
  // Were the worker kept waiting, this would not end.
  for (const bool on : {false, true, false, last}) d->want(on);
  require(d->wanted() == last && !d->on(), "wanted at once, and on only when the kernel has it");
  kernel.busy(false);
  finish_chores();
  require(d->on() == last && kernel.told().back() == last, "the last wish counts");
  require(kernel.told().size() == (last ? 1 : 2), "what is so already is not told");
  d.reset();
  require(!kernel.told().back(), "off at the end");
}

void refused(size_t nth) {
  Kernel kernel(nth);
  {
    Deferral d([&](bool on) { return kernel.tell(on); });
    for (size_t i = 0; i < nth + 2; i++) {
      d.want(i % 2 == 0);
      finish_chores();
    }
    require(!d.works() && !d.on(), "a refusal counts as off");
  }
  require(kernel.told().size() == nth, "after a refusal nothing is told");
}

}  // namespace

int main(int argc, char** argv) {
  Random random(argc > 1 ? static_cast<uint32_t>(std::strtoul(argv[1], nullptr, 10)) : 1);
  quick(true);
  quick(false);
  refused(1);
  refused(2);
  constexpr int kRounds = 200;
  int wants = 0;
  for (int round = 0; round < kRounds; round++) {
    Kernel kernel;
    bool last = false;
    {
      Deferral d([&](bool on) { return kernel.tell(on); });
      for (uint32_t n = 1 + random.u32() % 20; n > 0; n--, wants++) d.want(last = random.u32() & 1);
      if (round % 2 == 0) {
        finish_chores();
        require(d.on() == last, "the last wish counts");
      }
    }
    finish_chores();
    const std::vector<bool> told = kernel.told();
    for (size_t i = 0; i < told.size(); i++) require(told[i] == (i % 2 == 0), "nothing is told twice in a row");
    require(told.size() % 2 == 0, "off at the end");
  }
  std::printf("ok %d\n", wants);
  return 0;
}
