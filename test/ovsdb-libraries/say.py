"""Results as lines of JSON. What no two servers share is named after the order in which it came: UUIDs, addresses."""
import json
import re
import sys

# What belongs to the program or the machine, not to what was asked.
OWN = {'statistics', 'status', 'mac_in_use', 'link_resets', 'ifindex', 'lldp', 'cfm_flap_count', 'system_version',
       'ovs_version', 'iface_types', 'datapath_types', 'datapath_version', 'capabilities', 'dpdk_initialized',
       'dpdk_version', 'ofport', 'system_type', 'db_version', 'link_speed', 'duplex', 'cur_cfg', 'next_cfg'}
UUID = re.compile(r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}')
seen = {}


def plain(value):
    """A row is what its columns say; rows that refer to others are followed by name."""
    table = getattr(value, '_table', None)
    if table is not None:
        return {c: short(getattr(value, c)) for c in sorted(table.columns) if c not in OWN and hasattr(value, c)}
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in sorted(value.items(), key=str)}
    if isinstance(value, (list, tuple, set)):
        all_of_it = [plain(v) for v in value]
        rows = any(getattr(v, '_table', None) is not None for v in value)
        return sorted(all_of_it, key=str) if isinstance(value, set) or rows else all_of_it
    if value is None or isinstance(value, (int, float, bool)):
        return value
    value = re.sub(r' object at 0x[0-9a-f]+', '', str(value))
    return UUID.sub(lambda m: seen.setdefault(m.group(), f'uuid{len(seen)}'), value)


def short(value):
    if isinstance(value, (list, tuple)):
        return sorted((short(v) for v in value), key=str)
    if getattr(value, '_table', None) is not None:
        return f'{value._table.name} {getattr(value, "name", "")}'
    return plain(value)


def say(what, value):
    sys.stdout.write(json.dumps([what, plain(value)]) + '\n')
    sys.stdout.flush()


def attempt(what, call):
    try:
        say(what, call())
    except SystemExit:
        say(what, 'refused')
    except Exception as e:
        say(what, f'{type(e).__name__}: {e}')
