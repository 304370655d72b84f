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
    const uint32_t vport = receiving_[i];
    if (++ports_[vport].quiet < kQuietSleeps) continue;
    ports_[vport].quiet = 0;
    if (!rest(vport)) continue;
    receiving_[i] = receiving_.back();
    receiving_.pop_back();
  }
}

bool Worker::rest(uint32_t vport) {
  PortSlot& s = ports_[vport];
  if (s.failed || s.port->fd() < 0) return false;
  if (resting_ < 0) {
    if ((resting_ = epoll_create1(EPOLL_CLOEXEC)) < 0) return false;
    watched_.insert(watched_.begin() + 1, {resting_, POLLIN, 0});
  }
  if (s.port->doze()) return false;
  epoll_event e{};
  e.events = EPOLLIN;
  e.data.u32 = vport;
  if (epoll_ctl(resting_, EPOLL_CTL_ADD, s.port->fd(), &e) != 0) return false;
  watch(*s.port, false);
  s.resting = true;
  resting_ports_++;
  return true;
}

void Worker::wake_resting() {
  stirring_ = false;
  epoll_event events[kEvents];
  int n;
  do {
    n = epoll_wait(resting_, events, kEvents, 0);
    for (int i = 0; i < n; i++) rouse(events[i].data.u32);
  } while (n == kEvents);
}

void Worker::rouse(uint32_t vport) {
  forget_resting(vport);
  receiving_.push_back(vport);
  watch(*ports_[vport].port, true);
}

void Worker::forget_resting(uint32_t vport) {
  PortSlot& s = ports_[vport];
  epoll_ctl(resting_, EPOLL_CTL_DEL, s.port->fd(), nullptr);
  s.resting = false;
  resting_ports_--;
}

}  // namespace weft
