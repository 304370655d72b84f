// Whether a device's poll is deferred, wanted by a worker and brought about by helper threads.
//
// Problem: the kernel is told by calls that wait for whoever configures devices at the moment, and a breath never blocks.
// Idea: the worker says what it wants and hands over a chore; each chore does what is wanted by then, one at a time, so that the last one leaves what was wanted last.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "chores.h"

namespace weft {

class Deferral {
 public:
  // `tell` tells the kernel, on any thread, never two at once, and is false where that failed; it is not called again then.
  explicit Deferral(std::function<bool(bool)> tell) : state_(std::make_shared<State>(std::move(tell))) {}
  Deferral(const Deferral&) = delete;
  Deferral& operator=(const Deferral&) = delete;
  // Waits for what is under way: not for a worker. The poll may outlive us where the device has one without us.
  ~Deferral() {
    state_->wanted = false;
    state_->follow();
  }

  void want(bool deferred) {
    state_->wanted = deferred;
    chore([state = state_] { state->follow(); });
  }
  // Any thread: what was wanted last, what the kernel was told last, whether it listens.
  bool wanted() const { return state_->wanted; }
  bool on() const { return state_->on; }
  bool works() const { return state_->works; }

 private:
  struct State {
    explicit State(std::function<bool(bool)> how) : tell(std::move(how)) {}
    void follow() {
      const std::lock_guard hold(lock);
      const bool to = wanted;
      if (!works || on == to) return;
      works = tell(to);
      on = to && works;
    }

    std::mutex lock;
    std::function<bool(bool)> tell;
    std::atomic<bool> wanted{false}, on{false}, works{true};
  };

  const std::shared_ptr<State> state_;
};

}  // namespace weft
