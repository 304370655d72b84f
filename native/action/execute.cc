// The action executor. What it does is specified by src/datapath/reference/execute.ts; this is the same, without allocation: nested lists run on copies
// that the sink makes, and headers are looked for once as long as the frame keeps its shape.
#include "run.h"

namespace weft {

void execute(Sink& sink, Packet* p, Key& key, const uint32_t* actions, uint32_t words, unsigned max_vlans) {
  if (words == 2 && actions[0] == (static_cast<uint32_t>(Op::kOutput) | 2u << 16)) [[likely]] {
    cut(p);
    sink.output(p, actions[1]);
    return;
  }
  Run(sink, p, key, max_vlans, max_vlans).list(actions, words);
}

}  // namespace weft
