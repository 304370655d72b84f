// The counters of one worker: written by it alone, read by JavaScript at any time. Layout: native.ts, `counters`.
#pragma once
#include "../generated/drop_reasons.h"
#include "../generated/ring.h"
#include "memory.h"

namespace weft {

class Arena {
 public:
  Arena(uint32_t max_ports, uint32_t max_flows)
      : memory_(std::make_shared<Mapping>(8 * (kWorkerBlock + uint64_t{max_ports} * (kPortBlock + kQueueBlock) + uint64_t{max_flows} * kFlowBlock))),
        worker_(memory_->as<uint64_t>()),
        ports_(worker_ + kWorkerBlock),
        queues_(ports_ + uint64_t{max_ports} * kPortBlock),
        flows_(queues_ + uint64_t{max_ports} * kQueueBlock) {}

  uint64_t* worker() const { return worker_; }
  uint64_t* port(uint32_t vport) const { return ports_ + uint64_t{vport} * kPortBlock; }
  // Cycles of each receive queue in measured breaths.
  uint64_t* queues(uint32_t vport) const { return queues_ + uint64_t{vport} * kQueueBlock; }
  uint64_t* flow(uint32_t slot) const { return flows_ + uint64_t{slot} * kFlowBlock; }
  const SharedMapping& memory() const { return memory_; }

 private:
  SharedMapping memory_;
  uint64_t* worker_;
  uint64_t* ports_;
  uint64_t* queues_;
  uint64_t* flows_;
};

}  // namespace weft
