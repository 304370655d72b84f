// The receiving half of a system port: by which way frames come from its packet socket.
#pragma once
#include <cstdint>
#include <memory>

#include "intake.h"
#include "port.h"
#include "receive_memory.h"

namespace weft {

class Reception {
 public:
  virtual ~Reception() = default;
  virtual uint32_t receive(Pool& pool, Packet** out, uint32_t max) = 0;
  // As of Port.
  virtual bool doze() { return false; }
  virtual void called() {}
  virtual uint64_t lost() = 0;
  virtual void settle(Pool&) {}
  virtual void hand_over(Pool&, Pool&) {}
  // Something is wrong with the device, said once.
  virtual bool trouble() { return false; }
  // As of Port.
  virtual bool shortens() const { return false; }
  // `lost` is to look, whether or not there is a sign of loss.
  virtual void look() = 0;
  // Any thread.
  virtual void describe(char* to, size_t bytes) const = 0;
};

// The ways of a socket that is not bound yet. `asked`: memory for frames, or 0. On failure null, with `fault` and errno.
std::unique_ptr<Reception> receive_by_ring(int socket, uint32_t asked, int why_no_records, const char** fault);
std::unique_ptr<Reception> receive_by_records(int socket, uint32_t asked, ShortcutStart start, const char** fault);

// Why a port does not go by a way: words for an errno.
const char* reason_of(int err);

}  // namespace weft
