# SPDX-License-Identifier: MIT
"""What docs/security.md says of setting a queue up, and of what is no matter of reportd."""

import json

import psycopg
import pytest

from lib import report
from lib.manual import says
from lib.process import reportctl, write_conf
from lib.wait import wait_for
from test_security_shared import as_, ask, db, engine, queue, set_quota, waiting_of  # noqa: F401: fixtures

pytestmark = pytest.mark.shipped


@says("People of one group share reports after `set role finance`, or always with `alter role ann "
      "set role = finance`; otherwise a report is the person's own. With that setting ann sees the "
      "reports that she had before only after `set role ann`; an operator can give them to the "
      "group by `reportd.change(ID, '{\"owner\": \"finance\"}')`.")
def test_people_share_reports(db, as_):
    own, shared = ask(as_('ann')), ask(as_('ann', 'finance'))
    db.execute('alter role ann set role = finance')
    try:
        ann = as_('ann')
        always = ask(ann)
        sees = 'select count(*) from reportd.report_config where config_id = %s'
        assert ann(sees, own) == 0
        ann('set role ann')
        assert ann(sees, own) == 1
    finally:
        db.execute('alter role ann reset role')
    amy = as_('amy')
    for one in shared, always:
        amy('select reportd.cancel(%s)', one)
    amy.refused('select reportd.cancel(%s)', own)
    as_('olga')("select reportd.change(%s, '{\"owner\": \"finance\"}')", own)
    amy('select reportd.cancel(%s)', own)


@says('A daemon tells the queue of its sources when it starts.')
def test_a_daemon_tells_of_its_sources(db, as_, engine):
    db.execute('delete from reportd.report_source')
    engine({'source.more': {'conninfo': db.conninfo}})
    assert {'finance', 'hr', 'more'} <= {r[0] for r in db.query(
        'select source from reportd.report_source')}
    # A source stays when no daemon runs: a report can be asked for then.
    ask(as_('olga'), source='more')


@says('Without a grant a submitter can name no source and no `output_path`; it has the default '
      'path of the settings.')
def test_without_grants(db, as_, engine, out):
    db.execute('delete from reportd.report_grant')
    ann = as_('ann')
    ann.refused("select reportd.submit('x', 'select 1', source => 'finance')", match='may not use')
    db.execute("select reportd.grant_source('finance', 'finance')")
    ann.refused("select reportd.submit('x', 'select 1', source => 'finance', "
                "output_path => 'x.csv')", match='may not write to')
    engine()
    assert report.wait_done(db, ask(ann, 'by default')).status == 'COMPLETED'
    assert [p.parent.name for p in out.rglob('*.csv')] == ['by default']


@says('`reportd.revoke_source()` and `reportd.revoke_path()` take grants back, also those that an '
      'upgrade has made: `reportctl doctor` lists these.',
      '`select * from reportd.report_grant` shows an operator all grants.')
def test_grants_are_seen_and_taken_back(db, as_, tmp_path):
    olga = as_('olga')
    db.execute("insert into reportd.report_grant (kind, name, grantee, granted_by) "
               "values ('write', '/srv/old/', 'ann', 'upgrade')")
    assert olga('select count(*) from reportd.report_grant') == db.value(
        'select count(*) from reportd.report_grant') > 4

    def listed():
        return [c['detail'] for c in json.loads(
            reportctl(write_conf(tmp_path / 'x.conf', db), 'doctor', '--json').stdout)
            if c['what'] == 'upgrade']
    assert 'write of /srv/old/ to ann' in listed()[0]
    olga("select reportd.revoke_path('/srv/old/', 'ann')")
    for name in 'finance', 'hr':
        olga('select reportd.revoke_source(%s, %s)', name, name)
        olga('select reportd.revoke_path(%s, %s)', name, name)
    assert olga('select count(*) from reportd.report_grant') == 0 and listed() == []


@says('Role `-` is for all who have no row, or null, of their own; at first it has 10,000 reports '
      'and 1,000 that wait.')
def test_the_common_quota(db, as_, empty_db, tmp_path):
    reportctl(write_conf(tmp_path / 'x.conf', empty_db), 'init')
    assert empty_db.query('select role::text, max_reports, max_pending, max_running, '
                          'max_output_bytes, max_timeout from reportd.report_quota') == [
        ('-', 10000, 1000, None, None, None)]
    set_quota(db, max_pending=2)
    db.execute("insert into reportd.report_quota (role, max_pending) values ('bob', 3), "
               "('ann', null)")
    for name, most in ('ann', 2), ('amy', 2), ('bob', 3):
        person = as_(name)
        for _ in range(most):
            ask(person)
        person.refused('select reportd.submit(%s, %s, source => %s)', 'x', 'select 1',
                       'hr' if name == 'bob' else 'finance', match=f'quota is {most}')


