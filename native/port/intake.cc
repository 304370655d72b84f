#include "intake.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>

#include "kernel_types.h"

namespace weft {
namespace {

// Record sizes that the program asks for: the ring wants a constant. Most frames are short or full.
constexpr uint32_t kClasses[] = {80, 128, 512, sizeof(Intake::Record) + Intake::kMaxFrame};
// enum of the kernel's skbuff.h
constexpr int32_t kChecksumUnnecessary = 1;
constexpr int32_t kChecksumPartial = 3;
constexpr uint32_t kRecordHeader = 8;
// Numbers of the kernel's that came after the headers of some systems.
constexpr uint32_t kTcxIngress = 46;
constexpr uint32_t kFirst = 1 << 3;  // BPF_F_BEFORE, and no program named
constexpr uint32_t kTrialBytes = 1 << 16;
const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));

}  // namespace

std::unique_ptr<Intake> Intake::open(uint32_t bytes, const ShortcutStart& start) {
  std::unique_ptr<Intake> i(new Intake);
  if (!i->load(bytes, start)) return nullptr;
  return i;
}

Intake::~Intake() {
  if (state_) munmap(state_, sizeof(State));
  if (consumer_) munmap(consumer_, page);
  if (producer_) munmap(const_cast<uint64_t*>(producer_), page + 2 * size_t{bytes_});
}

// Where it cannot be, frames go without.
void Intake::shorten(const ShortcutStart& start) {
  if (!start.shortcuts || !start.shortcuts->allowed() || start.vport >= kKernelPorts || !start.shortcuts->open()) return;
  const Fd mover = start.shortcuts->mover(start.vport);
  if (mover.ok()) link_ = bpf_link(mover, static_cast<uint32_t>(start.ifindex), kTcxIngress, kFirst);
}

