# SPDX-License-Identifier: MIT
"""Rows and sessions of submitters that are meant to stop others, or to show what is theirs."""

import json

import pytest

from lib.manual import says
from test_security import as_, ask, db, queue  # noqa: F401

pytestmark = pytest.mark.shipped

YEARLY = {'trigger_type': 'SCHEDULED', 'schedule_expression': '0 0 1 1 *'}


@pytest.fixture(autouse=True)
def granted(db):  # noqa: F811
    for group in 'finance', 'hr':
        db.execute('select reportd.grant_source(%s, %s)', group, group)
        db.execute('select reportd.grant_path(%s, %s, %s)', f'file:///srv/{group}/', group, 'read')


@says('Stop the work of others by a time or an interval that leads past the last year.')
@pytest.mark.parametrize('long', ['300000 years', '-100000000 days 2400000001:00:00'])
@pytest.mark.parametrize('column', ['timeout', 'wait_timeout', 'horizon_overlap'])
def test_no_interval_leads_a_time_past_the_last_year(as_, column, long):  # noqa: F811
    """The tick adds it to now() for all schedules that fire: one row would stop them all."""
    ann = as_('ann', 'finance')
    ann.refused(f"select reportd.submit('r', 'select 1', source => 'finance', "
                f"schedule_expression => '* * * * *', {column} => %s)", long,
                match=f'{column} .* is longer than 100 years')
    config_id = ask(ann, **YEARLY)
    ann.refused('select reportd.change(%s, %s)', config_id, json.dumps({column: long}),
                match=f'{column} .* is longer than 100 years')
    ann.refused("select reportd.submit('r', 'select 1', source => 'finance', inputs => %s)",
                json.dumps({'f': {'path': '/srv/finance/*.csv', 'stable_for': long}}),
                match='inputs: "f.stable_for" is no time')


@says('Give a report at rest inputs that it could not have when it is active.')
@pytest.mark.parametrize('inputs', [
    {'path': '/srv/hr/in/*.csv', 'format': 'parquet'},
    {'path': '/srv/finance/in/*.csv', 'stable_for': 'never'}, 7])
def test_a_report_at_rest_is_given_no_inputs_of_others(db, as_, inputs):  # noqa: F811
    ann = as_('ann', 'finance')
    config_id = ann("select reportd.submit('r', 'select 1', source => 'finance', inputs => %s)",
                    json.dumps({'f': {'path': '/srv/finance/in/*.csv', 'format': 'parquet'}}))
    ann("select reportd.change(%s, '{\"is_active\": false}')", config_id)
    ann.refused('select reportd.change(%s, %s)', config_id, json.dumps({'inputs': {'f': inputs}}),
                match='inputs: "f')
    # A source that it has and may not use any more does not keep it from resting, or from a new name.
    ann("select reportd.change(%s, '{\"is_active\": true}')", config_id)
    db.execute("select reportd.revoke_path('file:///srv/finance/', 'finance', 'read')")
    ann("select reportd.change(%s, '{\"is_active\": false}')", config_id)
    ann("select reportd.change(%s, '{\"report_name\": \"other\"}')", config_id)


def with_parents(person, letter):
    """Two reports of a person, and their ids."""
    return [ask(person, report_key=letter + n, **YEARLY) for n in 'ab']


@says('Take the locks of a COMMIT before it: `SET CONSTRAINTS … IMMEDIATE` is refused where '
      '`run_after` is written.')
@pytest.mark.parametrize('names', ['all', 'reportd.at_commit'])
@pytest.mark.parametrize('verb', ['add', 'take'])
def test_a_transaction_that_stays_open_does_not_hold_changes_up(as_, names, verb):  # noqa: F811
    """SET CONSTRAINTS would take the locks of a COMMIT in its midst."""
    ann, bob = as_('ann', 'finance'), as_('bob', 'hr')
    a, b = with_parents(ann, 'f'), with_parents(bob, 'h')
    after = ('select reportd.change(%s, \'{"run_after": ["fa"]}\')', a[1])
    if verb == 'take':
        ann(*after)
        after = ("select reportd.change(%s, '{\"run_after\": null}')", a[1])
    for early in True, False:
        ann('begin')
        if early:
            ann(f'set constraints {names} immediate')
            ann.refused(*after, match='before the transaction commits')
        else:
            ann(*after)
            ann.refused(f'set constraints {names} immediate', match='before the transaction commits')
        bob("set lock_timeout = '5s'")
        bob('select reportd.change(%s, \'{"run_after": ["ha"]}\')', b[1])
        bob("select reportd.change(%s, '{\"run_after\": null}')", b[1])
        ann('rollback')
    # And at a COMMIT all goes on as ever.
    with ann.conn.transaction():
        ann(*after)


def met(db, config_id, url, state, request_id=None):  # noqa: F811
    """A file that a listing has found for this report."""
    db.execute("insert into reportd.report_input (config_id, input, url, version, size, "
               "modified_at, state, request_id) values (%s, 'f', %s, '1', 1, now(), %s, %s)",
               config_id, url, state, request_id)


def test_what_was_met_before_the_path_changed_is_moved_by_its_own_rights(db, as_):  # noqa: F811
    """Read where all may read, then name a folder of one's own: no way to move files away."""
    ann = as_('ann', 'finance')
    db.execute("select reportd.grant_path('file:///srv/shared/', 'finance', 'read'); "
               "select reportd.grant_path('file:///srv/finance/', 'finance', 'write')")
    worker = db.value("insert into reportd.report_worker (host, pid, version, workers, lease, folders) "
                      "values ('h', 1, '1', 1, '1 hour', '{/srv/}') returning worker_id")
    config_id = ann("select reportd.submit('r', 'select 1', source => 'finance', inputs => %s)",
                    json.dumps({'f': {'path': '/srv/shared/*.csv'}}))
    met(db, config_id, '/srv/shared/all.csv', 'FAILED')
    ann('select reportd.change(%s, %s)', config_id, json.dumps({'inputs': {'f': {
        'path': '/srv/finance/in/*.csv', 'quarantine': '/srv/finance/q/'}}}))
    met(db, config_id, '/srv/finance/in/own.csv', 'FAILED')
    db.execute('select reportd.sync_inputs(c) from reportd.report_config c')
    assert ann('select reportd.quarantine_input(%s)', config_id) == 2
    moved = db.value('select reportd.claim_moves(%s)', worker)
    assert [m['url'] for m in moved] == ['/srv/finance/in/own.csv']


def test_what_was_met_before_the_path_changed_is_read_by_its_own_rights(db, as_):  # noqa: F811
    ann = as_('ann', 'finance')
    db.execute("select reportd.grant_path('file:///srv/shared/', 'finance', 'read')")
    config_id = ann("select reportd.submit('r', 'select 1', source => 'finance', inputs => %s)",
                    json.dumps({'f': {'path': '/srv/shared/*.csv'}}))
    request = ann('select reportd.run_now(%s)', config_id)
    met(db, config_id, '/srv/shared/all.csv', 'TAKEN', request)
    ann('select reportd.change(%s, %s)', config_id,
        json.dumps({'inputs': {'f': {'path': '/srv/finance/in/*.csv'}}}))
    db.execute('select reportd.take_request(c, q) '
               'from reportd.report_config c, reportd.report_request q')
    denial = 'select (reportd.denial(c)).message from reportd.report_config c'
    assert db.value(denial) is None
    db.execute("select reportd.revoke_path('file:///srv/shared/', 'finance', 'read')")
    assert 'may not read "/srv/shared/all.csv"' in db.value(denial)
