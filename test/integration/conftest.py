# SPDX-License-Identifier: MIT
"""A private PostgreSQL for the session, a fresh database for every test, and
the programs of REPORTD_BIN_DIR (default ./build) run on it."""

import itertools
import pathlib
import signal
import threading
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib import process, report, wait  # noqa: E402
from lib.aws import aws, aws_server  # noqa: E402, F401
from lib.cluster import Cluster, make_template  # noqa: E402
from lib.paths import SANITIZED  # noqa: E402
from lib.target import Target  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line('markers', """shipped: a test that tells a sanitizer nothing, as it is
        about SQL, the manual, the deployment, or memory, of which a sanitizer takes more; or that
        repeats one path with many values. It runs in the build that is shipped alone.""")
    config.addinivalue_line('markers', """waits: a test that takes less than a quarter of a core,
        as it waits for what the programs do after a time. One of them runs beside those that run
        on each core.""")


def pytest_collection_modifyitems(config, items):
    if SANITIZED:
        left_out = [item for item in items if item.get_closest_marker('shipped')]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker('shipped')]


@pytest.fixture(scope='session')
def cluster():
    # Told to stop, pytest ends what it started, as at Ctrl-C; and programs that
    # it starts are not deaf to SIGINT because a shell put pytest in background.
    # xdist, on a busy machine, may run the tests beside the main thread, where
    # Python refuses this; such a process keeps the defaults.
    if threading.current_thread() is threading.main_thread():
        for number in signal.SIGTERM, signal.SIGINT:
            signal.signal(number, signal.default_int_handler)
    cluster = Cluster()
    yield cluster
    cluster.remove()


@pytest.fixture(scope='session')
def warehouses(cluster):
    """A server for what plays a warehouse: it knows MERGE, as an inbox's database must."""
    if cluster.version >= 150000:
        yield cluster
        return
    another = Cluster(folder=None)
    yield another
    another.remove()


@pytest.fixture(scope='session')
def template(cluster):
    """The name of a database with the schema applied, for CREATE DATABASE."""
    return make_template(cluster)


@pytest.fixture
def db(cluster, template):
    """A fresh database with the reportd schema, see lib.cluster.Database."""
    db = cluster.create(template)
    yield db
    db.drop()


@pytest.fixture
def empty_db(cluster):
    """A fresh database without the schema."""
    db = cluster.create()
    yield db
    db.drop()


@pytest.fixture
def psql_conn(db):
    """An autocommit connection to the fresh database; rows are plain tuples."""
    with db.connect(row_factory=None) as conn:
        yield conn


@pytest.fixture
def target(cluster):
    """A fresh database that reports are loaded into, see lib.target.Target."""
    target = Target(cluster)
    yield target
    target.drop()


@pytest.fixture
def out(tmp_path):
    """The output root that the settings name."""
    path = tmp_path / 'out'
    path.mkdir(exist_ok=True)
    return path


@pytest.fixture
def conf(db, tmp_path):
    """conf(sections, key=value of [reportd]...) writes a settings file."""
    number = itertools.count(1)

    def write(sections=None, **reportd):
        return process.write_conf(tmp_path / f'reportd-{next(number)}.conf',
                                  db, sections, **reportd)
    return write


@pytest.fixture
def daemon(db, conf):
    """daemon(sections, args=, env=, ready=, key=value of [reportd]...) starts
    reportd and waits until it is ready. At the end of the test each must stop
    with exit code 0, leave no process, and show no sanitizer report."""
    started = []

    def start(sections=None, args=(), env=None, ready=True, **reportd):
        one = process.Daemon(db, conf(sections, **reportd), args, env)
        started.append(one)
        if ready:
            one.worker_id = one.wait_ready()
        return one
    yield start

    failures = []
    for one in started:
        try:
            one.end()
        except AssertionError as e:
            failures.append(str(e))
    assert not failures, '\n'.join(failures)


@pytest.fixture
def ctl(conf):
    """ctl('status', '--json') runs reportctl: .stdout, .stderr, .returncode."""
    def run(*args, sections=None, reportd=None, **options):
        return process.reportctl(conf(sections, **(reportd or {})), *args,
                                 **options)
    return run


@pytest.fixture
def drain(conf):
    """drain(sections, key=value...) runs `reportd --drain`, which must end with
    one of `codes` within `timeout`: 0, or 6 as reports failed. Returns the
    completed process, its log is .stderr."""
    def run(sections=None, args=(), env=None, timeout=60, codes=(0, 6), **reportd):
        done = process.reportd(conf(sections, **reportd), '--drain', *args,
                               env=env, timeout=timeout)
        assert done.returncode in codes, done.stderr
        return done
    return run


@pytest.fixture
def wait_for():
    return wait.wait_for


@pytest.fixture
def submit():
    return report.submit


@pytest.fixture
def wait_done():
    return report.wait_done


@pytest.fixture(scope='session')
def swift():
    """An S3 on loopback, see lib.swift."""
    from lib.swift import Swift
    swift = Swift()
    yield swift
    swift.remove()
