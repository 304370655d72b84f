#include "burst.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

namespace weft {

std::unique_ptr<Burst> Burst::open(int ifindex) {
  std::unique_ptr<Burst> b(new Burst);
  if (!b->load(ifindex)) return nullptr;
  return b;
}

Burst::~Burst() {
  if (shared_) munmap(shared_, sizeof(Shared));
}

// A map of devices holds the device itself and forgets it when it goes away or moves: a number alone could by then be another device's.
bool Burst::load(int ifindex) {
  const uint32_t zero = 0;
  const auto device = static_cast<uint32_t>(ifindex);
  device_ = bpf_map(BPF_MAP_TYPE_DEVMAP, 4, 4, 1, 0);
  if (!device_.ok() || !bpf_map_set(device_, &zero, &device)) return false;
  memory_ = bpf_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(Shared), 1, BPF_F_MMAPABLE);
  if (!memory_.ok()) return false;
  void* at = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, memory_.get(), 0);
  if (at == MAP_FAILED) return false;
  shared_ = static_cast<Shared*>(at);

  BpfCode c;
  const auto loop = c.label(), same = c.label(), result = c.label(), next = c.label(), end = c.label();
  c.move(6, 1);
  c.store_value(BpfCode::kWord, 10, -4, 0);
  c.map(1, device_);
  c.move(2, 10);
  c.alu(BPF_ADD, 2, -4);
  c.call(BPF_FUNC_map_lookup_elem);
  c.jump(BPF_JEQ, 0, 0, end);
  c.load(BpfCode::kWord, 0, 0, 0);
  c.store(BpfCode::kDouble, 10, -16, 0);
  c.map_value(9, memory_);
  c.set(8, 0);
  c.move(7, 9);
  c.alu(BPF_ADD, 7, offsetof(Shared, slots));  // the slot in hand; 9 is the start

  c.place(loop);  // 8 counts; the verifier walks it kFrames times
  c.load(BpfCode::kWord, 1, 9, offsetof(Shared, count));
  c.jump_reg(BPF_JGE, 8, 1, end);
  c.load(BpfCode::kWord, 4, 7, offsetof(Slot, len));
  c.load(BpfCode::kWord, 1, 6, offsetof(__sk_buff, len));
  c.jump_reg(BPF_JEQ, 4, 1, same);
  c.move(1, 6);
  c.move(2, 4);
  c.set(3, 0);
  c.call(BPF_FUNC_skb_change_tail);
  c.jump(BPF_JNE, 0, 0, result);
  c.place(same);
  c.load(BpfCode::kWord, 4, 7, offsetof(Slot, len));
  c.jump(BPF_JLT, 4, 14, next);
  c.jump(BPF_JGT, 4, kMaxFrame, next);
  c.move(1, 6);
  c.set(2, 0);
  c.move(3, 7);
  c.alu(BPF_ADD, 3, offsetof(Slot, frame));
  c.set(5, 0);
  c.call(BPF_FUNC_skb_store_bytes);
  c.jump(BPF_JNE, 0, 0, result);
  c.move(1, 6);
  c.load(BpfCode::kDouble, 2, 10, -16);
  c.set(3, 0);
  c.call(BPF_FUNC_clone_redirect);
  c.place(result);
  c.store(BpfCode::kWord, 7, offsetof(Slot, result), 0);
  c.place(next);
  c.alu(BPF_ADD, 7, sizeof(Slot));
  c.alu(BPF_ADD, 8, 1);
  c.jump(BPF_JLT, 8, kFrames, loop);
  c.place(end);
  c.exit_with(0);
  program_ = bpf_program(BPF_PROG_TYPE_SCHED_CLS, c.finish());
  return program_.ok();
}

void Burst::add(const uint8_t* frame, uint32_t len) {
  Slot& s = slot(count_++);
  s.len = len;
  s.result = -ENODEV;  // what it stays when the program finds no device
  std::memcpy(s.frame, frame, len);
}

// The socket buffer starts as the first frame: the kernel takes the protocol from it.
bool Burst::send() {
  shared_->count = count_;
  return bpf_run(program_, slot(0).frame, slot(0).len);
}

}  // namespace weft
