// The price of being a switch: the bare loop (copy a frame in, check and extract its key, hash it, compare it with one line, count), and then what a worker adds,
// part by part, until it is a worker. Each line is all parts up to it, so the difference of two is the price of one. Batches of 32, 60-byte frames of one flow.
// sources: native/worker/*.cc native/cache/*.cc native/port/*.cc native/action/*.cc native/tunnel/*.cc native/packet/*.cc
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "../cache/compare.h"
#include "../generated/actions.h"
#include "../packet/extract.h"
#include "../packet/extract_inline.h"
#include "../worker/datapath.h"
#include "figure.h"
#include "frame.h"

using namespace weft;

namespace {

enum Part { kBare, kPool, kPort, kArrival, kLane, kLookup, kDispatch, kTransmit };
constexpr const char* kParts[] = {
    "bare loop",        "+ buffer pool", "+ port's receive call, descriptors", "+ arrival: in_port, bytes, counters", "+ lane: runts, prefetch of the bucket",
    "+ flow look-up",   "+ dispatch, flow statistics", "+ transmit queue and call"};
constexpr uint32_t kBatches = 64;
constexpr uint32_t kIn = 1, kOut = 2, kFlows = 16, kPorts = 4, kBuffers = 4096;

// A capture of as many frames as a batch has.
class Capture {
 public:
  Capture() {
    const int fd = mkstemp(name_);
    if (fd < 0) std::abort();
    std::FILE* f = fdopen(fd, "wb");
    const uint32_t header[6] = {0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1}, record[4] = {0, 0, kFrame, kFrame};
    uint8_t frame[64];
    fill(frame);
    std::fwrite(header, sizeof header, 1, f);
    for (uint32_t i = 0; i < 2 * kBatch; i++) std::fwrite(record, sizeof record, 1, f), std::fwrite(frame, kFrame, 1, f);
    std::fclose(f);
  }
  ~Capture() { unlink(name_); }
  const char* name() const { return name_; }

 private:
  char name_[32] = "/tmp/weft-price-XXXXXX";
};

Key flow_mask() {
  Key m{};
  std::memset(m.in_port, 0xff, sizeof m.in_port + sizeof m.recirc_id);
  std::memset(m.eth_type, 0xff, sizeof m.eth_type);
  return m;
}

// A worker in pieces.
class Pieces {
 public:
  explicit Pieces(const char* capture)
      : pool_(kBuffers, 0), arena_(kPorts, kFlows), flow_memory_(kFlows * sizeof(Flow)), flows_(flow_memory_.as<Flow>()), mega_(flows_), micro_(flows_), raw_(kBatch * 2112) {
    char why[512];
    int err = 0;
    PortOptions o{};
    o.device = capture;
    o.output = o.netns = "";
    o.loop = true;
    source_.reset(open_pcap(o, why, &err));
    o.device = "";
    sink_.reset(open_null(o, why, &err));
    if (!source_ || !sink_) std::abort();
    capture_.resize(2 * kBatch * kFrame + 64);
    for (uint32_t i = 0; i < 2 * kBatch; i++) fill(&capture_[i * kFrame]);
    Key key{};
    extract(capture_.data(), kFrame, key, 1);
    put_be32(key.in_port, kIn);
    const Key mask = flow_mask();
    flows_->seq = 1;
    flows_->plain_port = kOut;
    flows_->counters = arena_.flow(0);
    mega_.insert(*flows_, key, mask);
    std::memcpy(&mask_line_, &mask, 64);
    for (int i = 0; i < 8; i++) flow_line_.word[i] = load<uint64_t>(key.in_port + 8 * i) & mask_line_.word[i];
  }

