// sources: native/port/bpf.cc
// A sender of small frames that is not the limit: `flood DEVICE FILE.pcap` sends the file's frames by turns out of a device of this namespace, as fast as it can, until it is killed.
//
// Problem: tcpreplay takes 1,900 ns for a frame into a veth device with nobody behind it, 530 kpps at most, so what is measured behind it is itself.
// Idea: the kernel runs a program of type XDP on frames of its own making (BPF_PROG_TEST_RUN, live frames); ours writes the next frame of the file into each and redirects it to the
// device, which hands 16 at once to the other end. No call, no socket and no queue for a frame.
// Price: root, Linux 5.18, and the other end of a veth pair must have its own polling (`ethtool -K DEVICE gro on`, or a program of type XDP), as any device that others redirect to.
#include <arpa/inet.h>
#include <net/if.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "../port/bpf.h"

namespace {

using weft::BpfCode;

constexpr uint32_t kFrames = 1024, kBytes = 60, kSlot = 64;
// Frames a call. A signal ends the call after the 64 in hand.
constexpr uint32_t kRepeat = 1 << 20, kBatch = 64;
constexpr uint32_t kFileHeader = 24;

struct Shared {
  uint64_t next, count;
  alignas(kSlot) uint8_t frames[kFrames][kSlot];
};

// Frames of 60 bytes, no more than there is room for. False: there are none.
bool read_frames(const char* file, Shared& to) {
  FILE* f = std::fopen(file, "rb");
  if (!f) return std::perror(file), false;
  uint8_t header[kFileHeader];
  uint32_t record[4];
  if (std::fread(header, sizeof header, 1, f) == 1)
    while (to.count < kFrames && std::fread(record, sizeof record, 1, f) == 1 && record[2] == kBytes && std::fread(to.frames[to.count], kBytes, 1, f) == 1) to.count++;
  std::fclose(f);
  return to.count != 0 || (std::fprintf(stderr, "%s: no frames of %u bytes\n", file, kBytes), false);
}

weft::Fd sender(const weft::Fd& memory, uint32_t ifindex) {
  using C = BpfCode;
  C c;
  const auto in_file = c.label(), drop = c.label();
  c.map_value(6, memory);
  c.load(C::kDouble, 7, 6, offsetof(Shared, next));
  c.load(C::kDouble, 2, 6, offsetof(Shared, count));
  c.jump_reg(BPF_JLT, 7, 2, in_file);
  c.set(7, 0);
  c.place(in_file);
  c.jump(BPF_JGE, 7, kFrames, drop);
  c.move(3, 7);
  c.alu(BPF_ADD, 3, 1);
  c.store(C::kDouble, 6, offsetof(Shared, next), 3);
  c.alu(BPF_LSH, 7, 6);
  c.alu_reg(BPF_ADD, 6, 7);
  c.load(C::kWord, 2, 1, offsetof(xdp_md, data));
  c.load(C::kWord, 3, 1, offsetof(xdp_md, data_end));
  c.move(4, 2);
  c.alu(BPF_ADD, 4, kBytes);
  c.jump_reg(BPF_JGT, 4, 3, drop);
  for (int32_t at = 0; at < static_cast<int32_t>(kBytes); at += 8) {
    const auto size = at + 8 <= static_cast<int32_t>(kBytes) ? C::kDouble : C::kWord;
    c.load(size, 5, 6, static_cast<int32_t>(offsetof(Shared, frames)) + at);
    c.store(size, 2, at, 5);
  }
  c.set(1, static_cast<int32_t>(ifindex));
  c.set(2, 0);
  c.call(BPF_FUNC_redirect);
  c.exit();
  c.place(drop);
  c.exit_with(XDP_DROP);
  return weft::bpf_program(BPF_PROG_TYPE_XDP, c.finish());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::puts("flood DEVICE FILE.pcap"), 0;
  const uint32_t ifindex = if_nametoindex(argv[1]);
  if (ifindex == 0) return std::perror(argv[1]), 1;
  const weft::Fd memory = weft::bpf_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(Shared), 1, BPF_F_MMAPABLE);
  void* at = memory.ok() ? mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0) : MAP_FAILED;
  if (at == MAP_FAILED) return std::perror("map"), 1;
  Shared& shared = *static_cast<Shared*>(at);
  if (!read_frames(argv[2], shared)) return 1;
  const weft::Fd program = sender(memory, ifindex);
  if (!program.ok()) return std::perror("program"), 1;
  while (weft::bpf_live(program, shared.frames[0], kBytes, kRepeat, kBatch) || errno == EINTR) continue;
  return std::perror("run"), 1;
}
