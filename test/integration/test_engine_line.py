# SPDX-License-Identifier: MIT
"""Short reports stand in line at a worker, and their outputs are held until they
may be published. Neither may make one suffer for its neighbour."""

import os
import signal

from lib.wait import wait_for
from test_engine_shared import done, ended, gate, gated, last_run, wait_at_gate


def crowd(db, before, after, middle=None):
    """Short reports of one INSERT with a gated one among them; its config_id and
    theirs, in the order in which they are claimed."""
    rows = [row[0] for row in db.query(
        'insert into reportd.report_config (report_name, export_sql) '
        "select 'crowd ' || i, case when i = %s then %s else 'select 1 as one' end "
        'from generate_series(0, %s) i returning config_id',
        before, middle or gated(), before + after)]
    return rows.pop(before), rows


def statuses(db, reports):
    return {row[0]: row[1] for row in db.query(
        'select config_id, status from reportd.report_config '
        'where config_id = any(%s)', reports)}


def all_done(db, reports):
    return set(statuses(db, reports).values()) == {'COMPLETED'}


def in_line(db, reports):
    """Claimed, and not at work as long as the gate is shut."""
    return [i for i, status in statuses(db, reports).items() if status == 'PROCESSING']


def single_attempts(db, reports):
    """Nobody was charged for being given back."""
    return db.value('select count(*) from reportd.report_config '
                    'where config_id = any(%s) and attempt = 1', reports) == len(reports)


def test_nothing_waits_behind_a_long_one(db, daemon):
    for _ in range(2):
        daemon(workers=1, poll_interval='200ms')
    with gate(db):
        held_up, others = crowd(db, 150, 60)
        wait_at_gate(db)
        wait_for(lambda: all_done(db, others))
    ended(db, held_up)
    assert single_attempts(db, others)


def test_who_stood_in_line_is_not_to_blame(db, daemon):
    """The worker dies over one report: those after it are done by another, not
    counted. Those in front are done while it works."""
    one = daemon(workers=1, poll_interval='200ms')
    with gate(db):
        culprit, others = crowd(db, 150, 60)
        wait_at_gate(db)
        wait_for(lambda: all_done(db, others[:150]))
        os.kill(one.workers()[0], signal.SIGKILL)
        wait_for(lambda: last_run(db, culprit).status == 'FAILED')
    for config_id in others:
        ended(db, config_id)
    assert single_attempts(db, others)
    assert ended(db, culprit).attempt == 2


def test_cancelled_in_line(db, daemon):
    """A cancel hits the one it names, wherever that is."""
    daemon(workers=1, poll_interval='200ms')
    with gate(db):
        at_work, others = crowd(db, 150, 60)
        wait_at_gate(db)
        victims = others[-60:]
        for config_id in victims:
            db.value('select reportd.cancel(%s)', config_id)
        wait_for(lambda: set(statuses(db, victims).values()) == {'CANCELLED'})
        assert last_run(db, at_work).status == 'PROCESSING'
    assert ended(db, at_work).attempt == 1
    for config_id in others[:-60]:
        ended(db, config_id)


def test_a_timeout_counts_from_the_start_of_the_work(db, daemon):
    """Not from the moment at which a report got in line."""
    daemon(workers=1)
    with gate(db):
        late, others = crowd(db, 150, 60)
        db.execute("update reportd.report_config set timeout = '700 ms' "
                   'where config_id = any(%s)', [i for i in others])
        wait_at_gate(db)
        wait_for(lambda: not in_line(db, others))
    ended(db, late)
    for config_id in others:
        assert ended(db, config_id).attempt == 1


def test_the_line_goes_back_when_the_daemon_stops(db, daemon):
    one = daemon(workers=1, shutdown_grace='30s')
    with gate(db):
        at_work, others = crowd(db, 150, 60)
        wait_at_gate(db)
        one.signal(signal.SIGTERM)
        wait_for(lambda: not in_line(db, others))
        assert last_run(db, at_work).status == 'PROCESSING'
    assert one.wait() == 0
    ended(db, at_work)
    daemon(workers=1)
    for config_id in others:
        ended(db, config_id)
    assert single_attempts(db, others)
    assert done(db, report_name='after').attempt == 1


def test_a_report_that_cannot_be_read_fails_alone(db, drain):
    """Such as a row of a queue that took any number: its neighbours know nothing of
    it, and are not charged."""
    db.execute("""insert into reportd.report_config (report_name, export_sql, max_retries)
        select case i % 6 when 5 then 'evil' else 'innocent' end, 'select 1.5 as a',
            case i % 6 when 5 then 3 else 0 end
        from generate_series(0, 119) i""")
    db.execute('alter table reportd.report_config disable trigger a_check_update')
    db.execute("""update reportd.report_config set output_options = '{"max_rows": 1e30}'
        where report_name = 'evil'""")
    assert drain(workers=2).returncode == 6
    assert db.query("""select report_name, status, attempt, count(*)::int,
            min(error_message) like 'start: the report''s values cannot be read: %%'
        from reportd.report_config group by 1, 2, 3 order by 1""") == [
        ('evil', 'FAILED', 1, 20, True), ('innocent', 'COMPLETED', 1, 100, None)]
    assert db.value('select count(*) from reportd.report_run') == 120
