// Shortcuts: flows between two devices that the kernel repeats by itself, because it was shown how.
//
// Problem: a frame that comes from a device and leaves by another costs two copies and two or three switches of threads, whatever we do with it in between. Of a TCP
// segment of 64 KB that is nearly all, of a ping it is the time until the scheduler lets us run.
// Idea: the filter that a busy port's socket has anyway (intake.h) asks a table first: extract, mask, look up, for at most kMasks masks, of IPv4 and IPv6 packets without options,
// extension headers or fragments. When it finds the flow it counts the frame, and a second program, right after it in the device's way in (tcx), moves the frame on to the other device: nothing
// is copied and nobody is woken. The worker offers flows that it meets often and whose only action is an output; everything else, and every doubt, stays with it.
// Counters: the programs count in an arena of the workers' layout, which JavaScript reads as that of one more worker. So what is counted is seen at once.
// Order: the program takes a frame only when all that came from its port before has left (Intake::settle), so frames never overtake.
// Two processors: a flood of small frames is quicker where the sender's processor hands them over and the worker's sends them on, so single frames, not segments, that come
// in haste go to the worker.
// The device that frames go to is looked at with each of them, as the kernel has it: one that is down, gone, elsewhere or too narrow is the worker's to count. So are frames that the
// host's own stack would hear.
// Invariant: once a command that changes a flow or a port is submitted, its shortcuts are gone from the kernel's table, and no worker offers any before it has applied all
// that was submitted to it.
#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "../generated/key_layout.h"
#include "../generated/ring.h"
#include "../worker/arena.h"
#include "bpf.h"

namespace weft {

// What a filter knows of its port, in memory that the worker shares with it; who writes has a line of his own.
struct ShortcutState {
  alignas(64) uint64_t settled;  // by the worker: place in the ring up to which every frame has left
  alignas(64) uint64_t since;    // by the filter: when the group in hand began
  uint64_t frames;               // in it
  uint64_t haste;                // how many more groups came in haste than not, of late
};

// Where a flow's frames go.
struct ShortcutWay {
  uint32_t device;   // its number in the kernel
  uint32_t max_len;  // of a single frame
  uint32_t vport;
  uint32_t slot;  // of the flow
};

class Shortcuts {
 public:
  // Words of the key: of line 0 all that a frame has, and no metadata but where it came from; of line 1 addresses and label of IPv6.
  static constexpr std::array<uint8_t, 11> kPlaces = {0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 14};
  static constexpr uint32_t kWords = kPlaces.size();
  static constexpr uint32_t kIdWord = 5;  // its upper half is dp_hash, which no frame has: there is the mask's id in keys of the table
  using Words = std::array<uint64_t, kWords>;

  Shortcuts() : arena_(kKernelPorts, kKernelFlows), known_(kKernelFlows) {}
  ~Shortcuts();

  // Makes the tables, once; any thread. False with errno.
  bool open();
  const SharedMapping& memory() const { return arena_.memory(); }

  // The part of a port's filter that asks the table: r6 the frame as programs see it, r7 its length; uses all registers but those. Goes to `ordinary` for frames that are the worker's.
  void ask(BpfCode& c, BpfCode::Label ordinary, uint32_t vport, const Fd& ring, const Fd& state, int32_t state_at) const;
  // The program that moves what the filter found, for the way into its device.
  Fd mover(uint32_t vport) const;

  // From here on any thread.
  // Whether there may be any. Ports that are busy before they may be have none until they are opened again.
  void allow(bool yes) {
    allowed_.store(yes);
    if (!yes) clear();
  }
  bool allowed() const { return allowed_.load(std::memory_order_relaxed); }
  // Slots of the flows that have one.
  std::vector<uint32_t> list();
  // `key`, under `mask`, is of the frames of a port `in` that take this way. `still` is asked whether that holds, when nobody can take shortcuts away.
  template <typename Still>
  void put(uint32_t in, const Words& key, const Words& mask, const ShortcutWay& way, Still still) {
    std::lock_guard hold(lock_);
    count_++;  // before it asks: who changes something and then sees none has been seen
    if (!still() || !add(in, key, mask, way)) count_--;
  }
  // Asked after what changes was submitted.
  bool any() const { return count_.load(std::memory_order_relaxed) != 0; }
  bool has(uint32_t slot) const { return slot < kKernelFlows && known_[slot].load(std::memory_order_relaxed) != 0; }
  void remove(uint32_t slot);
  void clear();
  // By JavaScript's thread, before any worker knows the flow, or the port.
  void clear_flow(uint32_t slot) {
    if (slot < kKernelFlows) zero(arena_.flow(slot), kFlowBlock);
  }
  void clear_port(uint32_t vport) {
    if (vport < kKernelPorts) zero(arena_.port(vport), kPortBlock);
  }

 private:
  static constexpr uint32_t kMasks = 8;
  static constexpr uint32_t kEntries = 4096;
  struct Mask {
    uint32_t id;  // 0: none. Written last, so that who reads it before and after the words has those of one mask
    uint32_t flows;
    Words words;
  };
  struct Table {
    uint32_t shortcuts[kKernelPorts];  // by port of arrival
    Mask masks[kMasks];
  };
  struct Entry {
    Words key;
    uint32_t in, mask;
  };
  // Read by others meanwhile; pages that hold zeros stay untouched.
  static void zero(uint64_t* counters, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
      if (__atomic_load_n(counters + i, __ATOMIC_RELAXED) != 0) __atomic_store_n(counters + i, 0, __ATOMIC_RELAXED);
  }
  void count(BpfCode& c, BpfCode::Label ordinary, uint32_t vport) const;
  bool make();
  bool add(uint32_t in, const Words& key, const Words& mask, const ShortcutWay& way);
  Mask* mask_for(const Words& words);
  void take_out(uint32_t slot);

  std::mutex lock_;
  int error_ = -1;  // not tried
  Arena arena_;
  Fd table_memory_, flows_, counters_, found_;
  Table* table_ = nullptr;
  uint32_t masks_made_ = 0;
  std::atomic<bool> allowed_{false};
  std::atomic<uint32_t> count_{0};
  std::vector<std::atomic<uint8_t>> known_;  // by slot
  std::vector<Entry> entries_;  // by slot
};

}  // namespace weft
