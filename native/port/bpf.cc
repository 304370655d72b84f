#include "bpf.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace weft {
namespace {

// What is loaded into the kernel may be used under either licence; the kernel asks, because only such programs may look into its structs.
constexpr char kLicense[] = "Dual BSD/GPL";
constexpr int kLoads = 5;

uint64_t address(const void* p) { return reinterpret_cast<uintptr_t>(p); }
int call(int command, bpf_attr& a) { return static_cast<int>(syscall(__NR_bpf, command, &a, sizeof a)); }

}  // namespace

Fd::~Fd() {
  if (fd_ >= 0) close(fd_);
}

Fd& Fd::operator=(Fd&& o) noexcept {
  std::swap(fd_, o.fd_);
  return *this;
}

Fd bpf_map(uint32_t type, uint32_t key_bytes, uint32_t value_bytes, uint32_t entries, uint32_t flags) {
  bpf_attr a{};
  a.map_type = type;
  a.key_size = key_bytes;
  a.value_size = value_bytes;
  a.max_entries = entries;
  a.map_flags = flags;
  return Fd(call(BPF_MAP_CREATE, a));
}

bool bpf_map_set(const Fd& map, const void* key, const void* value) {
  bpf_attr a{};
  a.map_fd = static_cast<uint32_t>(map.get());
  a.key = address(key);
  a.value = address(value);
  return call(BPF_MAP_UPDATE_ELEM, a) == 0;
}

bool bpf_map_delete(const Fd& map, const void* key) {
  bpf_attr a{};
  a.map_fd = static_cast<uint32_t>(map.get());
  a.key = address(key);
  return call(BPF_MAP_DELETE_ELEM, a) == 0;
}

Fd bpf_program(uint32_t type, const std::vector<bpf_insn>& code, uint32_t flags) {
  bpf_attr a{};
  a.prog_type = type;
  a.prog_flags = flags;
  a.insns = address(code.data());
  a.insn_cnt = static_cast<uint32_t>(code.size());
  a.license = address(kLicense);
  // The verifier gives up as soon as a signal waits for this thread.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int fd = call(BPF_PROG_LOAD, a);
  for (int again = 0; fd < 0 && errno == EAGAIN && again < kLoads; again++) fd = call(BPF_PROG_LOAD, a);
  const int e = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = e;
  return Fd(fd);
}

Fd bpf_link(const Fd& program, uint32_t ifindex, uint32_t hook, uint32_t flags) {
  bpf_attr a{};
  a.link_create.prog_fd = static_cast<uint32_t>(program.get());
  a.link_create.target_ifindex = ifindex;
  a.link_create.attach_type = hook;
  a.link_create.flags = flags;
  return Fd(call(BPF_LINK_CREATE, a));
}

bool bpf_run(const Fd& program, const uint8_t* frame, uint32_t len) {
  bpf_attr a{};
  a.test.prog_fd = static_cast<uint32_t>(program.get());
  a.test.data_in = address(frame);
  a.test.data_size_in = len;
  return call(BPF_PROG_TEST_RUN, a) == 0;
}

bool bpf_live(const Fd& program, const uint8_t* frame, uint32_t len, uint32_t times, uint32_t batch) {
  bpf_attr a{};
  a.test.prog_fd = static_cast<uint32_t>(program.get());
  a.test.data_in = address(frame);
  a.test.data_size_in = len;
  a.test.repeat = times;
  a.test.batch_size = batch;
  a.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
  return call(BPF_PROG_TEST_RUN, a) == 0;
}

void BpfCode::put(int code, uint8_t to, uint8_t from, int32_t off, int32_t value) {
  bpf_insn i{};
  i.code = static_cast<uint8_t>(code);
  i.dst_reg = to & 15;
  i.src_reg = from & 15;
  i.off = static_cast<int16_t>(off);
  i.imm = value;
  code_.push_back(i);
}

const std::vector<bpf_insn>& BpfCode::finish() {
  for (const Jump& j : jumps_) code_[j.at].off = static_cast<int16_t>(places_[j.to] - static_cast<int32_t>(j.at) - 1);
  jumps_.clear();
  return code_;
}

}  // namespace weft
