// Which flows get a shortcut (../port/shortcuts.h): those that a worker meets often, whose only action is an output from one of its devices to another.
#include <algorithm>

#include "../packet/bytes.h"
#include "worker.h"

namespace weft {
namespace {

// To put one into the kernel's table takes a microsecond, to ask for it a tenth of one.
constexpr uint64_t kOftenPackets = 32;
constexpr uint64_t kOfFrame = 0xffffffffu;  // the half of the word kIdWord that a frame fills
constexpr uint32_t kLineWords = kLineBytes / 8;

bool is_extracted_there(const Key& key) {
  const bool six = be16(key.eth_type) == 0x86dd;
  const uint8_t p = key.nw_proto;
  return (six || be16(key.eth_type) == 0x0800) && key.nw_frag == 0 && (p == 6 || p == 17 || p == (six ? 58 : 1)) && be16(key.vlan_tpid) != 0x88a8;
}

// Where a word of the key is among those of a shortcut; kWords: nowhere.
uint32_t place_of(uint32_t word) {
  return static_cast<uint32_t>(std::find(Shortcuts::kPlaces.begin(), Shortcuts::kPlaces.end(), word) - Shortcuts::kPlaces.begin());
}

}  // namespace

// The flow's frames have metadata and further lines of zeros, as `key` has: what the mask asks of those is then true of every frame that the kernel extracts.
void Worker::offer_shortcut(uint32_t in, const Flow& f, const Key& key) {
  if (f.plain_port == kNoPort || f.counters[kFlowPackets] < kOftenPackets || shared_.shortcuts->has(f.slot) || max_vlans_ == 0 || !is_extracted_there(key)) return;
  const PortSlot& to = ports_[f.plain_port];
  if (!to.direct || to.port->shortcut_device() == 0) return;
  Shortcuts::Words words{}, mask{};
  const auto word = [&key](uint32_t w) {
    const uint32_t line = w / kLineWords;
    return line == 0 || (key.lines >> (line - 1) & 1) != 0 ? load<uint64_t>(key.in_port + 8 * w) : 0;
  };
  for (uint32_t i = 0; i < Shortcuts::kWords; i++) words[i] = word(Shortcuts::kPlaces[i]);
  const Subtable& s = *f.subtable;
  for (uint32_t i = 0; i < s.words; i++) {
    const uint32_t place = place_of(s.index[i]);
    const uint64_t known = place == Shortcuts::kIdWord ? kOfFrame : place < Shortcuts::kWords ? ~uint64_t{0} : 0;
    if ((word(s.index[i]) & s.mask[i] & ~known) != 0) return;
    if (place < Shortcuts::kWords) mask[place] = s.mask[i];
  }
  mask[0] = ~uint64_t{0};  // of this port, and not recirculated
  mask[Shortcuts::kIdWord] &= kOfFrame;
  shared_.shortcuts->put(in, words, mask, {static_cast<uint32_t>(to.port->shortcut_device()), to.max_len, f.plain_port, f.slot}, [this] { return commands_.empty(); });
}

// JavaScript's thread, before any worker has them: what the kernel counted of a flow's slot was of an earlier one.
void Worker::begin_flows(const uint8_t* commands, uint32_t length) {
  for (uint32_t at = 0; at < length; at += load<uint32_t>(commands + at)) {
    const bool put = static_cast<Command>(load<uint32_t>(commands + at + 4)) == Command::kFlowPut;
    if (put && (load<uint16_t>(commands + at + 14) & kFlowPutZeroed) != 0) shared_.shortcuts->clear_flow(load<uint32_t>(commands + at + 8));
  }
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
