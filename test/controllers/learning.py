"""A learning switch for OpenFlow 1.0, 1.2, 1.3, 1.4 and 1.5: one application, as many switches as come."""
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

from os_ken.base import app_manager
from os_ken.controller import ofp_event
from os_ken.controller.handler import CONFIG_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from os_ken.lib import addrconv
from os_ken.lib.packet import ethernet, packet
from os_ken.ofproto import ofproto_v1_0, ofproto_v1_2, ofproto_v1_3, ofproto_v1_4, ofproto_v1_5

from common import say, version_name

IDLE_TIMEOUT = 1
MODULES = [ofproto_v1_0, ofproto_v1_2, ofproto_v1_3, ofproto_v1_4, ofproto_v1_5]


class Learning(app_manager.OSKenApp):
    OFP_VERSIONS = [m.OFP_VERSION for m in MODULES]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.places = {}

    @set_ev_cls(ofp_event.EventOFPSwitchFeatures, CONFIG_DISPATCHER)
    def connected(self, ev):
        dp = ev.msg.datapath
        say('connected', version=version_name(dp.ofproto), dpid=dp.id)
        if dp.ofproto.OFP_VERSION < ofproto_v1_3.OFP_VERSION:
            return  # Misses come by themselves.
        ofp, parser = dp.ofproto, dp.ofproto_parser
        up = [parser.OFPActionOutput(ofp.OFPP_CONTROLLER, ofp.OFPCML_NO_BUFFER)]
        self.add_flow(dp, 0, parser.OFPMatch(), up, idle=0, flags=0)

    def add_flow(self, dp, priority, match, actions, idle=IDLE_TIMEOUT, flags=None):
        ofp, parser = dp.ofproto, dp.ofproto_parser
        flags = ofp.OFPFF_SEND_FLOW_REM if flags is None else flags
        if ofp.OFP_VERSION == ofproto_v1_0.OFP_VERSION:
            mod = parser.OFPFlowMod(datapath=dp, match=match, cookie=0x10, command=ofp.OFPFC_ADD, idle_timeout=idle,
                                    hard_timeout=0, priority=priority, flags=flags, actions=actions)
        else:
            todo = [parser.OFPInstructionActions(ofp.OFPIT_APPLY_ACTIONS, actions)]
            mod = parser.OFPFlowMod(datapath=dp, cookie=0x10, cookie_mask=0, table_id=0, command=ofp.OFPFC_ADD,
                                    idle_timeout=idle, hard_timeout=0, priority=priority,
                                    buffer_id=ofp.OFP_NO_BUFFER, out_port=ofp.OFPP_ANY, out_group=ofp.OFPG_ANY,
                                    flags=flags, match=match, instructions=todo)
        dp.send_msg(mod)

    @set_ev_cls(ofp_event.EventOFPPacketIn, MAIN_DISPATCHER)
    def packet_in(self, ev):
        msg = ev.msg
        dp = msg.datapath
        ofp, parser = dp.ofproto, dp.ofproto_parser
        old = ofp.OFP_VERSION == ofproto_v1_0.OFP_VERSION
        in_port = msg.in_port if old else msg.match['in_port']
        eth = packet.Packet(msg.data).get_protocol(ethernet.ethernet)
        if eth is None or eth.ethertype not in (0x0800, 0x0806):
            return
        say('packet_in', version=version_name(ofp), in_port=in_port, reason=msg.reason, whole=len(msg.data) == msg.total_len,
            unbuffered=msg.buffer_id == 0xffffffff)
        places = self.places.setdefault(dp.id, {})
        places[eth.src] = in_port
        out = places.get(eth.dst, ofp.OFPP_FLOOD)
        actions = [parser.OFPActionOutput(out)]
        if out != ofp.OFPP_FLOOD:
            if old:
                match = parser.OFPMatch(in_port=in_port, dl_src=addrconv.mac.text_to_bin(eth.src),
                                        dl_dst=addrconv.mac.text_to_bin(eth.dst))
            else:
                match = parser.OFPMatch(in_port=in_port, eth_src=eth.src, eth_dst=eth.dst)
            self.add_flow(dp, 10, match, actions)
        head = dict(datapath=dp, buffer_id=0xffffffff, actions=actions, data=msg.data)
        if ofp.OFP_VERSION == ofproto_v1_5.OFP_VERSION:
            dp.send_msg(parser.OFPPacketOut(match=parser.OFPMatch(in_port=in_port), **head))
        else:
            dp.send_msg(parser.OFPPacketOut(in_port=in_port, **head))

    @set_ev_cls(ofp_event.EventOFPFlowRemoved, MAIN_DISPATCHER)
    def flow_removed(self, ev):
        msg = ev.msg
        packets = msg.stats['packet_count'] if hasattr(msg, 'stats') else msg.packet_count
        say('flow_removed', version=version_name(msg.datapath.ofproto), cookie=msg.cookie, reason=msg.reason,
            priority=msg.priority, idle_timeout=msg.idle_timeout, packets=packets, match=str(msg.match))

    @set_ev_cls(ofp_event.EventOFPPortStatus, MAIN_DISPATCHER)
    def port_status(self, ev):
        msg = ev.msg
        name = msg.desc.name.decode() if isinstance(msg.desc.name, bytes) else msg.desc.name
        say('port_status', version=version_name(msg.datapath.ofproto), reason=msg.reason, name=name.rstrip('\0'),
            config=msg.desc.config)

    @set_ev_cls(ofp_event.EventOFPErrorMsg, MAIN_DISPATCHER)
    def error(self, ev):
        say('error', version=version_name(ev.msg.datapath.ofproto), type=ev.msg.type, code=ev.msg.code, data=ev.msg.data.hex())
