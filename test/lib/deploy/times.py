# SPDX-License-Identifier: MIT
"""How long a daemon takes to stop, and its reports to run, by the variables it is given."""

import re

UNITS = {'ms': 0.001, 's': 1, 'min': 60, 'h': 3600, 'd': 86400}
# The settings without a variable. The queue's timeout is a quarter of the lease then.
DEFAULTS = {'REPORTD_REPORTD_SHUTDOWN_GRACE': '30s', 'REPORTD_REPORTD_CANCEL_GRACE': '10s',
            'REPORTD_QUEUE_TIMEOUT': '0', 'REPORTD_REPORTD_LEASE': '60s',
            'REPORTD_REPORTD_JOB_TIMEOUT': '6h'}


def seconds(variables, name):
    """A time; ValueError when it cannot be read."""
    text = str(variables.get(name, DEFAULTS[name]))
    found = re.fullmatch(r'(\d+) ?(\w*)', text)
    if not found or (found[2] not in UNITS and found[1] != '0'):
        raise ValueError(f'{name}: {text} is no time')
    return int(found[1]) * UNITS.get(found[2], 1)


def stop_takes(variables):
    """Seconds from SIGTERM until a daemon has ended, at most."""
    return (seconds(variables, 'REPORTD_REPORTD_SHUTDOWN_GRACE')
            + seconds(variables, 'REPORTD_REPORTD_CANCEL_GRACE')
            + (seconds(variables, 'REPORTD_QUEUE_TIMEOUT')
               or seconds(variables, 'REPORTD_REPORTD_LEASE') / 4))


def stop_faults(name, given, variables):
    """The faults of a limit of `given` seconds, after which a daemon is killed."""
    try:
        wanted = stop_takes(variables)
    except ValueError as e:
        return [str(e)]
    return [] if given > wanted else [
        f'{name} must be more than shutdown_grace, cancel_grace and the timeout of [queue], '
        f'together {wanted:g} s: what runs then is killed']


def deadline_faults(name, given, variables):
    """The faults of a limit of `given` seconds, after which a daemon is stopped."""
    try:
        wanted = seconds(variables, 'REPORTD_REPORTD_JOB_TIMEOUT')
    except ValueError as e:
        return [str(e)]
    return [] if given > wanted else [
        f'{name} must be more than job_timeout, {wanted:g} s, or a report that may take so '
        'long never ends']
