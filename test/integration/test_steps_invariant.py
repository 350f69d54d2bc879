# SPDX-License-Identifier: MIT
"""A diamond, a late parent and a step after both, begun again and again, while steps fail, are
tried again, cancelled and repaired, and workers and daemons are killed: each beginning has
each step once, no step runs before its parents have completed for that beginning, and in the
end all have completed. `make soak` does the same for five minutes."""

import contextlib
import os
import random
import signal
import time

import psycopg
import pytest

from lib import invariants, process, report
from lib.wait import wait_for
from test_steps import FAST, run_now

pytestmark = pytest.mark.shipped

SECONDS = int(os.environ.get('STEPS_SECONDS', 8))
PARENTS = {'left': ['top'], 'right': ['top'], 'late': ['top'], 'bottom': ['left', 'right'],
           'tail': ['bottom', 'late']}
# Two classes of failures: one that is tried again, and one that is not.
MAY_FAIL = """do $$ begin
    if random() < 0.15 then raise 'try me again' using errcode = '40001'; end if;
    if random() < 0.1 then raise 'repair me'; end if; end $$"""


def make_steps(db):
    """{key: config_id}; 'late' takes longer than what it is waited for with."""
    made = {'top': report.submit(db, report_key='top', report_name='top', is_active=False,
                                 prep_sql='select pg_sleep(0.02)')}
    for key, parents in PARENTS.items():
        made[key] = report.submit(
            db, report_key=key, report_name=key, trigger_type='AFTER', run_after=parents,
            max_retries=2, prep_sql=MAY_FAIL + ('; select pg_sleep(0.3)' if key == 'late' else ''),
            export_sql="select :'run_id' as run_id",
            output_path='{report_name}/{request_id}.csv')
    db.execute("select reportd.change(%s, '{\"is_active\": true}')", made['top'])
    return made


def disturb(db, made, daemons, conf, dice):
    """Begins once more, cancels, repairs, kills; as dice say."""
    if dice.random() < 0.3:
        run_now(db, made['top'], cascade=True)
    if dice.random() < 0.15:
        found = db.query("select config_id, request_id from reportd.v_requests where status in "
                         "('PENDING', 'PROCESSING', 'QUEUED', 'WAITING') "
                         "order by status <> 'PROCESSING', random() limit 1")
        for one in found:
            # The request may have ended meanwhile.
            with contextlib.suppress(psycopg.Error):
                db.execute('select reportd.cancel(%s, %s)', *one)
    if dice.random() < 0.2:
        repair(db)
    if dice.random() < 0.08:
        number = dice.randrange(len(daemons))
        daemons[number].kill()
        daemons[number].end()
        daemons[number] = process.Daemon(db, conf)
    elif dice.random() < 0.1:
        for pid in dice.choice(daemons).workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def repair(db):
    for one in db.query("select config_id, request_id from reportd.v_requests "
                        "where status in ('FAILED', 'CANCELLED')"):
        with contextlib.suppress(psycopg.Error):
            db.execute('select reportd.retry(%s, %s)', *one)


def all_done(db):
    repair(db)
    return not db.value("select count(*) from reportd.v_requests where status <> 'COMPLETED'")


def check_order(db, made):
    """Begun and ended: by each attempt of the request."""
    requests = {(row.key, row.root): row for row in db.query("""
        select c.report_key as key, coalesce(q.root, q.request_id) as root, q.request_id,
            q.satisfied_by,
            (select min(r.started_at) from reportd.report_run r
                where r.request_id = q.request_id and r.attempt > 0) as begun,
            (select max(r.finished_at) from reportd.report_run r
                where r.request_id = q.request_id and r.status = 'COMPLETED') as ended
        from reportd.report_request q join reportd.report_config c using (config_id)""")}
    roots = {root for key, root in requests if key == 'top'}
    assert len(roots) > 10
    assert set(requests) == {(key, root) for key in made for root in roots}
    for (key, root), row in requests.items():
        for parent in PARENTS.get(key, ()):
            before = requests[parent, root]
            assert before.ended <= row.begun, (key, root)
            assert row.satisfied_by is None or \
                row.satisfied_by[str(made[parent])] == before.request_id, (key, root)


def test_steps_keep_their_order_whatever_is_killed(db, tmp_path):
    conf = process.write_conf(tmp_path / 'x.conf', db, workers=4, lease='2s', **FAST)
    dice = random.Random(12)
    daemons = [process.Daemon(db, conf) for _ in range(2)]
    try:
        for daemon in daemons:
            daemon.wait_ready()
        made = make_steps(db)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            disturb(db, made, daemons, conf, dice)
            time.sleep(0.05)
        wait_for(lambda: all_done(db), 60 + SECONDS, lambda: db.query(
            'select config_id, request_id, root, status, waits_for, error_message '
            "from reportd.v_requests where status <> 'COMPLETED'"), interval=0.2)
        kinds = {row[0] for row in db.query('select distinct status from reportd.report_run')}
        assert kinds >= {'COMPLETED', 'FAILED', 'LOST', 'CANCELLED'}
        assert not db.query('select config_id, root from reportd.report_request '
                            'where root is not null group by 1, 2 having count(*) > 1')
        check_order(db, made)
        assert invariants.check_files(db, tmp_path / 'out', names_run=True) == []
    finally:
        for daemon in daemons:
            daemon.end()
