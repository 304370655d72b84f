// A worker: it owns receive queues, caches, packet buffers and counters, and shares nothing with other workers but queues of lent packets. Between it
// and JavaScript stand a ring of commands down and a ring of upcalls up.
//
// It lives in breaths: apply commands; take a batch from each port; look all of it up; execute in order of arrival; send what queued for each
// port; publish what went up. A breath never blocks and allocates nothing for a packet.
//
// Accounting: each packet that arrived is `counted` on one port's block, and ends exactly once, in `finish`. Between it is held (waiting for a decision,
// or lent to another worker). So for each port, always: rx_packets = forwarded + sum(drops) + held, where frames within a breath are on their way.
#pragma once
#include <poll.h>

#include <atomic>
#include <memory>
#include <vector>

#include "../action/execute.h"
#include "../cache/megaflow.h"
#include "../cache/microflow.h"
#include "../port/memory.h"
#include "../port/shortcuts.h"
#include "arena.h"
#include "bell_pace.h"
#include "meter.h"
#include "packet_queue.h"
#include "pending.h"
#include "pool.h"
#include "random.h"
#include "ring.h"
#include "rx_queue.h"

namespace weft {

struct Config {
  uint32_t workers;
  bool manual;
  bool busy;
  uint32_t max_flows;
  uint32_t max_ports;
  uint32_t upcall_ring_bytes;
  uint32_t command_ring_bytes;
  bool microflow;
  uint32_t max_vlans;
  uint32_t buffers;
  uint32_t pending_depth;
  uint32_t seed;
};

// Rings JavaScript's bell. May be called by any worker.
class Doorbell {
 public:
  virtual ~Doorbell() = default;
  virtual void ring() = 0;
};

constexpr uint32_t kMostWorkers = 64;

// What the workers of one datapath share. Changes while no worker runs (Datapath::steer).
struct Shared {
  Config config;
  MeterTable meters;
  Doorbell* bell = nullptr;
  std::shared_ptr<Shortcuts> shortcuts = std::make_shared<Shortcuts>();
  std::vector<std::unique_ptr<Lending>> lending;  // [lender * kMostWorkers + borrower]
  std::vector<class Worker*> workers;             // those that rest, too: their counters count on
  uint32_t count() const { return static_cast<uint32_t>(workers.size()); }
  Lending& lent(uint32_t from, uint32_t to) { return *lending[from * kMostWorkers + to]; }
};

// A change that the worker makes between breaths and the caller waits for.
struct Control {
  enum class Kind { kAddPort, kRemovePorts, kPausePorts, kStop, kMicroflow } kind;
  OpenPort* port = nullptr;
  const std::vector<uint32_t>* vports = nullptr;  // to remove, to pause
  bool enabled = false;
};

constexpr uint32_t kEthernet = 14;  // bytes of the header, which an MTU does not count

// A port as one worker sees it. Zeros are a port that never was: those of the thousands of numbers nobody uses stay pages that nobody touched.
struct PortSlot {
  Port* port = nullptr;  // the way out, when this worker has a queue of the port
  Port* outlet = nullptr;  // the way out when it has none
  MemoryPort* memory = nullptr;
  bool known = false;    // has a counter block of its own, which outlives it
  bool present = false;
  bool up = false;
  bool direct = false;  // present, up and ours: packets go straight into `queue`
  bool sends = false;   // Port::sends
  bool takes_uncut = false;  // Port::takes_uncut
  uint32_t owner = 0;   // the worker of its first queue, to which packets are lent
  uint32_t max_len = 0;  // of an untagged frame that the MTU lets pass
  void set_mtu(uint32_t mtu) { max_len = mtu ? mtu + kEthernet : ~0u; }
  uint32_t tunnelled = 0;  // packets that went into the tunnel
  uint32_t pending = 0;  // entries in the pending table
  UpcallBucket upcalls;
  uint32_t queued = 0;
  Packet* queue[kBatch];
};

class alignas(64) Worker final : public Sink, public FrameSink {
 public:
  Worker(uint32_t id, Shared& shared);
  ~Worker() override;

  // One breath; returns how many packets moved. `now_ns` is the worker's time.
  uint32_t breathe(uint64_t now_ns);
  void apply_control(const Control& c);
  // Commands that wait are applied, except packets for which there is no room yet.
  uint32_t apply_commands();

