# SPDX-License-Identifier: MIT
"""The unit, and what reportd tells the service manager."""

import re
import shutil
import signal
import socket
import struct
import subprocess

import pytest

from lib.paths import BIN, REPORTD, ROOT
from lib.process import run

UNIT = BIN / 'systemd/reportd.service'


class Manager:
    """The receiving end of sd_notify(3)."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind(address)
        self.socket.settimeout(30)
        self.env = {'NOTIFY_SOCKET': address.replace('\0', '@')}
        self.heard = []

    def wait(self, word):
        """The next message that holds this assignment, as a dict; its sender's
        pid is under 'pid'."""
        while True:
            data, ancillary, *_ = self.socket.recvmsg(
                4096, socket.CMSG_SPACE(struct.calcsize('3i')))
            message = dict(line.split('=', 1)
                           for line in data.decode().splitlines())
            message['pid'] = struct.unpack('3i', ancillary[0][2])[0]
            self.heard.append(message)
            if word in data.decode().splitlines():
                return message


@pytest.fixture
def manager(tmp_path):
    manager = Manager(str(tmp_path / 'notify'))
    yield manager
    manager.socket.close()


UNITS = ['reportd.service', 'reportd@.service', 'reportd-drain.service']


def unit_settings(name='reportd.service'):
    text = (BIN / 'systemd' / name).read_text()
    pairs = re.findall(r'^(\w+)=(.*)', text, re.M)
    return {key: value for key, value in pairs}


@pytest.mark.skipif(not shutil.which('systemd-analyze'),
                    reason='systemd is not installed')
def test_unit_is_verified_without_a_word(tmp_path):
    unit = tmp_path / 'reportd.service'
    # Where it will be installed there is nothing yet.
    unit.write_text(re.sub(r'(?<==)/\S+/reportd(?= -c)', str(REPORTD),
                           UNIT.read_text()))
    # Unknown keys are said, but do not count for the exit code.
    done = subprocess.run(['systemd-analyze', 'verify', '--man=no', unit],
                          capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')


def test_unit_has_its_paths():
    assert '@' not in re.sub(r'@(system-service|privileged)', '',
                             UNIT.read_text())
    assert re.fullmatch(r'/\S+/reportd -c /\S+/reportd\.conf',
                        unit_settings()['ExecStart'])


@pytest.mark.parametrize('name', UNITS)
def test_unit_keeps_secrets_and_others_apart(name):
    settings = unit_settings(name)
    for key, value in {'LimitCORE': '0', 'UMask': '0027', 'PrivateUsers': 'yes',
                       'NoNewPrivileges': 'yes', 'ProtectSystem': 'strict',
                       'IPAddressDeny': 'multicast'}.items():
        assert settings[key] == value
    assert settings['MemoryMax'] not in ('', 'infinity')
    # Its home is neither where reports are written, nor for it to write.
    text = (BIN / 'systemd' / name).read_text()
    assert re.search(r'^Environment=HOME=%E/reportd ', text, re.M)
    assert 'reportd' in settings['ConfigurationDirectory']
    home = (ROOT / 'systemd/sysusers.d/reportd.conf').read_text().split()[-1]
    assert home == '/etc/reportd'


def test_unit_waits_longer_than_a_stop_may_take():
    defaults = {line.split('\t')[1]: line.split('\t')[2]
                for line in run(REPORTD, '--list-settings').stdout.splitlines()}
    seconds = [int(defaults[key].removesuffix('s'))
               for key in ('shutdown_grace', 'cancel_grace', 'lease')]
    grace, cancel, lease = seconds
    assert unit_settings()['TimeoutStopSec'] == '2min'
    assert grace + cancel + lease / 4 < 120


def test_ready_is_told_by_the_main_process(daemon, manager):
    one = daemon(env=manager.env)
    assert manager.wait('READY=1')['pid'] == one.pid
    assert manager.wait('STATUS=working')['pid'] == one.pid


def test_ready_is_told_while_the_database_is_away(daemon, manager):
    one = daemon({'queue': {'conninfo': 'host=/nowhere'}}, env=manager.env,
                 ready=False)
    ready = manager.wait('READY=1')
    assert ready['STATUS'] == 'waiting for the queue database'
    one.stop()


def test_status_tells_of_a_lost_database(daemon, manager, db):
    daemon(env=manager.env)
    manager.wait('STATUS=working')
    db.execute("select pg_terminate_backend(pid) from pg_stat_activity "
               "where application_name = 'reportd'")
    manager.wait('STATUS=waiting for the queue database')
    manager.wait('STATUS=working')


def test_reload_is_told_with_its_time(daemon, manager):
    one = daemon(env=manager.env)
    manager.wait('READY=1')
    one.signal(signal.SIGHUP)
    reloading = manager.wait('RELOADING=1')
    assert int(reloading['MONOTONIC_USEC']) > 0
    manager.wait('READY=1')
    one.wait_log('settings read again')


def test_reload_of_wrong_settings_ends_in_ready_too(daemon, manager):
    one = daemon(env=manager.env)
    manager.wait('READY=1')
    with one.conf.open('a') as conf:
        conf.write('nonsense = 1\n')
    one.signal(signal.SIGHUP)
    manager.wait('RELOADING=1')
    manager.wait('READY=1')
    one.wait_log('the old ones stay')


def test_stop_is_told(daemon, manager):
    one = daemon(env=manager.env)
    one.signal(signal.SIGTERM)
    assert manager.wait('STOPPING=1')['pid'] == one.pid
    assert one.wait() == 0


def test_watchdog_is_fed_and_not_by_a_daemon_that_hangs(daemon, manager):
    one = daemon(env={**manager.env, 'WATCHDOG_USEC': 1_000_000})
    for _ in range(3):
        assert manager.wait('WATCHDOG=1')['pid'] == one.pid
    one.signal(signal.SIGSTOP)
    manager.socket.settimeout(2)
    with pytest.raises(TimeoutError):
        # At most one is under way; then silence for twice the limit.
        manager.wait('WATCHDOG=1')
        manager.wait('WATCHDOG=1')
    one.signal(signal.SIGCONT)


def test_watchdog_of_another_process_is_not_fed(daemon, manager):
    one = daemon(env={**manager.env, 'WATCHDOG_USEC': 100_000, 'WATCHDOG_PID': 1})
    manager.wait('STATUS=working')
    one.signal(signal.SIGTERM)
    manager.wait('STOPPING=1')
    assert not any('WATCHDOG' in message for message in manager.heard)


def test_abstract_socket(daemon, tmp_path):
    manager = Manager(f'\0reportd-test-{tmp_path.name}-{id(tmp_path)}')
    daemon(env=manager.env)
    manager.wait('READY=1')
    manager.socket.close()


def test_a_manager_that_is_gone_does_no_harm(daemon, tmp_path):
    daemon(env={'NOTIFY_SOCKET': tmp_path / 'nobody'})
