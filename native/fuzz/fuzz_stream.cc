// Frames of a TCP stream, some changed, and frames of any bytes: what is put together and cut again is what came, frame by frame, and reads stay inside.
// sources: native/port/stream.cc native/packet/offload.cc native/action/headers.cc native/port/unfinished.cc
#include <cstring>
#include <vector>

#include "../packet/bytes.h"
#include "../packet/checksum.h"
#include "../packet/heap_pool.h"
#include "../packet/offload.h"
#include "../port/stream.h"
#include "../port/unfinished.h"
#include "input.h"

using namespace weft;

namespace {

using Frame = std::vector<uint8_t>;  // of exactly its length, so that a read past the end is seen
constexpr uint32_t kEth = 14;

// A packet that a device is to cut, by what the fuzzer chooses; then its pieces.
std::vector<Frame> stream(Bytes& in, HeapPool& pool) {
  const uint8_t shape = in.u8();
  const bool v6 = shape & 1, tag = shape & 2, dont_fragment = shape & 4, uncut = shape & 8;
  const uint32_t options = (shape >> 4 & 3) * 4, size = 560 + in.u8() * 3u, l3 = kEth + (tag ? 4 : 0), l4 = l3 + (v6 ? 40 : 20);
  Packet* p = pool.take(true);
  const uint32_t headers = l4 + 20 + options;
  p->len = headers + size * (in.u8() % 12u) + 1 + in.u8();
  for (uint32_t i = 0; i < p->len; i++) p->data[i] = static_cast<uint8_t>(i * 7 + shape);
  if (tag) put_be16(p->data + 12, 0x8100);
  put_be16(p->data + l3 - 2, v6 ? 0x86dd : 0x0800);
  uint8_t* ip = p->data + l3;
  if (v6) {
    put_be32(ip, 0x60000000);
    put_be16(ip + 4, static_cast<uint16_t>(p->len - l4));
    ip[6] = 6;
  } else {
    ip[0] = 0x45;
    put_be16(ip + 2, static_cast<uint16_t>(p->len - l3));
    put_be16(ip + 6, dont_fragment ? 0x4000 : 0);
    ip[9] = 6;
  }
  p->data[l4 + 12] = static_cast<uint8_t>((20 + options) << 2);
  p->data[l4 + 13] = 0x10 | (in.u8() & 9);
  p->offload.flags = kNeedsCsum;
  p->offload.gso_type = v6 ? kGsoTcp6 : kGsoTcp4;
  p->offload.gso_size = static_cast<uint16_t>(size);
  p->offload.csum_start = static_cast<uint16_t>(l4);
  p->offload.csum_offset = 16;
  struct Seen {
    std::vector<Frame> frames;
    HeapPool* pool;
  } seen{{}, &pool};
  segment(pool, *p, 65535, [](void* ctx, Packet* s) {
    auto* to = static_cast<Seen*>(ctx);
    to->frames.emplace_back(s->data, s->data + s->len);
    to->pool->give(s);
  }, &seen);
  pool.give(p);
  if (uncut) {  // as a host leaves them that let its device finish them
    for (Frame& f : seen.frames) {
      const auto length = static_cast<uint32_t>(f.size()) - l4;
      const uint64_t sum = v6 ? csum_pseudo6(&f[l3 + 8], &f[l3 + 24], 6, length) : csum_pseudo4(&f[l3 + 12], &f[l3 + 16], 6, length);
      store(&f[l4 + 16], csum_fold(sum));
    }
  }
  return seen.frames;
}

// A frame as it would be on a wire. What a sender that forbids cutting calls its packets means nothing, and a sum of zero has two spellings, of which the kernel, too, has the one
// where it cuts and the other where it finishes.
Frame whole(const Frame& f, HeapPool& pool) {
  Packet* p = pool.take(true);
  p->len = static_cast<uint32_t>(f.size());
  std::memcpy(p->data, f.data(), f.size());
  const Headers h = p->len >= kEth ? locate(p->data, p->len, 2) : Headers{};
  note_state(*p, 0, h, {65535, 65535, 0});
  finish_checksum(*p);
  if (h.proto == kProtoTcp && h.l4 != kNone && h.l4 + 20 <= p->len && be16(p->data + h.l4 + 16) == 0xffff) put_be16(p->data + h.l4 + 16, 0);
  uint32_t l3 = kEth;
  if (p->len > 38 && be16(p->data + 12) == 0x8100) l3 += 4;
  if (p->len > 38 && be16(p->data + l3 - 2) == 0x0800 && (p->data[l3 + 6] & 0x40) != 0) {
    put_be16(p->data + l3 + 4, 0);
    put_be16(p->data + l3 + 10, 0);
  }
  const Frame out(p->data, p->data + p->len);
  pool.give(p);
  return out;
}

void expect(const std::vector<Frame>& frames, size_t from, Packet& p, HeapPool& pool, size_t n) {
  struct Seen {
    const std::vector<Frame>& frames;
    size_t at;
    HeapPool& pool;
  } seen{frames, from, pool};
  const int made = segment(pool, p, 65535, [](void* ctx, Packet* s) {
    auto& to = *static_cast<Seen*>(ctx);
    require(to.at < to.frames.size());
    require(whole(Frame(s->data, s->data + s->len), to.pool) == whole(to.frames[to.at++], to.pool));
    to.pool.give(s);
  }, &seen);
  require(made == static_cast<int>(n));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
  Bytes in(input, size);
  HeapPool pool;
  std::vector<Frame> frames = stream(in, pool);
  for (Frame& f : stream(in, pool)) frames.push_back(std::move(f));
  const bool unfinished = in.u8() & 1;
  for (uint8_t changes = in.u8() % 4; changes > 0 && !frames.empty(); changes--) {
    Frame& f = frames[in.u8() % frames.size()];
    const uint8_t how = in.u8();
    if (how < 160 && !f.empty())
      f[how % f.size()] ^= in.u8();
    else if (how < 220)
      f.resize(in.u16() % (f.size() + 1));
    else
      std::swap(f, frames[in.u8() % frames.size()]);
  }
  frames.emplace_back(in.at(), in.at() + in.left());
  for (size_t at = 0; at < frames.size();) {
    const auto frame = [&frames](size_t i) { return i < frames.size() && frames[i].size() >= Stream::kLeast ? &frames[i] : nullptr; };
    const Frame *f = frame(at), *next = frame(at + 1);
    Stream s;
    const auto len = [](const Frame* g) { return static_cast<uint32_t>(g->size()); };
    if (!f || !next || !s.begin(f->data(), len(f), unfinished) || !s.follows(next->data(), len(next))) {
      at++;
      continue;
    }
    Packet* p = pool.take(true);
    std::memcpy(p->data, f->data(), p->len = len(f));
    size_t n = 1;
    do {
      require(next->size() - s.payload() <= tailroom(*p));
      std::memcpy(p->data + p->len, next->data() + s.payload(), next->size() - s.payload());
      p->len += len(next) - s.payload();
      s.append(next->data(), len(next));
      next = frame(at + ++n);
    } while (next && s.open() && s.follows(next->data(), len(next)));
    s.finish(*p);
    expect(frames, at, *p, pool, n);
    pool.give(p);
    at += n;
  }
  return 0;
}
