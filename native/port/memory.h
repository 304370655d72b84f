// A port whose other side is JavaScript: frames arrive by the `inject` command and leave as records of the upcall ring.
#pragma once
#include "port.h"

namespace weft {

// Takes frames up to JavaScript. False: no room.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  virtual bool frame_up(uint32_t vport, const Packet& p) = 0;
};

class MemoryPort final : public Port {
 public:
  MemoryPort(uint32_t vport, uint32_t mtu, bool offload, FrameSink& up) : vport_(vport), mtu_(mtu), offload_(offload), up_(&up) {}
  void serve(FrameSink& up) { up_ = &up; }
  // Waits until the next receive. The packet is the port's until then.
  void arrive(Packet* p);
  uint32_t waiting() const { return waiting_; }

  uint32_t receive(Pool& pool, Packet** out, uint32_t max) override;
  void transmit(Pool& pool, Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally) override;
  int fd() const override { return -1; }
  bool polled() const override { return waiting_ != 0; }
  uint32_t mtu() const override { return mtu_; }
  bool takes_uncut() const override { return offload_; }

 private:
  uint32_t vport_;
  uint32_t mtu_;
  bool offload_;
  FrameSink* up_;
  Packet* first_ = nullptr;
  Packet* last_ = nullptr;
  uint32_t waiting_ = 0;
};

}  // namespace weft
