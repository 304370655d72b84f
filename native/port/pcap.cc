// The pcap port: frames of a file arrive (once, or round and round), frames that leave are written to another file.
//
// The input is read whole when the port opens: the switch, not the disk, is what a run measures. Each frame is copied into a packet buffer when it
// arrives, as a NIC would. In the output every frame has time 0, so that a run with a virtual clock gives the same bytes each time.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "port.h"

namespace weft {
namespace {

constexpr uint32_t kMagicMicro = 0xa1b2c3d4, kMagicNano = 0xa1b23c4d;
constexpr uint32_t kLinkEthernet = 1;
constexpr uint32_t kMaxFrame = kLargeBuffer - kHeadroom;

struct FileHeader {
  uint32_t magic;
  uint16_t major, minor;
  uint32_t zone, accuracy, snaplen, link;
};
struct RecordHeader {
  uint32_t seconds, fraction, captured, length;
};

struct CloseFile {
  void operator()(std::FILE* f) const { std::fclose(f); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

class PcapPort final : public Port {
 public:
  explicit PcapPort(const PortOptions& o) : mtu_(o.mtu), loop_(o.loop) {}

  // 0, or an errno; `why` says more.
  int read_input(const char* name, char* why) {
    File f(std::fopen(name, "rb"));
    if (!f) return fail(why, name, std::strerror(errno), errno);
    FileHeader h;
    if (std::fread(&h, sizeof h, 1, f.get()) != 1) return fail(why, name, "not a pcap file: too short", EINVAL);
    const bool swapped = h.magic == __builtin_bswap32(kMagicMicro) || h.magic == __builtin_bswap32(kMagicNano);
    const auto word = [swapped](uint32_t v) { return swapped ? __builtin_bswap32(v) : v; };
    if (word(h.magic) != kMagicMicro && word(h.magic) != kMagicNano) return fail(why, name, "not a pcap file (pcapng is not read)", EINVAL);
    if ((word(h.link) & 0xffff) != kLinkEthernet) return fail(why, name, "holds no Ethernet frames", EINVAL);
    RecordHeader r;
    while (std::fread(&r, sizeof r, 1, f.get()) == 1) {
      const uint32_t n = word(r.captured);
      if (n > kMaxFrame) return fail(why, name, "holds a frame longer than the switch can carry", EINVAL);
      const size_t at = bytes_.size();
      bytes_.resize(at + n);
      if (std::fread(bytes_.data() + at, 1, n, f.get()) != n) return fail(why, name, "ends within a frame", EINVAL);
      frames_.push_back({static_cast<uint32_t>(at), n});
    }
    if (frames_.empty()) loop_ = false;
    return 0;
  }

  int open_output(const char* name, char* why) {
    out_.reset(std::fopen(name, "wb"));
    if (!out_) return fail(why, name, std::strerror(errno), errno);
    const FileHeader h{kMagicMicro, 2, 4, 0, 0, 262144, kLinkEthernet};
    std::fwrite(&h, sizeof h, 1, out_.get());
    std::fflush(out_.get());
    return 0;
  }

  uint32_t receive(Pool& pool, Packet** out, uint32_t max) override {
    if (at_ == frames_.size()) return 0;
    const uint32_t n = pool.take_many(out, max);
    const uint8_t* bytes = bytes_.data();
    const size_t end = frames_.size();
    size_t at = at_;
    uint32_t got = 0;
    for (; got < n && at < end; got++) {
      const Frame f = frames_[at];
      if (f.len > kSmallBuffer - kHeadroom) [[unlikely]] {
        Packet* large = pool.take(true);
        if (!large) break;
        pool.give(out[got]);
        out[got] = large;
      }
      copy(out[got]->data, bytes + f.at, f.len);
      out[got]->len = f.len;
      if (++at == end && loop_) at = 0;
    }
    at_ = at;
    for (uint32_t i = got; i < n; i++) pool.give(out[i]);
    return got;
  }

  void transmit(Pool&, Packet** packets, uint32_t n, uint8_t* ok, PortTally& tally) override {
    for (uint32_t i = 0; i < n; i++) {
      const Packet& p = *packets[i];
      ok[i] = 1;
      if (out_) {
        const RecordHeader r{0, 0, p.len, p.len};
        ok[i] = std::fwrite(&r, sizeof r, 1, out_.get()) == 1 && std::fwrite(p.data, 1, p.len, out_.get()) == p.len;
      }
      if (ok[i]) {
        tally.sent_packets++;
        tally.sent_bytes += p.len;
      } else {
        tally.dropped_error++;
      }
    }
    if (out_) std::fflush(out_.get());
  }

  int fd() const override { return -1; }
  bool polled() const override { return at_ != frames_.size(); }
  uint32_t mtu() const override { return mtu_; }

 private:
  struct Frame {
    uint32_t at, len;
  };
  static int fail(char* why, const char* name, const char* what, int err) {
    std::snprintf(why, 512, "%s: %s", name, what);
    return err;
  }
  // A call of memcpy with a length that it must look at costs more than these few moves; `bytes_` is padded and buffers are larger, so both may
  // be touched up to the next 64.
  static void copy(uint8_t* to, const uint8_t* from, uint32_t n) {
    if (n > 512) {
      std::memcpy(to, from, n);
      return;
    }
    for (uint32_t i = 0; i < n; i += 64) std::memcpy(to + i, from + i, 64);
  }
  static constexpr uint32_t kPadding = 64;

  uint32_t mtu_;
  bool loop_;
  std::vector<uint8_t> bytes_;
  std::vector<Frame> frames_;
  size_t at_ = 0;
  File out_;

 public:
  void pad() { bytes_.resize(bytes_.size() + kPadding); }
};

}  // namespace

Port* open_pcap(const PortOptions& o, char* why, int* err) {
  auto port = std::make_unique<PcapPort>(o);
  if (*o.device && (*err = port->read_input(o.device, why)) != 0) return nullptr;
  if (*o.output && (*err = port->open_output(o.output, why)) != 0) return nullptr;
  port->pad();
  return port.release();
}

}  // namespace weft
