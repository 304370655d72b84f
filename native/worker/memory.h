// Zeroed pages that may outlive the datapath: JavaScript sees them as ArrayBuffers, which hold a share of the mapping until they are collected.
//
// A mapping of 2 MiB and more is in huge pages where the process wants that: reserved ones when there are enough of them (/proc/sys/vm/nr_hugepages), else the
// kernel is asked to make them as they are touched, else in plain ones. Price: what is touched once takes 2 MiB, so a switch that is told nothing uses plain pages.
#pragma once
#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace weft {

enum class Pages : uint32_t { kPlain, kAdvised, kReserved };
constexpr uint32_t kPageKinds = 3;

class Mapping {
 public:
  static constexpr size_t kPlainPage = 4096, kHugePage = size_t{1} << 21;

  // Pages cost nothing until they are touched, so arenas are sized for their maximum.
  explicit Mapping(size_t bytes) {
    if (!(want_huge && bytes >= kHugePage && (reserved(bytes) || advised(bytes)))) {
      bytes_ = round_up(bytes, kPlainPage);
      data_ = map(bytes_, 0);
      if (!data_) throw std::bad_alloc();
    }
    held[static_cast<uint32_t>(pages_)] += bytes_;
  }
  ~Mapping() {
    munmap(data_, bytes_);
    held[static_cast<uint32_t>(pages_)] -= bytes_;
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  uint8_t* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  Pages pages() const { return pages_; }
  template <typename T>
  T* as() const {
    return reinterpret_cast<T*>(data_);
  }

  static inline std::atomic<bool> want_huge{false};
  static inline std::atomic<uint64_t> held[kPageKinds];  // bytes, by Pages

 private:
  static size_t round_up(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }
  static uint8_t* map(size_t bytes, int flags) {
    void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    return p == MAP_FAILED ? nullptr : static_cast<uint8_t*>(p);
  }

  // The kernel sets the pages aside at once, so a touch cannot fail later.
  bool reserved(size_t bytes) {
    constexpr int kShift = 26, kLog = 21;  // MAP_HUGE_SHIFT: which size
    bytes_ = round_up(bytes, kHugePage);
    data_ = map(bytes_, MAP_HUGETLB | kLog << kShift);
    pages_ = data_ ? Pages::kReserved : Pages::kPlain;
    return data_ != nullptr;
  }

  // Aligned, with what is too much given back.
  bool advised(size_t bytes) {
    bytes_ = round_up(bytes, kHugePage);
    uint8_t* p = map(bytes_ + kHugePage, 0);
    if (!p) return false;
    const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(p) % kHugePage) % kHugePage;
    if (before != 0) munmap(p, before);
    munmap(p + before + bytes_, kHugePage - before);
    data_ = p + before;
    if (madvise(data_, bytes_, MADV_HUGEPAGE) == 0) pages_ = Pages::kAdvised;
    return true;
  }

  uint8_t* data_ = nullptr;
  size_t bytes_ = 0;
  Pages pages_ = Pages::kPlain;
};

using SharedMapping = std::shared_ptr<Mapping>;

}  // namespace weft
