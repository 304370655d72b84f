// The `set` action, by kind. Layouts of values: SET_KINDS in src/datapath/action.ts. A header that is not there leaves the frame as it is.
#pragma once
#include "../generated/actions.h"
#include "../generated/key_layout.h"
#include "../packet/packet.h"
#include "headers.h"

namespace weft {

struct SetInput {
  Packet* p;
  const Headers* h;
  unsigned vlans;  // tags that the switch sees
  const uint8_t* value;
  const uint8_t* mask;

  uint8_t* at(uint32_t offset) const { return p->data + offset; }
};

// set_link.cc
void set_eth(Packet& p, const uint8_t* value, const uint8_t* mask);
void set_vlan(const SetInput&);
void set_mpls(const SetInput&);
void set_arp(const SetInput&);
void set_nsh(const SetInput&);
// set_ip.cc
void set_ipv4(const SetInput&);
void set_ipv6(const SetInput&);
// set_transport.cc
void set_ports(const SetInput&, uint8_t proto);
void set_sctp(const SetInput&);
void set_icmp(const SetInput&, uint8_t proto, uint16_t type);
// set_nd.cc
void set_nd(const SetInput&);
void set_nd_ext(const SetInput&);
// metadata.cc: kinds that change the key and not the frame. False: `kind` is none of them.
bool set_metadata(SetKind kind, Key& key, const uint8_t* value, const uint8_t* mask);

// Addresses under the pseudo-header of TCP, UDP and ICMPv6 changed by `delta`.
void adjust_pseudo(const SetInput&, int32_t delta);
// Bytes of the transport header itself, which is there, changed.
void adjust_transport(const SetInput&, int32_t delta);
// The frame's checksum is yet to be finished by whoever sends it.
bool checksum_pending(const SetInput&);

}  // namespace weft
