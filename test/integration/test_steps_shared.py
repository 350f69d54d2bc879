# SPDX-License-Identifier: MIT
"""Reports that wait for others in a queue that groups share: rights, quotas, and what why() says."""

import json

import pytest
from psycopg import errors

from lib import report
from lib.wait import wait_for
from test_security_shared import as_, ask, db, engine, queue, set_quota, waiting_of  # noqa: F401: fixtures
from test_turns import beats

pytestmark = pytest.mark.shipped

Refused = errors.InvalidParameterValue
FAST = {'poll_interval': '200ms', 'retry_backoff': '1h', 'retry_backoff_max': '1h'}


def done(db, config_id, status='COMPLETED'):
    row = report.wait_done(db, config_id)
    assert row.status == status, row.error_message
    return row


def change(person, config_id, **changes):
    person('select reportd.change(%s, %s)', config_id, json.dumps(changes))


def test_reports_of_others_cannot_be_waited_for_nor_known(db, as_):
    ann, bob = as_('ann'), as_('bob')
    ask(bob, report_key='payroll', result_sql='select 1 as total')
    texts = set()
    for key in 'payroll', 'nothing':
        with pytest.raises(Refused) as e:
            ask(ann, trigger_type='AFTER', run_after=[key])
        texts.add(str(e.value).replace(key, 'KEY'))
    assert len(texts) == 1 and 'there is no report with the key "KEY" that ann may see' in texts.pop()
    assert ann('select count(*) from reportd.v_requests') == 0


def test_a_parent_that_went_to_others_is_a_name_only_and_hands_nothing_on(db, as_, engine):
    ann, bob, olga = as_('ann'), as_('bob'), as_('olga')
    a = ask(ann, report_key='a', trigger_type='SCHEDULED', schedule_expression='0 0 1 1 *',
            result_sql="select 'secret' as v")
    b = ask(ann, report_key='b', trigger_type='AFTER', run_after=['a'], max_retries=0,
            text="select :'after__a__v' as v")
    assert 'a, which has not run yet' in ann('select reportd.why(%s)', b)
    change(olga, a, owner='bob', source='hr')
    assert ann('select reportd.why(%s)', b).endswith('it runs after a')
    engine(**FAST)
    bob('select reportd.run_now(%s)', a)
    done(db, a)
    assert bob('select result from reportd.v_requests where config_id = %s', a) == {'v': 'secret'}
    ann('select reportd.run_now(%s)', b)
    row = done(db, b, 'FAILED')
    assert row.error_message.endswith('there is no report with the key "a" that ann may see')
    assert ann('select count(*) from reportd.v_requests where result is not null') == 0


def test_reports_after_others_open_as_the_quota_has_room(db, as_, engine):
    set_quota(db, max_pending=3)
    ann = as_('ann')
    a = ask(ann, report_key='a', trigger_type='SCHEDULED', schedule_expression='0 0 1 1 *')
    after = [ask(ann, trigger_type='AFTER', run_after=['a']) for _ in range(2)]
    fills = [ask(ann, due_at='2100-01-01') for _ in range(2)]
    engine(**FAST)
    ann('select reportd.run_now(%s, "cascade" => true)', a)
    done(db, a)
    one = ask(ann, due_at='2100-01-01')
    beats(db)
    opened = db.value("select count(*) from reportd.report_request where reason = 'after'")
    assert waiting_of(db, 'ann') <= 3
    for fill in [*fills, one]:
        ann('select reportd.cancel(%s)', fill)
    # Requests that had no room are asked for again.
    wait_for(lambda: all(report.runs(db, c) for c in after), 30)
    assert opened <= 2 and db.value(
        "select count(*) from reportd.report_request where reason = 'after'") == 2


def test_why_tells_of_back_off_quotas_and_denials(db, as_, engine):
    set_quota(db, max_running=1)
    ann, olga = as_('ann'), as_('olga')
    engine(**FAST, workers=3)
    fails = ask(ann, text='select 1 / (select count(*) - 1 from generate_series(1, 1)) as x',
                max_retries=3)
    # Whether an error is worth a second attempt is the server's to say: this one is not.
    done(db, fails, 'FAILED')
    lost = ask(ann, text="select pg_terminate_backend(pg_backend_pid())")
    report.wait_status(db, lost, 'PENDING')
    wait_for(lambda: report.config(db, lost).attempt == 1)
    wait_for(lambda: report.config(db, lost).status == 'PENDING')
    assert 'attempt 1 failed at ' in ann('select reportd.why(%s)', lost)
    assert '; it is tried again at ' in ann('select reportd.why(%s)', lost)
    with db.connect() as conn:
        conn.execute('select pg_advisory_lock(9)')
        slow = ask(ann, text='select pg_advisory_xact_lock_shared(9) as x')
        report.wait_status(db, slow, 'PROCESSING')
        more = ask(ann)
        assert 'ann runs 1 report, which is its quota' in ann('select reportd.why(%s)', more)
        db.execute("select reportd.revoke_source('finance', 'finance')")
        try:
            said = ann('select reportd.why(%s)', more)
            assert 'it will end FAILED: ann may not use a source "finance"' in said
        finally:
            db.execute("select reportd.grant_source('finance', 'finance')")
    done(db, slow)
    done(db, more)
    assert olga('select reportd.why(%s)', more).startswith('request ')
