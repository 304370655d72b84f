// Workers and ports together, and the threads. Free of Node, so that plain programs and sanitizers run it whole.
#pragma once
#include <sched.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "worker.h"

namespace weft {

struct PortRequest {
  std::string kind;  // of PortKind in src/datapath/port-config.ts
  std::string device;
  std::string output;
  std::string netns;
  uint32_t mtu = 1500;
  bool loop = false;
  bool offload = false;
  uint32_t rx_bytes = 0;
  bool programs = false;
  bool keep = false;
  std::string xdp_mode;
  uint32_t queues = 1;
  bool need_wakeup = true;
  bool io_uring = true;
};

// A receive queue and the worker that it goes to.
struct Move {
  uint32_t vport;
  uint32_t queue;
  uint32_t worker;
};

class Datapath {
 public:
  // `bell` outlives the datapath; it may be called from workers' threads.
  Datapath(const Config& config, Doorbell* bell);
  ~Datapath();

  // With a receive queue for each of `workers`, or as many as the device gives (`queues()`), at least one. 0, or an errno, with a sentence in `why`.
  int port_add(uint32_t vport, const std::vector<uint32_t>& workers, const PortRequest& request, std::string* why);
  uint32_t queues(uint32_t vport) const { return ports_[vport] ? static_cast<uint32_t>(ports_[vport]->queues.size()) : 0; }
  // False: no such port.
  bool describe(uint32_t vport, PortPaths& to) const;
  // Returns when every worker has let go; a device that was made for the port is gone then. False: no such port.
  bool ports_remove(const std::vector<uint32_t>& vports);
  // Their queues are not looked at until the next `steer`: what has arrived waits in the kernel.
  void ports_pause(const std::vector<uint32_t>& vports);
  // From here on so many workers run, each on the processor of its place in `cpus` (-1: any), and queues belong to others (steer.cc). Ports that were
  // paused go on. Returns the workers that could not be put on their processor.
  std::vector<uint32_t> steer(const std::vector<int>& cpus, const std::vector<Move>& moves);
  uint32_t active() const { return active_; }
  uint32_t workers() const { return shared_.count(); }
  bool submit(uint32_t worker, const uint8_t* commands, uint32_t length);
  uint32_t poll(uint32_t worker);
  void set_clock(uint64_t ns) { clock_ns_ = ns; }
  void set_microflow(bool enabled);
  std::vector<MeterCount> meter_counts(uint32_t id) { return shared_.meters.counts(id); }
  Shortcuts& shortcuts() { return *shared_.shortcuts; }
  Worker& worker(uint32_t i) { return *workers_[i]; }
  const Config& config() const { return shared_.config; }
  bool closed() const { return closed_; }
  // Ends the threads and closes the ports; what waits is dropped. Counters stay readable.
  void close();

 private:
  // A thread and the one control that it may be asked to apply.
  struct alignas(64) Runner {
    std::thread thread;
    std::mutex lock;
    std::condition_variable changed;
    const Control* control = nullptr;
    std::atomic<bool> asked{false};
    bool stop = false;
    bool hold = false;  // it is to stand still
    bool held = false;  // and does
  };
  void run(uint32_t worker);
  void sleep(Worker& w, Runner& r, class Turns& turns);
  bool serve(Worker& w, Runner& r);
  void control(uint32_t worker, const Control& c);
  void begin(uint32_t worker, const Control& c, bool wait);
  void control_all(const Control& c);
  Port* open_port(uint32_t worker, const PortRequest& request, OpenPort& to, std::string* why, int* err);
  void add_worker();
  void start(uint32_t worker);
  void stop(uint32_t worker);
  void hold_all();
  void release_all();
  void clear_lent();
  void move(const Move& m, std::vector<uint32_t>& changed);

  Shared shared_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::unique_ptr<Runner>> runners_;  // none in manual mode
  uint32_t active_ = 0;                           // workers that run; those behind rest
  std::vector<std::unique_ptr<OpenPort>> ports_;  // by vport
  std::vector<bool> used_;  // there was a port of that number
  cpu_set_t anywhere_;  // the processors of the program
  uint64_t clock_ns_ = 0;
  bool closed_ = false;
};

}  // namespace weft
