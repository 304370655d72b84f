// Where the running kernel keeps what a program of ours reads: from the type information (BTF) that the kernel publishes of itself.
#pragma once
#include <cstdint>

namespace weft {

struct KernelTypes {
  uint32_t cast_to_kernel;  // id of the function bpf_cast_to_kern_ctx
  // Of struct sk_buff, bytes from its start.
  uint32_t head, data, csum_start, csum_offset;
  uint32_t ip_summed;        // the byte that holds it
  uint32_t ip_summed_shift;  // two bits from there
};

// Read once, some 10 ms. Null: the kernel publishes none, or its sk_buff is not as we know it.
const KernelTypes* kernel_types();

}  // namespace weft
