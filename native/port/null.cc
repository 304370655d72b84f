// Ports without a device: the null port takes every frame and gives none; a tunnel's port takes none either.
#include <cstring>

#include "port.h"

namespace weft {
namespace {

class NullPort : public Port {
 public:
  explicit NullPort(uint32_t mtu) : mtu_(mtu) {}
  uint32_t receive(Pool&, Packet**, uint32_t) override { return 0; }
  void transmit(Pool&, Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally) override {
    std::memset(ok, 1, n);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < n; i++) bytes += packets[i]->len;
    tally.sent_packets += n;
    tally.sent_bytes += bytes;
  }
  int fd() const override { return -1; }
  bool polled() const override { return false; }
  uint32_t mtu() const override { return mtu_; }

 private:
  uint32_t mtu_;
};

class TunnelPort final : public NullPort {
 public:
  using NullPort::NullPort;
  bool sends() const override { return false; }
};

}  // namespace

Port* open_tunnel(const PortOptions& o, char*, int*) { return new TunnelPort(o.mtu); }
Port* open_null(const PortOptions& o, char*, int*) { return new NullPort(o.mtu); }

}  // namespace weft
