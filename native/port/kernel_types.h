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

  // What it takes to look at another device of a frame's namespace, as the kernel itself finds it by number. 0: it cannot be done.
  uint32_t cast_to;  // id of the function bpf_rdonly_cast
  uint32_t list_type, device_type;                                              // ids of struct hlist_head and net_device
  uint32_t device;                                                              // of struct sk_buff
  uint32_t devices;                                                             // of struct net: lists of devices by the lowest eight bits of their number
  uint32_t device_net, device_link, device_number, device_flags, device_mtu, device_taker;  // of struct net_device; the taker is who takes frames away from the host
};

// Read once, some 10 ms. Null: the kernel publishes none, or its sk_buff is not as we know it.
const KernelTypes* kernel_types();

}  // namespace weft
