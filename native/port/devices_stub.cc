// Stands for tap and system ports until they are there.
#include <cerrno>
#include <cstdio>

#include "port.h"

namespace weft {

Port* open_tap(const PortOptions& o, char* why, int* err) {
  std::snprintf(why, 512, "%s: tap ports are not built in", o.device);
  *err = ENOSYS;
  return nullptr;
}

Port* open_system(const PortOptions& o, char* why, int* err) {
  std::snprintf(why, 512, "%s: system ports are not built in", o.device);
  *err = ENOSYS;
  return nullptr;
}

}  // namespace weft
