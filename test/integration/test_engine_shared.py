# SPDX-License-Identifier: MIT
"""What the test_engine_* files share: one database and one running daemon for
all tests of a file, gates that hold a report where a test wants it."""

import contextlib
import datetime
import itertools
import pathlib
import types
import urllib.parse

import psycopg
import pytest
from psycopg.types.datetime import TimestamptzLoader

from lib import process, report
from lib.redshift import Typed
from lib.wait import wait_for

class EndlessLoader(TimestamptzLoader):
    """due_at of a schedule that waits is infinity, which Python has not."""

    def load(self, data):
        ends = {b'infinity': datetime.datetime.max, b'-infinity': datetime.datetime.min}
        end = ends.get(bytes(data))
        return end.replace(tzinfo=datetime.timezone.utc) if end else super().load(data)


psycopg.adapters.register_loader('timestamptz', EndlessLoader)

numbers = itertools.count(1)


@contextlib.contextmanager
def running_engine(cluster, template, directory, sections=None, env=None, **reportd):
    """A fresh database (.db), its output root (.out), a daemon (.daemon) with `env` in its
    environment, which a test may replace by another one; the last one is ended."""
    db = cluster.create(template)
    # The same server, read over the typed path.
    typed = Typed(cluster)
    conf = process.write_conf(directory / 'reportd.conf', db, {
        'source.typed': typed.source(db), **(sections or {})}, **reportd)
    one = types.SimpleNamespace(db=db, out=directory / 'out', conf=conf,
                                daemon=process.Daemon(db, conf, env=env))
    try:
        one.daemon.wait_ready()
        yield one
    finally:
        try:
            one.daemon.end()
        finally:
            typed.remove()
            db.drop()


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory):
    with running_engine(cluster, template,
                        tmp_path_factory.mktemp('engine')) as engine:
        yield engine


def file_of(url):
    """The path of an output_url."""
    parts = urllib.parse.urlsplit(url)
    assert parts.scheme == 'file' and not parts.netloc, url
    return pathlib.Path(urllib.parse.unquote(parts.path))


def last_run(db, config_id):
    return report.runs(db, config_id)[-1]


def ended(db, config_id, status='COMPLETED', within=30):
    """Waits for the end of a report, which must be this one; its last run."""
    row = report.wait_done(db, config_id, within)
    assert row.status == status, f'{row.status}: {row.error_message}'
    return last_run(db, config_id)


def done(db, status='COMPLETED', within=30, **columns):
    """Submits a report, waits for the end it must have; its last run."""
    columns.setdefault('report_name', f'report {next(numbers)}')
    return ended(db, report.submit(db, **columns), status, within)


def output(db, within=30, **columns):
    """The bytes of a report's output."""
    return file_of(done(db, within=within, **columns).output_url).read_bytes()


def failure(db, within=30, **columns):
    """The run of a report that fails at the first attempt; it has no output."""
    columns.setdefault('max_retries', 0)
    run = done(db, 'FAILED', within, **columns)
    assert run.output_url is None and run.sha256 is None, run
    return run


def files(root):
    """All files below root, as paths relative to it."""
    return sorted(str(path.relative_to(root)) for path in root.rglob('*')
                  if not path.is_dir())


@contextlib.contextmanager
def gate(db, key=1):
    """Reports with gated(key) wait until the block ends."""
    with db.connect() as conn:
        conn.execute('select pg_advisory_lock(%s)', (key,))
        yield conn


def gated(key=1, columns='1 as one'):
    return f'select {columns} from (select pg_advisory_xact_lock_shared({key})) gate'


def waiting(db, key=1):
    """How many reports stand at the gate."""
    return db.value("select count(*) from pg_locks where locktype = 'advisory' "
                    'and objid = %s and not granted and database = '
                    '(select oid from pg_database '
                    'where datname = current_database())', key)


def wait_at_gate(db, count=1, key=1, timeout=30):
    wait_for(lambda: waiting(db, key) == count, timeout,
             f'{count} reports at gate {key}')


def fails_until(count):
    """prep_sql that fails so often with an error that may pass."""
    name = f'attempts_{next(numbers)}'
    return f"""
        create sequence if not exists {name};
        commit;
        do $$ begin
            if nextval('{name}') <= {count} then
                raise exception 'not yet' using errcode = '40001';
            end if;
        end $$"""
