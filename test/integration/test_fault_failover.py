# SPDX-License-Identifier: MIT
"""Two servers in the connection string: a primary and its hot standby."""

import pytest

from lib.cluster import Cluster, Database, Standby, make_template
from lib.invariants import check
from lib.report import submit
from lib.wait import wait_for
from test_engine_shared import done, ended, gate, wait_at_gate
from test_fault_shared import (  # noqa: F401: fixtures
    LEASE, RUN_ID, Stopwatch, again, beat, count, engine_of, gated_run_id,
    statuses, submit_many, tell, wait_all)


@pytest.fixture
def pair(tmp_path):
    """A primary and a standby that acknowledges every commit."""
    primary = Cluster(synchronous_standby_names="''", wal_keep_size='1GB')
    standby = Standby(primary)
    primary.admin("alter system set synchronous_standby_names = '*'")
    primary.admin('select pg_reload_conf()')
    yield primary, standby
    standby.remove()
    primary.remove()


@pytest.fixture
def cluster(pair):
    return pair[0]


@pytest.fixture
def template(cluster):
    return make_template(cluster)


@pytest.fixture
def db(cluster, template):
    db = cluster.create(template)
    yield db
    db.close()


@pytest.fixture
def start(db, pair, engine_of):
    """A daemon that is told of both servers, the standby first."""
    primary, standby = pair
    both = (f'host={standby.host},{primary.host} port=5432,5432 '
            f'user={primary.user} dbname={db.name}')

    def begin(**more):
        return engine_of({'queue': {'conninfo': both}, 'source.default': {
            'conninfo': both + ' target_session_attrs=read-write'}}, **more)
    return begin


def test_the_standby_takes_over(db, pair, start, out, tell):
    """The primary dies with reports running and waiting; the daemon finds the
    new one by itself."""
    primary, standby = pair
    one = start()
    done(db, export_sql=RUN_ID)  # it has found the primary, second in the list
    new = Database(standby, db.name)
    with gate(db):
        running = submit_many(db, 2, gated_run_id())
        wait_at_gate(db, 2)
        waiting = submit_many(db, 30)
        primary.stop('immediate')
    # A server that only reads is no queue.
    tries = one.log().count('queue not reachable')
    wait_for(lambda: one.log().count('queue not reachable') > tries + 1)
    standby.admin("alter system reset synchronous_standby_names")
    standby.promote()
    again(lambda: new.value('select pg_reload_conf()'))
    promoted = Stopwatch()
    for config_id in running + waiting:
        again(lambda: ended(new, config_id))
    tell('promoted to everything COMPLETED', promoted())
    assert promoted() < LEASE + 4.5
    assert one.running()
    check(new, out)
    one.stop()
    new.close()


def test_a_stand_by_is_a_source_without_a_horizon(db, pair, engine_of):
    _, standby = pair
    engine_of({'source.copy': {
        'conninfo': f'host={standby.host} port=5432 user={standby.user} dbname={db.name}'}})
    sql = "select :'horizon'::timestamptz as upto, pg_is_in_recovery() as copied"
    wait_for(lambda: db.value("select count(*) from reportd.report_source where source = 'copy'"))
    run = done(db, 'FAILED', source='copy', export_sql=sql, max_retries=0)
    assert 'the horizon cannot be known: the server is a stand-by' in run.error_message
    assert 'set horizon_overlap' in run.error_message and run.horizon is None
    run = done(db, source='copy', export_sql=sql, horizon_overlap='1 hour')
    assert run.remark.startswith('the horizon is now less horizon_overlap: the server is a stand-by')
    assert 3590 < (run.started_at - run.horizon).total_seconds() < 3660
    assert run.horizon_held_by is None


def test_a_server_that_only_reads_is_left(db, pair, start, out, tell):
    """The primary is demoted under the daemon and keeps its connections, as
    managed services do: statements fail, the connection does not."""
    primary, standby = pair
    one = start()
    new = Database(standby, db.name)
    with gate(db):
        running = submit_many(db, 2, gated_run_id(), max_retries=0)
        wait_at_gate(db, 2)
        primary.admin('alter system set synchronous_standby_names = \'\'')
        primary.admin('select pg_reload_conf()')
        standby.promote()
        primary.admin('alter system set default_transaction_read_only = on')
        primary.admin('select pg_reload_conf()')
        demoted = Stopwatch()
    waiting = again(lambda: submit_many(new, 5, max_retries=0))
    for config_id in running + waiting:
        assert ended(new, config_id).attempt == 1
    tell('demoted to everything COMPLETED', demoted())
    assert demoted() < LEASE + 4.5
    check(new, out)
    one.stop()
    new.close()


def test_a_queue_that_only_reads_for_a_while(cluster, db, engine_of, out):
    one = engine_of()
    done(db, export_sql=RUN_ID)
    cluster.admin('alter system set default_transaction_read_only = on')
    cluster.admin('select pg_reload_conf()')
    one.wait_log('read-only')
    cluster.admin('alter system reset default_transaction_read_only')
    cluster.admin('select pg_reload_conf()')
    back = Stopwatch()
    done(db, export_sql=RUN_ID)
    assert back() < LEASE + 4.5
    check(db, out)
