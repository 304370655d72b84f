#include "shortcuts.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include "kernel_types.h"

namespace weft {

Shortcuts::~Shortcuts() {
  if (table_) munmap(table_, sizeof(Table));
}

bool Shortcuts::open() {
  std::lock_guard hold(lock_);
  if (error_ < 0) error_ = make() ? 0 : errno ? errno : EIO;
  errno = error_;
  return error_ == 0;
}

bool Shortcuts::make() {
  if (!kernel_types() || kernel_types()->cast_to == 0) return errno = ENOTSUP, false;
  const Mapping& counters = *arena_.memory();
  table_memory_ = bpf_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(Table), 1, BPF_F_MMAPABLE);
  flows_ = bpf_map(BPF_MAP_TYPE_HASH, sizeof(Words), sizeof(ShortcutWay), kEntries, BPF_F_NO_PREALLOC);
  counters_ = bpf_map(BPF_MAP_TYPE_ARRAY, 4, static_cast<uint32_t>(counters.bytes()), 1, BPF_F_MMAPABLE);
  found_ = bpf_map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 1, 0);
  if (!table_memory_.ok() || !flows_.ok() || !counters_.ok() || !found_.ok()) return false;
  void* table = mmap(nullptr, sizeof(Table), PROT_READ | PROT_WRITE, MAP_SHARED, table_memory_.get(), 0);
  if (table == MAP_FAILED) return false;
  table_ = static_cast<Table*>(table);
  // In the place of the empty pages that JavaScript has a view of.
  return mmap(counters.data(), counters.bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, counters_.get(), 0) != MAP_FAILED;
}

Shortcuts::Mask* Shortcuts::mask_for(const Words& words) {
  Mask* unused = nullptr;
  for (Mask& m : table_->masks) {
    if (m.id != 0 && m.words == words) return &m;
    if (m.flows == 0) unused = &m;
  }
  if (!unused) return nullptr;
  __atomic_store_n(&unused->id, 0, __ATOMIC_SEQ_CST);
  unused->words = words;
  if (++masks_made_ == 0) masks_made_ = 1;
  __atomic_store_n(&unused->id, masks_made_, __ATOMIC_SEQ_CST);
  return unused;
}

bool Shortcuts::add(uint32_t in, const Words& key, const Words& mask, const ShortcutWay& way) {
  if (error_ != 0 || !allowed() || in >= kKernelPorts || way.vport >= kKernelPorts || way.slot >= kKernelFlows || count_ > kEntries) return false;
  if (known_[way.slot].load(std::memory_order_relaxed) != 0) return false;
  Mask* m = mask_for(mask);
  if (!m) return false;
  Entry e{key, in, static_cast<uint32_t>(m - table_->masks)};
  for (uint32_t i = 0; i < kWords; i++) e.key[i] &= mask[i];
  e.key[kIdWord] |= uint64_t{m->id} << 32;
  if (!bpf_map_set(flows_, e.key.data(), &way)) return false;
  m->flows++;
  if (entries_.size() <= way.slot) entries_.resize(way.slot + 1);
  entries_[way.slot] = e;
  known_[way.slot].store(1, std::memory_order_relaxed);
  __atomic_add_fetch(&table_->shortcuts[in], 1, __ATOMIC_RELEASE);
  return true;
}

void Shortcuts::take_out(uint32_t slot) {
  const Entry& e = entries_[slot];
  __atomic_sub_fetch(&table_->shortcuts[e.in], 1, __ATOMIC_RELEASE);
  bpf_map_delete(flows_, e.key.data());
  table_->masks[e.mask].flows--;
  known_[slot].store(0, std::memory_order_relaxed);
  count_--;
}

void Shortcuts::remove(uint32_t slot) {
  std::lock_guard hold(lock_);
  if (has(slot)) take_out(slot);
}

void Shortcuts::clear() {
  std::lock_guard hold(lock_);
  for (uint32_t slot = 0; slot < entries_.size() && count_ != 0; slot++)
    if (has(slot)) take_out(slot);
}

std::vector<uint32_t> Shortcuts::list() {
  std::lock_guard hold(lock_);
  std::vector<uint32_t> out;
  for (uint32_t slot = 0; slot < entries_.size(); slot++)
    if (has(slot)) out.push_back(slot);
  return out;
}

}  // namespace weft
