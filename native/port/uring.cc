#include "uring.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

namespace weft {
namespace {

constexpr uint32_t kSetup = 1U << 8;  // IORING_SETUP_COOP_TASKRUN: nobody interrupts the thread
// A kernel that takes requests one by one needs as many calls as there are; one that takes none so often is out of memory.
constexpr uint32_t kMostRefusals = 64;

int setup(uint32_t entries, io_uring_params& p) {
  p.flags = kSetup;
  return static_cast<int>(syscall(__NR_io_uring_setup, entries, &p));
}

}  // namespace

int Uring::refusal() {
  static const int error = [] {
    io_uring_params p{};
    const int ring = setup(1, p);
    if (ring < 0) return errno;
    ::close(ring);
    return (p.features & IORING_FEAT_SINGLE_MMAP) != 0 ? 0 : ENOSYS;
  }();
  return error;
}

int Uring::open(uint32_t entries, int file) {
  int e = map(entries, file);
  // What does not end where it is issued would be of no use: a device that knows no RWF_NOWAIT says so here.
  int32_t result = 0;
  if (e == 0) {
    put(0, IORING_OP_WRITE, &result, 0);
    e = !run(1, &result) ? EIO : result == -EOPNOTSUPP ? EOPNOTSUPP : 0;
  }
  if (e != 0) close();
  return e;
}

int Uring::map(uint32_t entries, int file) {
  io_uring_params p{};
  ring_ = setup(entries, p);
  if (ring_ < 0) return errno;
  if ((p.features & IORING_FEAT_SINGLE_MMAP) == 0) return ENOSYS;
  shared_bytes_ = std::max<size_t>(p.cq_off.cqes + p.cq_entries * sizeof(io_uring_cqe), p.sq_off.array + p.sq_entries * sizeof(uint32_t));
  const auto mapped = [this](size_t bytes, uint64_t at) { return mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring_, static_cast<off_t>(at)); };
  void* shared = mapped(shared_bytes_, IORING_OFF_SQ_RING);
  if (shared == MAP_FAILED) return errno;
  shared_ = shared;
  entries_bytes_ = p.sq_entries * sizeof(io_uring_sqe);
  void* requests = mapped(entries_bytes_, IORING_OFF_SQES);
  if (requests == MAP_FAILED) return errno;
  entries_ = static_cast<io_uring_sqe*>(requests);
  if (syscall(__NR_io_uring_register, ring_, IORING_REGISTER_FILES, &file, 1) < 0) return errno;
  const auto word = [this](uint32_t at) { return reinterpret_cast<uint32_t*>(static_cast<uint8_t*>(shared_) + at); };
  mask_ = *word(p.sq_off.ring_mask);
  kernel_tail_ = word(p.sq_off.tail);
  done_mask_ = *word(p.cq_off.ring_mask);
  done_head_ = word(p.cq_off.head);
  done_tail_ = word(p.cq_off.tail);
  done_ = reinterpret_cast<const io_uring_cqe*>(word(p.cq_off.cqes));
  tail_ = *kernel_tail_;
  // Requests are issued in the order of their places.
  for (uint32_t i = 0; i < p.sq_entries; i++) word(p.sq_off.array)[i] = i;
  return 0;
}

void Uring::close() {
  // The ring itself goes later, by a thread of the kernel's; a device that is held by it would stay as long.
  if (ring_ >= 0) syscall(__NR_io_uring_register, ring_, IORING_UNREGISTER_FILES, nullptr, 0);
  if (entries_) munmap(entries_, entries_bytes_);
  if (shared_) munmap(shared_, shared_bytes_);
  if (ring_ >= 0) ::close(ring_);
  entries_ = nullptr;
  shared_ = nullptr;
  ring_ = -1;
}

bool Uring::run(uint32_t n, int32_t* results) {
  for (uint32_t i = 0; i < n; i++) results[i] = -EAGAIN;
  tail_ += n;
  std::atomic_ref(*kernel_tail_).store(tail_, std::memory_order_release);
  uint32_t taken = 0, got = 0, refused = 0;
  uint32_t head = *done_head_;
  while (got < n) {
    // All that was taken is done by now; waiting is for a kernel that thinks otherwise.
    const uint32_t wait = taken == n ? n - got : 0;
    const long r = syscall(__NR_io_uring_enter, ring_, n - taken, wait, wait != 0 ? IORING_ENTER_GETEVENTS : 0, nullptr, 0);
    if (r > 0) taken += static_cast<uint32_t>(r);
    if (r < 0 && ((errno != EINTR && errno != EAGAIN) || ++refused == kMostRefusals)) break;
    for (const uint32_t end = std::atomic_ref(*done_tail_).load(std::memory_order_acquire); head != end; head++, got++) {
      const io_uring_cqe& c = done_[head & done_mask_];
      if (c.user_data < n) results[c.user_data] = c.res;
    }
    std::atomic_ref(*done_head_).store(head, std::memory_order_release);
  }
  if (got < n) close();
  return got == n;
}

}  // namespace weft
