# SPDX-License-Identifier: MIT
"""OpenStack Swift with its S3 API on loopback, in a folder of its own: an independent
implementation of S3. It verifies signatures (V4), the region and payload hashes."""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile

import boto3
import botocore.config
import botocore.exceptions

from lib.ports import free_ports
from lib.wait import wait_for

KEY, SECRET, REGION = 'test:tester', 'testing', 'us-east-1'
OTHER_KEY, OTHER_SECRET = 'other:user', 'secret2'

SERVER = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {etc}
devices = {dir}/srv
mount_check = false
workers = 0
user = {user}
log_level = WARNING
fallocate_reserve = 0
disable_fallocate = true
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
replication_server = false
"""

PROXY = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {etc}
workers = 0
user = {user}
log_level = WARNING
{tls}
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats bulk s3api tempauth copy dlo slo versioned_writes symlink keymaster encryption proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{memcache}
memcache_serialization_support = 2
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
dns_compliant_bucket_names = true
s3_acl = false
allow_multipart_uploads = true
min_segment_size = 5242880
max_upload_part_num = 10000
check_bucket_owner = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
user_other_user = secret2 .admin
[filter:copy]
use = egg:swift#copy
[filter:dlo]
use = egg:swift#dlo
[filter:slo]
use = egg:swift#slo
rate_limit_after_segment = 10000
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
[filter:keymaster]
use = egg:swift#keymaster
meta_version_to_write = 3
encryption_root_secret = MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5
[filter:encryption]
use = egg:swift#encryption
"""

# One process makes the three rings: each swift-ring-builder takes a second to load.
# It is not this one, as Swift changes Python's logging when it is loaded.
RINGS = """\
import sys
from swift.common.ring import RingBuilder
for name, port in zip(('account', 'container', 'object'), sys.argv[1:]):
    ring = RingBuilder(4, 1, 1)
    ring.add_dev({'region': 1, 'zone': 1, 'ip': '127.0.0.1', 'port': int(port),
                  'device': 'd1', 'weight': 1.0})
    ring.rebalance()
    ring.get_ring().save(f'{name}.ring.gz')
"""


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(('127.0.0.1', port)) == 0


def quiet(*command, cwd=None):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, cwd=cwd)


def make_certificate(folder):
    """Makes self-signed tls.crt and tls.key for localhost and 127.0.0.1."""
    quiet('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30',
          '-subj', '/CN=localhost', '-addext',
          'subjectAltName=DNS:localhost,IP:127.0.0.1',
          '-keyout', folder / 'tls.key', '-out', folder / 'tls.crt')


def make_client(endpoint, key=KEY, secret=SECRET, ca=None):
    return boto3.client(
        's3', endpoint_url=endpoint, aws_access_key_id=key,
        aws_secret_access_key=secret, region_name=REGION, verify=ca,
        config=botocore.config.Config(
            signature_version='s3v4', retries={'max_attempts': 2},
            proxies={}, s3={'addressing_style': 'path'}))


class Swift:
    """A running Swift; `client` is boto3's."""

    def __init__(self, tls=False, encrypts=True):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix='reportd-swift-', dir='/tmp'))
        self.etc = self.dir / 'etc'
        self.etc.mkdir()
        (self.dir / 'srv/d1').mkdir(parents=True)
        self.children = []
        self.ca = None
        try:
            self.start(tls, encrypts)
        except BaseException:
            self.remove()
            raise

    def start(self, tls, encrypts):
        self.port, memcache, *ports = free_ports(5)
        names = {'dir': self.dir, 'etc': self.etc, 'user': pwd.getpwuid(os.getuid()).pw_name}
        (self.etc / 'swift.conf').write_text(
            '[swift-hash]\nswift_hash_path_suffix = ci\nswift_hash_path_prefix = ci\n'
            '[storage-policy:0]\nname = p0\ndefault = yes\n')
        certificate = ''
        if tls:
            make_certificate(self.etc)
            self.ca = str(self.etc / 'tls.crt')
            certificate = f'cert_file = {self.ca}\nkey_file = {self.etc}/tls.key'
        proxy = PROXY.format(**names, port=self.port, memcache=memcache, tls=certificate)
        if not encrypts:
            proxy = proxy.replace(' keymaster encryption', '', 1)
        (self.etc / 'proxy-server.conf').write_text(proxy)
        for name, port in zip(('account', 'container', 'object'), ports):
            (self.etc / f'{name}-server.conf').write_text(
                SERVER.format(**names, name=name, port=port))
        quiet('/usr/bin/python3', '-c', RINGS, *map(str, ports), cwd=self.etc)
        self.spawn('memcached', '-l', '127.0.0.1', '-p', memcache, '-U', 0, '-m', 16,
                   '-u', names['user'])
        for name in 'account', 'container', 'object', 'proxy':
            self.spawn(f'swift-{name}-server', self.etc / f'{name}-server.conf')
        self.endpoint = f'{"https" if tls else "http"}://127.0.0.1:{self.port}'
        wait_for(self.is_up, 60, 'Swift')
        self.client = make_client(self.endpoint, ca=self.ca)
        wait_for(self.works, 30, 'Swift to answer')

    def spawn(self, *command):
        with open(self.dir / f'{pathlib.Path(str(command[0])).name}.log', 'ab') as log:
            self.children.append(subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True))

    def is_up(self):
        dead = [c.args for c in self.children if c.poll() is not None]
        assert not dead, f'{dead} ended: {self.log()}'
        return listens(self.port)

    def works(self):
        with contextlib.suppress(botocore.exceptions.ClientError,
                                 botocore.exceptions.BotoCoreError):
            self.client.list_buckets()
            return True

    def log(self):
        return '\n'.join(path.read_text(errors='replace')[-2000:]
                         for path in self.dir.glob('*.log'))

    def remove(self):
        for child in self.children:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
        for child in self.children:
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Shelf:
    """Where the stand-in puts objects: an S3 that nobody here wrote."""

    def __init__(self, client):
        self.client = client

    def exists(self, bucket, key):
        return self.client.list_objects_v2(Bucket=bucket, Prefix=key)['KeyCount'] > 0

    def put(self, bucket, key, data):
        self.client.put_object(Bucket=bucket, Key=key, Body=data)

    def get(self, bucket, key):
        """Raises KeyError when there is no such object."""
        try:
            return self.client.get_object(Bucket=bucket, Key=key)['Body'].read()
        except self.client.exceptions.NoSuchKey as e:
            raise KeyError(key) from e

    def keys(self, bucket):
        pages = self.client.get_paginator('list_objects_v2').paginate(Bucket=bucket)
        return [o['Key'] for page in pages for o in page.get('Contents', [])]
