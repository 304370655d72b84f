// Frames by the packet socket's queue while a port is quiet, by records (intake.h) once it is busy.
//
// Problem: a ring for records takes memory and its program a millisecond to prove, per port, and most of a thousand ports are quiet.
// Idea: a port begins with nothing but its socket. When frames come often, a helper makes the ring and the program; the worker attaches the program, which is
// one call, takes what the queue still holds, and goes over to records. From then on the queue holds what records cannot: segments and long
// frames, each announced by a marker, and bells.
// Invariant: every frame in the queue that is no bell has a marker before it, written earlier. The opposite does not hold (the queue may be full), so a marker
// whose frame does not come is skipped after a while; a frame whose marker was skipped is taken when no record is left.
#include <time.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include <arpa/inet.h>

#include "chores.h"
#include "intake.h"
#include "packet_ring.h"
#include "reception.h"
#include "socket_queue.h"

namespace weft {
namespace {

// A port is busy when so many frames took less than so long. What a host says of itself when its link comes up is a dozen.
constexpr uint32_t kBusyFrames = 64;
constexpr uint64_t kBusyNs = 1000000000;
// Looks for what must be there, the frame of a marker or a bell, before it counts as lost: longer than the kernel takes between the two, unless its processor was taken away.
constexpr uint32_t kPatience = 256;
// An empty look at the queue is a system call: a queue that was empty n times in a row is left out n times, at most so often.
constexpr uint32_t kLongestRest = 8;
// How often a port that goes to sleep looks at the queue for what nothing announced.
constexpr uint32_t kStrayEvery = 8;
// Looks at the queue once the program is there, at most, so that segments that go on coming do not keep us from records. Frames that only were there before it do not count: the
// queue may hold more of them than this, and records read before the last of them would overtake it.
constexpr uint32_t kMostBefore = 1024;

uint64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000000 + static_cast<uint64_t>(t.tv_nsec);
}

// What a helper makes; both sides hold it, since the port may go first.
struct Opening {
  Opening(uint32_t asked, ShortcutStart to) : share(ReceiveMemory::take(asked)), start(std::move(to)) {}
  ReceiveMemory::Share share;
  ShortcutStart start;
  std::unique_ptr<Intake> intake;
  int error = 0;
  std::atomic<bool> done{false};
  void make() {
    intake = Intake::open(share.bytes(), start);
    if (!intake) error = errno;
    done.store(true, std::memory_order_release);
  }
};

class RecordReception final : public Reception {
 public:
  RecordReception(int socket, ShortcutStart start) : fd_(socket), queue_(socket), start_(std::move(start)) {}
  ~RecordReception() override {
    // To unmap and to give back is a chore, too.
    if (opening_) chore([opening = std::move(opening_)] {});
  }

  // Before the socket is bound, where memory was asked for: records from the first frame on.
  bool begin(uint32_t asked) {
    opening_ = std::make_shared<Opening>(asked, start_);
    opening_->make();
    if (!adopt()) return errno = error_.load(), false;
    before_ = 0;
    return true;
  }

  uint32_t receive(Pool& pool, Packet** out, uint32_t max) override {
    if (intake_ == nullptr && (!opening_ || !adopt())) return receive_frames(pool, out, max);
    if (before_ != 0) return receive_before(pool, out, max);
    intake_->settle();  // what was taken at the last look was sent before this one
    return receive_records(pool, out, max);
  }

  bool doze() override {
    if (intake_ == nullptr) return false;
    if (before_ != 0 || intake_->doze() || bells_ != 0) return true;
    if (++dozes_ % kStrayEvery != 0) return false;
    return stray_ = true;
  }

  void called() override { rest_ = 0; }

  uint64_t lost() override {
    if (intake_ != nullptr) return std::exchange(lost_, 0) + intake_->lost();
    return std::exchange(lost_, 0) + (std::exchange(look_, false) ? queue_.lost() : 0);
  }
  bool shortens() const override { return intake_ != nullptr && intake_->shortens(); }
  void look() override { look_ = true; }
  bool trouble() override { return std::exchange(trouble_, false); }
  void settle(Pool& pool) override {
    if (held_ != nullptr) pool.give(std::exchange(held_, nullptr));
  }
  void hand_over(Pool& from, Pool& to) override {
    if (held_ == nullptr) return;
    Packet* mine = to.take(held_->large);
    if (mine != nullptr) {
      std::memcpy(mine->data, held_->data, held_->len);
      mine->len = held_->len;
      mine->offload = held_->offload;
    } else {
      lost_++;
    }
    from.give(std::exchange(held_, mine));
  }

