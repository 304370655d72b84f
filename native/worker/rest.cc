// Ports at rest.
//
// Problem: a breath looks at each port, and a sleep asks the kernel about each, 100 to 300 ns a port. With a thousand ports every wake-up costs a tenth of a
// millisecond and more, for one frame, and so does every command.
// Idea: a port that was quiet for a while is looked at no more. Its descriptor is in a set (epoll), which is one descriptor to wait on, and which is asked now and
// then while the worker is awake.
// Price: the set is called for each frame that comes to a port at rest (worker.h says why the others are not in one), a microsecond for the first of them. So the
// few ports of a small switch never rest.
// Invariant: a port at rest has dozed (Port::doze) since its last look, so that each frame that came after makes its descriptor readable.
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>

#include "worker.h"

namespace weft {
namespace {

constexpr size_t kFew = 8;
// To rest and to stir cost four system calls, as much as 16 times to be asked.
constexpr uint8_t kQuietSleeps = 16;
constexpr int kEvents = 64;

}  // namespace

void Worker::rest_quiet_ports() {
  if (event_ < 0 || receiving_.size() <= kFew) return;
  for (size_t i = receiving_.size(); i-- > 0 && receiving_.size() > kFew;) {
    RxQueue& q = *receiving_[i];
    if (++q.quiet < kQuietSleeps) continue;
    q.quiet = 0;
    if (!rest(q)) continue;
    receiving_[i] = receiving_.back();
    receiving_.pop_back();
  }
}

bool Worker::rest(RxQueue& q) {
  if (q.failed || q.port->fd() < 0) return false;
  if (resting_ < 0) {
    if ((resting_ = epoll_create1(EPOLL_CLOEXEC)) < 0) return false;
    watched_.insert(watched_.begin() + 1, {resting_, POLLIN, 0});
    watchers_.insert(watchers_.begin() + 1, nullptr);
  }
  if (q.port->doze()) return false;
  epoll_event e{};
  e.events = EPOLLIN;
  e.data.ptr = &q;
  if (epoll_ctl(resting_, EPOLL_CTL_ADD, q.port->fd(), &e) != 0) return false;
  watch(q, false);
  q.resting = true;
  resting_ports_++;
  return true;
}

void Worker::wake_resting() {
  stirring_ = false;
  epoll_event events[kEvents];
  int n;
  do {
    n = epoll_wait(resting_, events, kEvents, 0);
    for (int i = 0; i < n; i++) rouse(*static_cast<RxQueue*>(events[i].data.ptr));
  } while (n == kEvents);
}

void Worker::rouse(RxQueue& q) {
  forget_resting(q);
  receiving_.push_back(&q);
  watch(q, true);
  q.called = true;
  q.port->called();
}

void Worker::forget_resting(RxQueue& q) {
  epoll_ctl(resting_, EPOLL_CTL_DEL, q.port->fd(), nullptr);
  q.resting = false;
  resting_ports_--;
}

}  // namespace weft
