// Zeroed pages that may outlive the datapath: JavaScript sees them as ArrayBuffers, which hold a share of the mapping until they are collected.
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace weft {

class Mapping {
 public:
  // Pages cost nothing until they are touched, so arenas are sized for their maximum.
  explicit Mapping(size_t bytes) : bytes_((bytes + 4095) & ~size_t{4095}) {
    void* p = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) throw std::bad_alloc();
    data_ = static_cast<uint8_t*>(p);
  }
  ~Mapping() { munmap(data_, bytes_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  uint8_t* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  template <typename T>
  T* as() const {
    return reinterpret_cast<T*>(data_);
  }

 private:
  uint8_t* data_;
  size_t bytes_;
};

using SharedMapping = std::shared_ptr<Mapping>;

}  // namespace weft