  void describe(char* to, size_t bytes) const override {
    const int e = error_.load(std::memory_order_relaxed);
    if (const uint32_t n = bytes_.load(std::memory_order_relaxed); n != 0)
      std::snprintf(to, bytes, "records, %u KiB%s", n >> 10, shortens_.load(std::memory_order_relaxed) ? ", and shortcuts" : "");
    else
      std::snprintf(to, bytes, e == 0 ? "messages, until frames come often" : "messages; no records: %s", reason_of(e));
  }

 private:
  using What = SocketQueue::What;

  // The program is there: from this call on it sees the frames. False: not yet, or never.
  bool adopt() {
    if (!opening_->done.load(std::memory_order_acquire)) return false;
    int e = opening_->error;
    if (e == 0 && !opening_->intake->attach(fd_)) e = errno ? errno : EIO;
    if (e != 0) {
      error_.store(e, std::memory_order_relaxed);
      opening_.reset();
      return false;
    }
    intake_ = opening_->intake.get();
    shortens_.store(intake_->shortens(), std::memory_order_relaxed);
    bytes_.store(opening_->share.bytes(), std::memory_order_relaxed);
    before_ = kMostBefore;
    lost_ += queue_.lost();
    return true;
  }

  void note(uint32_t frames) {
    seen_ += frames;
    if (seen_ < kBusyFrames || opening_ || error_.load(std::memory_order_relaxed) != 0) return;
    const uint64_t now = now_ns();
    if (now - since_ < kBusyNs) {
      opening_ = std::make_shared<Opening>(0, start_);
      chore([opening = opening_] { opening->make(); });
    }
    since_ = now;
    seen_ = 0;
  }

  uint32_t receive_frames(Pool& pool, Packet** out, uint32_t max) {
    if (rest_ != 0) {
      rest_--;
      return 0;
    }
    // The first frame after a silence goes on at once: to ask whether there is another would cost it a system call.
    const uint32_t most = quiet_ != 0 ? 1 : max;
    uint32_t n = 0;
    while (n < most) {
      const auto [what, packet] = queue_.take(pool);
      if (what == What::kFrame) out[n++] = packet;
      if (what == What::kLost) lost_++;
      if (what == What::kTrouble) trouble_ = true;
      if (what == What::kNothing || what == What::kTrouble) break;
    }
    look_ |= n == max;
    quiet_ = n != 0 ? 0 : quiet_ + (quiet_ < kLongestRest);
    rest_ = quiet_;
    if (n != 0) note(n);
    return n;
  }

  // What was in the queue when the program came, and with it frames that have markers already: those markers are passed over.
  uint32_t receive_before(Pool& pool, Packet** out, uint32_t max) {
    uint32_t n = 0;
    while (n < max && before_ != 0) {
      passed_ = intake_->written();
      const auto [what, packet] = queue_.take(pool);
      if (what == What::kFrame) out[n++] = packet;
      if (what == What::kLost) lost_++;
      const bool older = what == What::kFrame && packet->offload.gso_type == 0 && packet->len <= Intake::kMaxFrame;
      before_ = what == What::kNothing || what == What::kTrouble ? 0 : before_ - !older;
    }
    return n;
  }

  // Records in order; a marker stands for the frame at the head of the queue.
  uint32_t receive_records(Pool& pool, Packet** out, uint32_t max) {
    bells_ += intake_->wake();
    uint32_t n = 0;
    bool popped = false;
    while (n < max) {
      const Intake::Record* r = intake_->front();
      if (r == nullptr) {
        if (intake_->more() || !take_unannounced(pool, out, n)) break;
        continue;
      }
      if (r->len != 0) {
        got(take_record(pool, *r), out, n);
      } else if (intake_->at() >= passed_ && !take_announced(pool, out, n)) {
        break;
      }
      missing_ = 0;
      intake_->pop();
      popped = true;
    }
    if (popped) intake_->give_back();
    return n;
  }

