// Two workers, or one or three, under traffic while flows, ports and workers come and go, and ports move between workers: run under sanitizers by native.test.ts. Prints what is wrong, or "ok PACKETS".
//
// Traffic: looped pcap ports on both workers, so that half of it crosses from one to the other. The main thread plays JavaScript: it reads upcalls
// and resumes them, puts, changes and deletes flows, removes and adds ports, injects and executes. At the end every packet must have ended or be
// held, and after close every buffer must be home.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "../../native/generated/actions.h"
#include "../../native/packet/bytes.h"
#include "../../native/worker/datapath.h"
#include "../../native/worker/random.h"

using namespace weft;

namespace {

constexpr uint32_t kFlows = 64, kPorts = 8, kFirstSink = 3, kMemory = 5, kLastPort = 6;

struct Silent : Doorbell {
  std::atomic<uint32_t> rings{0};
  void ring() override { rings++; }
};

class Commands {
 public:
  uint8_t* add(Command type, uint32_t payload) {
    const uint32_t size = (8 + payload + 7) & ~7u, at = static_cast<uint32_t>(bytes.size());
    bytes.resize(at + size);
    store(&bytes[at], size);
    store(&bytes[at + 4], static_cast<uint32_t>(type));
    return &bytes[at + 8];
  }
  std::vector<uint8_t> bytes;
};

class Stress {
 public:
  Stress(uint32_t seed, const std::string& pcap, bool busy) : random_(seed), pcap_(pcap) {
    config_ = Config{2, false, busy, kFlows, kPorts, 1 << 20, 1 << 20, true, 2, 512, 8, seed};
    dp_ = std::make_unique<Datapath>(config_, &bell_);
    for (uint32_t v = 1; v <= kLastPort; v++) add_port(v);
    read_rings();
  }

  void step() {
    read_upcalls();
    switch (random_.u32() % 12) {
      case 0:
        dp_->ports_remove({1 + random_.u32() % kLastPort});
        break;
      case 1:
        for (uint32_t v = 1; v <= kLastPort; v++) add_port(v);
        break;
      case 2:
        dp_->set_microflow(random_.u32() & 1);
        break;
      case 3: {
        Commands c;
        const uint32_t bands = 1 + random_.u32() % 8;
        uint8_t* at = c.add(Command::kMeter, 16 + 8 * bands);
        store(at, 1u);
        store(at + 4, random_.u32() % 3);
        store(at + 8, bands);
        store(at + 12, 0u);
        for (uint32_t i = 0; i < bands; i++) {
          store(at + 16 + 8 * i, 1000 + random_.u32() % 1000);
          store(at + 20 + 8 * i, random_.u32() % 1000);
        }
        submit(random_.u32() % dp_->active(), c);
        break;
      }
      case 4:
        inject();
        break;
      case 5: {
        Commands c;
        uint8_t* at = c.add(Command::kPortState, 8);
        store(at, 1 + random_.u32() % kLastPort);
        store(at + 4, random_.u32() & 1);
        all(c);
        break;
      }
      case 6:
        if (random_.u32() % 8 == 0) steer();
        break;
      default:
        change_flow();
    }
  }

  // Returns packets received.
  uint64_t finish(std::string* fault) {
    dp_->close();
    uint64_t total = 0;
    for (uint32_t v = 0; v < kPorts; v++) {
      uint64_t rx = 0, ended = 0;
      for (uint32_t w = 0; w < dp_->workers(); w++) {
        const uint64_t* b = dp_->worker(w).arena().port(v);
        rx += b[kPortRxPackets];
        ended += b[kPortForwarded] + b[kPortHeld];
        for (uint32_t r = 0; r < kDropReasonSlots; r++) ended += b[kPortCounters + r];
        if (b[kPortHeld] != 0) *fault += "port " + std::to_string(v) + " holds packets after the end; ";
      }
      total += rx;
      if (rx != ended) *fault += "port " + std::to_string(v) + ": " + std::to_string(rx) + " received, " + std::to_string(ended) + " ended; ";
    }
    for (uint32_t w = 0; w < dp_->workers(); w++)
      if (!dp_->worker(w).buffers_home()) *fault += "a buffer of worker " + std::to_string(w) + " is lost; ";
    if (bell_.rings == 0) *fault += "the bell never rang; ";
    return total;
  }

 private:
  void add_port(uint32_t v) {
    PortRequest r;
    r.kind = v < kFirstSink ? "pcap" : v == kMemory ? "memory" : "null";
    r.device = v < kFirstSink ? pcap_ : "";
    r.loop = true;
    std::string why;
    dp_->port_add(v, {v % dp_->active()}, r, &why);
  }

  void read_rings() {
    while (readers_.size() < dp_->workers()) {
      Worker& w = dp_->worker(static_cast<uint32_t>(readers_.size()));
      readers_.emplace_back(w.upcall_memory()->data(), config_.upcall_ring_bytes, w.upcall_index()->as<RingIndex>());
    }
  }

  // Some ports are paused before, as they are where order counts; some of them move, and some go on where they were.
  void steer() {
    std::vector<uint32_t> paused;
    std::vector<Move> moves;
    const uint32_t workers = 1 + random_.u32() % 3;
    for (uint32_t v = 1; v <= kLastPort; v++) {
      if (random_.u32() & 1) paused.push_back(v);
      if (random_.u32() & 1) moves.push_back({v, 0, random_.u32() % workers});
    }
    dp_->ports_pause(paused);
    read_upcalls();
    dp_->steer(std::vector<int>(workers, -1), moves);
    read_rings();
  }

