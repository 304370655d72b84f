#include "generator.h"

#include <poll.h>
#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace weft {
namespace {

uint64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000000u + static_cast<uint64_t>(t.tv_nsec);
}

// Buffers of one thread that gives each back before it takes many: a free list over one allocation a size.
class ThreadPool final : public Pool {
 public:
  ThreadPool(uint32_t small, uint32_t large) {
    add(small_, small, kSmallBuffer);
    add(large_, large, kLargeBuffer);
  }
  Packet* take(bool large) override {
    auto& list = large ? large_ : small_;
    if (list.free.empty()) return nullptr;
    Packet* p = list.free.back();
    list.free.pop_back();
    uint8_t* buffer = p->buffer;
    const uint32_t capacity = p->capacity;
    *p = Packet{};
    p->buffer = buffer;
    p->capacity = capacity;
    p->data = buffer + kHeadroom;
    p->large = large;
    return p;
  }
  void give(Packet* p) override { (p->large ? large_ : small_).free.push_back(p); }

 private:
  struct List {
    std::vector<uint8_t> memory;
    std::vector<Packet> packets;
    std::vector<Packet*> free;
  };
  static void add(List& list, uint32_t n, uint32_t bytes) {
    list.memory.resize(static_cast<size_t>(n) * bytes);
    list.packets.resize(n);
    for (uint32_t i = 0; i < n; i++) {
      list.packets[i].buffer = list.memory.data() + static_cast<size_t>(i) * bytes;
      list.packets[i].capacity = bytes;
      list.free.push_back(&list.packets[i]);
    }
  }
  List small_;
  List large_;
};

}  // namespace

uint32_t latency_bucket(uint64_t ns) {
  if (ns < 16) return static_cast<uint32_t>(ns);
  const uint32_t power = 63 - static_cast<uint32_t>(std::countl_zero(ns));
  const uint32_t sub = static_cast<uint32_t>(ns >> (power - 4)) & 15;
  return std::min((power - 3) * 16 + sub, kLatencyBuckets - 1);
}

Generator::Generator(Port* out, Port* in, std::vector<GeneratorFrame> frames, uint32_t flows, GeneratorConfig config,
                     uint64_t* counters)
    : out_(out),
      in_(in),
      pool_(std::make_unique<ThreadPool>(128, 40)),
      frames_(std::move(frames)),
      next_sequence_(flows, 0),
      highest_seen_(flows, 0),
      config_(config),
      counters_(counters) {
  counters_[kGenLatencyMin] = ~0ull;
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "weft-pktgen");
}

Generator::~Generator() {
  stop();
  thread_.join();
}

void Generator::run() {
  const uint64_t start = now_ns();
  uint64_t last_sent = start;
  uint64_t finished = 0;
  while (!stop_.load(std::memory_order_relaxed)) {
    const uint64_t now = now_ns();
    const uint64_t sent = counters_[kGenSent] + counters_[kGenRefused];
    const bool over = (config_.count != 0 && sent >= config_.count) ||
                      (config_.duration_ns != 0 && now - start >= config_.duration_ns) || out_->failed() != 0;
    uint32_t did = 0;
    if (!over) {
      uint64_t due = kBatch;
      if (config_.rate != 0) {
        const uint64_t should = static_cast<uint64_t>(static_cast<double>(now - start) * 1e-9 * static_cast<double>(config_.rate)) + 1;
        due = should > sent ? std::min<uint64_t>(should - sent, kBatch) : 0;
      }
      if (config_.count != 0) due = std::min(due, config_.count - sent);
      if (due != 0) {
        did += send_some(static_cast<uint32_t>(due), now);
        last_sent = now_ns();
        counters_[kGenSendNs] = last_sent - start;
      }
    } else if (finished == 0) {
      finished = now;
    }
    if (in_) did += receive_some();
    if (finished != 0 && (!in_ || now - finished >= config_.linger_ns)) break;
    if (did != 0) continue;
    // Nothing due: wait for a frame or for the next one's time, whichever is first.
    uint64_t wait = 1000000;
    if (!over && config_.rate != 0) wait = std::min<uint64_t>(wait, 1000000000u / config_.rate);
    const timespec t{0, static_cast<long>(wait)};
    if (in_ && in_->doze()) continue;
    pollfd p{in_ ? in_->fd() : -1, POLLIN, 0};
    ppoll(&p, in_ ? 1 : 0, &t, nullptr);
  }
  counters_[kGenDone] = 1;
}

uint32_t Generator::send_some(uint32_t want, uint64_t now) {
  Packet packets[kBatch];
  Packet* list[kBatch];
  uint8_t ok[kBatch] = {};
  for (uint32_t i = 0; i < want; i++) {
    GeneratorFrame& f = frames_[at_];
    if (++at_ == frames_.size()) at_ = 0;
    if (f.stamp_at >= 0) {
      // A frame table smaller than the batch would be stamped twice before it is sent: the batch then ends early.
      if (i >= frames_.size()) {
        at_ = (at_ + static_cast<uint32_t>(frames_.size()) - 1) % static_cast<uint32_t>(frames_.size());
        want = i;
        break;
      }
      const Stamp s{kStampMagic, f.flow, ++next_sequence_[f.flow], now};
      std::memcpy(f.bytes.data() + f.stamp_at, &s, sizeof s);
    }
    packets[i] = Packet{};
    packets[i].data = f.bytes.data();
    packets[i].buffer = f.bytes.data();
    packets[i].len = static_cast<uint32_t>(f.bytes.size());
    packets[i].capacity = packets[i].len;
    list[i] = &packets[i];
  }
  PortTally tally;
  out_->transmit(*pool_, list, want, ok, tally);
  counters_[kGenSent] += tally.sent_packets;
  counters_[kGenSentBytes] += tally.sent_bytes;
  counters_[kGenRefused] += want - std::min<uint64_t>(want, tally.sent_packets);
  return want;
}

uint32_t Generator::receive_some() {
  Packet* got[kBatch];
  const uint32_t n = in_->receive(*pool_, got, kBatch);
  if (n == 0) return 0;
  const uint64_t now = now_ns();
  for (uint32_t i = 0; i < n; i++) {
    judge(*got[i], now);
    pool_->give(got[i]);
  }
  return n;
}

void Generator::judge(const Packet& p, uint64_t now) {
  // The switch may have pushed or popped tags, so the stamp is looked for rather than expected at its place.
  Stamp s{};
  bool found = false;
  const uint16_t magic = kStampMagic;
  for (uint32_t at = 14; at + sizeof s <= p.len && at <= 128; at++) {
    if (std::memcmp(p.data + at, &magic, sizeof magic) != 0) continue;
    std::memcpy(&s, p.data + at, sizeof s);
    found = s.flow < highest_seen_.size() && s.sent_ns <= now && now - s.sent_ns < kOldestStampNs;
    if (found) break;
  }
  if (!found) {
    counters_[kGenForeign]++;
    return;
  }
  counters_[kGenReceived]++;
  counters_[kGenReceivedBytes] += p.len;
  if (s.sequence < highest_seen_[s.flow]) {
    counters_[kGenReordered]++;
  } else {
    highest_seen_[s.flow] = s.sequence;
  }
  const uint64_t ns = now > s.sent_ns ? now - s.sent_ns : 0;
  counters_[kGenLatencySum] += ns;
  counters_[kGenLatencyMin] = std::min(counters_[kGenLatencyMin], ns);
  counters_[kGenLatencyMax] = std::max(counters_[kGenLatencyMax], ns);
  counters_[kGenCounters + latency_bucket(ns)]++;
}

}  // namespace weft
