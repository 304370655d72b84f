// A port as the datapath holds it: what was opened, and its receive queues, each of which belongs to a worker.
//
// A port has one queue or several. Each is a Port of its own (a socket, a TAP's descriptor) for the same device, so that nothing is called by two threads; the kernel
// sees to it that frames of one flow come by one of them. A worker sends by a queue of its own where it has one, else by an outlet where the kernel lets two threads send by one
// descriptor, else it lends to the worker of the first.
#pragma once
#include <memory>
#include <vector>

#include "../generated/ring.h"
#include "../port/memory.h"

namespace weft {

constexpr uint32_t kMostQueues = kQueueBlock;  // of a port

// On a line of its own: its worker writes to it in each breath, and ports that were added one after the other are of different workers.
struct alignas(64) RxQueue {
  Port* port = nullptr;
  uint32_t vport = 0;
  uint32_t number = 0;   // 0 is the first
  uint32_t owner = 0;    // worker
  bool failed = false;   // no longer looked at
  bool resting = false;  // looked at when its descriptor says so
  bool paused = false;   // not looked at: it is to move to another worker
  bool called = true;    // its descriptor was readable when the last sleep ended; or it has none
  uint8_t quiet = 0;     // sleeps in a row without a frame from it
  uint32_t got = 0;      // of the measured breath: frames,
  uint64_t spent = 0;    // and cycles
};

struct OpenPort {
  uint32_t vport = 0;
  std::vector<std::unique_ptr<Port>> ports;  // one a queue
  std::vector<std::unique_ptr<Port>> outlets;  // one a worker, for those without a queue; none where there is one worker, or the port has none
  MemoryPort* memory = nullptr;              // the first, when it is one
  std::vector<RxQueue> queues;               // never moves: workers point into it
  uint32_t sender() const { return queues[0].owner; }
  // For so many workers.
  void open_outlets(uint32_t workers) {
    if (workers > 1)
      while (outlets.size() < workers) outlets.push_back(ports[0]->outlet());
  }
  Port* outlet(uint32_t worker) const { return worker < outlets.size() ? outlets[worker].get() : nullptr; }
};

}  // namespace weft
