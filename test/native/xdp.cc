// Two AF_XDP ports on the ends of a veth pair, wfn-a and wfn-b, that is there: frames of any bytes and length, streams among them, go from one to the other while buffers run out and
// the ports are made anew; at last the device goes. Every frame is received or counted, every buffer comes home. xdp SEED ROUNDS prints "ok FRAMES".
// sources: native/port/xdp.cc native/port/xdp_socket.cc native/port/xdp_program.cc native/port/napi.cc native/port/stream.cc native/port/unfinished.cc native/port/bpf.cc native/port/chores.cc native/port/netdev.cc native/port/transmission.cc native/port/burst.cc native/port/ring_reception.cc native/port/packet_ring.cc native/packet/offload.cc native/action/headers.cc
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>

#include "../../native/packet/offload.h"
#include "../../native/port/chores.h"
#include "ports.h"

using namespace weft;

namespace {

std::unique_ptr<Port> open(const char* device, const char* mode, bool need_wakeup) {
  PortOptions o{};
  o.device = device;
  o.output = o.netns = "";
  o.offload = true;
  o.xdp_mode = mode;
  o.need_wakeup = need_wakeup;
  char why[512];
  int err = 0;
  std::unique_ptr<Port> port(open_xdp(o, why, &err));
  if (!port) std::fprintf(stderr, "%s\n", why);
  return port;
}

// Headers of TCP that are right, nearly right, or none.
void fill(Packet& p, std::mt19937& random) {
  const uint32_t shape = random() % 8;
  p.len = shape < 4 ? 14 + random() % 1487 : 1514;
  for (uint32_t i = 0; i < p.len; i++) p.data[i] = static_cast<uint8_t>(random());
  if (shape == 0 || p.len < 60) return;
  static const uint8_t kHead[] = {0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x08, 0, 0x45, 0, 0, 0, 0, 0, 0x40, 0, 0x40, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2};
  std::memcpy(p.data, kHead, sizeof kHead);
  p.data[16] = static_cast<uint8_t>((p.len - 14) >> 8);
  p.data[17] = static_cast<uint8_t>(p.len - 14);
  p.data[46] = 0x50;
  p.data[47] = 0x10;
  if (shape % 2 == 0) p.data[random() % 54] ^= static_cast<uint8_t>(random());
  p.offload.flags = kNeedsCsum;
  p.offload.csum_start = 34;
  p.offload.csum_offset = 16;
}

// Frames that `to` had: received or lost.
uint64_t drain(Port& to, Pool& pool) {
  Packet* batch[kBatch];
  uint64_t frames = to.lost();
  while (const uint32_t n = to.receive(pool, batch, kBatch)) {
    for (uint32_t i = 0; i < n; i++) {
      const uint32_t size = batch[i]->offload.gso_size;
      frames += size == 0 ? 1 : (batch[i]->len - batch[i]->offload.hdr_len + size - 1) / size;
      uint8_t sum = 0;
      for (uint32_t k = 0; k < batch[i]->len; k++) sum = static_cast<uint8_t>(sum + batch[i]->data[k]);
      static volatile uint8_t sink;
      sink = sum;
      pool.give(batch[i]);
    }
    frames += to.lost();
  }
  return frames;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  std::mt19937 random(static_cast<uint32_t>(std::strtoul(argv[1], nullptr, 10)));
  const unsigned long rounds = std::strtoul(argv[2], nullptr, 10);
  uint64_t all = 0;
  for (const char* mode : {"best-effort", "generic"}) {
    auto a = open("wfn-a", mode, true), b = open("wfn-b", mode, false);
    require(a && b, "both ports can be had");
    Counted pool, few(3);
    drain(*b, pool);
    uint64_t sent = 0, came = 0;
    for (unsigned long round = 0; round < rounds; round++) {
      Packet* batch[kBatch];
      uint8_t ok[kBatch];
      const uint32_t n = 1 + random() % kBatch;
      for (uint32_t i = 0; i < n; i++) fill(*(batch[i] = pool.take(false)), random);
      PortTally tally;
      a->transmit(pool, batch, n, ok, tally);
      for (uint32_t i = 0; i < n; i++) {
        sent += ok[i];
        pool.give(batch[i]);
      }
      require(tally.sent_packets + tally.dropped_full + tally.dropped_error + tally.dropped_mtu == n, "each is sent or told of");
      if (round % 3 != 0) came += drain(*b, round % 5 == 0 ? few : pool);
    }
    for (int i = 0; i < 10000; i++) came += drain(*b, pool);
    require(sent > 0 && came == sent, (std::to_string(came) + " of " + std::to_string(sent) + " came").c_str());
    require(pool.out == 0 && few.out == 0, "every buffer came home");
    all += came;
    if (std::strcmp(mode, "generic") != 0) continue;
    require(std::system("ip link del wfn-a") == 0, "the device goes");
    Packet* p = pool.take(false);
    fill(*p, random);
    uint8_t ok = 1;
    PortTally tally;
    a->transmit(pool, &p, 1, &ok, tally);
    require(ok == 0 && tally.dropped_error == 1, "a frame for a device that is gone is told of");
    pool.give(p);
    a->changed(0);
    drain(*a, pool);
    require(a->failed() != 0, "and so is that it is gone");
  }
  finish_chores();
  std::printf("ok %llu\n", static_cast<unsigned long long>(all));
}
