"""
A reactive L3 controller in the way of DragonFlow, OpenFlow 1.3: the segment of a machine goes into metadata, the gateway answers ARP in the switch,
the first packet between two subnets comes up whole, both directions become flows that expire, and the packet goes back.
"""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

from os_ken.base import app_manager
from os_ken.controller import ofp_event
from os_ken.controller.handler import CONFIG_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from os_ken.lib.packet import ethernet, ipv4, packet
from os_ken.ofproto import ofproto_v1_3

from common import say, version_name

# [{"port":, "ip":, "mac":, "segment":}]
MACHINES = json.loads(os.environ.get('MACHINES', '[]'))
# By segment: the subnet and its gateway.
NETS = {0x1f42: ('10.84.1.0', '10.84.1.1', '02:00:00:84:01:01'), 0x1f43: ('10.84.2.0', '10.84.2.1', '02:00:00:84:02:01')}
DISPATCH, ARP_TABLE, L3_TABLE = 40, 51, 52
IDLE_TIMEOUT = 2


class DragonFlow(app_manager.OSKenApp):
    OFP_VERSIONS = [ofproto_v1_3.OFP_VERSION]

    @set_ev_cls(ofp_event.EventOFPSwitchFeatures, CONFIG_DISPATCHER)
    def connected(self, ev):
        dp = ev.msg.datapath
        ofp, parser = dp.ofproto, dp.ofproto_parser
        say('connected', version=version_name(ofp), dpid=dp.id)
        goto = parser.OFPInstructionGotoTable
        for m in MACHINES:
            # The table to go to stands before what is done first: instructions are a set.
            todo = [goto(DISPATCH), parser.OFPInstructionWriteMetadata(m['segment'], 0xffff)]
            self.add(dp, 0, 1000, parser.OFPMatch(in_port=m['port']), todo)
        self.add(dp, DISPATCH, 10, parser.OFPMatch(eth_type=0x0806), [goto(ARP_TABLE)])
        self.add(dp, DISPATCH, 10, parser.OFPMatch(eth_type=0x0800), [goto(L3_TABLE)])
        self.add(dp, ARP_TABLE, 1, parser.OFPMatch(), [self.apply(dp, [parser.OFPActionOutput(ofp.OFPP_NORMAL)])])
        for segment, (net, gateway, mac) in NETS.items():
            self.respond(dp, segment, gateway, mac)
            near = parser.OFPMatch(eth_type=0x0800, metadata=segment, ipv4_dst=(net, '255.255.255.0'))
            self.add(dp, L3_TABLE, 30, near, [self.apply(dp, [parser.OFPActionOutput(ofp.OFPP_NORMAL)])])
            for other in NETS:
                if other == segment:
                    continue
                far = parser.OFPMatch(eth_type=0x0800, metadata=segment, ipv4_dst=(NETS[other][0], '255.255.255.0'))
                self.add(dp, L3_TABLE, 20, far, [self.apply(dp, [parser.OFPActionOutput(ofp.OFPP_CONTROLLER, 65535)])])
        dp.send_msg(parser.OFPBarrierRequest(dp))

    def apply(self, dp, actions):
        return dp.ofproto_parser.OFPInstructionActions(dp.ofproto.OFPIT_APPLY_ACTIONS, actions)

    def add(self, dp, table, priority, match, instructions, **more):
        dp.send_msg(dp.ofproto_parser.OFPFlowMod(datapath=dp, table_id=table, priority=priority, match=match,
                                                 instructions=instructions, **more))

    def respond(self, dp, segment, gateway, mac):
        ofp, parser = dp.ofproto, dp.ofproto_parser
        move = parser.NXActionRegMove
        match = parser.OFPMatch(eth_type=0x0806, metadata=segment, arp_op=1, arp_tpa=gateway)
        actions = [
            move(src_field='eth_src', dst_field='eth_dst', n_bits=48), parser.OFPActionSetField(eth_src=mac),
            parser.OFPActionSetField(arp_op=2),
            move(src_field='arp_sha', dst_field='arp_tha', n_bits=48),
            move(src_field='arp_spa', dst_field='arp_tpa', n_bits=32),
            parser.OFPActionSetField(arp_sha=mac), parser.OFPActionSetField(arp_spa=gateway),
            parser.OFPActionOutput(ofp.OFPP_IN_PORT),
        ]
        self.add(dp, ARP_TABLE, 100, match, [self.apply(dp, actions)])

    @set_ev_cls(ofp_event.EventOFPBarrierReply, MAIN_DISPATCHER)
    def ready(self, ev):
        say('ready')

    def way(self, dp, src, dst):
        """Match and actions from one machine to another."""
        parser = dp.ofproto_parser
        gateway = NETS[src['segment']][2]
        match = parser.OFPMatch(eth_type=0x0800, metadata=src['segment'], in_port=src['port'], eth_src=src['mac'],
                                eth_dst=gateway, ipv4_src=src['ip'], ipv4_dst=dst['ip'])
        actions = [parser.OFPActionDecNwTtl(), parser.OFPActionSetField(eth_src=NETS[dst['segment']][2]),
                   parser.OFPActionSetField(eth_dst=dst['mac']), parser.OFPActionOutput(dst['port'])]
        return match, actions

    @set_ev_cls(ofp_event.EventOFPPacketIn, MAIN_DISPATCHER)
    def packet_in(self, ev):
        msg = ev.msg
        dp = msg.datapath
        ofp, parser = dp.ofproto, dp.ofproto_parser
        p = packet.Packet(msg.data)
        ip = p.get_protocol(ipv4.ipv4)
        if ip is None:
            return
        say('packet_in', table=msg.table_id, reason=msg.reason, metadata=msg.match.get('metadata'), in_port=msg.match['in_port'],
            unbuffered=msg.buffer_id == ofp.OFP_NO_BUFFER, total_len=msg.total_len, data_len=len(msg.data), src=ip.src,
            dst=ip.dst, eth=str(p.get_protocol(ethernet.ethernet).src))
        by_ip = {m['ip']: m for m in MACHINES}
        src, dst = by_ip.get(ip.src), by_ip.get(ip.dst)
        if src is None or dst is None:
            return
        for a, b in ((src, dst), (dst, src)):
            match, actions = self.way(dp, a, b)
            self.add(dp, L3_TABLE, 100, match, [self.apply(dp, actions)], idle_timeout=IDLE_TIMEOUT,
                     flags=ofp.OFPFF_SEND_FLOW_REM, cookie=0xd4a6)
        dp.send_msg(parser.OFPPacketOut(datapath=dp, buffer_id=ofp.OFP_NO_BUFFER, in_port=src['port'],
                                        actions=self.way(dp, src, dst)[1], data=msg.data))

    @set_ev_cls(ofp_event.EventOFPFlowRemoved, MAIN_DISPATCHER)
    def flow_removed(self, ev):
        msg = ev.msg
        say('flow_removed', table=msg.table_id, cookie=msg.cookie, reason=msg.reason, priority=msg.priority,
            packets=msg.packet_count, bytes=msg.byte_count, src=msg.match.get('ipv4_src'), dst=msg.match.get('ipv4_dst'),
            metadata=msg.match.get('metadata'))

    @set_ev_cls(ofp_event.EventOFPErrorMsg, MAIN_DISPATCHER)
    def error(self, ev):
        say('error', type=ev.msg.type, code=ev.msg.code, data=ev.msg.data.hex())
