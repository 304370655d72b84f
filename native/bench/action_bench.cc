// Figures of datapath actions: what a packet takes for its list, above having its frame and key copied in, which is measured beside it. Lists that a worker runs
// in a quicker way (tunnel/quick.h) are run so. Input, a line each: name, frame and words of the list in hex.
// input: node dist/bench/action-lines.js
// sources: native/action/execute.cc native/action/run_tunnel.cc native/packet/fragment.cc native/tunnel/fit.cc native/tunnel/merge.cc native/tunnel/quick.cc native/action/wrap.cc native/action/validate.cc native/action/headers.cc native/action/metadata.cc native/action/push_pop.cc native/action/set_link.cc native/action/set_ip.cc native/action/set_transport.cc native/action/set_nd.cc native/packet/extract.cc native/packet/offload.cc native/tunnel/tunnel.cc native/worker/meter.cc native/cache/megaflow.cc native/cache/subtable.cc native/cache/subtable_lookup.cc
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "../action/execute.h"
#include "../cache/megaflow.h"
#include "../packet/extract.h"
#include "../packet/extract_inline.h"
#include "../tunnel/quick.h"
#include "../worker/meter.h"
#include "../worker/pool.h"
#include "../worker/random.h"
#include "figure.h"

using namespace weft;

namespace {

constexpr uint32_t kPackets = 32;
constexpr uint32_t kEach = 1024;
constexpr unsigned kVlans = 1;
constexpr uint32_t kMeter = 1;

// What a worker does, without rings and devices.
class BenchSink final : public Sink {
 public:
  BenchSink() : pool_(256, 0), flow_memory_(sizeof(Flow)), flows_(flow_memory_.as<Flow>()), cache_(flows_), random_(1), up_(1 << 16) {
    const BandRate band{~0u, ~0u};
    meters_.set(kMeter, kMeterPktps, &band, 1, 0);
    flows_->seq = 1;
    Key key{}, mask{};
    std::memset(mask.recirc_id, 0xff, sizeof mask.recirc_id);
    put_be32(key.recirc_id, 7);
    cache_.insert(*flows_, key, mask);
  }
  DropReason output(Packet* p, uint32_t) override { return end(p), DropReason::kNone; }
  // Extraction and a look-up in the megaflow cache that finds it.
  void recirculate(Packet* p, Key& key, uint32_t id) override {
    Key again;
    copy_key(again, key);
    put_be32(again.recirc_id, id);
    extract_inline(p->data, p->len, again, kVlans);
    uint32_t slot;
    uint64_t asked = 0;
    found = cache_.lookup(&again, 1, &slot, &asked) + hash_key(again);
    end(p);
  }
  void drop(Packet* p, DropReason) override { end(p); }
  void release(Packet* p) override { end(p); }
  DropReason userspace(Packet* p, const Key& key, const uint8_t* cookie, uint32_t cookie_len) override {
    uint8_t* to = up_.data();
    std::memcpy(to + 64, &key, sizeof key);
    std::memcpy(to + 64 + sizeof key, cookie, cookie_len);
    std::memcpy(to + 64 + sizeof key + (cookie_len + 7) / 8 * 8, p->data, p->len);
    return DropReason::kNone;
  }
  Packet* copy(const Packet* p) override {
    Packet* c = pool_.take(false);
    if (!c) return nullptr;
    c->data = c->buffer + headroom(*p);
    c->len = p->len;
    c->trunc = p->trunc;
    std::memcpy(c->data, p->data, p->len);
    return c;
  }
  bool meter(uint32_t id, uint32_t bytes) override { return meters_.pass(id, bytes, now_ += 100); }
  uint32_t random() override { return random_.u32(); }
  uint32_t encapsulated(Packet*, uint32_t, uint32_t) override { return count_++; }
  DropReason arrive(Packet*, uint32_t, uint32_t) override { return DropReason::kNone; }
  void tally(uint32_t, uint32_t, uint32_t) override {}
  Pool& pool() override { return pool_; }

  volatile uint32_t found = 0;

 private:
  void end(Packet* p) {
    if (!p->counted) pool_.put(p);
  }
  PacketPool pool_;
  Mapping flow_memory_;
  Flow* flows_;
  MegaflowCache cache_;
  MeterTable meters_;
  Random random_;
  std::vector<uint8_t> up_;
  uint32_t count_ = 0;
  uint64_t now_ = 0;
};

std::vector<uint8_t> bytes_of(const std::string& hex) {
  std::vector<uint8_t> out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) out.push_back(static_cast<uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
  return out;
}

class Bench {
 public:
  Bench() : pool_(kPackets, 0) { pool_.take_many(packets_, kPackets); }

  bool run(const std::string& name, std::vector<uint8_t> frame, const std::vector<uint8_t>& list) {
    words_.resize(list.size() / 4);
    std::memcpy(words_.data(), list.data(), list.size());
    const auto n = static_cast<uint32_t>(words_.size());
    if (!validate_actions(words_.data(), n)) return false;
    len_ = static_cast<uint32_t>(frame.size());
    frame.resize((frame.size() + 63) / 64 * 64);
    frame_ = std::move(frame);
    std::memset(&key_, 0, sizeof key_);
    put_be32(key_.in_port, 1);
    if (!extract(frame_.data(), len_, key_, kVlans)) return false;
    const std::unique_ptr<PushPlan> push(plan_push(words_.data(), n));
    const TunnelPop* pop = plan_pop(words_.data(), n);
    const Figure bare = packets([](Packet*, Key&) {});
    const Figure whole = push  ? packets([&](Packet* p, Key& key) { quick_push(*p, key, *push, 1); })
                         : pop ? packets([&](Packet* p, Key& key) {
                             if (!quick_pop(*p, key, hash_, *pop, kVlans)) execute(sink_, p, key, words_.data(), n, kVlans);
                           })
                               : packets([&](Packet* p, Key& key) { execute(sink_, p, key, words_.data(), n, kVlans); });
    print(name.c_str(), {std::max(0.0, whole.ns - bare.ns), std::max(0.0, whole.cycles - bare.cycles)});
    return true;
  }

 private:
  template <class F>
  Figure packets(F&& each) {
    return best(kEach, [&] {
      for (uint32_t i = 0; i < kEach; i++) {
        Packet* p = packets_[i % kPackets];
        p->data = p->buffer + kHeadroom;
        p->len = len_;
        p->trunc = 0;
        p->offload = Offload{};
        p->delivered = 0;
        p->recirc_depth = 0;
        p->counted = 1;
        for (uint32_t at = 0; at < frame_.size(); at += 64) std::memcpy(p->data + at, frame_.data() + at, 64);
        Key& key = keys_[i % kPackets];
        copy_key(key, key_);
        each(p, key);
      }
    });
  }
  BenchSink sink_;
  PacketPool pool_;
  Packet* packets_[kPackets];
  std::vector<uint8_t> frame_;
  std::vector<uint32_t> words_;
  uint32_t len_ = 0;
  Key key_;
  Key keys_[kPackets];
  uint32_t hash_ = 0;
};

}  // namespace

int main() {
  const auto bench = std::make_unique<Bench>();
  std::string name, frame, list;
  while (std::cin >> name >> frame >> list) {
    if (bench->run(name, bytes_of(frame), bytes_of(list))) continue;
    std::cerr << name << ": not a frame or not a list of actions\n";
    return 1;
  }
  return 0;
}