  void got(Packet* p, Packet** out, uint32_t& n) {
    if (p != nullptr)
      out[n++] = p;
    else
      lost_++;
  }

  // False: the marker's frame is not there yet.
  bool take_announced(Pool& pool, Packet** out, uint32_t& n) {
    if (held_ != nullptr) {
      out[n++] = std::exchange(held_, nullptr);
      return true;
    }
    for (;;) {
      const auto [what, packet] = queue_.take(pool);
      if (what == What::kBell) {
        bells_ -= bells_ != 0;
        continue;
      }
      if (what == What::kFrame || what == What::kLost) return got(packet, out, n), true;
      trouble_ |= what == What::kTrouble;
      if (++missing_ < kPatience) return false;
      lost_++;
      return stray_ = true;
    }
  }

  // With no record left the queue may hold a bell, a frame whose marker was skipped, or one that came just now and whose marker is to be seen by now.
  // False: nothing to be had.
  bool take_unannounced(Pool& pool, Packet** out, uint32_t& n) {
    if (held_ != nullptr) {
      out[n++] = std::exchange(held_, nullptr);
      return true;
    }
    if (bells_ == 0 && !stray_) return false;
    const auto [what, packet] = queue_.take(pool);
    if (what == What::kBell) {
      bells_ -= bells_ != 0;
      deaf_ = 0;
      return true;
    }
    if (what == What::kFrame) {
      if (intake_->more())
        held_ = packet;
      else
        out[n++] = packet;
      return true;
    }
    if (what == What::kLost) return lost_++, true;
    trouble_ |= what == What::kTrouble;
    stray_ = false;
    if (bells_ != 0 && ++deaf_ >= kPatience) bells_ = deaf_ = 0;
    return false;
  }

  static Packet* take_record(Pool& pool, const Intake::Record& r) {
    Packet* p = pool.take(r.len > kSmallBuffer - kHeadroom);
    if (p == nullptr) return nullptr;
    std::memcpy(p->data, r.frame, r.len);
    p->len = r.len;
    if (r.flags != 0) {
      p->offload.flags = r.flags;
      p->offload.csum_start = r.csum_start;
      p->offload.csum_offset = r.csum_offset;
    }
    if (r.tagged != 0) PacketRing::restore_tag(*p, ntohs(r.tpid), r.tci);
    return p;
  }

  int fd_;
  SocketQueue queue_;
  ShortcutStart start_;
  std::shared_ptr<Opening> opening_;  // asked for; what it made is used while it is held
  Intake* intake_ = nullptr;
  std::atomic<int> error_{0};        // why there are no records and will be none
  std::atomic<uint32_t> bytes_{0};   // of the records in use
  std::atomic<bool> shortens_{false};
  uint64_t since_ = 0;               // when kBusyFrames were last complete
  uint32_t seen_ = 0;                // frames since
  uint32_t before_ = 0;              // frames that the queue may still hold from before the program
  uint64_t passed_ = 0;              // markers before this place stand for frames that were taken
  uint32_t quiet_ = 0, rest_ = 0;    // looks in a row that found nothing; looks to leave out
  uint32_t bells_ = 0;               // rung and not taken
  uint32_t missing_ = 0, deaf_ = 0;  // looks for the frame of the marker at the front; for a bell
  uint32_t dozes_ = 0;
  bool stray_ = false;               // the queue may hold what nothing announces
  bool look_ = false, trouble_ = false;
  Packet* held_ = nullptr;           // taken from the queue before its turn
  uint64_t lost_ = 0;
};

}  // namespace

std::unique_ptr<Reception> receive_by_records(int socket, uint32_t asked, ShortcutStart start, const char** fault) {
  if ((*fault = SocketQueue::prepare(socket)) != nullptr) return nullptr;
  auto r = std::make_unique<RecordReception>(socket, std::move(start));
  if (asked != 0 && !r->begin(asked)) return *fault = "cannot make a receive ring for", nullptr;
  return r;
}

}  // namespace weft
