// The bpf system call, as far as ports need it: maps, small programs written here instruction by instruction, and where the running kernel keeps a member
// of a struct. No library and no compiler: the two programs are some forty instructions each, and the kernel's verifier proves them when they are loaded.
#pragma once
#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace weft {

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  ~Fd();
  Fd(Fd&& o) noexcept : fd_(o.fd_) { o.fd_ = -1; }
  Fd& operator=(Fd&& o) noexcept;
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

// These leave errno as the kernel set it when what they return is not ok().
Fd bpf_map(uint32_t type, uint32_t key_bytes, uint32_t value_bytes, uint32_t entries, uint32_t flags);
bool bpf_map_set(const Fd& map, const void* key, const void* value);
bool bpf_map_delete(const Fd& map, const void* key);
Fd bpf_program(uint32_t type, const std::vector<bpf_insn>& code, uint32_t flags = 0);
// Attaches a program to a device of the calling thread's namespace, for as long as the link is held.
Fd bpf_link(const Fd& program, uint32_t ifindex, uint32_t hook, uint32_t flags);
// Runs a program of type SCHED_CLS once on a frame. Returns false with errno.
bool bpf_run(const Fd& program, const uint8_t* frame, uint32_t len);
// Runs a program of type XDP `times` times on frames that then go where it sends them, `batch` in a row. Returns false with errno.
bool bpf_live(const Fd& program, const uint8_t* frame, uint32_t len, uint32_t times, uint32_t batch);

// A program under construction. Registers are numbers: 0 result, 1 to 5 arguments, lost in a call, 6 to 9 kept, 10 frame. A jump names a label, placed before or after it.
class BpfCode {
 public:
  enum Size : uint8_t { kByte = BPF_B, kHalf = BPF_H, kWord = BPF_W, kDouble = BPF_DW };
  using Label = uint32_t;

  void move(uint8_t to, uint8_t from) { put(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }
  void set(uint8_t to, int32_t value) { put(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value); }
  // `op` is BPF_ADD, BPF_SUB, BPF_MUL, BPF_LSH, BPF_RSH, BPF_AND, BPF_OR.
  void alu(uint8_t op, uint8_t to, int32_t value) { put(BPF_ALU64 | op | BPF_K, to, 0, 0, value); }
  void alu_reg(uint8_t op, uint8_t to, uint8_t from) { put(BPF_ALU64 | op | BPF_X, to, from, 0, 0); }
  void load(Size size, uint8_t to, uint8_t base, int32_t at) { put(BPF_LDX | BPF_MEM | size, to, base, at, 0); }
  void store(Size size, uint8_t base, int32_t at, uint8_t from) { put(BPF_STX | BPF_MEM | size, base, from, at, 0); }
  void store_value(Size size, uint8_t base, int32_t at, int32_t value) { put(BPF_ST | BPF_MEM | size, base, 0, at, value); }
  void add_atomically(uint8_t base, int32_t at, uint8_t from) { put(BPF_STX | BPF_ATOMIC | BPF_DW, base, from, at, BPF_ADD); }
  void or_atomically(uint8_t base, int32_t at, uint8_t from) { put(BPF_STX | BPF_ATOMIC | BPF_DW, base, from, at, BPF_OR); }
  // The lower 16 bits between network and host order.
  void swap16(uint8_t reg) { put(BPF_ALU | BPF_END | BPF_TO_BE, reg, 0, 0, 16); }
  // The 32-bit word at `base` and the register change places.
  void exchange(uint8_t base, int32_t at, uint8_t with) { put(BPF_STX | BPF_ATOMIC | BPF_W, base, with, at, BPF_XCHG); }
  void map(uint8_t to, const Fd& map) { wide(to, BPF_PSEUDO_MAP_FD, map.get()); }
  void map_value(uint8_t to, const Fd& map) { wide(to, BPF_PSEUDO_MAP_VALUE, map.get()); }
  void call(int32_t helper) { put(BPF_JMP | BPF_CALL, 0, 0, 0, helper); }
  void call_kernel(uint32_t function) { put(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, static_cast<int32_t>(function)); }
  void exit() { put(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }
  void exit_with(int32_t value) { set(0, value), exit(); }

  Label label() { return places_.push_back(-1), static_cast<Label>(places_.size() - 1); }
  void place(Label l) { places_[l] = static_cast<int32_t>(code_.size()); }
  // `op` is BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JGE, BPF_JLT, BPF_JSET; or go, always.
  void jump(uint8_t op, uint8_t a, int32_t value, Label to) { jumps_.push_back({code_.size(), to}), put(BPF_JMP | op | BPF_K, a, 0, 0, value); }
  void jump_reg(uint8_t op, uint8_t a, uint8_t b, Label to) { jumps_.push_back({code_.size(), to}), put(BPF_JMP | op | BPF_X, a, b, 0, 0); }
  void go(Label to) { jumps_.push_back({code_.size(), to}), put(BPF_JMP | BPF_JA, 0, 0, 0, 0); }

  const std::vector<bpf_insn>& finish();

 private:
  struct Jump {
    size_t at;
    Label to;
  };
  void put(int code, uint8_t to, uint8_t from, int32_t off, int32_t value);
  void wide(uint8_t to, uint8_t kind, int32_t value) { put(BPF_LD | BPF_DW | BPF_IMM, to, kind, 0, value), put(0, 0, 0, 0, 0); }
  std::vector<bpf_insn> code_;
  std::vector<int32_t> places_;
  std::vector<Jump> jumps_;
};

}  // namespace weft
