// The receive ring of a packet socket (TPACKET_V2), mapped: frames with checksum and segmentation state, tags put back.
//
// The kernel copies a frame into the ring on the processor that delivers it, and we read it without a system call. A frame larger than a slot (a TCP
// segment of up to 64 KB) is announced in the ring with TP_STATUS_COPY and taken whole with recvmsg, which costs one call a segment
// (PACKET_COPY_THRESH). V3 would save nothing for small frames and hands blocks over only every millisecond or more.
#pragma once
#include <linux/if_packet.h>

#include <cstdint>

#include "port.h"

namespace weft {

class PacketRing {
 public:
  static constexpr uint32_t kSlotBytes = 2048;
  static constexpr uint32_t kBlockBytes = 1 << 16;
  static constexpr uint32_t kVnetHeader = 10;

  // The socket has TPACKET_V2, PACKET_VNET_HDR and a ring of `bytes`, a power of two of at least a block.
  PacketRing(int socket, uint8_t* ring, uint32_t bytes) : fd_(socket), ring_(ring), mask_(bytes / kSlotBytes - 1) {}
  ~PacketRing();
  PacketRing(const PacketRing&) = delete;
  PacketRing& operator=(const PacketRing&) = delete;

  // Gives the options and the ring itself. Null, or what could not be done; errno says why.
  static const char* prepare(int socket, uint32_t bytes);

  uint32_t bytes() const { return (mask_ + 1) * kSlotBytes; }
  bool waiting() const { return (__atomic_load_n(&slot().tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) != 0; }
  // Takes the frame that waits. Null: it was lost (no buffer, or the kernel had cut it).
  Packet* take(Pool& pool);
  // Frames that found no slot, since the last call. The kernel marks the frames after a loss, so that without one this costs no call.
  uint64_t lost();
  // Looks the next time `lost` is called, mark or not: the last frames before a pause have none after them.
  void look() { losing_ = true; }
  // Gives the slot back.
  void skip();
  // Puts a tag back that the kernel took off.
  static void restore_tag(Packet& p, uint16_t tpid, uint16_t tci);

 private:
  tpacket2_hdr& slot() const { return *reinterpret_cast<tpacket2_hdr*>(ring_ + static_cast<size_t>(next_) * kSlotBytes); }
  static Packet* take_slot(Pool& pool, const tpacket2_hdr& h);
  Packet* take_whole(Pool& pool) const;

  int fd_;
  uint8_t* ring_;
  uint32_t mask_;
  uint32_t next_ = 0;
  bool losing_ = false;
};

}  // namespace weft
