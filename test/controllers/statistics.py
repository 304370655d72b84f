"""Asks every switch for all its statistics, in the version that it speaks, again and again, and tells what came; or, with
FEATURES set, once for the features of its tables, which take this library seconds to read, and for nothing else."""
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

from os_ken.base import app_manager
from os_ken.controller import ofp_event
from os_ken.controller.handler import DEAD_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from os_ken.lib import hub
from os_ken.ofproto import ofproto_v1_0, ofproto_v1_2, ofproto_v1_3, ofproto_v1_4, ofproto_v1_5

from common import say, version_name

MODULES = [ofproto_v1_0, ofproto_v1_2, ofproto_v1_3, ofproto_v1_4, ofproto_v1_5]
PERIOD = 2.0
# Of a long list only so many are told.
TOLD = 30
# Flows that come and go there are told.
WATCHED_TABLE = 9
# It has one bucket.
FAILOVER_GROUP = 6
# Only the features of tables are asked for.
FEATURES = 'FEATURES' in os.environ

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


def requests(dp):
    """Every question of a version."""
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
    yield p.OFPAggregateStatsRequest(dp, 0, **dict(some, table_id=WATCHED_TABLE))
    yield p.OFPTableStatsRequest(dp, 0)
    yield p.OFPPortStatsRequest(dp, 0, ofp.OFPP_ANY)
    yield p.OFPQueueStatsRequest(dp, 0, ofp.OFPP_ANY, ofp.OFPQ_ALL)
    yield p.OFPGroupStatsRequest(dp, 0, ofp.OFPG_ALL)
    yield p.OFPGroupFeaturesStatsRequest(dp, 0)
    yield p.OFPMeterStatsRequest(dp, 0, ofp.OFPM_ALL)
    if version == ofproto_v1_5.OFP_VERSION:
        yield p.OFPPortDescStatsRequest(dp, 0, ofp.OFPP_ANY)
        # One group, of one bucket: this library takes what follows a bucket for its properties, and never ends where that has a length of 0.
        yield p.OFPGroupDescStatsRequest(dp, 0, FAILOVER_GROUP)
        # Not OFPFlowStatsRequest, of type 17, bundle features and controller status: Open vSwitch does not have them. Not
        # OFPMeterFeaturesStatsRequest: this library reads 24 bytes where Open vSwitch sends the 16 that 1.4 has.
        yield p.OFPMeterDescStatsRequest(dp, 0, ofp.OFPM_ALL)
        yield p.OFPFlowDescStatsRequest(dp, 0, **some)
    else:
        yield p.OFPFlowStatsRequest(dp, 0, **some)
        yield p.OFPPortDescStatsRequest(dp, 0)
        yield p.OFPGroupDescStatsRequest(dp, 0)
        yield p.OFPMeterFeaturesStatsRequest(dp, 0)
        yield p.OFPMeterConfigStatsRequest(dp, 0, ofp.OFPM_ALL)
    if version >= ofproto_v1_4.OFP_VERSION:
        yield p.OFPTableDescStatsRequest(dp, 0)
        yield p.OFPQueueDescStatsRequest(dp, 0, ofp.OFPP_ANY, ofp.OFPQ_ALL)


def asked_once(dp):
    """What goes on by itself."""
    ofp, p = dp.ofproto, dp.ofproto_parser
    if ofp.OFP_VERSION >= ofproto_v1_4.OFP_VERSION:
        what = ofp.OFPFMF_INITIAL | ofp.OFPFMF_ADD | ofp.OFPFMF_REMOVED | ofp.OFPFMF_INSTRUCTIONS
        yield p.OFPFlowMonitorRequest(dp, 0, 77, ofp.OFPP_ANY, ofp.OFPG_ANY, what, WATCHED_TABLE, ofp.OFPFMC_ADD, p.OFPMatch())


def plain(x):
    """An answer as JSON has it."""
    if isinstance(x, dict) or hasattr(x, 'items'):
        return {str(k): plain(v) for k, v in x.items()}
    if hasattr(x, '_asdict'):
        return plain(x._asdict())
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    if isinstance(x, bytes):
        return x.decode('latin1').rstrip('\0')
    if hasattr(x, '__dict__'):
        return {k: plain(v) for k, v in vars(x).items() if not k.startswith('_')}
    return x


def features(table):
    """Of a table's features, read whole, how many there are of each kind: told whole, those of 254 tables are 40 MB."""
    lists = ('instruction_ids', 'table_ids', 'action_ids', 'oxm_ids', 'oxm_values')
    kinds = {p.type: max(len(getattr(p, name, None) or ()) for name in lists) for p in table.properties}
    return dict(table_id=table.table_id, name=plain(table.name), max_entries=table.max_entries, kinds=plain(kinds))


class Poller(app_manager.OSKenApp):
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

    def poll(self, dp):
        if FEATURES:
            self.ask(dp, dp.ofproto_parser.OFPTableFeaturesStatsRequest(dp, 0, []))
            return
        for request in requests(dp):
            self.ask(dp, request)
        hub.sleep(PERIOD)
        for request in asked_once(dp):
            self.ask(dp, request)
        while dp.state == MAIN_DISPATCHER:
            hub.sleep(PERIOD)
            for request in requests(dp):
                self.ask(dp, request)

    @set_ev_cls(REPLIES, MAIN_DISPATCHER)
    def reply(self, ev):
        msg = ev.msg
        body = getattr(msg, 'body', None)
        many = isinstance(body, list)
        if type(msg).__name__ == 'OFPTableFeaturesStatsReply':
            say('features', version=version_name(msg.datapath.ofproto), tables=[features(b) for b in body])
            return
        say('reply', version=version_name(msg.datapath.ofproto), kind=type(msg).__name__, xid=msg.xid,
            count=len(body) if many else 1, body=[plain(b) for b in (body[:TOLD] if many else [body])])

    @set_ev_cls(ofp_event.EventOFPErrorMsg, MAIN_DISPATCHER)
    def error(self, ev):
        msg = ev.msg
        say('error', version=version_name(msg.datapath.ofproto), type=msg.type, code=msg.code, xid=msg.xid, data=msg.data.hex())
