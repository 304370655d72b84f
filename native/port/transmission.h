// The sending half of a system port: bursts (burst.h) where several plain frames leave in a row, else messages, one sendmmsg a batch.
#pragma once
#include <sys/socket.h>

#include <atomic>
#include <memory>

#include "../packet/offload.h"
#include "burst.h"
#include "port.h"

namespace weft {

// One worker's, but for `describe` and `set_mtu`.
class Transmission {
 public:
  // `burst_error`: why there may be no bursts, or 0.
  Transmission(int socket, int ifindex, uint32_t mtu, bool offload, int burst_error) : fd_(socket), ifindex_(ifindex), mtu_(mtu), offload_(offload), burst_error_(burst_error) {}

  // As of Port.
  void transmit(Pool& pool, Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally);
  void describe(char* to, size_t bytes) const;
  // How many from packets[at] on it would send as a burst; 0: another way is as good.
  uint32_t worth_burst(Packet** packets, uint32_t at, uint32_t n) const {
    const uint32_t run = bursts() ? plain_run(packets, at, n) : 0;
    return run >= Burst::kWorthwhile ? run : 0;
  }
  bool bursts() const { return burst_error_.load(std::memory_order_relaxed) == 0; }
  uint32_t mtu() const { return mtu_; }
  bool takes_uncut() const { return offload_; }
  void set_mtu(uint32_t mtu) { mtu_ = mtu; }

 private:
  struct Cut;
  static void send_segment(void* ctx, Packet* segment);
  uint32_t plain_run(Packet** packets, uint32_t at, uint32_t n) const;
  bool no_bursts();
  bool send_burst(Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally);
  void send_messages(Pool& pool, Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally);
  void send_all(Packet** packets, mmsghdr* msgs, const uint32_t* who, uint32_t m, uint8_t* ok, PortTally& tally);

  int fd_;
  int ifindex_;
  uint32_t mtu_;
  bool offload_;
  std::atomic<int> burst_error_;  // why there are none; the worker's, but anybody may read it
  std::unique_ptr<Burst> burst_;  // made when it is first of use
};

}  // namespace weft
