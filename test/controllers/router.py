"""An L3 router of OpenFlow 1.3: answers ARP for its addresses, asks for hosts' addresses, routes by a flow for each host it knows."""
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

from os_ken.base import app_manager
from os_ken.controller import ofp_event
from os_ken.controller.handler import CONFIG_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from os_ken.lib.packet import arp, ethernet, ipv4, packet
from os_ken.ofproto import ofproto_v1_3

from common import say, version_name

# By port: the router's address in that /24, its MAC.
LEGS = {1: ('10.83.1.1', '02:00:00:83:01:01'), 2: ('10.83.2.1', '02:00:00:83:02:01')}
IDLE_TIMEOUT = 2


def network(address):
    return address.rsplit('.', 1)[0]


class Router(app_manager.OSKenApp):
    OFP_VERSIONS = [ofproto_v1_3.OFP_VERSION]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.hosts = {}
        self.waiting = {}

    @set_ev_cls(ofp_event.EventOFPSwitchFeatures, CONFIG_DISPATCHER)
    def connected(self, ev):
        dp = ev.msg.datapath
        ofp, parser = dp.ofproto, dp.ofproto_parser
        say('connected', version=version_name(ofp), dpid=dp.id)
        up = [parser.OFPActionOutput(ofp.OFPP_CONTROLLER, ofp.OFPCML_NO_BUFFER)]
        for eth_type in (0x0800, 0x0806):
            self.add_flow(dp, 1, parser.OFPMatch(eth_type=eth_type), up)

    def add_flow(self, dp, priority, match, actions, idle=0, flags=0):
        ofp, parser = dp.ofproto, dp.ofproto_parser
        todo = [parser.OFPInstructionActions(ofp.OFPIT_APPLY_ACTIONS, actions)]
        dp.send_msg(parser.OFPFlowMod(datapath=dp, priority=priority, match=match, instructions=todo, idle_timeout=idle,
                                      flags=flags, cookie=0x1e3))

    def send(self, dp, actions, data, in_port=None):
        ofp, parser = dp.ofproto, dp.ofproto_parser
        dp.send_msg(parser.OFPPacketOut(datapath=dp, buffer_id=ofp.OFP_NO_BUFFER,
                                        in_port=ofp.OFPP_CONTROLLER if in_port is None else in_port,
                                        actions=actions, data=data))

    def send_arp(self, dp, port, opcode, dst_mac, dst_ip):
        ip, mac = LEGS[port]
        p = packet.Packet()
        broadcast = 'ff:ff:ff:ff:ff:ff'
        asks = opcode == arp.ARP_REQUEST
        p.add_protocol(ethernet.ethernet(dst=broadcast if asks else dst_mac, src=mac, ethertype=0x0806))
        p.add_protocol(arp.arp(opcode=opcode, src_mac=mac, src_ip=ip, dst_mac='00:00:00:00:00:00' if asks else dst_mac,
                               dst_ip=dst_ip))
        p.serialize()
        self.send(dp, [dp.ofproto_parser.OFPActionOutput(port)], p.data)

    @set_ev_cls(ofp_event.EventOFPPacketIn, MAIN_DISPATCHER)
    def packet_in(self, ev):
        msg = ev.msg
        dp, in_port = msg.datapath, msg.match['in_port']
        p = packet.Packet(msg.data)
        if in_port not in LEGS:
            return
        a, ip = p.get_protocol(arp.arp), p.get_protocol(ipv4.ipv4)
        if a is not None:
            self.heard(dp, in_port, a)
        elif ip is not None:
            say('routed', src=ip.src, dst=ip.dst, ttl=ip.ttl, cookie=msg.cookie, whole=len(msg.data) == msg.total_len)
            self.route(dp, in_port, ip, msg.data)

    def heard(self, dp, port, a):
        self.hosts[a.src_ip] = (port, a.src_mac)
        if a.opcode == arp.ARP_REQUEST and a.dst_ip == LEGS[port][0]:
            self.send_arp(dp, port, arp.ARP_REPLY, a.src_mac, a.src_ip)
        for in_port, data in self.waiting.pop(a.src_ip, []):
            self.forward(dp, in_port, a.src_ip, data)

    def route(self, dp, in_port, ip, data):
        if ip.dst in self.hosts:
            self.forward(dp, in_port, ip.dst, data)
            return
        for port, (leg, _) in LEGS.items():
            if network(leg) == network(ip.dst) and ip.dst != leg:
                self.waiting.setdefault(ip.dst, []).append((in_port, data))
                self.send_arp(dp, port, arp.ARP_REQUEST, None, ip.dst)

    def forward(self, dp, in_port, dst, data):
        ofp, parser = dp.ofproto, dp.ofproto_parser
        port, mac = self.hosts[dst]
        actions = [parser.OFPActionDecNwTtl(), parser.OFPActionSetField(eth_src=LEGS[port][1]),
                   parser.OFPActionSetField(eth_dst=mac), parser.OFPActionOutput(port)]
        match = parser.OFPMatch(eth_type=0x0800, ipv4_dst=dst)
        self.add_flow(dp, 100, match, actions, idle=IDLE_TIMEOUT, flags=ofp.OFPFF_SEND_FLOW_REM)
        self.send(dp, actions, data, in_port)

    @set_ev_cls(ofp_event.EventOFPFlowRemoved, MAIN_DISPATCHER)
    def flow_removed(self, ev):
        msg = ev.msg
        say('flow_removed', cookie=msg.cookie, reason=msg.reason, packets=msg.packet_count, dst=msg.match.get('ipv4_dst'))

    @set_ev_cls(ofp_event.EventOFPErrorMsg, MAIN_DISPATCHER)
    def error(self, ev):
        say('error', type=ev.msg.type, code=ev.msg.code, data=ev.msg.data.hex())