  // For the thread that sleeps and wakes (thread.cc).
  bool must_poll() const;
  bool has_work() const;
  // Before a sleep: ports that were quiet for long are not looked at any more until they have something.
  void rest_quiet_ports();
  // Until a device has a frame, somebody kicks or `ns` are over.
  //
  // poll and not epoll: what is registered with epoll stays on the device's list of sleepers while the worker is awake, and then each frame that arrives
  // and each that was sent calls it, with its lock taken - a tenth of the processor time of small frames. Price: a sleep costs some 50 ns a port that is
  // not at rest (rest.cc).
  void wait(uint64_t ns);
  bool waits() const { return pending_.used() != 0; }
  // JavaScript has decisions to make for longer than a nap.
  bool is_behind() const { return pending_.used() >= kBehind; }
  // When the bell is to be rung for what waits; 0: nothing does.
  uint64_t bell_due() const { return bell_pace_.due(); }
  uint64_t* stats() { return stats_; }

  // JavaScript's side of the rings.
  bool submit(const uint8_t* commands, uint32_t length);
  bool rearm();
  uint32_t applied() const { return applied_.load(std::memory_order_acquire); }
  const Arena& arena() const { return arena_; }
  const SharedMapping& upcall_memory() const { return upcall_memory_; }
  const SharedMapping& upcall_index() const { return upcall_index_; }
  bool buffers_home() const { return pool_.all_home(); }

  // While no worker runs (steer.cc).
  // Sends what others lent us and takes home what we lent; how much that was.
  uint32_t clear_lent();
  // A queue of ours goes to another worker, and with it what it holds.
  void part_with(RxQueue& q, Worker& to);
  // Whose queues they are has changed, and all of them are looked at again.
  void settle_in(OpenPort& port);
  // The way out by this worker, as the owners of the queues are now.
  void own(OpenPort& port);
  // Becomes as able as a worker that has run all along: its ports and flows.
  void learn(const Worker& from);
  // Forgets its flows, ports stay known: nothing of it runs until it learns again.
  void retire();

  // Once no thread runs: what was lent goes home and what waits at memory ports is given back.
  void settle();
  // JavaScript's thread: applied in order with what is submitted. False: no room.
  bool submit(const Control& c);
  // Wakes the thread if it sleeps. Any thread may call.
  void kick();
  alignas(64) std::atomic<bool> sleeping{false};  // who lends to us reads it with each packet

  // Sink
  DropReason output(Packet* p, uint32_t port) override;
  void recirculate(Packet* p, Key& key, uint32_t id) override;
  void drop(Packet* p, DropReason why) override;
  void release(Packet* p) override;
  DropReason userspace(Packet* p, const Key& key, const uint8_t* cookie, uint32_t cookie_len) override;
  Packet* copy(const Packet* p) override;
  bool meter(uint32_t id, uint32_t bytes) override { return shared_.meters.pass(id, bytes, now_ns_); }
  uint32_t random() override { return random_.u32(); }
  uint32_t encapsulated(Packet* p, uint32_t port, uint32_t bytes) override;
  DropReason arrive(Packet* p, uint32_t port, uint32_t bytes) override;
  void tally(uint32_t port, uint32_t counter, uint32_t n) override { arena_.port(block_of(port))[counter] += n; }
  Pool& pool() override { return pool_; }
  // FrameSink
  bool frame_up(uint32_t vport, const Packet& p) override;

 private:
  // commands.cc
  bool apply(const uint8_t* command);  // false: not now, there is no room
  void meter_command(const uint8_t* c, uint32_t bytes);
  void flow_put(const uint8_t* c);
  void flow_end(Flow& f);
  bool set_actions(Flow& f, const uint8_t* words, uint32_t bytes);
  void resume(const uint8_t* c);
  void carry_on(PendingEntry* e, uint32_t slot, const uint32_t* actions, uint32_t words);
  void execute_command(const uint8_t* c);
  bool inject(const uint8_t* c);
  // Where packets of a port are counted: block 0, the switch's own, for a port that never was.
  uint32_t block_of(uint32_t vport) const { return vport < shared_.config.max_ports && ports_[vport].known ? vport : 0; }
  PortSlot* port_slot(uint32_t vport) { return vport < shared_.config.max_ports ? &ports_[vport] : nullptr; }

  // breath.cc
  uint32_t receive(RxQueue& q);
  void attribute(uint32_t packets, uint64_t since, uint64_t last);
  struct Lane;
  void process(Packet** batch, uint32_t n, uint32_t in_port);
  void find_flows(Lane& lane, uint32_t n);
  void dispatch(Lane& lane, Packet** batch, uint32_t n);
  uint32_t send_run(Lane& lane, Packet** batch, uint32_t i, uint32_t n);
  void run_flow(Packet* p, Key& key, Flow& f);
  void count(Flow& f, uint64_t packets, uint64_t bytes, uint32_t tcp_flags) {
    f.counters[kFlowPackets] += packets;
    f.counters[kFlowBytes] += bytes - packets * f.spare;
    f.counters[kFlowUsedNs] = now_ns_;
    f.counters[kFlowTcpFlags] |= tcp_flags;
  }
  Flow* find_flow(Key& key, uint32_t* hash);

