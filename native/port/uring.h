// io_uring without a library: a ring whose requests are all done when the call that hands them over returns.
//
// Problem: a system call a frame is a fifth of what a worker pays for it.
// Idea: requests that may not wait (RWF_NOWAIT) end where they are issued, one after the other. So one call does a batch of them, in order, and nothing is under way
// between two calls: the caller owns all memory again, and there is nobody to wait for, to cancel or to put in order.
// Price: two small mappings and a descriptor a ring, some 30 us to make them. Where the kernel or its guard (seccomp, io_uring_disabled) refuses, `open` says so and
// the caller goes on with read and write.
#pragma once
#include <linux/io_uring.h>

#include <cstddef>
#include <cstdint>

namespace weft {

class Uring {
 public:
  Uring() = default;
  Uring(const Uring&) = delete;
  Uring& operator=(const Uring&) = delete;
  ~Uring() { close(); }

  // For one thread at a time. `file`: what all requests are for; a write of no bytes must do nothing there. 0, or the errno of what was refused.
  int open(uint32_t entries, int file);
  // The file is let go of at once.
  void close();
  bool is_open() const { return ring_ >= 0; }
  // Whether this process may have rings at all: 0 or the errno. Asked of the kernel once.
  static int refusal();

  // Request i of the next batch.
  void read(uint32_t i, void* to, uint32_t len) { put(i, IORING_OP_READ, to, len); }
  void write(uint32_t i, const void* from, uint32_t len) { put(i, IORING_OP_WRITE, const_cast<void*>(from), len); }
  // Does the first n, as many as there are entries at most; results[i] is what came of request i: bytes, or -errno. False: the ring is closed, and what was not done
  // has -EAGAIN.
  bool run(uint32_t n, int32_t* results);

 private:
  static constexpr uint32_t kNoWait = 8;  // RWF_NOWAIT of linux/fs.h, which libc's headers do not bear beside them

  void put(uint32_t i, uint8_t op, void* memory, uint32_t len) {
    io_uring_sqe& e = entries_[(tail_ + i) & mask_];
    e = io_uring_sqe{};
    e.opcode = op;
    e.flags = IOSQE_FIXED_FILE;
    e.off = ~uint64_t{0};
    e.addr = reinterpret_cast<uint64_t>(memory);
    e.len = len;
    e.rw_flags = kNoWait;
    e.user_data = i;
  }
  int map(uint32_t entries, int file);

  int ring_ = -1;
  void* shared_ = nullptr;  // indices and completions
  size_t shared_bytes_ = 0;
  io_uring_sqe* entries_ = nullptr;
  size_t entries_bytes_ = 0;
  const io_uring_cqe* done_ = nullptr;
  uint32_t mask_ = 0, done_mask_ = 0;
  uint32_t tail_ = 0;  // of requests
  uint32_t *kernel_tail_ = nullptr, *done_head_ = nullptr, *done_tail_ = nullptr;
};

}  // namespace weft
