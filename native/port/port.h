// A native port: a device that gives and takes batches of packets. One worker owns it; no call is made by two threads.
#pragma once
#include <cstdint>
#include <memory>

#include "../packet/packet.h"

namespace weft {

class Shortcuts;

constexpr uint32_t kBatch = 32;

// Packet buffers of one worker.
class Pool {
 public:
  virtual ~Pool() = default;
  virtual Packet* take(bool large) = 0;  // data at kHeadroom, len 0, offload and flags zero; nullptr when none is free
  // Small ones; returns how many, fewer when the pool runs out.
  virtual uint32_t take_many(Packet** out, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
      if (!(out[i] = take(false))) return i;
    return n;
  }
  virtual void give(Packet* p) = 0;
};

struct PortTally {  // the worker adds these to the counters arena after each call
  uint64_t dropped_full = 0;
  uint64_t dropped_error = 0;
  uint64_t dropped_mtu = 0;
  uint64_t sent_packets = 0;  // segments count singly
  uint64_t sent_bytes = 0;
};

// By which way frames come and go, and why not by a better one: words for people.
struct PortPaths {
  char receive[256] = "";
  char send[160] = "";
  char mode[24] = "";        // of XDP, by Open vSwitch's names, or of a TAP; "" where there is none
  char shortfall[160] = "";  // why it is not a better one
};

// On lines of its own, as what its worker counts in it would else share one with a port of another worker.
class alignas(64) Port {
 public:
  virtual ~Port() = default;
  // May be called by any thread while the port lives.
  virtual void describe(PortPaths&) const {}
  // Up to `max` packets into `out`; returns how many. Sets data, len, offload. Never blocks.
  virtual uint32_t receive(Pool& pool, Packet** out, uint32_t max) = 0;
  // Sends all of them, or drops what the device does not take. The packets stay the worker's. Fills `tally`, and ok[i] = 1 for each that left.
  virtual void transmit(Pool& pool, Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally) = 0;
  // File descriptor to wait on with poll, or -1: the port must be polled (pcap replay, null).
  virtual int fd() const = 0;
  // True: packets may come without fd() telling, so the worker does not sleep.
  virtual bool polled() const { return fd() < 0; }
  // The worker is about to wait on fd(). True: it should look again first.
  virtual bool doze() { return false; }
  // What wakes the worker was fd(): the next look is not left out, whatever the port thinks of its chances.
  virtual void called() {}
  // The worker lets go of the port: buffers that it kept go back.
  virtual void settle(Pool&) {}
  // From here on another worker calls; what the port holds of the one's buffers moves into the other's.
  virtual void hand_over(Pool& from, Pool&) { settle(from); }
  // Frames that the device had and that could not be taken, since the last call.
  virtual uint64_t lost() { return 0; }
  // errno of a device that failed for good (the worker reports it once and stops polling), else 0.
  virtual int failed() const { return 0; }
  virtual uint32_t mtu() const = 0;
  // Packets that are to be cut leave as they are: one of them costs the device, and whoever receives it, little more than a frame.
  virtual bool takes_uncut() const { return false; }
  // The device has changed, and takes frames of this MTU now; 0: nobody knows. It may be gone, which failed() tells after a next, empty receive.
  virtual void changed(uint32_t) {}
  // The device is ours and is there until the kernel has taken it away, which takes long.
  virtual bool lingers() const { return false; }
  // Shortcuts (shortcuts.h): its frames may take them; the number of its device, when what the kernel moves there by itself is as if we had sent it, else 0.
  virtual bool shortens() const { return false; }
  virtual int shortcut_device() const { return 0; }
  // False: nothing leaves by it. A tunnel's port is there for what arrives out of tunnels, and to count.
  virtual bool sends() const { return true; }
  // A second way out of the same device, for a worker that has no queue of it and so would lend its packets to one that has. It takes changed() as the port does, and goes
  // before the port. nullptr: there is none.
  virtual std::unique_ptr<Port> outlet() const { return nullptr; }
  // Before the port goes because nobody wants it any more, not because the program ends: a device of ours that would stay goes with it.
  virtual void abandon() {}
};

struct PortOptions {
  const char* device;
  const char* output;
  const char* netns;
  uint32_t mtu;
  bool loop;
  bool offload;
  uint32_t rx_bytes;  // memory for received frames of a system port; 0: chosen
  bool programs;      // programs of ours may run in the kernel
  bool keep;          // a device of ours outlives the program
  const char* xdp_mode = "";  // as asked for: best-effort, native-with-zerocopy, native, generic
  uint32_t queues = 1;        // receive queues of the device; of a TAP each is opened by itself
  bool need_wakeup = true;
  bool io_uring = true;       // a TAP's batches may go by it
  const Port* first = nullptr;  // the port of the first queue, for those that follow
  uint32_t vport = 0;
  std::shared_ptr<Shortcuts> shortcuts{};  // or null
};

// Makers. On failure: nullptr, with `why` (a sentence for people, 512 bytes) and `err` (an errno).
Port* open_tap(const PortOptions&, char* why, int* err);
Port* open_system(const PortOptions&, char* why, int* err);
Port* open_xdp(const PortOptions&, char* why, int* err);
Port* open_pcap(const PortOptions&, char* why, int* err);
Port* open_null(const PortOptions&, char* why, int* err);
Port* open_host(const PortOptions&, char* why, int* err);
Port* open_tunnel(const PortOptions&, char* why, int* err);

}  // namespace weft
