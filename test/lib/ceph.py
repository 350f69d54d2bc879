# SPDX-License-Identifier: MIT
"""Ceph's radosgw on loopback, with one monitor and one OSD in a file, in a folder of its
own: an S3 server stricter than Swift, with conditions, tags, session tokens (STS) and
buckets in the host name (*.localhost)."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import uuid

from lib.ports import free_ports
from lib.swift import make_client
from lib.wait import wait_for

KEY, SECRET, REGION = 'AKIACI', 'cisecret', 'us-east-1'
APP_KEY, APP_SECRET = 'AKIAAPP', 'appsecret'
ROLE = 'arn:aws:iam:::role/exporter'

CONF = """\
[global]
fsid = {fsid}
mon_host = v2:127.0.0.1:{mon}
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
keyring = {dir}/keyring
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_data = {dir}/mon
osd_data = {dir}/osd
osd_objectstore = bluestore
bluestore_block_size = 8589934592
osd_memory_target = 939524096
run_dir = {dir}
admin_socket = {dir}/$name.$pid.asok
log_file = {dir}/$name.log
pid_file = {dir}/$name.pid
mon_max_pg_per_osd = 1000
[client.rgw]
rgw_frontends = beast endpoint=127.0.0.1:{port}
rgw_data = {dir}/rgw
rgw_enable_usage_log = false
rgw_sts_key = abcdefghijklmnop
rgw_s3_auth_use_sts = true
rgw_dns_name = localhost
"""

TRUST = ('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":'
         '{"AWS":["arn:aws:iam:::user/app"]},"Action":["sts:AssumeRole"]}]}')
POLICY = ('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],'
          '"Resource":"arn:aws:s3:::*"}]}')


class Ceph:
    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix='reportd-ceph-', dir='/tmp'))
        try:
            self.start()
        except BaseException:
            self.remove()
            raise

    def run(self, *command):
        return subprocess.run(
            [str(word) for word in command], check=True, capture_output=True, text=True,
            env=os.environ | {'CEPH_CONF': str(self.dir / 'ceph.conf')}).stdout

    def admin(self, *command):
        return self.run('radosgw-admin', '-n', 'client.admin', *command)

    def start(self):
        mon, self.port = free_ports(2)
        fsid, keyring = uuid.uuid4(), self.dir / 'keyring'
        for name in 'mon', 'osd', 'rgw':
            (self.dir / name).mkdir()
        (self.dir / 'ceph.conf').write_text(
            CONF.format(fsid=fsid, mon=mon, dir=self.dir, port=self.port))
        self.run('monmaptool', '--create', '--addv', 'a', f'[v2:127.0.0.1:{mon}]',
                 '--fsid', fsid, self.dir / 'monmap')
        self.run('ceph-authtool', '--create-keyring', keyring, '--gen-key', '-n', 'mon.',
                 '--cap', 'mon', 'allow *')
        for name, caps in {
                'client.admin': {'mon': 'allow *', 'osd': 'allow *', 'mgr': 'allow *'},
                'client.rgw': {'mon': 'allow rw', 'osd': 'allow rwx'},
                'osd.0': {'mon': 'allow profile osd', 'osd': 'allow *'}}.items():
            self.run('ceph-authtool', keyring, '--gen-key', '-n', name,
                     *(word for who, what in caps.items() for word in ('--cap', who, what)))
        self.run('ceph-mon', '-i', 'a', '--mkfs', '--monmap', self.dir / 'monmap',
                 '--keyring', keyring)
        self.run('ceph-mon', '-i', 'a')
        osd = uuid.uuid4()
        self.run('ceph', 'osd', 'new', osd)
        self.run('ceph', 'auth', 'import', '-i', keyring)
        self.run('ceph-osd', '-i', 0, '--mkfs', '--osd-uuid', osd)
        self.run('ceph-osd', '-i', 0)
        wait_for(lambda: '1 up' in self.run('ceph', 'osd', 'stat'), 60, 'the OSD')
        self.run('radosgw', '-n', 'client.rgw')
        self.endpoint = f'http://localhost:{self.port}'
        self.admin('user', 'create', '--uid', 'ci', '--display-name', 'ci',
                   '--access-key', KEY, '--secret-key', SECRET)
        self.admin('user', 'create', '--uid', 'app', '--display-name', 'app',
                   '--access-key', APP_KEY, '--secret-key', APP_SECRET)
        self.admin('role', 'create', '--role-name=exporter',
                   f'--assume-role-policy-doc={TRUST}')
        self.admin('role-policy', 'put', '--role-name=exporter', '--policy-name=p',
                   f'--policy-doc={POLICY}')
        self.client = make_client(f'http://127.0.0.1:{self.port}', KEY, SECRET)
        wait_for(self.works, 60, 'radosgw')

    def works(self):
        with contextlib.suppress(Exception):
            self.client.list_buckets()
            return True

    def remove(self):
        for name in 'client.rgw', 'osd.0', 'mon.a':
            with contextlib.suppress(OSError, ValueError):
                pid = int((self.dir / f'{name}.pid').read_text())
                os.kill(pid, signal.SIGTERM)
                wait_for(lambda: not pathlib.Path(f'/proc/{pid}').exists(), 20)
        shutil.rmtree(self.dir, ignore_errors=True)