bool Intake::load(uint32_t bytes, const ShortcutStart& start) {
  const KernelTypes* types = kernel_types();
  if (!types) return errno = ENOTSUP, false;
  bytes_ = bytes;
  ring_ = bpf_map(BPF_MAP_TYPE_RINGBUF, 0, 0, bytes, 0);
  memory_ = bpf_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(State), 1, BPF_F_MMAPABLE);
  if (!ring_.ok() || !memory_.ok()) return false;
  void* state = mmap(nullptr, sizeof(State), PROT_READ | PROT_WRITE, MAP_SHARED, memory_.get(), 0);
  if (state == MAP_FAILED) return false;
  state_ = static_cast<State*>(state);
  state_->shortcut.settled = kNever;
  void* consumer = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, ring_.get(), 0);
  if (consumer == MAP_FAILED) return false;
  consumer_ = static_cast<uint64_t*>(consumer);
  void* producer = mmap(nullptr, page + 2 * size_t{bytes}, PROT_READ, MAP_SHARED, ring_.get(), static_cast<off_t>(page));
  if (producer == MAP_FAILED) return false;
  producer_ = static_cast<const uint64_t*>(producer);
  records_ = static_cast<const uint8_t*>(producer) + page;
  shorten(start);

  // 6 the frame as programs see it, 7 its length, 8 the record, 9 the frame as the kernel sees it.
  using C = BpfCode;
  C c;
  const auto fill = c.label(), untagged = c.label(), partial = c.label(), checked = c.label(), copy = c.label(), pass = c.label(), lost = c.label(), quiet = c.label();
  c.move(6, 1);
  c.load(C::kWord, 7, 6, offsetof(__sk_buff, len));
  if (shortens()) {
    const auto ordinary = c.label();
    start.shortcuts->ask(c, ordinary, start.vport, ring_, memory_, offsetof(State, shortcut));
    c.place(ordinary);
  }
  c.jump(BPF_JGT, 7, kMaxFrame, pass);
  c.jump(BPF_JLT, 7, 14, pass);
  c.load(C::kWord, 1, 6, offsetof(__sk_buff, gso_size));
  c.jump(BPF_JNE, 1, 0, pass);
  for (const uint32_t size : kClasses) {
    const auto larger = c.label();
    c.jump(BPF_JGT, 7, static_cast<int32_t>(size - sizeof(Record)), larger);
    c.map(1, ring_);
    c.set(2, static_cast<int32_t>(size));
    c.set(3, 0);
    c.call(BPF_FUNC_ringbuf_reserve);
    c.jump(BPF_JEQ, 0, 0, lost);
    c.go(fill);
    c.place(larger);
  }
  c.exit_with(0);  // not reached

  c.place(fill);
  c.move(8, 0);
  c.store(C::kWord, 8, offsetof(Record, len), 7);
  c.store_value(C::kWord, 8, offsetof(Record, tci), 0);
  c.store_value(C::kWord, 8, offsetof(Record, csum_start), 0);
  c.store_value(C::kWord, 8, offsetof(Record, flags), 0);
  c.load(C::kWord, 1, 6, offsetof(__sk_buff, vlan_present));
  c.jump(BPF_JEQ, 1, 0, untagged);
  c.load(C::kWord, 1, 6, offsetof(__sk_buff, vlan_tci));
  c.store(C::kHalf, 8, offsetof(Record, tci), 1);
  c.load(C::kWord, 1, 6, offsetof(__sk_buff, vlan_proto));
  c.store(C::kHalf, 8, offsetof(Record, tpid), 1);
  c.store_value(C::kByte, 8, offsetof(Record, tagged), 1);
  c.place(untagged);
  c.move(1, 6);
  c.call_kernel(types->cast_to_kernel);
  c.move(9, 0);
  c.load(C::kByte, 1, 9, static_cast<int32_t>(types->ip_summed));
  c.alu(BPF_RSH, 1, static_cast<int32_t>(types->ip_summed_shift));
  c.alu(BPF_AND, 1, 3);
  c.jump(BPF_JEQ, 1, kChecksumPartial, partial);
  c.jump(BPF_JEQ, 1, kChecksumUnnecessary, checked);

  c.place(copy);
  c.move(1, 6);
  c.set(2, 0);
  c.move(3, 8);
  c.alu(BPF_ADD, 3, sizeof(Record));
  c.move(4, 7);
  c.call(BPF_FUNC_skb_load_bytes);
  c.move(1, 8);
  c.set(2, BPF_RB_NO_WAKEUP);
  c.call(BPF_FUNC_ringbuf_submit);  // a full barrier: the worker says that it sleeps and then looks, we write and then look
  c.map_value(1, memory_);
  c.load(C::kWord, 0, 1, offsetof(State, asleep));
  c.jump(BPF_JEQ, 0, 0, quiet);
  c.set(2, 0);
  c.exchange(1, offsetof(State, asleep), 2);  // one frame rings, on whichever processor it comes
  c.jump(BPF_JEQ, 2, 0, quiet);
  c.exit_with(1);
  c.place(quiet);
  c.exit_with(0);

  c.place(partial);
  c.load(C::kHalf, 1, 9, static_cast<int32_t>(types->csum_start));  // counted from the start of the buffer
  c.load(C::kDouble, 2, 9, static_cast<int32_t>(types->head));
  c.load(C::kDouble, 3, 9, static_cast<int32_t>(types->data));
  c.alu_reg(BPF_SUB, 3, 2);
  c.alu_reg(BPF_SUB, 1, 3);
  c.store(C::kHalf, 8, offsetof(Record, csum_start), 1);
  c.load(C::kHalf, 1, 9, static_cast<int32_t>(types->csum_offset));
  c.store(C::kHalf, 8, offsetof(Record, csum_offset), 1);
  c.store_value(C::kByte, 8, offsetof(Record, flags), 1);
  c.go(copy);
  c.place(checked);
  c.store_value(C::kByte, 8, offsetof(Record, flags), 2);
  c.go(copy);

  c.place(pass);
  c.map(1, ring_);
  c.set(2, sizeof(Record));
  c.set(3, 0);
  c.call(BPF_FUNC_ringbuf_reserve);
  c.jump(BPF_JEQ, 0, 0, lost);
  c.store_value(C::kWord, 0, offsetof(Record, len), 0);
  c.move(1, 0);
  c.set(2, BPF_RB_NO_WAKEUP);
  c.call(BPF_FUNC_ringbuf_submit);
  c.exit_with(-1);
  c.place(lost);
  c.map_value(1, memory_);
  c.set(2, 1);
  c.add_atomically(1, offsetof(State, lost), 2);
  c.exit_with(0);
  program_ = bpf_program(BPF_PROG_TYPE_SOCKET_FILTER, c.finish());
  return program_.ok();
}

bool Intake::attach(int socket) const {
  const int fd = program_.get();
  return setsockopt(socket, SOL_SOCKET, SO_ATTACH_BPF, &fd, sizeof fd) == 0;
}

const Intake::Record* Intake::front() {
  for (;;) {
    if (at_ == known_ && at_ == (known_ = __atomic_load_n(producer_, __ATOMIC_ACQUIRE))) return nullptr;
    const uint8_t* at = records_ + (at_ & (bytes_ - 1));
    const uint32_t header = __atomic_load_n(reinterpret_cast<const uint32_t*>(at), __ATOMIC_ACQUIRE);
    if ((header & BPF_RINGBUF_BUSY_BIT) != 0) return nullptr;
    step_ = ((header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT)) + kRecordHeader + 7) & ~7u;
    if ((header & BPF_RINGBUF_DISCARD_BIT) == 0) return reinterpret_cast<const Record*>(at + kRecordHeader);
    pop();
  }
}

int Intake::fault() {
  static const int why = [] { return open(kTrialBytes) ? 0 : errno; }();
  return why;
}

bool Intake::doze() {
  dozing_ = true;
  __atomic_store_n(&state_->asleep, 1, __ATOMIC_SEQ_CST);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return more();
}

}  // namespace weft
