"""Asks every switch for all its statistics, in the version that it speaks, again and again, and tells what came."""
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

from os_ken.controller.handler import MAIN_DISPATCHER, set_ev_cls
from os_ken.lib import hub
from os_ken.ofproto import ofproto_v1_3

from asking import PERIOD, REPLIES, Asker, requests
from common import say, version_name

# Of a long list only so many are told.
TOLD = 12


class Poller(Asker):
    def poll(self, dp):
        if dp.ofproto.OFP_VERSION == ofproto_v1_3.OFP_VERSION:
            # Of 254 tables, which takes this program a second to read: once is enough.
            self.ask(dp, dp.ofproto_parser.OFPTableFeaturesStatsRequest(dp, 0, []))
        while dp.state == MAIN_DISPATCHER:
            for request in requests(dp):
                self.ask(dp, request)
            hub.sleep(PERIOD)

    @set_ev_cls(REPLIES, MAIN_DISPATCHER)
    def reply(self, ev):
        msg = ev.msg
        body = getattr(msg, 'body', None)
        many = isinstance(body, (list, tuple))
        say('reply', version=version_name(msg.datapath.ofproto), kind=type(msg).__name__, xid=msg.xid,
            count=len(body) if many else 1, body=[str(b) for b in body[:TOLD]] if many else [str(body)])