# ---- what is out of scope ----

@pytest.fixture
def reader(db):
    """The login of a source, with a table of its own."""
    db.execute('create table public.theirs (i int); grant select, insert on public.theirs '
               'to finance_reader')
    yield {'source.finance': {'conninfo': db.conninfo + ' user=finance_reader', 'trusted': None}}
    db.execute('drop table public.theirs')


@says('The login of a source may write if its grants say so: prep_sql is not read-only.')
def test_prep_writes(db, as_, engine, reader):
    engine(reader)
    one = ask(as_('ann'), prep_sql='insert into public.theirs values (7)')
    assert report.wait_done(db, one).status == 'COMPLETED'
    assert db.query('select i from public.theirs') == [(7,)]
    bad = ask(as_('ann'), max_retries=0, text='with w as (insert into public.theirs values (8) '
              'returning i) select * from w')
    row = report.wait_done(db, bad)
    assert row.status == 'FAILED' and 'read-only' in row.error_message


@says('The READ ONLY transaction of the export is no wall: functions that end other queries of '
      'the same login work in it. So they do in checks at a target: a group whose members trust '
      'each other no further than this gets a target, and so a login, of its own.')
def test_an_export_acts(db, as_, engine, reader):
    engine(reader)
    with db.connect(user='finance_reader') as conn:
        one = ask(as_('ann'), text=f'select pg_terminate_backend({conn.info.backend_pid})')
        assert report.wait_done(db, one).status == 'COMPLETED'
        with pytest.raises(psycopg.OperationalError):
            conn.execute('select 1')


@says('Reports without an `output_path` go where `output` of the settings says; its default has '
      '`{request_id}` in it, so no two reports have one file.')
def test_default_paths_are_of_one_report_each(db, as_, engine, out):
    engine()
    for who in 'ann', 'ann', 'bob':
        assert report.wait_done(db, ask(as_(who), 'same')).status == 'COMPLETED'
    assert len(list(out.glob('same/*.csv'))) == 3


@says('A key that somebody else inserts and does not commit makes an INSERT of the same key wait: '
      'set `lock_timeout`.')
def test_a_key_that_is_not_committed(db, as_):
    ann, bob = as_('ann'), as_('bob')
    ann('begin')
    ask(ann, report_key='taken')
    bob("set lock_timeout = '100ms'")
    with pytest.raises(psycopg.errors.LockNotAvailable):
        ask(bob, report_key='taken')
    ask(bob, report_key='other')
    ann('rollback')
    ask(bob, report_key='taken')


@says('Somebody who may act as several roles has the turns and quotas of each.')
def test_several_roles_have_several_quotas(db, as_):
    set_quota(db, max_pending=1)
    for person in as_('ann'), as_('ann', 'finance'):
        ask(person)
        person.refused("select reportd.submit('x', 'select 1', source => 'finance')",
                       match='quota is 1')


@says('`reports` and `output_bytes` of `report_usage` are counted about once a minute, by a '
      'daemon; rows that have not run are counted at once.')
def test_usage_is_counted(db, as_, engine):
    set_quota(db, max_reports=2, max_output_bytes=1000)
    ann = as_('ann')
    ids = [ask(ann, is_active=False) for _ in range(2)]
    # Without a daemon: these have not run.
    ann.refused("select reportd.submit('x', 'select 1', source => 'finance')",
                match='ann has 2 reports; its quota is 2')
    for one in ids:
        ann("select reportd.change(%s, '{\"is_active\": true}')", one)
    engine()
    wait_for(lambda: db.value("select reports from reportd.report_usage "
                              "where owner = 'ann'::regrole") == 2)
    for one in ids:
        report.wait_done(db, one)
    ann.refused("select reportd.submit('x', 'select 1', source => 'finance')",
                match='its quota is 2')


@says('What runs waits for its next attempt whatever the quota says, so at most as many as ran at '
      'once are above it.')
def test_back_off_passes_the_quota_by_what_ran(db, as_, engine):
    set_quota(db, max_pending=2)
    ann = as_('ann')
    engine(workers=1, retry_backoff='1h', retry_backoff_max='1h')
    with db.connect() as gate:
        gate.execute('select pg_advisory_lock(7)')
        one = ask(ann, text='select pg_advisory_lock_shared(7), '
                            'pg_terminate_backend(pg_backend_pid())')
        report.wait_status(db, one, 'PROCESSING')
        waits = [ask(ann, due_at='2100-01-01') for _ in range(2)]
        gate.execute('select pg_advisory_unlock(7)')
    wait_for(lambda: waiting_of(db, 'ann') == 3)
    # There is room again when two have ended.
    for cancelled in waits:
        ann.refused("select reportd.submit('x', 'select 1', source => 'finance')",
                    match='its quota is 2')
        ann('select reportd.cancel(%s)', cancelled)
    ask(ann)
