"""Asks every switch for all its statistics, in the version that it speaks, again and again, and tells what came; or, with
FEATURES set, once for the features of its tables, which take this library seconds to read, and for nothing else."""
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

from os_ken.controller.handler import MAIN_DISPATCHER, set_ev_cls
from os_ken.lib import hub
from os_ken.ofproto import ofproto_v1_4, ofproto_v1_5

import asking
from asking import PERIOD, REPLIES, Asker
from common import say, version_name

# Of a long list only so many are told.
TOLD = 30
# Flows that come and go there are told.
WATCHED_TABLE = 9
# It has one bucket: this library takes what follows a bucket for its properties, and never ends where that has a length of 0.
FAILOVER_GROUP = 6
# Only the features of tables are asked for.
FEATURES = 'FEATURES' in os.environ


def requests(dp):
    """Every question of a version."""
    ofp, p = dp.ofproto, dp.ofproto_parser
    yield from asking.requests(dp, table=WATCHED_TABLE, group=FAILOVER_GROUP)
    if ofp.OFP_VERSION == ofproto_v1_5.OFP_VERSION:
        yield p.OFPMeterDescStatsRequest(dp, 0, ofp.OFPM_ALL)
    if ofp.OFP_VERSION >= ofproto_v1_4.OFP_VERSION:
        yield p.OFPTableDescStatsRequest(dp, 0)


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


class Poller(Asker):
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