  // tunnels.cc
  uint32_t push_run(Lane& lane, Packet** batch, uint32_t i, uint32_t n);
  uint32_t pop_run(Packet** batch, uint32_t i, uint32_t n);
  void send_joined(uint32_t port, PortSlot& to, Packet** batch, uint32_t i, uint32_t n);
  bool pop_slowly(Packet* p, const Key& outer, Flow& f, Key& key, uint32_t& hash);

  // send.cc
  void enqueue(uint32_t vport, PortSlot& s, Packet* p) {
    if (s.queued == 0) dirty_.push_back(vport);
    s.queue[s.queued++] = p;
    if (s.queued == kBatch) flush(vport);
  }
  void flush(uint32_t vport);
  void flush_all();
  void finish(Packet* p, DropReason why);
  void sent(Packet* p, DropReason why);
  DropReason refuse(Packet* p, uint32_t vport, DropReason why);
  bool lend(Packet* p, uint32_t vport, uint32_t owner);
  uint32_t collect_lent();
  void return_waiting(MemoryPort& m);
  void attach(OpenPort& port);
  void detach(uint32_t vport);
  void pause(uint32_t vport);

  // upcall.cc
  void miss(Packet* p, const Key& key, uint32_t hash);
  void expire_pending();
  void abandon(PendingEntry* e, DropReason why);
  void release_waiting(Flow& f, const Key& key, const Key& mask);
  void hold(const Packet* p, int64_t by);
  bool send_up(uint8_t type, const Packet& p, uint32_t port, const Key* key, const uint8_t* cookie, uint32_t cookie_len, uint32_t number, uint32_t hash);
  void failed(RxQueue& q, int err);
  void watch(RxQueue& q, bool on);
  void look_at(RxQueue& q);
  void look_away(RxQueue& q);
  // shortcuts.cc
  void offer_shortcut(uint32_t in, const Flow& f, const Key& key);
  void begin_flows(const uint8_t* commands, uint32_t length);
  void end_shortcuts(const uint8_t* commands, uint32_t length);
  // rest.cc
  bool rest(RxQueue& q);
  void wake_resting();
  void rouse(RxQueue& q);
  void forget_resting(RxQueue& q);
  void publish();

  static constexpr uint32_t kBehind = 256;  // decisions: some milliseconds

  const uint32_t id_;
  Shared& shared_;
  uint32_t max_vlans_;
  uint64_t now_ns_ = 0;
  Arena arena_;
  uint64_t* stats_;
  PacketPool pool_;

  Mapping flow_memory_;
  Flow* flows_;
  uint32_t flows_end_ = 0;  // slots from here on were never used
  MicroflowCache microflows_;
  MegaflowCache megaflows_;
  bool use_microflows_;
  uint32_t breaths_ = 0;
  uint32_t batches_unoffered_ = 0;  // of ports whose frames may take shortcuts, since a flow was last looked at for one

  Mapping port_memory_;
  PortSlot* ports_;  // by vport
  std::vector<RxQueue*> queues_;     // those this worker owns
  std::vector<RxQueue*> receiving_;  // those of them that it looks at in each breath: all but those at rest or paused
  std::vector<uint32_t> dirty_;      // vports with packets to send

  // A batch that is looked up; found[i] is kNone for a miss.
  struct Lane {
    Key keys[kBatch];
    uint32_t hashes[kBatch];
    static constexpr uint32_t kFoundSpare = 8;
    uint32_t found[kBatch + kFoundSpare] = {};  // read a little past the batch, for prefetching only
  };
  Lane received_;
  Lane popped_;  // those of them that came out of a tunnel

  PendingTable pending_;
  Random random_;

  SharedMapping upcall_memory_, upcall_index_, command_memory_;
  RingWriter upcalls_;
  RingIndex command_index_{};
  RingWriter command_writer_;  // JavaScript's thread
  RingReader commands_;
  uint32_t command_at_ = 0;  // within the chunk in hand
  std::atomic<uint32_t> applied_{0};
  std::atomic<bool> bell_armed_{true};
  BellPace bell_pace_;
  bool ring_for_deletes_ = false;
  std::vector<pollfd> watched_;     // our own event first, then the devices
  std::vector<RxQueue*> watchers_;  // whose they are; nullptr: no queue's
  int event_ = -1;
  int resting_ = -1;          // a descriptor set with the ports at rest; made with the first, then the second of watched_
  uint32_t resting_ports_ = 0;
  bool stirring_ = false;     // one of them has something
  bool woken_ = false;        // this breath is the first after a sleep: it looks at queues that were called
};

}  // namespace weft