  template <Part kUpTo>
  void breath() {
    Packet* batch[kBatch];
    const uint32_t n = kUpTo >= kPort ? source_->receive(pool_, batch, kBatch) : copy_in<kUpTo>(batch);
    uint64_t* block = arena_.port(kIn);
    uint64_t bytes = 0;
    if constexpr (kUpTo >= kArrival) {
      for (uint32_t i = 0; i < n; i++) {
        batch[i]->in_port = kIn;
        batch[i]->counted = 1;
        bytes += batch[i]->len;
        __builtin_prefetch(batch[i]->data);
      }
      block[kPortRxPackets] += n;
      block[kPortRxBytes] += bytes;
      stats_[kWorkerPackets] += n;
      stats_[kWorkerBatches]++;
    }
    uint32_t good = 0;
    for (uint32_t i = 0; i < n; i++) {
      const uint8_t* data = kUpTo >= kPool ? batch[i]->data : &raw_[i * 2112];
      const uint32_t len = kUpTo >= kPool ? batch[i]->len : kFrame;
      const bool ok = extract_received(data, len, kIn, keys_[good], 1, hashes_[good]);
      if constexpr (kUpTo >= kLane) {
        batch[good] = batch[i];
        if (ok) [[likely]]
          micro_.prefetch(hashes_[good++]);
        else
          std::abort();
      } else {
        good++;
      }
    }
    uint64_t hits = 0;
    if constexpr (kUpTo >= kLookup) {
      look_up(good);
    } else {
      for (uint32_t i = 0; i < good; i++) hits += equal_masked_lines(&keys_[i], &mask_line_, &flow_line_);
      stats_[kWorkerMegaflowHits] += hits;
    }
    if constexpr (kUpTo >= kDispatch) dispatch<kUpTo>(batch, good);
    if constexpr (kUpTo >= kPool && kUpTo < kTransmit)
      for (uint32_t i = 0; i < n; i++) pool_.put(batch[i]);
  }

 private:
  template <Part kUpTo>
  uint32_t copy_in(Packet** batch) {
    if constexpr (kUpTo >= kPool) pool_.take_many(batch, kBatch);
    for (uint32_t i = 0; i < kBatch; i++) {
      uint8_t* to = &raw_[i * 2112];
      if constexpr (kUpTo >= kPool) {
        to = batch[i]->data;
        batch[i]->len = kFrame;
      }
      std::memcpy(to, &capture_[(at_++ % (2 * kBatch)) * kFrame], 64);
    }
    return kBatch;
  }

  void look_up(uint32_t n) {
    const uint32_t all = n == 32 ? ~0u : (1u << n) - 1;
    micro_.note(n, n);
    for (uint32_t i = 0; i < n; i++) found_[i] = MegaflowCache::kNone;
    const uint32_t found = mega_.lookup(keys_, all, found_, &stats_[kWorkerSubtableLookups]);
    stats_[kWorkerMegaflowHits] += static_cast<uint32_t>(__builtin_popcount(found));
  }

  template <Part kUpTo>
  void dispatch(Packet** batch, uint32_t n) {
    for (uint32_t i = 0; i < n;) {
      __builtin_prefetch(arena_.flow(found_[i] & 1), 1);
      if (found_[i] == MegaflowCache::kNone) std::abort();
      const uint32_t first = i, slot = found_[i];
      Flow& f = flows_[slot];
      if (f.plain_port == kNoPort || batch[i]->len > max_len_) std::abort();
      uint64_t bytes = 0;
      uint16_t flags = 0;
      for (; i < n && found_[i] == slot; i++) {
        bytes += batch[i]->len;
        flags |= load<uint16_t>(keys_[i].tcp_flags);
      }
      f.counters[kFlowPackets] += i - first;
      f.counters[kFlowBytes] += bytes;
      f.counters[kFlowUsedNs] = now_;
      f.counters[kFlowTcpFlags] |= flags;
      if constexpr (kUpTo >= kTransmit)
        for (uint32_t at = first; at < i; at++) {
          queue_[queued_++] = batch[at];
          if (queued_ == kBatch) flush();
        }
    }
  }

