// A flow in a worker's cache: one line, found by slot. Slots are given out by JavaScript; the array of them never moves, so caches refer to a
// flow by slot and `seq`, and a flow that ended is recognised by its seq having moved on.
#pragma once
#include <cstdint>

namespace weft {

struct Subtable;
struct PushPlan;
struct TunnelPop;

constexpr uint32_t kNoPort = 0xffffffffu;

struct alignas(64) Flow {
  uint32_t seq;             // moves on when the flow ends or its key changes: what the microflow cache remembers is then stale
  uint32_t plain_port;      // the port, when the actions are a single output; else kNoPort
  uint64_t* counters;       // its block in the arena
  const uint32_t* actions;  // binary actions, owned
  uint32_t words;
  uint32_t slot;
  Subtable* subtable;  // nullptr: the slot is empty
  uint32_t hash;       // of the masked key, as the subtable computes it
  uint16_t plain_drop;  // the DropReason, when the actions do nothing else; else 0
  uint16_t spare;       // bytes of its packets that are room for an Ethernet header they have not
  PushPlan* push;       // when they put a header on and output; owned
  const TunnelPop* pop;  // when they take one off, and nothing else: where that stands in them
};
static_assert(sizeof(Flow) == 64);

}  // namespace weft
