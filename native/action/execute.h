// The action executor: runs a flow's binary actions (src/datapath/encode.ts) on a packet. It knows nothing of workers, rings and ports: those
// are the Sink, so that tests and fuzzers run it alone.
#pragma once
#include <cstdint>
#include <cstring>

#include "../generated/drop_reasons.h"
#include "../generated/key_layout.h"
#include "../packet/bytes.h"
#include "../packet/copy_key.h"
#include "../packet/packet.h"

namespace weft {

class Pool;

// A packet's end is counted once, on the packet that arrived (`counted`); copies count nothing. So the executor must know what became of a copy:
// `output` and `userspace` answer kNone when the packet was taken, or else why not. Acceptance is decided at once: the port exists, is up, and
// carries frames of that length. What the device refuses later, in its batch, is tx_dropped of that port, and changes the end of the packet only when
// nothing else delivered it.
class Sink {
 public:
  virtual ~Sink() = default;
  // Each of these four takes the packet over.
  // Not accepted: counted as tx_dropped of `port` (if there is one), and the packet ends as with drop(p, reason).
  virtual DropReason output(Packet* p, uint32_t port) = 0;
  virtual void recirculate(Packet* p, Key& key, uint32_t id) = 0;  // key: metadata is valid, headers are to be extracted again
  virtual void drop(Packet* p, DropReason why) = 0;                // counts nothing but the release when p->delivered or it is a copy
  virtual void release(Packet* p) = 0;                             // end of a packet that was delivered, or of a copy
  // The packet stays the caller's, who marks p->delivered when it was taken.
  virtual DropReason userspace(Packet* p, const Key& key, const uint8_t* cookie, uint32_t cookie_len) = 0;
  // A full copy (counted = 0, delivered = 0) with the same headroom, or nullptr when no buffer is free.
  virtual Packet* copy(const Packet* p) = 0;
  virtual bool meter(uint32_t id, uint32_t bytes) = 0;  // false: over the rate
  virtual uint32_t random() = 0;
  // The packet, of so many bytes without room for headers that it has not, goes into a tunnel: counted as sent by its port. Returns how many have before.
  virtual uint32_t encapsulated(Packet* p, uint32_t port, uint32_t bytes) = 0;
  // The packet came out of a tunnel: its end at the port it was counted on, and its arrival at the tunnel's. Refused: nothing has changed.
  virtual DropReason arrive(Packet* p, uint32_t port, uint32_t bytes) = 0;
  // `counter` (kPortTnlFragments, ...) of a port grows.
  virtual void tally(uint32_t port, uint32_t counter, uint32_t n) = 0;
  // Where segments come from.
  virtual Pool& pool() = 0;
};

// Bytes of a packet that has no Ethernet header are without the room that its buffer has for one.
constexpr uint32_t kSpareLink = 14;
inline uint32_t bytes_of(const Packet& p, const Key& key) {
  const uint32_t spare = load<uint32_t>(key.packet_type) == 0 ? 0 : kSpareLink;
  return p.len > spare ? p.len - spare : 0;
}

// Takes `p` over. `key` is the key it was looked up with; metadata in it is updated by actions (mark, priority, tunnel, hash), header fields are not.
// `actions` were validated when the flow was installed (validate_actions).
void execute(Sink& sink, Packet* p, Key& key, const uint32_t* actions, uint32_t words, unsigned max_vlans);

// True when the words are well-formed: ops, lengths, kinds, nesting up to kMaxNesting. Every word that `execute` reads is checked here.
constexpr unsigned kMaxNesting = 16;
bool validate_actions(const uint32_t* actions, uint32_t words);

// Whether a list that is well-formed sends packets up, at any depth.
bool asks_up(const uint32_t* actions, uint32_t words);

}  // namespace weft
