# SPDX-License-Identifier: MIT
"""Connections to sources that grow old."""

import pathlib
import time

from lib.report import submit
from lib.wait import wait_for
from test_engine_shared import done, file_of, gate, gated, wait_at_gate

AGE = 2


def source_of(db, **more):
    return {'source.other': {'conninfo': db.conninfo, 'max_age': f'{AGE}s', **more}}


def sessions(db):
    """The backends that read reports there."""
    return [row[0] for row in db.query(
        "select pid from pg_stat_activity where datname = current_database() "
        "and application_name like 'reportd%%' and backend_type = 'client backend' "
        "order by pid")]


def value(db, sql):
    """What a report reads from the source `other`."""
    run = done(db, source='other', export_sql=sql, output_options='{"header": false}')
    return pathlib.Path(file_of(run.output_url)).read_text().strip()


def test_a_new_search_path_is_seen_by_reports_that_come_all_the_time(db, daemon, cluster):
    other = cluster.create()
    try:
        other.execute('create schema one; create schema two; create table one.t as select 1 as n; '
                      'create table two.t as select 2 as n')
        other.execute(f'alter database {other.name} set search_path = one')
        daemon(source_of(other), workers=1)
        pids = {value(db, 'select pg_backend_pid() from t where n = 1')}
        pids.add(value(db, 'select pg_backend_pid() from t where n = 1'))
        assert len(pids) == 1, 'it is kept between reports'
        other.execute(f'alter database {other.name} set search_path = two')
        changed = time.monotonic()
        wait_for(lambda: value(db, 'select n from t') == '2', AGE + 8)
        assert time.monotonic() - changed < AGE + 5
    finally:
        other.drop()


def test_a_database_can_be_dropped_when_its_reports_have_ended(db, daemon, cluster):
    """A worker that has nothing to do keeps no old connection."""
    other = cluster.create()
    daemon(source_of(other), workers=1)
    done(db, source='other')
    assert len(sessions(other)) == 1
    wait_for(lambda: not sessions(other), AGE + 5)
    other.close()
    cluster.admin(f'drop database {other.name}')


def test_a_busy_worker_keeps_no_old_connection_either(db, daemon, cluster):
    other = cluster.create()
    try:
        daemon(source_of(other), workers=1)
        done(db, source='other')
        with gate(db):
            long = submit(db, export_sql=gated())
            wait_at_gate(db)
            assert len(sessions(other)) == 1
            wait_for(lambda: not sessions(other), AGE + 5)
            assert sessions(db)
        assert wait_for(lambda: db.value('select status from reportd.report_config '
                                         'where config_id = %s', long) == 'COMPLETED')
    finally:
        other.drop()


def test_a_report_that_runs_for_longer_than_the_age_ends_well(db, daemon, cluster):
    other = cluster.create()
    try:
        daemon(source_of(other), workers=1)
        assert value(db, f'select 7 from pg_sleep({AGE + 1})') == '7'
        wait_for(lambda: not sessions(other), 5)
    finally:
        other.drop()


def test_without_an_age_connections_are_kept(db, daemon, cluster):
    other = cluster.create()
    try:
        daemon(source_of(other, max_age='0'), workers=1)
        first = value(db, 'select pg_backend_pid()')
        done(db, export_sql=f'select pg_sleep({AGE + 1})')
        assert value(db, 'select pg_backend_pid()') == first
    finally:
        other.drop()
