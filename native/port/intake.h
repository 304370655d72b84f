// Received frames, copied by a program of ours in the kernel into a ring of packed records.
//
// Problem: what a packet socket's ring costs (530 ns a frame) is paid by whoever sends to the port, and on veth the sender is what limits small frames.
// Half of it is cache lines that come from the worker's processor: the status word of the slot, the one of a slot a quarter of the ring ahead, both
// written by the worker; the rest a time stamp nobody reads, locks, the wake-up. And a slot has room for a full frame, so a ring that survives a pause of the worker is larger than the caches.
// Idea: the socket's filter, which runs first, is our program. It copies the frame, its checksum state and its stripped tag into a ring buffer map, where a
// record takes the frame's length, not a slot, and whose lines the worker only reads; then it refuses the frame to the socket.
// What it does not take - segments (GSO) and long frames - goes to the socket's queue, and a marker record keeps its place in the order (record_reception.cc).
// While the worker sleeps the filter lets one byte of the frame pass: a bell, since the socket is what the worker waits on.
#pragma once
#include <cstdint>
#include <memory>

#include "bpf.h"
#include "shortcuts.h"

namespace weft {

// Whose shortcuts a port's frames may take; none when `shortcuts` is null. The device is of our own namespace.
struct ShortcutStart {
  std::shared_ptr<Shortcuts> shortcuts;
  uint32_t vport = 0;
  int ifindex = 0;
};

class Intake {
 public:
  static constexpr uint32_t kMaxFrame = 1584;

  struct Record {
    uint32_t len;  // 0: a marker
    uint16_t tci, tpid;  // of the tag that the kernel took off; network order of tpid as the kernel has it
    uint16_t csum_start, csum_offset;
    uint8_t flags;  // as Offload
    uint8_t tagged;
    uint16_t reserved;
    uint8_t frame[];
  };
  static_assert(sizeof(Record) == 16);

  // `bytes` is a power of two of pages. Null with errno: ENOTSUP without the kernel's type information, EPERM without the capabilities.
  static std::unique_ptr<Intake> open(uint32_t bytes, const ShortcutStart& start = {});
  ~Intake();
  // Why there can be none in this process: an errno, or 0. Tried once.
  static int fault();
  // From here on the socket's frames come here.
  bool attach(int socket) const;

  // The oldest record, or null. It stays the oldest until `pop`.
  const Record* front();
  void pop() { at_ += step_; }
  // Places in the order: of the oldest record, and of the one to be written next.
  uint64_t at() const { return at_; }
  uint64_t written() const { return __atomic_load_n(producer_, __ATOMIC_ACQUIRE); }
  // Gives the places of what was popped back, an eighth of the ring at a time: the filter reads this line with each frame, and then has it at hand.
  void give_back() {
    if (at_ - given_ >= bytes_ / 8) __atomic_store_n(consumer_, given_ = at_, __ATOMIC_RELEASE);
  }
  bool more() const { return written() != at_; }
  // The worker is about to wait on the socket: frames ring. True: there is one already.
  bool doze();
  // It looks again. True: a bell rang meanwhile, and lies in the socket's queue or is about to.
  bool wake() {
    if (!dozing_) [[likely]]
      return false;
    dozing_ = false;
    return __atomic_exchange_n(&state_->asleep, 0, __ATOMIC_SEQ_CST) == 0;
  }
  // The port's frames may take shortcuts.
  bool shortens() const { return link_.ok(); }
  // All frames that were popped have left.
  void settle() {
    if (settled_ == at_) [[likely]]
      return;
    __atomic_store_n(&state_->shortcut.settled, settled_ = at_, __ATOMIC_RELEASE);
  }
  // Frames that found no room, since the last call.
  uint64_t lost() {
    const uint64_t now = __atomic_load_n(&state_->lost, __ATOMIC_RELAXED), n = now - lost_;
    lost_ = now;
    return n;
  }

 private:
  static constexpr uint64_t kNever = ~uint64_t{0};
  struct State {
    uint32_t asleep, reserved[15];
    uint64_t lost;
    ShortcutState shortcut;
  };
  Intake() = default;
  bool load(uint32_t bytes, const ShortcutStart& start);
  void shorten(const ShortcutStart& start);

  Fd ring_, memory_, program_, link_;
  State* state_ = nullptr;
  uint64_t* consumer_ = nullptr;
  const uint64_t* producer_ = nullptr;  // then the records, mapped twice in a row
  const uint8_t* records_ = nullptr;
  uint32_t bytes_ = 0;
  uint64_t at_ = 0, given_ = 0, known_ = 0, lost_ = 0, settled_ = kNever;
  uint32_t step_ = 0;
  bool dozing_ = false;
};

}  // namespace weft
