# SPDX-License-Identifier: MIT
"""Rows of report_notification."""

from lib.wait import wait_for

# Settings that let a daemon reach receivers on this machine, with short waits.
SECTIONS = {
    'webhook': {'allow': '127.0.0.0/8', 'secrets': '*=sesame'},
    'notify': {'backoff': '100ms', 'backoff_max': '500ms', 'attempts': 5},
}


def notices(db, config_id=None):
    return db.query('select * from reportd.report_notification '
                    'where %s::bigint is null or config_id = %s '
                    'order by notification_id', config_id, config_id)


def wait_states(db, expected, config_id=None, timeout=30):
    """Waits until the notices' states are these, in order; returns the rows."""
    def reached():
        rows = notices(db, config_id)
        return (rows,) if [r.state for r in rows] == list(expected) else None
    try:
        return wait_for(reached, timeout)[0]
    except AssertionError:
        raise AssertionError(f'waited {timeout} s for {expected}: '
                             f'{notices(db, config_id)}') from None
