// TCP segments that came one after the other as frames of their own, put together as they are copied into a buffer.
//
// Problem: a device that runs XDP programs in its driver gets no segments of 64 KB, its peer cuts them before. Each piece is then looked up, sent and received by itself, and
// the receiving host's work on 45 frames is ten times that on one packet.
// Idea: what waits in the ring when we look are often pieces of one stream in order. A frame that is exactly what cutting the packet so far would have given next is
// appended to it; the packet then has the state of one that is to be cut, so that whoever it leaves by gets the same frames or, uncut, the packet.
// Price: a look at frames of kWorthwhile bytes and more; checksums that are finished are checked, 90 ns for a full frame. Nothing is waited for.
#pragma once
#include <cstdint>

#include "../packet/packet.h"

namespace weft {

class Stream {
 public:
  static constexpr uint32_t kWorthwhile = 600;
  static constexpr uint32_t kLeast = 54;  // of any piece

  // Makes a frame the first of a stream, if it can be one. `unfinished`: a checksum that is not done yet is believed to be that, and not wrong.
  bool begin(const uint8_t* frame, uint32_t len, bool unfinished);
  // Is it the next?
  bool follows(const uint8_t* frame, uint32_t len) const;
  // It was copied in front of the others, or its payload behind them.
  void append(const uint8_t* frame, uint32_t len);
  uint32_t payload() const { return payload_; }  // where it begins in each frame
  bool open() const { return !ended_; }
  // The packet that holds them all gets its lengths and its state.
  void finish(Packet& p) const;

 private:
  bool right(const uint8_t* frame, uint32_t len) const;
  uint64_t pseudo(const uint8_t* frame, uint32_t len) const;

  const uint8_t* first_ = nullptr;  // stays where it is until `finish`
  uint32_t ip_ = 0, tcp_ = 0, payload_ = 0, size_ = 0;
  uint32_t count_ = 0, bytes_ = 0;  // frames, and payload of them all
  uint8_t flags_ = 0;
  bool v6_ = false, unfinished_ = false, ended_ = true;
};

}  // namespace weft
