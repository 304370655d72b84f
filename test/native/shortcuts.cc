// Two workers and two system ports, wfn-a and wfn-c, whose flows the kernel repeats by itself, while frames come from the other ends (wfn-b, wfn-d) and the main thread, which plays
// JavaScript, changes flows, ports, workers and whether there may be shortcuts. Every frame that was received must have ended. A part of stress.cc, which says how it is called.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "../../native/generated/actions.h"
#include "../../native/packet/bytes.h"
#include "../../native/worker/datapath.h"
#include "../../native/worker/random.h"

using namespace weft;

namespace {

constexpr uint32_t kFlows = 16, kPorts = 4;

struct Quiet : Doorbell {
  void ring() override {}
};

// UDP of a few flows, now and then a pause, so that it is no flood.
void send_frames(const char* device, uint8_t host, const std::atomic<bool>& over) {
  const int fd = socket(AF_PACKET, SOCK_RAW, 0);
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(if_nametoindex(device));
  uint8_t f[60] = {2, 0, 0, 0, 9, 9, 2, 0, 0, 0, 9, host, 8, 0, 0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, host, 10, 0, 0, 9};
  f[39] = 26;
  for (uint32_t i = 0; !over; i++) {
    f[35] = static_cast<uint8_t>(i % 4);
    sendto(fd, f, sizeof f, 0, reinterpret_cast<sockaddr*>(&to), sizeof to);
    if (i % 16 == 0) usleep(200);
  }
  close(fd);
}

class Play {
 public:
  explicit Play(uint32_t seed) : random_(seed), dp_(Config{2, false, false, kFlows, kPorts, 1 << 20, 1 << 20, true, 1, 4096, 8, seed}, &bell_) {
    dp_.shortcuts().allow(true);
    for (uint32_t v : {1u, 2u}) add_port(v, 0);
    for (uint32_t slot = 0; slot < 8; slot++) put(slot);
  }

  // Until there are some.
  void warm() {
    for (int i = 0; i < 10'000 && dp_.shortcuts().list().size() < 2; i++) usleep(2000);
  }

  void step() {
    switch (random_.u32() % 32) {
      case 0:
        dp_.shortcuts().allow(random_.u32() % 4 != 0);
        break;
      case 1:
        dp_.ports_remove({1 + random_.u32() % 2});
        for (uint32_t v : {1u, 2u}) add_port(v, random_.u32() % dp_.active());
        break;
      case 2: {
        const uint32_t workers = 1 + random_.u32() % 2;
        dp_.steer(std::vector<int>(workers, -1), {{1, 0, random_.u32() % workers}, {2, 0, random_.u32() % workers}});
        break;
      }
      case 3:
        command(Command::kPortState, {1 + random_.u32() % 2, random_.u32() % 4 != 0});
        break;
      case 4:
        command(Command::kFlowDelete, {random_.u32() % 8, 0});
        break;
      case 5:
        command(Command::kFlowModify, {random_.u32() % 8, 8, output(), 1 + random_.u32() % 2});
        break;
      case 6:
        listed_ += dp_.shortcuts().list().size();
        break;
      default:
        if (random_.u32() % 4 == 0) put(random_.u32() % 8);
        usleep(2000);
    }
  }

  // Returns frames that the kernel forwarded by itself.
  uint64_t finish(std::string* fault) {
    dp_.close();
    const uint64_t* kernel = reinterpret_cast<const uint64_t*>(dp_.shortcuts().memory()->data());
    for (uint32_t v : {1u, 2u}) {
      uint64_t rx = 0, ended = 0;
      for (uint32_t w = 0; w <= dp_.workers(); w++) {
        const uint64_t* b = w < dp_.workers() ? dp_.worker(w).arena().port(v) : kernel + kWorkerBlock + v * kPortBlock;
        rx += b[kPortRxPackets];
        ended += b[kPortForwarded] + b[kPortHeld];
        for (uint32_t r = 0; r < kDropReasonSlots; r++) ended += b[kPortCounters + r];
      }
      if (rx != ended) *fault += "port " + std::to_string(v) + ": " + std::to_string(rx) + " received, " + std::to_string(ended) + " ended; ";
    }
    return kernel[kWorkerPackets];
  }

 private:
  static uint32_t output() { return static_cast<uint32_t>(Op::kOutput) | 2u << 16; }

  void add_port(uint32_t v, uint32_t worker) {
    PortRequest r;
    r.kind = "system";
    r.device = v == 1 ? "wfn-a" : "wfn-c";
    r.offload = r.programs = true;
    std::string why;
    dp_.port_add(v, {worker}, r, &why);
  }

  void command(Command type, const std::vector<uint32_t>& words) {
    std::vector<uint8_t> c((8 + 4 * words.size() + 7) & ~size_t{7});
    store(&c[0], static_cast<uint32_t>(c.size()));
    store(&c[4], static_cast<uint32_t>(type));
    std::memcpy(&c[8], words.data(), 4 * words.size());
    for (uint32_t w = 0; w < dp_.active(); w++)
      while (!dp_.submit(w, c.data(), static_cast<uint32_t>(c.size()))) {
      }
  }

  // A flow of a port and a port of UDP, to the other port.
  void put(uint32_t slot) {
    const uint32_t in = 1 + slot % 2;
    std::vector<uint32_t> words(4 + 32 + 2);
    words[0] = slot;
    words[1] = 1 | 1 << 16;
    words[2] = 8;
    auto* key = reinterpret_cast<uint8_t*>(&words[4]);
    put_be32(key + kOfsInPort, in);
    key[kOfsTpSrc + 1] = static_cast<uint8_t>(slot / 2);
    std::memset(key + 64, 0xff, 8);
    key[64 + kOfsTpSrc + 1] = 0xff;
    words[36] = output();
    words[37] = 3 - in;
    command(Command::kFlowPut, words);
  }

  Random random_;
  Quiet bell_;
  Datapath dp_;
  size_t listed_ = 0;
};

}  // namespace

int stress_shortcuts(uint32_t seed, uint32_t steps) {
  std::string fault;
  std::atomic<bool> over{false};
  std::thread b(send_frames, "wfn-b", 1, std::cref(over)), d(send_frames, "wfn-d", 2, std::cref(over));
  uint64_t frames;
  {
    Play play(seed);
    play.warm();
    for (uint32_t i = 0; i < steps; i++) play.step();
    over = true;
    b.join();
    d.join();
    frames = play.finish(&fault);
  }
  if (fault.empty())
    std::printf("ok %llu\n", static_cast<unsigned long long>(frames));
  else
    std::printf("%s\n", fault.c_str());
  return fault.empty() ? 0 : 1;
}