  void submit(uint32_t worker, const Commands& c) {
    while (!dp_->submit(worker, c.bytes.data(), static_cast<uint32_t>(c.bytes.size()))) read_upcalls();
  }
  void all(const Commands& c) {
    for (uint32_t w = 0; w < dp_->active(); w++) submit(w, c);
  }

  static void copy(uint8_t* to, const std::vector<uint32_t>& words) {
    if (!words.empty()) std::memcpy(to, words.data(), words.size() * 4);
  }

  std::vector<uint32_t> actions() {
    const auto op = [](Op o, uint32_t words) { return static_cast<uint32_t>(o) | words << 16; };
    const uint32_t port = 1 + random_.u32() % (kLastPort + 1);
    switch (random_.u32() % 6) {
      case 0:
        return {};
      case 1:
        return {op(Op::kMeter, 2), 1, op(Op::kOutput, 2), port};
      case 2:
        return {op(Op::kOutput, 2), port, op(Op::kPushVlan, 2), 0x81001005, op(Op::kOutput, 2), 1 + random_.u32() % kLastPort};
      case 3:
        return {op(Op::kRecirc, 2), 1 + random_.u32() % 2};
      default:
        return {op(Op::kOutput, 2), port};
    }
  }

  void change_flow() {
    const uint32_t slot = random_.u32() % kFlows;
    const std::vector<uint32_t> a = actions();
    const uint32_t bytes = static_cast<uint32_t>(a.size() * 4);
    Commands c;
    const uint32_t what = random_.u32() % 3;
    if (what == 0) {
      store(c.add(Command::kFlowDelete, 8), slot);
    } else if (what == 1) {
      uint8_t* at = c.add(Command::kFlowModify, 8 + bytes);
      store(at, slot);
      store(at + 4, bytes);
      copy(at + 8, a);
    } else {
      uint8_t* at = c.add(Command::kFlowPut, 16 + 128 + bytes);
      store(at, slot);
      store<uint16_t>(at + 4, 1);
      store<uint16_t>(at + 6, 1);
      store(at + 8, bytes);
      put_be32(at + 16 + kOfsInPort, 1 + slot % 2);
      put_be32(at + 16 + kOfsRecircId, slot % 4 / 2);
      at[16 + kOfsTpSrc + 1] = static_cast<uint8_t>(slot / 4);
      std::memset(at + 80, 0xff, 8);
      at[80 + kOfsTpSrc + 1] = slot % 3 ? 0x0f : 0x07;
      copy(at + 144, a);
    }
    all(c);
  }

  void inject() {
    Commands c;
    uint8_t* at = c.add(Command::kInject, 24 + 64);
    store(at, kMemory);
    store(at + 4, 64u);
    dp_->submit(random_.u32() % dp_->active(), c.bytes.data(), static_cast<uint32_t>(c.bytes.size()));
    Commands e;
    at = e.add(Command::kExecute, 40 + 8 + 64);
    store(at, 1 + random_.u32() % 3);
    store(at + 8, 8u);
    store(at + 12, 60u);
    store(at + 32, random_.u32() & 1);
    store(at + 40, static_cast<uint32_t>(Op::kOutput) | 2u << 16);
    store(at + 44, 1 + random_.u32() % kLastPort);
    submit(random_.u32() % dp_->active(), e);
  }

  void read_upcalls() {
    for (uint32_t w = 0; w < dp_->workers(); w++) {
      uint32_t size;
      for (int n = 0; n < 64; n++) {
        const uint8_t* r = readers_[w].peek(&size);
        if (!r) {
          dp_->worker(w).rearm();
          break;
        }
        const bool miss = r[kUpcallType] == static_cast<uint8_t>(UpcallType::kMiss);
        const uint32_t pending = load<uint32_t>(r + kUpcallPending);
        readers_[w].pop(size);
        if (!miss || random_.u32() % 8 == 0) continue;
        const std::vector<uint32_t> a = actions();
        Commands c;
        uint8_t* at = c.add(Command::kResume, 16 + static_cast<uint32_t>(a.size() * 4));
        store(at, pending);
        store(at + 4, random_.u32() % (kFlows * 2));
        store(at + 8, static_cast<uint32_t>(a.size() * 4));
        copy(at + 16, a);
        dp_->submit(w, c.bytes.data(), static_cast<uint32_t>(c.bytes.size()));
      }
    }
  }

  Silent bell_;
  Random random_;
  std::string pcap_;
  Config config_;
  std::unique_ptr<Datapath> dp_;
  std::vector<RingReader> readers_;
};

}  // namespace

int stress_shortcuts(uint32_t seed, uint32_t steps);

int main(int argc, char** argv) {
  if (argc < 4) return std::fprintf(stderr, "usage: stress F.pcap|shortcuts SEED STEPS\n"), 2;
  const uint32_t seed = static_cast<uint32_t>(std::strtoul(argv[2], nullptr, 10));
  if (std::strcmp(argv[1], "shortcuts") == 0) return stress_shortcuts(seed, static_cast<uint32_t>(std::atoi(argv[3])));
  uint64_t packets = 0;
  for (uint32_t round = 0; round < 4; round++) {
    Stress s(seed + round, argv[1], round & 1);
    for (int i = 0; i < std::atoi(argv[3]); i++) s.step();
    std::string fault;
    packets += s.finish(&fault);
    if (!fault.empty()) return std::printf("seed %u: %s\n", seed + round, fault.c_str()), 1;
  }
  std::printf("ok %llu\n", static_cast<unsigned long long>(packets));
  return 0;
}
