"""What the applications share that ask a switch for its statistics, in the version that it speaks, and tell what came."""
from os_ken.base import app_manager
from os_ken.controller import ofp_event
from os_ken.controller.handler import DEAD_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from os_ken.lib import hub
from os_ken.ofproto import ofproto_v1_0, ofproto_v1_2, ofproto_v1_3, ofproto_v1_4, ofproto_v1_5

from common import say, version_name

MODULES = [ofproto_v1_0, ofproto_v1_2, ofproto_v1_3, ofproto_v1_4, ofproto_v1_5]
PERIOD = 2.0

REPLIES = [getattr(ofp_event, name) for name in (
    'EventOFPDescStatsReply', 'EventOFPFlowStatsReply', 'EventOFPAggregateStatsReply', 'EventOFPTableStatsReply',
    'EventOFPPortStatsReply', 'EventOFPQueueStatsReply', 'EventOFPPortDescStatsReply', 'EventOFPGroupStatsReply',
    'EventOFPGroupDescStatsReply', 'EventOFPGroupFeaturesStatsReply', 'EventOFPMeterStatsReply',
    'EventOFPMeterConfigStatsReply', 'EventOFPMeterFeaturesStatsReply', 'EventOFPTableFeaturesStatsReply',
    'EventOFPTableDescStatsReply', 'EventOFPQueueDescStatsReply', 'EventOFPFlowDescStatsReply',
    'EventOFPMeterDescStatsReply', 'EventOFPFlowMonitorReply',
    'EventOFPGetConfigReply', 'EventOFPBarrierReply', 'EventOFPEchoReply',
    # As 1.2 calls all of them.
    'EventOFPStatsReply',
) if hasattr(ofp_event, name)]


def requests(dp, table=None, group=None):
    """What every version can be asked. `table`: of the aggregate from 1.3 on, `group`: of the descriptions of 1.5; all if not said."""
    ofp, p = dp.ofproto, dp.ofproto_parser
    version = ofp.OFP_VERSION
    yield p.OFPGetConfigRequest(dp)
    yield p.OFPBarrierRequest(dp)
    if version == ofproto_v1_0.OFP_VERSION:
        everything = p.OFPMatch()
        yield p.OFPDescStatsRequest(dp, 0)
        yield p.OFPFlowStatsRequest(dp, 0, everything, 0xff, ofp.OFPP_NONE)
        yield p.OFPAggregateStatsRequest(dp, 0, everything, 0xff, ofp.OFPP_NONE)
        yield p.OFPTableStatsRequest(dp, 0)
        yield p.OFPPortStatsRequest(dp, 0, ofp.OFPP_NONE)
        yield p.OFPQueueStatsRequest(dp, 0, ofp.OFPP_ALL, ofp.OFPQ_ALL)
        return
    some = dict(table_id=ofp.OFPTT_ALL, out_port=ofp.OFPP_ANY, out_group=ofp.OFPG_ANY, cookie=0, cookie_mask=0,
                match=p.OFPMatch())
    if version == ofproto_v1_2.OFP_VERSION:
        yield p.OFPDescStatsRequest(dp)
        yield p.OFPFlowStatsRequest(dp, **some)
        yield p.OFPAggregateStatsRequest(dp, **some)
        yield p.OFPTableStatsRequest(dp)
        yield p.OFPPortStatsRequest(dp, ofp.OFPP_ANY)
        yield p.OFPQueueStatsRequest(dp, ofp.OFPP_ANY, ofp.OFPQ_ALL)
        yield p.OFPGroupStatsRequest(dp, ofp.OFPG_ALL)
        yield p.OFPGroupDescStatsRequest(dp)
        yield p.OFPGroupFeaturesStatsRequest(dp)
        return
    yield p.OFPDescStatsRequest(dp, 0)
    yield p.OFPAggregateStatsRequest(dp, 0, **dict(some, table_id=ofp.OFPTT_ALL if table is None else table))
    yield p.OFPTableStatsRequest(dp, 0)
    yield p.OFPPortStatsRequest(dp, 0, ofp.OFPP_ANY)
    yield p.OFPQueueStatsRequest(dp, 0, ofp.OFPP_ANY, ofp.OFPQ_ALL)
    yield p.OFPGroupStatsRequest(dp, 0, ofp.OFPG_ALL)
    yield p.OFPGroupFeaturesStatsRequest(dp, 0)
    yield p.OFPMeterStatsRequest(dp, 0, ofp.OFPM_ALL)
    if version == ofproto_v1_5.OFP_VERSION:
        yield p.OFPPortDescStatsRequest(dp, 0, ofp.OFPP_ANY)
        yield p.OFPGroupDescStatsRequest(dp, 0, ofp.OFPG_ALL if group is None else group)
        # Not OFPFlowStatsRequest, of type 17, bundle features and controller status: Open vSwitch does not have them. Not
        # OFPMeterFeaturesStatsRequest: this library reads 24 bytes where Open vSwitch sends the 16 that 1.4 has.
        yield p.OFPFlowDescStatsRequest(dp, 0, **some)
    else:
        yield p.OFPFlowStatsRequest(dp, 0, **some)
        yield p.OFPPortDescStatsRequest(dp, 0)
        yield p.OFPGroupDescStatsRequest(dp, 0)
        yield p.OFPMeterFeaturesStatsRequest(dp, 0)
        yield p.OFPMeterConfigStatsRequest(dp, 0, ofp.OFPM_ALL)
    if version >= ofproto_v1_4.OFP_VERSION:
        yield p.OFPQueueDescStatsRequest(dp, 0, ofp.OFPP_ANY, ofp.OFPQ_ALL)


class Asker(app_manager.OSKenApp):
    """Tells of switches that come and go, what it asked and what was refused; `poll` asks, for as long as the switch is there."""
    OFP_VERSIONS = [m.OFP_VERSION for m in MODULES]

    @set_ev_cls(ofp_event.EventOFPStateChange, [MAIN_DISPATCHER, DEAD_DISPATCHER])
    def changed(self, ev):
        dp = ev.datapath
        if ev.state == DEAD_DISPATCHER or dp.id is None:
            say('gone', dpid=dp.id)
            return
        say('connected', version=version_name(dp.ofproto), dpid=dp.id)
        hub.spawn(self.poll, dp)

    def ask(self, dp, request):
        dp.set_xid(request)
        say('asked', version=version_name(dp.ofproto), kind=type(request).__name__, xid=request.xid)
        dp.send_msg(request)
        hub.sleep(0)

    @set_ev_cls(ofp_event.EventOFPErrorMsg, MAIN_DISPATCHER)
    def error(self, ev):
        msg = ev.msg
        say('error', version=version_name(msg.datapath.ofproto), type=msg.type, code=msg.code, xid=msg.xid, data=msg.data.hex())
