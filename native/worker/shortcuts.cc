// Which flows get a shortcut (../port/shortcuts.h): those that a worker meets often, whose only action is an output from one of its devices to another.
#include <cstring>

#include "../packet/bytes.h"
#include "worker.h"

namespace weft {
namespace {

// To put one into the kernel's table takes a microsecond, to ask for it a tenth of one.
constexpr uint64_t kOftenPackets = 32;
constexpr uint32_t kLastWord = Shortcuts::kWords - 1;
constexpr uint64_t kOfFrame = 0xffffffffu;  // the half of the last word that a frame fills
constexpr uint32_t kLineWords = kLineBytes / 8;

bool is_extracted_there(const Key& key) {
  return be16(key.eth_type) == 0x0800 && key.nw_frag == 0 && (key.nw_proto == 1 || key.nw_proto == 6 || key.nw_proto == 17) && be16(key.vlan_tpid) != 0x88a8;
}

}  // namespace

// The flow's frames have metadata and further lines of zeros, as `key` has: what the mask asks of those is then true of every frame that the kernel extracts.
void Worker::offer_shortcut(uint32_t in, const Flow& f, const Key& key) {
  if (f.plain_port == kNoPort || f.counters[kFlowPackets] < kOftenPackets || shared_.shortcuts->has(f.slot) || max_vlans_ == 0 || !is_extracted_there(key)) return;
  const PortSlot& to = ports_[f.plain_port];
  if (!to.direct || to.port->shortcut_device() == 0) return;
  Shortcuts::Words words, mask{};
  std::memcpy(words.data(), key.in_port, sizeof words);
  const Subtable& s = *f.subtable;
  for (uint32_t i = 0; i < s.words; i++) {
    const uint32_t w = s.index[i], line = w / kLineWords;
    if (w < Shortcuts::kWords) mask[w] = s.mask[i];
    if (line != 0 && (key.lines >> (line - 1) & 1) == 0) continue;
    const uint64_t asked = load<uint64_t>(key.in_port + 8 * w) & s.mask[i];
    if (w == kLastWord ? (asked & ~kOfFrame) != 0 : w > kLastWord && asked != 0) return;
  }
  mask[0] = ~uint64_t{0};  // of this port, and not recirculated
  mask[kLastWord] &= kOfFrame;
  shared_.shortcuts->put(in, words, mask, {static_cast<uint32_t>(to.port->shortcut_device()), to.max_len, f.plain_port, f.slot}, [this] { return commands_.empty(); });
}

// JavaScript's thread, after it submitted them: what comes after this call must meet what they say, also if the worker still sleeps.
void Worker::end_shortcuts(const uint8_t* commands, uint32_t length) {
  for (uint32_t at = 0; at < length; at += load<uint32_t>(commands + at)) {
    switch (static_cast<Command>(load<uint32_t>(commands + at + 4))) {
      case Command::kFlowPut:
      case Command::kFlowDelete:
      case Command::kFlowModify:
        shared_.shortcuts->remove(load<uint32_t>(commands + at + 8));
        break;
      case Command::kFlush:
      case Command::kPortState:
      case Command::kPortMtu:
      case Command::kVlanLimit:
        shared_.shortcuts->clear();
        break;
      default:
        break;
    }
  }
}

}  // namespace weft
