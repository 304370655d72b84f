#include "chores.h"

#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

namespace weft {
namespace {

// They wait nearly all of their time: a thousand closed sockets are through in a third of a second.
constexpr size_t kMostHelpers = 64;
constexpr auto kLinger = std::chrono::seconds(1);

class Chores {
 public:
  void add(std::function<void()> work) {
    std::unique_lock hold(lock_);
    todo_.push_back(std::move(work));
    if (idle_ >= todo_.size() || helpers_ == kMostHelpers) return come_.notify_one();
    try {
      std::thread([this] { help(); }).detach();
      helpers_++;
    } catch (const std::system_error&) {  // no thread to be had
      come_.notify_one();
      if (helpers_ == 0) do_all(hold);
    }
  }

  void finish() {
    std::unique_lock hold(lock_);
    done_.wait(hold, [this] { return todo_.empty() && busy_ == 0; });
  }

 private:
  void do_all(std::unique_lock<std::mutex>& hold) {
    while (!todo_.empty()) {
      const auto work = std::move(todo_.front());
      todo_.pop_front();
      busy_++;
      hold.unlock();
      work();
      hold.lock();
      busy_--;
    }
    if (busy_ == 0) done_.notify_all();
  }

  void help() {
    pthread_setname_np(pthread_self(), "weft-chores");
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    std::unique_lock hold(lock_);
    do {
      do_all(hold);
      idle_++;
      come_.wait_for(hold, kLinger, [this] { return !todo_.empty(); });
      idle_--;
    } while (!todo_.empty());
    helpers_--;
  }

  std::mutex lock_;
  std::condition_variable come_, done_;
  std::deque<std::function<void()>> todo_;
  size_t helpers_ = 0, idle_ = 0, busy_ = 0;
};

// Never destroyed: helpers may outlive whatever ends the program.
Chores& chores() {
  static auto* all = new Chores;
  return *all;
}

}  // namespace

void chore(std::function<void()> work) { chores().add(std::move(work)); }
void finish_chores() { chores().finish(); }

}  // namespace weft
