# SPDX-License-Identifier: MIT
"""A queue database that does not serve for a while, or cannot hold what it is given."""

import socket
import subprocess

import pytest

from lib import process
from lib.paths import ROOT
from lib.report import submit, wait_done
from lib.wait import wait_for


@pytest.mark.parametrize('table, timeout, says', [
    ('schema_upgrade', '1s', 'sqlstate=57014'), ('report_worker', '1s', 'sqlstate=57014'),
    ('report_worker', '8s', 'sqlstate=55P03')])
def test_a_locked_table_at_the_start_is_waited_for(db, daemon, table, timeout, says):
    """For longer than a statement of the daemon waits for a lock, or may take."""
    config_id = submit(db)
    with db.connect(autocommit=False) as conn:
        conn.execute(f'lock table reportd.{table}')
        one = daemon({'queue': {'timeout': timeout}}, lease='20s', ready=False)
        one.wait_log(says, timeout=20)
        assert one.running()
    assert wait_done(db, config_id).status == 'COMPLETED'


def test_a_table_that_is_locked_at_a_reconnect_is_waited_for(db, daemon):
    one = daemon({'queue': {'timeout': '8s'}}, lease='20s')
    with db.connect(autocommit=False) as conn:
        conn.execute('lock table reportd.schema_upgrade')
        db.execute("select pg_terminate_backend(pid) from pg_stat_activity "
                   "where application_name = 'reportd' and datname = current_database()")
        one.wait_log('sqlstate=55P03', timeout=20)
    assert wait_done(db, submit(db)).status == 'COMPLETED'


def test_a_table_that_refuses_new_daemons_is_tried_again(db, daemon):
    """Whatever the reason: here a trigger that says the disk is full."""
    db.execute("create function full_disk() returns trigger language plpgsql as $$ begin "
               "raise 'No space left on device' using errcode = '53100'; end $$")
    db.execute('create trigger full_disk before insert on reportd.report_worker '
               'for each row execute function full_disk()')
    one = daemon(ready=False)
    wait_for(lambda: one.log().count('sqlstate=53100') >= 3)
    db.execute('drop trigger full_disk on reportd.report_worker')
    assert wait_done(db, submit(db)).status == 'COMPLETED'


def test_a_privilege_that_is_missing_is_named_and_waited_for(db, daemon):
    db.execute('create role no_rights_yet login')
    try:
        user = db.conninfo.replace(f'user={db.cluster.user}', 'user=no_rights_yet')
        one = daemon({'queue': {'conninfo': user}, 'source.default': {'conninfo': db.conninfo}},
                     ready=False)
        one.wait_log('grant the role reportd_daemon')
        db.execute('grant reportd_daemon to no_rights_yet')
        assert wait_done(db, submit(db)).status == 'COMPLETED'
        one.wait_log('queue connected" user=no_rights_yet')
        one.stop()
    finally:
        db.execute('drop owned by no_rights_yet; drop role no_rights_yet')


def test_attempts_grow_rare(db, daemon):
    """A queue that refuses at once is not asked in a busy loop."""
    db.execute("create function refuse() returns trigger language plpgsql as $$ begin "
               "raise 'no' using errcode = '58000'; end $$")
    db.execute('create trigger refuse before insert on reportd.report_worker '
               'for each row execute function refuse()')
    one = daemon(ready=False)
    one.wait_log('sqlstate=58000')
    with pytest.raises(AssertionError):
        wait_for(lambda: one.log().count('sqlstate=58000') > 8, timeout=4)


# Encodings.

@pytest.fixture(params=['LATIN1', 'SQL_ASCII', 'EUC_JP'])
def other_db(cluster, request):
    db = cluster.create(encoding=request.param, lc_collate='C', lc_ctype='C')
    db.encoding = request.param
    yield db
    db.drop()


def test_a_queue_that_is_not_utf8_is_refused(other_db, conf, tmp_path):
    path = process.write_conf(tmp_path / 'other.conf', other_db)
    done = process.reportd(path, timeout=20)
    assert done.returncode == 4
    assert f'encoded in {other_db.encoding}' in done.stderr and "encoding 'UTF8'" in done.stderr
    for command in ['init'], ['doctor'], ['status'], ['runs']:
        done = process.reportctl(path, *command)
        assert done.returncode != 0
        assert f'encoded in {other_db.encoding}' in done.stdout + done.stderr, command
    assert other_db.value("select to_regnamespace('reportd')") is None


REFUSE = """
create function reportd_test_refuse() returns trigger language plpgsql as $$ begin
    if {text} ~ '[^ -~]' then
        raise 'character has no equivalent' using errcode = '{state}';
    end if;
    return new;
end $$;
create trigger refuse before update on reportd.{table}
    for each row execute function reportd_test_refuse()"""


@pytest.mark.parametrize('state', ['22P05', '22021'])
def test_a_message_that_the_queue_cannot_hold_is_recorded_in_ascii(db, daemon, state):
    """Beside others, which are recorded as they are."""
    db.execute(REFUSE.format(text='new.error_message', table='report_run', state=state))
    daemon()
    bad = submit(db, export_sql='select "größe"', max_retries=0)
    good = [submit(db, export_sql='select nonsense', max_retries=0) for _ in range(3)]
    row = wait_done(db, bad, timeout=20)
    assert row.status == 'FAILED' and 'column "gr????e" does not exist' in row.error_message
    for config_id in good:
        assert '"nonsense"' in wait_done(db, config_id).error_message


def test_a_notice_that_the_queue_cannot_hold_is_recorded_in_ascii(db, daemon):
    """And so is the one beside it, in its own words."""
    db.execute(REFUSE.format(text='new.last_error', table='report_notification', state='22021'))
    daemon({'smtp': {'host': 'localhost', 'from': 'Reports <reports@example.com>',
                     'domains': 'größe.example'}})
    config_id = submit(db, notify_on_completion=['mailto:ann@example.com'])
    wait_done(db, config_id)
    def told():
        return db.row('select state, last_error from reportd.report_notification '
                      "where state = 'FAILED'")
    row = wait_for(told, 20)
    assert '[smtp] domains is gr????e.example' in row.last_error


def test_the_host_name_is_recorded_whatever_it_holds(db, conf):
    """One that is no UTF-8; a name space of its own keeps it from others."""
    path = conf()
    script = (r"import socket, os, sys; socket.sethostname(b'h\xe4user'); "
              'os.execv(sys.argv[1], sys.argv[1:])')
    done = subprocess.run(
        ['unshare', '--uts', '/usr/bin/python3', '-c', script, str(process.REPORTD), '-c',
         str(path), '--idle-exit', '1s'], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert 'registered' in done.stderr


def test_the_daemons_that_run_are_named(db, daemon):
    """For `reportctl init`, which changes the schema under them."""
    query = (ROOT / 'sql/ctl/running_daemons.sql').read_text()
    assert db.value(query) == ''
    one = daemon()
    db.execute('insert into reportd.report_worker (host, pid, version, workers, lease, '
               "heartbeat_at) values ('gone', 1, '0', 1, '1 second', now() - interval '1 hour')")
    assert db.value(query) == (f'{socket.gethostname()} (process {one.pid}, reportd '
                               f'{db.value("select version from reportd.report_worker where pid = %s", one.pid)})')
