# SPDX-License-Identifier: MIT
"""A pooler between daemon and queue: Debian's pgbouncer, in each of its ways."""

import pytest

from lib.pgbouncer import Pgbouncer
from lib.report import submit, wait_done
from lib.wait import wait_for

SETTINGS = ('search_path', 'enable_seqscan', 'enable_hashjoin', 'jit', 'lock_timeout',
            'plan_cache_mode', 'application_name', 'timezone')


@pytest.fixture
def pooler(cluster):
    started = []

    def start(mode, **more):
        started.append(Pgbouncer(cluster, mode, **more))
        return started[-1]
    yield start
    for one in started:
        one.remove()


def behind(pooler, db, **queue):
    """Sections of a daemon whose queue is behind the pooler; sources are not."""
    return {'queue': {'conninfo': pooler.conninfo(db), **queue},
            'source.default': {'conninfo': db.conninfo}}


def settings_of(conn):
    return {name: conn.execute(f'show {name}').fetchone()[0] for name in SETTINGS}


def others_see(pooler, db, count=6):
    """The settings in each of the pool's sessions that another client gets."""
    clients = [pooler.connect(db) for _ in range(count)]
    try:
        for client in clients:
            client.execute('begin')
        return [settings_of(client) for client in clients]
    finally:
        for client in clients:
            client.close()


def test_listen_off_works_and_leaves_nothing_to_others(db, daemon, pooler):
    one = pooler('transaction', size=8)
    with one.connect(db) as client:
        before = settings_of(client)
    here = daemon(behind(one, db, listen='off'))
    for _ in range(5):
        assert wait_done(db, submit(db)).status == 'COMPLETED'
    for seen in others_see(one, db):
        assert seen | {'application_name': ''} == before | {'application_name': ''}
    # Its statements run with their own settings all the same.
    assert 'error' not in here.log().replace('log_level', '')


def test_the_settings_hold_for_its_statements(db, daemon, pooler):
    """Seen from within: a trigger notes those of the transaction."""
    db.execute('create table seen as select current_setting(\'search_path\') as path, '
               "current_setting('lock_timeout') as lock_timeout limit 0; "
               'create function note() returns trigger language plpgsql as $$ begin '
               "insert into public.seen select current_setting('search_path'), "
               "current_setting('lock_timeout'); return null; end $$; "
               'create trigger note after insert or update on reportd.report_run '
               'for each statement execute function note()')
    daemon(behind(pooler('transaction'), db, listen='off'))
    assert wait_done(db, submit(db)).status == 'COMPLETED'
    seen = db.query('select distinct path, lock_timeout from seen')
    assert [tuple(row) for row in seen] == [('pg_catalog, pg_temp', '5s')]


def test_listen_on_is_told_and_works_by_polling(db, daemon, pooler):
    one = pooler('transaction', size=8)
    with one.connect(db) as client:
        before = settings_of(client)
    for _ in range(2):  # prepared statements of the first are no trouble to the second
        here = daemon(behind(one, db))
        here.wait_log('set [queue] listen = off')
        assert wait_done(db, submit(db)).status == 'COMPLETED'
        assert here.stop() == 0
    for seen in others_see(one, db):
        assert seen | {'application_name': ''} == before | {'application_name': ''}
    assert not db.value("select count(*) from pg_stat_activity where query ilike 'listen%%' "
                        'and datname = current_database()')


def test_a_pool_of_sessions_is_as_good_as_the_server(db, daemon, pooler):
    here = daemon(behind(pooler('session'), db), poll_interval='30s', lease='60s')
    assert wait_done(db, submit(db), timeout=10).status == 'COMPLETED'
    assert 'listen = off' not in here.log()


def test_a_pool_of_one_session_does_not_hang(db, daemon, pooler):
    here = daemon(behind(pooler('transaction', size=1), db))
    here.wait_log('set [queue] listen = off')
    assert wait_done(db, submit(db)).status == 'COMPLETED'


def test_a_second_client_that_is_refused_is_no_reason_to_end(db, daemon, pooler):
    """A pool of sessions that has no more of them: it cannot be told."""
    one = pooler('session', size=1)
    here = daemon(behind(one, db), ready=False)
    here.wait_log('cannot tell how the pooler', timeout=40)
    assert wait_done(db, submit(db)).status == 'COMPLETED'


@pytest.mark.parametrize('mode, listen, says', [
    ('transaction', 'on', 'FAILED  queue notifications: a pooler'),
    ('transaction', 'off', 'ok      queue notifications: not used'),
    ('session', 'on', 'ok      queue notifications: arrive')])
def test_doctor_knows_the_pooler(db, ctl, pooler, mode, listen, says):
    said = ctl('doctor', sections=behind(pooler(mode), db, listen=listen)).stdout
    assert says in said, said
    assert ('set listen = off' in said) is says.startswith('FAILED')
