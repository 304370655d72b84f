// Test traffic: one thread that sends frames at a rate and, on a second port, receives and judges them.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "../port/port.h"

namespace weft {

// A sent frame carries a stamp in its payload, in host order. 18 bytes: just what a 64-byte UDP frame has room for, so the magic is short, and a
// stamp is believed only when its flow and time are possible too.
struct __attribute__((packed)) Stamp {
  uint16_t magic;
  uint32_t flow;
  uint32_t sequence;  // in the flow, from 1
  uint64_t sent_ns;   // CLOCK_MONOTONIC
};
static_assert(sizeof(Stamp) == 18);
constexpr uint16_t kStampMagic = 0x7766;
constexpr uint64_t kOldestStampNs = 60000000000u;

// Latency in logarithmic buckets: 16 a power of two, so a percentile is right within 6 %.
constexpr uint32_t kLatencyBuckets = 64 * 16;
uint32_t latency_bucket(uint64_t ns);

struct GeneratorFrame {
  std::vector<uint8_t> bytes;
  uint32_t flow;
  int32_t stamp_at;  // offset of the stamp, or -1: sent as it is
};

struct GeneratorConfig {
  uint64_t rate;         // frames a second; 0: as fast as the port takes them
  uint64_t count;        // frames; 0 no limit
  uint64_t duration_ns;  // 0 no limit
  uint64_t linger_ns;    // how long to receive after the last frame was sent
};

// u64 counters, read by JavaScript while the thread writes them; then kLatencyBuckets counts.
enum GeneratorCounter : uint32_t {
  kGenSent,
  kGenSentBytes,
  kGenRefused,
  kGenReceived,
  kGenReceivedBytes,
  kGenForeign,    // received without a stamp of ours
  kGenReordered,  // a sequence number lower than one seen before in its flow
  kGenLatencySum,
  kGenLatencyMin,
  kGenLatencyMax,
  kGenSendNs,  // from first to last frame sent
  kGenDone,
  kGenCounters = 16,
};

class Generator {
 public:
  // Takes the ports over; `in` may be null. `counters` has kGenCounters + kLatencyBuckets words and outlives this.
  Generator(Port* out, Port* in, std::vector<GeneratorFrame> frames, uint32_t flows, GeneratorConfig config, uint64_t* counters);
  ~Generator();
  void stop() { stop_.store(true, std::memory_order_relaxed); }

 private:
  void run();
  uint32_t send_some(uint32_t want, uint64_t now);
  uint32_t receive_some();
  void judge(const Packet& p, uint64_t now);

  std::unique_ptr<Port> out_;
  std::unique_ptr<Port> in_;
  std::unique_ptr<Pool> pool_;
  std::vector<GeneratorFrame> frames_;
  std::vector<uint32_t> next_sequence_;
  std::vector<uint32_t> highest_seen_;
  GeneratorConfig config_;
  uint64_t* counters_;
  uint32_t at_ = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace weft
