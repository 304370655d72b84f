"""What the applications share: they tell the test what they saw, a line of JSON each."""
import json
import sys


def say(event, **values):
    sys.stdout.write(json.dumps({'event': event, **values}, default=str) + '\n')
    sys.stdout.flush()


def version_name(ofproto):
    """OpenFlow 1.3 is "13"."""
    return '1%d' % (ofproto.OFP_VERSION - 1)
