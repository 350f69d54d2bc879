# SPDX-License-Identifier: MIT
"""What it costs to end a run, by how many reports run after it."""

import json
import re

import pytest
from psycopg import sql

from lib import report
from lib.paths import ROOT
from test_turns import PLANNED, claimer  # noqa: F401: a fixture

pytestmark = pytest.mark.shipped


def execute(conn, name, values):
    text = re.sub(r'--[^\n]*', '', (ROOT / f'sql/queue/{name}.sql').read_text())
    return conn.execute(re.sub(
        r'\$(\d)', lambda m: sql.Literal(values[int(m[1]) - 1]).as_string(conn), text))


def touched(conn):
    """Rows that this transaction has read and written, by table."""
    return {row[0]: row[1:] for row in conn.execute(
        'select relname, seq_tup_read + idx_tup_fetch, n_tup_ins + n_tup_upd + n_tup_del '
        "from pg_stat_xact_user_tables where schemaname = 'reportd'")}


def cost_of_the_end(db, worker, children):
    """Rows that the end of a parent's run reads and writes; it is undone."""
    db.execute('truncate reportd.report_config, reportd.report_dependency')
    parent = report.submit(db, report_key='parent', status='PENDING', due_at='2020-01-01',
                           source='default', has_children=True, request_id=1,
                           owner=db.cluster.user)
    db.execute("""with child as (
            insert into reportd.report_config (report_name, owner, trigger_type, export_sql,
                status, due_at, request_id)
            select 'child', current_user::regrole, 'AFTER', 'select 1', 'COMPLETED',
                'infinity', 1 + i
            from generate_series(1, %s) i returning config_id)
        insert into reportd.report_dependency (child_id, parent_id, changed)
        select config_id, %s, false from child""", children, parent)
    db.execute('vacuum analyze reportd.report_config, reportd.report_dependency')
    with db.connect(autocommit=False, row_factory=None) as conn:
        for name in PLANNED:
            conn.execute(f'set {name} = off')
        row = execute(conn, 'claim', [worker, 4, 4, '{default}', '{null}', 60000, None, 0]
                      ).fetchone()
        assert row[2] == parent
        before = touched(conn)
        ended = execute(conn, 'finish', [worker, json.dumps([{
            'run_id': row[1], 'config_id': parent, 'status': 'COMPLETED',
            'stage': 'publish'}]), 1000, 1000])
        assert ended.fetchone()[:2] == (row[1], 'COMPLETED')
        after = touched(conn)
        conn.rollback()
    return {table: tuple(a - b for a, b in zip(counts, before.get(table, (0, 0))))
            for table, counts in after.items() if counts != before.get(table)}


def test_the_end_of_a_run_costs_the_same_however_many_wait_for_it(db, claimer):  # noqa: F811
    few, many = (cost_of_the_end(db, claimer, children) for children in (10, 10000))
    assert few == many
    assert few['report_config'][1] == 1 and few['report_run'][1] == 1
