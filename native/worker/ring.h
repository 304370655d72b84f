// A byte ring between one writer and one reader. Records are contiguous and a multiple of 8 bytes; each begins with its u32 size.
//
// A record that would cross the ring's end is preceded by a mark (kSizeWrap) and stands at the ring's start. Positions count up for ever modulo
// 2^32, so head == tail is empty. The writer reserves and fills records at its own cursor; the reader sees them from `publish` on, a batch at a time,
// so the line that both sides touch moves once a batch.
#pragma once
#include <atomic>
#include <cstring>

#include "../generated/ring.h"
#include "memory.h"

namespace weft {

struct RingIndex {
  std::atomic<uint32_t> head;  // written by the writer
  std::atomic<uint32_t> tail;  // written by the reader
};
static_assert(sizeof(RingIndex) == 8);

class RingWriter {
 public:
  // `bytes` is a power of two.
  RingWriter(uint8_t* data, uint32_t bytes, RingIndex* index) : data_(data), bytes_(bytes), index_(index) {}

  // Room for a record, its size filled in; nullptr when it does not fit now. A record of up to half the ring fits when the ring is empty.
  uint8_t* reserve(uint32_t size) {
    size = (size + 7) & ~7u;
    const uint32_t at = cursor_ & (bytes_ - 1);
    const uint32_t pad = size > bytes_ - at ? bytes_ - at : 0;
    if (size > bytes_ / 2 || cursor_ - index_->tail.load(std::memory_order_acquire) + pad + size > bytes_) return nullptr;
    if (pad) {
      store_size(data_ + at, kSizeWrap);
      cursor_ += pad;
    }
    uint8_t* record = data_ + (cursor_ & (bytes_ - 1));
    store_size(record, size);
    cursor_ += size;
    return record;
  }
  // True when there was something to publish.
  bool publish() {
    if (index_->head.load(std::memory_order_relaxed) == cursor_) return false;
    index_->head.store(cursor_, std::memory_order_release);
    return true;
  }
  // Something published that the reader has not taken.
  bool unread() const { return index_->tail.load(std::memory_order_acquire) != index_->head.load(std::memory_order_acquire); }

 private:
  static void store_size(uint8_t* p, uint32_t size) { std::memcpy(p, &size, 4); }
  uint8_t* data_;
  uint32_t bytes_;
  uint32_t cursor_ = 0;
  RingIndex* index_;
};

class RingReader {
 public:
  RingReader(const uint8_t* data, uint32_t bytes, RingIndex* index) : data_(data), bytes_(bytes), index_(index) {}

  // The oldest record, or nullptr. It stays until `pop`.
  const uint8_t* peek(uint32_t* size) {
    uint32_t tail = index_->tail.load(std::memory_order_relaxed);
    while (tail != index_->head.load(std::memory_order_acquire)) {
      const uint32_t at = tail & (bytes_ - 1);
      std::memcpy(size, data_ + at, 4);
      if (*size != kSizeWrap) return data_ + at;
      tail += bytes_ - at;
      index_->tail.store(tail, std::memory_order_release);
    }
    return nullptr;
  }
  void pop(uint32_t size) { index_->tail.store(index_->tail.load(std::memory_order_relaxed) + size, std::memory_order_release); }
  bool empty() const { return index_->tail.load(std::memory_order_relaxed) == index_->head.load(std::memory_order_acquire); }

 private:
  const uint8_t* data_;
  uint32_t bytes_;
  RingIndex* index_;
};

}  // namespace weft
