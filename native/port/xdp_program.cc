#include "xdp_program.h"

#include <cerrno>

namespace weft {
namespace {

// Of <linux/if_link.h>, which does not go together with <net/if.h>.
constexpr uint32_t kGenericMode = 1 << 1, kDriverMode = 1 << 2;

}  // namespace

bool XdpProgram::load(uint32_t queues) {
  sockets_ = bpf_map(BPF_MAP_TYPE_XSKMAP, 4, 4, queues, 0);
  if (!sockets_.ok()) return false;
  using C = BpfCode;
  C c;
  c.load(C::kWord, 2, 1, offsetof(xdp_md, rx_queue_index));
  c.map(1, sockets_);
  c.set(3, XDP_PASS);
  c.call(BPF_FUNC_redirect_map);
  c.exit();
  program_ = bpf_program(BPF_PROG_TYPE_XDP, c.finish(), BPF_F_XDP_HAS_FRAGS);
  if (!program_.ok() && errno == EINVAL) program_ = bpf_program(BPF_PROG_TYPE_XDP, c.finish());
  return program_.ok();
}

int XdpProgram::attach(int ifindex, bool native) {
  link_ = bpf_link(program_, static_cast<uint32_t>(ifindex), BPF_XDP, native ? kDriverMode : kGenericMode);
  return link_.ok() ? 0 : errno;
}

bool XdpProgram::give(uint32_t queue, int socket) const { return bpf_map_set(sockets_, &queue, &socket); }

}  // namespace weft
