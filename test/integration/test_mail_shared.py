# SPDX-License-Identifier: MIT
"""Shared by the test_mail* files: a real Postfix, a server that fails on demand, and notices."""

import itertools
import os
import pathlib
import re
import urllib.parse

import pytest

from lib import postfix as mx
from lib.ports import free_ports
from lib.report import runs, submit
from lib.wait import wait_for

TABLE = "select i as n, 'row ' || i as t from generate_series(1, {}) i"
QUICK = {'attempts': 5, 'backoff': '100ms', 'backoff_max': '300ms'}


@pytest.fixture(scope='session')
def postfix():
    if reason := mx.why_not():
        pytest.skip(reason)
    server = mx.Postfix()
    yield server
    server.remove()


@pytest.fixture(scope='session')
def certificate(tmp_path_factory):
    return mx.make_certificate(tmp_path_factory.mktemp('tls'))


@pytest.fixture
def sink(certificate):
    """A mail server that fails on demand; sink(tls=...) for another."""
    smtpsink = pytest.importorskip('lib.smtpsink')
    started = []

    def start(**options):
        port, = free_ports(1)
        started.append(smtpsink.Sink(*certificate, port, **options))
        return started[-1]
    yield start
    for one in started:
        one.go()
        one.stop()


numbers = itertools.count(1)


@pytest.fixture
def address():
    """An address that no other test has: address('ann') -> ann.7@example.com."""
    return lambda word='ann': (
        f'{word}.{os.getpid()}-{next(numbers)}@example.com')


def sections(server, **smtp):
    return {'smtp': server.settings(**smtp), 'notify': QUICK}


def notices(db, config_id):
    return db.query('select * from reportd.report_notification '
                    'where config_id = %s order by notification_id', config_id)


def wait_notices(db, config_id, timeout=60):
    """Its notices, once all of them are sent or given up: {recipient: row}."""
    def ended():
        rows = notices(db, config_id)
        return rows and all(r.state in ('SENT', 'FAILED') for r in rows) and rows
    return {row.recipient: row for row in wait_for(
        ended, timeout, 'the end of its notices')}


def last_error(db, config_id):
    """Of its first notice, so far."""
    return next((row.last_error or '' for row in notices(db, config_id)), '')


def report(db, *urls, name='sales', rows=3, **columns):
    return submit(db, report_name=name, notify_on_completion=list(urls),
                  **{'export_sql': TABLE.format(rows), **columns})


def published(db, config_id):
    """The path of its file."""
    url = runs(db, config_id)[-1].output_url
    return pathlib.Path(urllib.parse.unquote(url.removeprefix('file://')))


def attachments(message):
    return {part.get_filename(): part.get_payload(decode=True)
            for part in message.iter_attachments()}


def bodies(message):
    """(plain, html)"""
    return tuple(message.get_body((kind,)).get_content().replace('\r\n', '\n')
                 for kind in ('plain', 'html'))


def defects(message):
    found = list(message.defects)
    for part in message.walk():
        found += part.defects
        for _, value in part.items():
            found += value.defects
    return found


def quoted(text):
    return urllib.parse.quote(text, safe='')


def delivery_worker(one, server):
    """The worker that holds a connection to the mail server."""
    for pid in one.workers():
        for fd in pathlib.Path(f'/proc/{pid}/fd').iterdir():
            try:
                link = os.readlink(fd)
            except OSError:
                continue
            inode = re.fullmatch(r'socket:\[(\d+)\]', link)
            if inode and any(
                    f' {inode[1]} ' in line
                    and f':{server.port:04X} ' in line
                    for line in open('/proc/net/tcp')):
                return pid
    return None