  void flush() {
    uint8_t ok[kBatch];
    PortTally tally;
    sink_->transmit(pool_, queue_, queued_, ok, tally);
    arena_.port(kOut)[kPortTxPackets] += tally.sent_packets;
    arena_.port(kOut)[kPortTxBytes] += tally.sent_bytes;
    uint64_t forwarded = 0;
    for (uint32_t i = 0; i < queued_; i++) {
      if (!ok[i] || queue_[i]->in_port != kIn) std::abort();
      forwarded += queue_[i]->counted;
      pool_.put(queue_[i]);
    }
    arena_.port(kIn)[kPortForwarded] += forwarded;
    queued_ = 0;
  }

  PacketPool pool_;
  Arena arena_;
  Mapping flow_memory_;
  Flow* flows_;
  MegaflowCache mega_;
  MicroflowCache micro_;
  std::unique_ptr<Port> source_, sink_;
  std::vector<uint8_t> raw_;
  std::vector<uint8_t> capture_;  // as the port holds it
  uint32_t at_ = 0;
  alignas(64) Key keys_[kBatch];
  Subtable::Line mask_line_, flow_line_;
  uint32_t hashes_[kBatch], found_[kBatch + 8] = {};
  uint64_t* stats_ = arena_.worker();
  Packet* queue_[kBatch];
  uint32_t queued_ = 0, max_len_ = 1514;
  uint64_t now_ = 1;
};

template <int kUpTo>
void measure_to(Pieces& p) {
  measure(kParts[kUpTo], kBatches * kBatch, [&] {
    for (uint32_t i = 0; i < kBatches; i++) p.breath<static_cast<Part>(kUpTo)>();
  });
  if constexpr (kUpTo < kTransmit) measure_to<kUpTo + 1>(p);
}

struct Silent : Doorbell {
  void ring() override {}
};

// The whole one, without and with what its thread does around a breath.
void measure_worker(const char* capture) {
  Silent bell;
  Config c{};
  c.workers = 1;
  c.manual = true;
  c.max_flows = kFlows;
  c.max_ports = kPorts;
  c.upcall_ring_bytes = c.command_ring_bytes = 1 << 20;
  c.microflow = true;
  c.max_vlans = 1;
  c.buffers = kBuffers;
  c.pending_depth = 8;
  Datapath dp(c, &bell);
  PortRequest r;
  std::string why;
  r.kind = "null";
  dp.port_add(kOut, {0}, r, &why);
  r.kind = "pcap";
  r.device = capture;
  r.loop = true;
  if (dp.port_add(kIn, {0}, r, &why) != 0) std::abort();
  uint8_t put[8 + 16 + 128 + 8] = {};
  const uint32_t size = sizeof put, type = static_cast<uint32_t>(Command::kFlowPut), action_bytes = 8;
  store(put, size);
  store(put + 4, type);
  store<uint16_t>(put + 12, 1);
  store<uint16_t>(put + 14, kFlowPutZeroed);
  store(put + 16, action_bytes);
  Key key{};
  uint8_t frame[64];
  fill(frame);
  extract(frame, kFrame, key, 1);
  put_be32(key.in_port, kIn);
  const Key mask = flow_mask();
  std::memcpy(put + 24, &key, 64);
  std::memcpy(put + 88, &mask, 64);
  store(put + 152, static_cast<uint32_t>(Op::kOutput) | 2u << 16);
  store(put + 156, kOut);
  dp.submit(0, put, size);
  dp.poll(0);
  const uint64_t* stats = dp.worker(0).stats();
  measure("+ breath: commands, waiting, upcalls", kBatches * kBatch, [&] {
    for (uint32_t i = 0; i < kBatches; i++) dp.poll(0);
  });
  volatile uint64_t sink;
  measure("+ thread: clock twice, cycles", kBatches * kBatch, [&] {
    for (uint32_t i = 0; i < kBatches; i++) {
      for (int k = 0; k < 2; k++) sink = static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
      dp.poll(0);
      sink = __rdtsc();
    }
  });
  if (stats[kWorkerMegaflowHits] == 0 || stats[kWorkerUpcalls] != 0) std::abort();
  dp.close();
}

}  // namespace

int main() {
  const Capture capture;
  auto pieces = std::make_unique<Pieces>(capture.name());
  measure_to<kBare>(*pieces);
  measure_worker(capture.name());
  return 0;
}
