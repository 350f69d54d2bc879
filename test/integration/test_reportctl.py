# SPDX-License-Identifier: MIT
"""reportctl, the people's tool. Where a report has to run, most tests play the
daemon with SQL, so that they know exactly what there is to see."""

import contextlib
import json
import os
import re
import subprocess

import pytest
from psycopg.conninfo import make_conninfo

from lib.paths import REPORTCTL, ROOT, environ
from lib.process import reportctl, run, write_conf
from lib.report import config, submit
from lib.wait import wait_for
from test_fault_time import TENFOLD
from test_reportctl_shared import (  # noqa: F401: fixtures
    Child, answer, bare, begin_run, checks_of, child, end_run, progress, refused)

SCHEMA = max(int(path.name[:3]) for path in (ROOT / 'sql/upgrade').iterdir())
COMMANDS = ('init submit ingest list show status why runs inputs inbox watch run retry cancel change pause '
            'resume delete next export formats sources targets scale doctor').split()


def columns(db, config_id):
    """The report as a dict; psycopg has no infinity for its due_at."""
    return db.value('select to_jsonb(c) from reportd.report_config c '
                    'where config_id = %s', config_id)


# init

def schema_version(db):
    return db.value('select max(version) from reportd.schema_upgrade')


def test_init_creates_the_schema_and_twice_is_a_no_op(bare, empty_db):
    told = answer(reportctl(bare, 'init', '--json'))
    assert (told['version'], told['from']) == (SCHEMA, 0)
    # A version may have several files and is named once.
    assert told['applied'] == sorted(
        path.name.removesuffix('.sql') for path in (ROOT / 'sql/upgrade').iterdir())
    assert schema_version(empty_db) == SCHEMA
    assert empty_db.value("select reportd.submit('r', 'select 1')") == 1
    done = reportctl(bare, 'init')
    assert (done.returncode, done.stdout) == (
        0, f'schema is at version {SCHEMA} already\n')
    assert empty_db.value('select count(*) from reportd.report_config') == 1


def test_init_by_many_at_once_happens_once(bare):
    many = [subprocess.Popen([REPORTCTL, '-c', bare, 'init'], text=True,
                             stdout=subprocess.PIPE, env=environ())
            for _ in range(4)]
    said = sorted(one.communicate(timeout=60)[0] for one in many)
    assert [one.returncode for one in many] == [0] * 4
    assert said == sorted([f'schema created, version {SCHEMA}\n'] + [
        f'schema is at version {SCHEMA} already\n'] * 3)


def test_a_newer_schema_is_refused(ctl, db):
    db.execute("insert into reportd.schema_upgrade (version, name, serves) "
               "values (99, 'future', 99)")
    for args in (['init'], ['status'], ['submit', '--name', 'x', '--sql', 'x']):
        refused(ctl(*args), 'version 99', 'newer reportctl')


def test_a_newer_schema_that_serves_older_programs_is_taken(ctl, db, drain):
    db.execute("insert into reportd.schema_upgrade (version, name, serves) "
               "values (%s, 'future', %s)", SCHEMA + 1, SCHEMA)
    assert answer(ctl('init', '--json')) == {
        'version': SCHEMA + 1, 'from': SCHEMA + 1, 'applied': []}
    assert ctl('init').stdout == f'schema is at version {SCHEMA + 1} already\n'
    assert ctl('submit', '--name', 'x', '--sql', 'select 1').stdout == '1\n'
    drain()
    assert columns(db, 1)['status'] == 'COMPLETED'


def test_init_makes_roles_that_can_do_their_work(ctl, db, cluster):
    db.execute("select reportd.register_source('default', 'postgres')")
    db.execute("select reportd.grant_source('default', 'reportd_submitter')")

    def as_role(role, *args):
        return ctl(*args, sections={'queue': {'conninfo': cluster.conninfo(
            db.name, options=f'-c role={role}')}})
    submit = ('submit', '--name', 'x', '--sql', 'select 1')
    assert as_role('reportd_submitter', *submit).returncode == 0
    for args in (submit, ('cancel', '1')):
        done = as_role('reportd_viewer', *args)
        refused(done, 'permission denied', f'user "{cluster.user}"',
                'acting as role "reportd_viewer"', 'needs the role reportd_submitter',
                'acts on the reports of others needs the role reportd_operator')
        assert 'role reportd_viewer,' not in done.stderr
    cluster.admin('drop role if exists newcomer')
    cluster.admin('create role newcomer')
    refused(as_role('newcomer', 'status'), 'permission denied for schema reportd',
            'acting as role "newcomer"', 'reportd_viewer')
    for args in (['status'], ['status', '1'], ['runs'], ['next', '@daily']):
        assert as_role('reportd_viewer', *args).returncode == 0
    assert as_role('reportd_submitter', 'cancel', '1').returncode == 0
    checks = answer(as_role('reportd_daemon', 'doctor', '--json'))
    assert 'FAILED' not in {check['result'] for check in checks}
    checks = answer(as_role('reportd_viewer', 'doctor', '--json'), 1)
    privileges, = (c for c in checks if c['what'] == 'queue privileges')
    assert privileges['result'] == 'FAILED'
    assert 'UPDATE on reportd.report_config' in privileges['detail']
    assert 'grant' in privileges['mend']
    cluster.admin('create role just_daemon login in role reportd_daemon')
    just = {'queue': {'conninfo': make_conninfo(db.conninfo, user='just_daemon')}}
    try:
        found = checks_of(ctl('doctor', '--json', sections=just))['queue privileges']
        assert (found['result'], found['detail']) == ('ok', 'all that the daemon needs, and no more')
        cluster.admin('grant reportd_operator to just_daemon')
        found = checks_of(ctl('doctor', '--json', sections=just))['queue privileges']
        assert found['result'] == 'warn'
        assert 'just_daemon may become reportd_operator' in found['detail']
    finally:
        cluster.admin('drop role just_daemon')


# submit

def test_submit_sets_every_column(ctl, db, tmp_path):
    (tmp_path / 'prep.sql').write_text('create table if not exists t ();\n')
    done = ctl('submit', '--name', 'Umsätze "Nord"', '--sql-file', '-',
               '--prep-file', tmp_path / 'prep.sql', '--param', "who=O'Neil",
               '--param', 'number=007', '--param', 'empty=', '--format', 'csv',
               '--path', '{report_name}/%Y.{ext}', '--option', 'delimiter=;',
               '--option', 'header=false', '--option', 'null="0"',
               '--priority', '1', '--type', 'finance', '--schedule',
               '0 6 * * 1-5', '--time-zone', 'Europe/Berlin', '--misfire',
               'all', '--timeout', '10 min', '--max-retries', '0',
               '--source', 'sales', input="select :'who'\n")
    assert (done.returncode, done.stderr) == (0, '')
    row = columns(db, int(done.stdout))
    assert row.items() >= {
        'report_name': 'Umsätze "Nord"',
        'export_sql': "select :'who'",
        'prep_sql': 'create table if not exists t ();',
        'parameters': {'who': "O'Neil", 'number': '007', 'empty': ''},
        'output_options': {'delimiter': ';', 'header': False, 'null': '0'},
        'output_format': 'CSV',
        'output_path': '{report_name}/%Y.{ext}',
        'priority': 1,
        'report_type': 'finance',
        'trigger_type': 'SCHEDULED',
        'schedule_expression': '0 6 * * 1-5',
        'time_zone': 'Europe/Berlin',
        'misfire_policy': 'ALL',
        'timeout': '00:10:00',
        'max_retries': 0,
        'source': 'sales',
    }.items()


def test_submit_leaves_the_rest_to_the_defaults(ctl, db):
    config_id = answer(ctl('--json', 'submit', '--name', 'x', '--sql',
                           'select 1'))['config_id']
    plain = db.value("select reportd.submit('x', 'select 1')")
    ours, theirs = columns(db, config_id), columns(db, plain)
    for row in ours, theirs:
        for key in list(row):
            if key in ('config_id', 'request_id') or key.endswith(('_at', '_timestamp', '_for')):
                del row[key]
    assert ours == theirs


def test_submit_passes_on_what_the_schema_refuses(ctl):
    refused(ctl('submit', '--name', 'x', '--sql', 'x', '--schedule', '61 * * * *'),
            '61', 'hint')
    refused(ctl('submit', '--name', 'x', '--sql', 'x', '--option', 'foo=1'),
            'CSV has no option "foo"; known: delimiter', 'hint: See `reportctl formats`')
    refused(ctl('submit', '--name', 'x', '--sql', 'x', '--param', 'run_id=1'),
            '"run_id" is built in')
    refused(ctl('submit', '--name', 'x', '--sql', 'x', '--timeout', 'soon'),
            'interval', 'soon')


@pytest.mark.parametrize('args, text', [
    (['--sql', 'x'], '--name is missing'),
    (['--name', 'x'], 'nothing to do'),
    (['--name', 'x', '--sql', 'x', '--sql-file', 'y'], 'exclude each other'),
    (['--name', 'x', '--prep', 'x', '--prep-file', 'y'], 'exclude each other'),
    (['--name', 'x', '--sql', 'x', '--param', 'novalue'], 'NAME=VALUE'),
    (['--name', 'x', '--sql', 'x', '--option', '=1'], 'NAME=VALUE'),
    (['--name', 'x', '--sql', 'x', '--param', b'a=\xff'], 'not valid UTF-8'),
    (['--name', 'x', '--sql', 'x', '--priority', '6'], 'from 1 to 5'),
    (['--name', 'x', '--sql', 'x', '--max-retries', 'no'], 'from 0 to 100'),
    (['--name', 'x', '--sql', 'x', '--schedule', '@daily', '--wait'], '--wait'),
    (['--name', 'x', '--sql', 'x', 'more'], '"more" belongs to no option'),
    (['--name', 'x', '--frobnicate'], "unrecognized option '--frobnicate'"),
    (['--name'], 'requires an argument'),
])
def test_submit_tells_wrong_usage(tmp_path, args, text):
    done = subprocess.run([REPORTCTL, 'submit', *args], env=environ(),
                          capture_output=True)
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode(
        errors='replace')
    refused(done, text, code=2)
    assert 'Try `reportctl help submit`.' in done.stderr


def test_submit_reads_files_that_are_there_and_are_text(ctl, tmp_path):
    refused(ctl('submit', '--name', 'x', '--sql-file', tmp_path / 'none'),
            'none', 'No such file')
    (tmp_path / 'binary').write_bytes(b'select\0 1')
    refused(ctl('submit', '--name', 'x', '--sql-file', tmp_path / 'binary'),
            'NUL byte')
    (tmp_path / 'empty').write_bytes(b'')
    refused(ctl('submit', '--name', 'x', '--sql-file', tmp_path / 'empty'),
            'neither prep_sql nor export_sql')


# --wait

def test_submit_waits_for_the_end(child, db):
    one = child('submit', '--name', 'x', '--sql', 'select 1', '--wait')
    one.wait_output('1\nreportctl: no daemon is running; report 1 waits')
    begin_run(db, 1)
    end_run(db, 1)
    code, output = one.end()
    assert code == 0
    assert output.endswith('\nCOMPLETED /out/report.csv\n')


def test_the_exit_code_tells_of_a_failure(child, db):
    one = child('submit', '--name', 'x', '--sql', 'select 1', '--wait', '--json')
    wait_for(lambda: config(db, 1))
    begin_run(db, 1)
    end_run(db, 1, 'FAILED', 'disk full\nreally')
    code, output = one.end()
    assert code == 1
    assert 'reportctl: report 1 FAILED: disk full really\n' in output
    found = json.loads(re.search(r'^{.*^}$', output, re.S | re.M)[0])
    assert (found['config_id'], found['run_id'], found['status'],
            found['error_message']) == (1, 1, 'FAILED', 'disk full\nreally')


def test_waiting_needs_no_notification(child, db):
    one = child('submit', '--name', 'x', '--sql', 'select 1', '--wait',
                env=TENFOLD)
    one.wait_output('1\n')
    db.execute("update reportd.report_config set status = 'CANCELLED'")
    code, output = one.end()
    assert code == 1 and 'CANCELLED\n' in output


def test_waiting_without_listen(conf, db, submit):
    submit(db)
    begin_run(db, 1)
    end_run(db, 1)
    one = Child(conf({'queue': {'listen': 'off'}}), 'run', 1, '--wait')
    one.wait_output('no daemon')
    begin_run(db, 1)
    end_run(db, 1)
    assert one.end()[0] == 0


def test_waiting_ends_with_the_report_deleted(child, db):
    one = child('submit', '--name', 'x', '--sql', 'select 1', '--wait',
                env=TENFOLD)
    one.wait_output('1\n')
    db.execute('delete from reportd.report_config')
    code, output = one.end()
    assert code == 1 and 'report 1: it was deleted' in output


def test_an_interrupt_ends_the_waiting_alone(child, db):
    one = child('submit', '--name', 'x', '--sql', 'select 1', '--wait')
    one.wait_output('no daemon')
    one.interrupt()
    code, output = one.end()
    assert code == 130 and 'no longer waiting for it; it goes on' in output
    assert config(db, 1).status == 'PENDING'


def test_progress_is_shown_on_a_terminal(child, db, submit):
    submit(db)
    progress(db, begin_run(db, 1), 10)
    end_run(db, 1)
    one = child('run', 1, '--wait', terminal=True)
    one.wait_output('PENDING')
    progress(db, begin_run(db, 1), 5)
    one.wait_output('[##########..........] 50%  5 rows  5.0 kB')
    end_run(db, 1)
    code, output = one.end()
    assert code == 0
    assert output.endswith('\r\x1b[KCOMPLETED /out/report.csv\n')


def test_a_lost_server_ends_the_waiting(child, db):
    one = child('submit', '--name', 'x', '--sql', 'select 1', '--wait')
    one.wait_output('no daemon')
    db.execute('select pg_terminate_backend(pid) from pg_stat_activity '
               "where application_name = 'reportctl' "
               'and datname = current_database()')
    code, output = one.end()
    assert code == 4 and 'it goes on' in output


def test_a_daemon_runs_what_is_submitted(ctl, daemon, out):
    daemon()
    done = ctl('submit', '--name', 'two', '--sql', 'select :\'x\' as x',
               '--param', 'x=5', '--path', 'two.csv', '--wait')
    assert (done.returncode, done.stderr) == (0, '')
    assert done.stdout.startswith('1\nCOMPLETED /')
    assert (out / 'two.csv').read_text() == 'x\n5\n'
    assert answer(ctl('run', 1, '--param', 'x=6', '--wait', '--json'))[
        'row_count'] == 1
    assert (out / 'two.csv').read_text() == 'x\n6\n'
    refused(ctl('submit', '--name', 'bad', '--sql', 'select * from nowhere',
                '--wait'), 'report 2 FAILED', 'nowhere')
    daemons = answer(ctl('status', '--json'))['daemons']
    assert [one['state'] for one in daemons] == ['alive']


# status, runs

def test_status_of_an_empty_queue(ctl):
    done = ctl('status')
    assert (done.returncode, done.stdout) == (
        0, 'no reports\n\nnothing runs\n\nno daemon is running\n')


def test_status_shows_reports_runs_and_daemons(ctl, db, submit):
    submit(db, report_name='läuft 中文')
    submit(db, report_name='waits')
    submit(db, report_name='later', trigger_type='SCHEDULED',
           schedule_expression='@yearly')
    progress(db, begin_run(db, 1), 3)
    db.execute("insert into reportd.report_worker (host, pid, version, workers,"
               " lease, heartbeat_at) values ('a', 1, '1', 2, '10 s', now()),"
               " ('b', 2, '1', 2, '10 s', now() - interval '1 h')")
    now = answer(ctl('status', '--json'))
    assert [(s['trigger_type'], s['status'], s['reports'])
            for s in now['summary']] == [('ADHOC', 'PENDING', 1),
                                         ('ADHOC', 'PROCESSING', 1),
                                         ('SCHEDULED', 'PENDING', 1)]
    running, = now['running']
    assert (running['config_id'], running['row_count']) == (1, 3)
    assert [p['config_id'] for p in now['pending']] == [2]
    assert now['pending_count'] == 1
    assert [(d['host'], d['state']) for d in now['daemons']] == [
        ('a', 'alive'), ('b', 'late')]
    text = ctl('status').stdout
    # Two of the characters are two columns wide.
    assert re.search(r'^ID  REPORT      STAGE   ', text[text.index('ID  '):])
    assert re.search(r'^  1   1  läuft 中文  export  ', text, re.M)
    assert re.search(r'^b +2 .* 1 h 0 min  late$', text, re.M)


def test_status_of_one_report(ctl, db, submit):
    submit(db, report_name='one', export_sql='select 1\nas "x"',
           parameters={'a': 'b'}, output_path='x.csv')
    begin_run(db, 1)
    end_run(db, 1, 'FAILED', 'no such luck')
    one = answer(ctl('status', 1, '--json'))
    assert (one['report_name'], one['parameters'], one['error_message']) == (
        'one', {'a': 'b'}, 'no such luck')
    assert [r['status'] for r in one['runs']] == ['FAILED']
    text = ctl('status', 1).stdout
    assert re.search(r'^error +no such luck$', text, re.M)
    assert re.search(r'^path +x.csv$', text, re.M)
    assert '\nexport\n    select 1\n    as "x"\n' in text
    assert re.search(r'^  1   1  one     FAILED ', text, re.M)
    refused(ctl('status', 2), 'there is no report 2 that you may see; `reportctl list` shows')
    refused(ctl('status', 'nokey'), 'with the key "nokey"', '`reportctl list`')
    refused(ctl('status', '1x'), '"1x" is not a report\'s ID', code=2)
    refused(ctl('status', 1, 2), 'takes one ID', code=2)


def test_times_of_a_report_are_in_its_zone(ctl, db, submit):
    submit(db, report_name='tokyo', time_zone='Asia/Tokyo', trigger_type='SCHEDULED',
           schedule_expression='0 9 * * *', notify_on_failure=['mailto:a@x.org'])
    begin_run(db, 1)
    end_run(db, 1, 'FAILED', 'x')
    db.value("select reportd.write_notices(1, 1, current_user::regrole, 'FAILED', "
             "array['mailto:a@x.org'])")
    one = answer(ctl('status', 1, '--json'))
    assert one['next_run_time'].endswith('T09:00:00+09:00')
    for time in (one['runs'][0]['started_at'], one['notices'][0]['due_at'],
                 answer(ctl('runs', 1, '--json'))[0]['finished_at']):
        assert time.endswith('+09:00')
    text = ctl('status', 1).stdout
    assert re.search(r'^next run +\d{4}-\d\d-\d\d 09:00:00\+09:00$', text, re.M)
    assert '\nall times are in Asia/Tokyo\n' in text
    assert text.count('+09:00') >= 5 and '+00:00' not in text


def test_a_report_with_a_zone_that_is_gone_is_shown_all_the_same(ctl, db, submit):
    submit(db, report_name='gone')
    with db.connect() as conn, conn.transaction():
        conn.execute("set local session_replication_role = replica")
        conn.execute("update reportd.report_config set time_zone = 'Mars/Olympus'")
    assert answer(ctl('status', 1, '--json'))['time_zone'] == 'Mars/Olympus'


def test_runs_are_listed_newest_first(ctl, db, submit):
    for number in 1, 2:
        submit(db, report_name=f'r{number}')
    for config_id, status in (1, 'FAILED'), (2, 'COMPLETED'), (1, 'COMPLETED'):
        db.execute("update reportd.report_config set status = 'PENDING' "
                   'where config_id = %s', config_id)
        begin_run(db, config_id)
        end_run(db, config_id, status, 'oops' if status == 'FAILED' else None)

    def ids(*args):
        return [r['run_id'] for r in answer(ctl('runs', '--json', *args))]
    assert ids() == [3, 2, 1]
    assert ids('1') == [3, 1]
    assert ids('--limit', 1) == [3]
    assert ids('--status', 'completed') == [3, 2]
    assert ids('1', '--status', 'FAILED') == [1]
    assert ids('7') == []
    lines = ctl('runs').stdout.splitlines()
    assert lines[0].split() == ['RUN', 'ID', 'REPORT', 'STATUS', 'TRY', 'STARTED',
                                'TOOK', 'ROWS', 'SIZE', 'RESULT']
    assert lines[1].endswith('/out/report.csv')
    assert lines[3].endswith('oops')
    refused(ctl('runs', '--status', 'GOOD'), 'COMPLETED', code=2)
    refused(ctl('runs', '--limit', '0'), 'from 1 to', code=2)


def test_a_message_cannot_steer_the_terminal(ctl, db, submit):
    submit(db)
    begin_run(db, 1)
    end_run(db, 1, 'FAILED', 'a\x1b[2Jb\nc\u009bd')
    for args in ['runs'], ['status', 1], ['why', 1]:
        text = ctl(*args).stdout
        assert 'a [2Jb c' in text and '\u009b' not in text and '\x1b' not in text


# watch

def test_watch_prints_lines_off_a_terminal(child, db, submit):
    submit(db, report_name='old')
    begin_run(db, 1)
    end_run(db, 1)
    submit(db, report_name='new')
    one = child('watch', '--interval', '100ms')
    one.wait_output('0 running, 1 waiting, 0 daemons\n')
    run_id = begin_run(db, 2)
    one.wait_output('run 2 of report 2 "new": export, 0 rows, 0 B\n')
    progress(db, run_id, 1)
    one.wait_output('run 2 of report 2 "new": export, 1 row, 1.0 kB\n')
    end_run(db, 2, 'FAILED', 'torn\nto pieces')
    one.wait_output('run 2 of report 2 "new": FAILED, 1 row, 1.0 kB, ')
    one.wait_output(': torn to pieces\n')
    one.interrupt()
    code, output = one.end()
    assert code == 0 and '"old"' not in output
    assert len(output.splitlines()) == 4


def test_watch_writes_json_lines(child, db, submit):
    submit(db)
    one = child('watch', '--interval', '100ms', '--json')
    wait_for(lambda: one.read().count('\n') >= 2)
    one.interrupt()
    code, output = one.end()
    assert code == 0
    for line in output.splitlines():
        assert json.loads(line)['pending'][0]['config_id'] == 1


def test_watch_draws_on_a_terminal(child, db, submit):
    for number in range(40):
        submit(db, report_name=f'report {number}')
    progress(db, begin_run(db, 1), 4)
    end_run(db, 1)
    db.execute('select reportd.run_now(1)')
    one = child('watch', '--interval', '100ms', terminal=True)
    run_id = begin_run(db, 1)
    one.wait_output('[....................]  0%')
    progress(db, run_id, 3)
    one.wait_output('[###############.....] 75%')
    progress(db, run_id, 400)
    one.wait_output('[###################.] 99%')
    begin_run(db, 2)
    one.wait_output('[###.................]   ')
    one.interrupt()
    code, output = one.end()
    assert code == 0
    for page in output.split('\x1b[H')[1:]:
        lines = page.split('\n')
        assert len(lines) <= 24
        assert all(len(re.sub('\x1b.*?[A-Z]', '', l)) <= 80 for l in lines)
    assert output.endswith('\n\x1b[J')


def test_watch_outlives_a_lost_connection(child, db):
    one = child('watch', '--interval', '100ms', '--json')
    one.wait_output('\n')
    pid = db.value("select pid from pg_stat_activity where application_name = 'reportctl' "
                   'and datname = current_database()')
    assert db.value('select pg_terminate_backend(%s)', pid)
    wait_for(lambda: not db.value('select count(*) from pg_stat_activity where pid = %s', pid))
    before = one.read().count('{"at"')
    wait_for(lambda: one.read().count('{"at"') > before + 1)
    one.interrupt()
    assert one.end()[0] == 0


def test_watch_refuses_a_strange_interval(ctl):
    refused(ctl('watch', '--interval', '1ms'), 'from 100ms to 1h', code=2)
    refused(ctl('watch', '--interval', 'often'), 'from 100ms to 1h', code=2)


# cancel, retry, run

def test_cancel_and_retry_take_many(ctl, db, submit):
    for _ in range(3):
        submit(db)
    begin_run(db, 2)
    done = ctl('cancel', 1, 2, 9, 3)
    assert done.stdout == ('request 1 of report 1 is CANCELLED\n'
                           'request 2 of report 2 is CANCELLING\n'
                           'request 3 of report 3 is CANCELLED\n')
    refused(done, 'cancel: there is no report 9')
    answers = answer(ctl('retry', '--json', 1, 2, 3), 1)
    assert [(a['config_id'], a.get('status'), a.get('request_id')) for a in answers] == [
        (1, 'PENDING', 1), (2, None, None), (3, 'PENDING', 3)]
    assert 'nothing to retry' in answers[1]['error']
    assert config(db, 2).cancel_requested
    refused(ctl('cancel'), 'which report', code=2)
    refused(ctl('retry', '1', '1x'), '"1x"', code=2)


def test_run_takes_parameters_for_once(ctl, db, submit):
    submit(db, parameters={'a': '1'})
    begin_run(db, 1)
    end_run(db, 1)
    done = ctl('run', 1, '--param', 'a=2')
    assert (done.returncode, done.stdout) == (0, 'request 2 of report 1 is PENDING\n')
    assert config(db, 1).run_parameters == {'a': '2'}
    assert answer(ctl('run', 1, '--json')) == {'config_id': 1, 'request_id': 3}
    refused(ctl('run', 5), 'there is no report 5')
    refused(ctl('run'), 'which report', code=2)


# next

def test_next_shows_local_times_over_a_clock_change(ctl):
    done = ctl('next', '30 6 29 10 *', '--zone', 'Europe/Berlin', '--count', 2)
    assert done.returncode == 0
    assert re.fullmatch(
        r'(\w{3} \d{4}-10-29 06:30:00 \+0[12]:00 Europe/Berlin, '
        r'in \d+ d \d+ h\n){2}', done.stdout)
    times = answer(ctl('next', '0', '6', '*', '*', '1-5', '--json'))
    assert len(times) == 5
    assert all(t['local'].endswith('06:00:00') and t['utc_offset'] == '+00:00'
               and t['seconds'] > 0 for t in times)
    times = answer(ctl('next', '@daily', '--json', '--zone', 'America/St_Johns',
                       '--count', 366))
    assert {t['utc_offset'] for t in times} == {'-03:30', '-02:30'}


def test_next_after_a_time(ctl):
    times = answer(ctl('next', '0 6 * * *', '--after', '2030-02-28T07:00Z', '--count', 1, '--json'))
    assert [t['local'] for t in times] == ['Fri 2030-03-01 06:00:00']
    refused(ctl('next', '@daily', '--after', 'soon'), 'soon')


def test_retry_waits_for_the_end(ctl, daemon, db):
    daemon()
    ctl('submit', '--name', 'a', '--sql', 'select 1 from t', '--max-retries', 0, '--wait')
    db.execute('create table t (a int)')
    done = ctl('retry', 1, '--wait')
    assert done.returncode == 0 and 'COMPLETED /' in done.stdout
    refused(ctl('retry', 1, 2, '--wait'), '--wait is for one report', code=2)
    refused(ctl('retry', 1, '--wait'), 'nothing to retry')


def test_cancel_of_what_has_ended_speaks_of_no_schedule(ctl, db, submit):
    submit(db, report_name='a')
    begin_run(db, 1)
    end_run(db, 1)
    done = ctl('cancel', 1)
    refused(done, 'report 1 is COMPLETED: there is nothing to cancel', 'It has ended')


def test_next_refuses_what_is_no_schedule(ctl):
    refused(ctl('next', '61 * * * *'), '61')
    refused(ctl('next', '0 0 30 2 *'), 'never occurs')
    refused(ctl('next', '@daily', '--zone', 'Berlin'), 'Berlin', 'Europe/Berlin')
    refused(ctl('next'), 'which cron expression', code=2)
    refused(ctl('next', '@daily', '--count', 'x'), '--count x', code=2)


def test_names_that_deceive_are_seen(db, ctl, drain):
    """U+202E shows what follows from right to left: a report that ends in fdp."""
    name = 'plan\u202efdp\u200b.x'
    config_id = submit(db, report_name=name, max_retries=0,
                       export_sql=f"select '{name}'::int")
    log = drain().stderr
    shown = 'plan<U+202E>fdp<U+200B>.x'
    for command in (['status', config_id], ['runs']):
        told = ctl(*command).stdout
        assert '\u202e' not in told and '\u200b' not in told
        assert shown in told
    assert '\u202e' not in log
    # For programs it is what it is.
    assert json.loads(ctl('status', config_id, '--json').stdout)['report_name'] == name


# All commands

def test_exit_codes_tell_settings_from_an_unreachable_queue(ctl, tmp_path):
    nowhere = {'queue': {'conninfo': 'host=/nowhere password=geheim'}}
    for args in (['init'], ['submit', '--name', 'x', '--sql', 'x'], ['status'],
                 ['runs'], ['watch'], ['run', 1], ['retry', 1], ['cancel', 1],
                 ['next', '@daily'], ['export', '--sql', 'x']):
        done = ctl(*args, sections=nowhere)
        refused(done, '/nowhere', code=4)
        assert 'geheim' not in done.stderr
        refused(run(REPORTCTL, *args), 'conninfo is missing', code=3)
        refused(reportctl(tmp_path / 'none', *args), 'none', code=3)
    bad = tmp_path / 'bad.conf'
    bad.write_text('[reportd]\nworkers = many\n')
    refused(reportctl(bad, 'status'), 'bad.conf:2', 'workers = many', code=3)


def test_an_export_from_a_source_wants_no_queue(db, tmp_path):
    conf = tmp_path / 'sources.conf'
    conf.write_text(f'[source.dwh]\nconninfo = {db.conninfo}\n')
    done = reportctl(conf, 'export', '--source', 'dwh', '--sql', 'select 7 as n')
    assert (done.stdout, done.returncode) == ('n\n7\n', 0), done.stderr
    refused(reportctl(conf, 'export', '--sql', 'select 7'),
            '[source.default] conninfo is missing', '--source', code=3)
    refused(reportctl(conf, 'status'), 'sources.conf: [queue] conninfo is missing', code=3)
    refused(reportctl(conf, 'doctor'), '[queue] conninfo is missing', code=3)


def test_settings_come_from_the_environment_too(db, tmp_path):
    done = run(REPORTCTL, 'status', env={'REPORTD_QUEUE_CONNINFO': db.conninfo})
    assert done.returncode == 0
    done = run(REPORTCTL, 'status', '-c', write_conf(tmp_path / 'x', db))
    assert done.returncode == 0


def test_no_command_and_a_wrong_one(ctl):
    done = run(REPORTCTL)
    assert done.returncode == 2 and done.stderr.startswith('Usage: reportctl')
    refused(run(REPORTCTL, 'frob'), 'no command "frob"', code=2)
    refused(run(REPORTCTL, 'help', 'frob'), 'no command "frob"', code=2)
    assert run(REPORTCTL, '--frob').returncode == 2
    for command in 'init', 'doctor', 'watch':
        refused(ctl(command, 'more'), 'takes no arguments', code=2)


def test_version_names_the_schema():
    done = run(REPORTCTL, '--version')
    assert re.fullmatch(rf'reportctl \S+, schema {SCHEMA}\n', done.stdout)


def test_help_for_every_command():
    text = run(REPORTCTL, '--help').stdout
    assert run(REPORTCTL, 'help').stdout == text
    assert re.findall(r'^  (\w+) +[A-Z]', text, re.M) == COMMANDS
    for command in COMMANDS:
        done = run(REPORTCTL, command, '--help')
        assert done.returncode == 0
        assert done.stdout.startswith(f'Usage: reportctl {command}')
        assert done.stdout == run(REPORTCTL, 'help', command).stdout
        assert all(len(line) <= 80 for line in done.stdout.splitlines())


def complete(*words):
    script = ('. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _reportctl; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    path = f'{REPORTCTL.parent}:{os.environ["PATH"]}'
    said = run('bash', '-c', script, ROOT / 'ctl/completion/reportctl.bash',
               'reportctl', *words, env={'PATH': path}).stdout
    return [word for word in said.split('\n') if word]


def test_manual_and_completion_know_every_option():
    manual = (ROOT / 'docs/reportctl.1').read_text()
    sections = dict(re.findall(r'^\.Ss (\w+)(.*?)(?=^\.S[sh])', manual,
                               re.S | re.M))
    assert sorted(sections) == sorted(COMMANDS)
    for command in COMMANDS:
        text = run(REPORTCTL, 'help', command).stdout
        options = set(re.findall(r'^ .{5}(--[a-z-]+)', text, re.M))
        assert set(complete(command, '--')) == options
        for option in options - {'--config', '--json', '--help'}:
            assert f'Fl -{option[2:]}' in sections[command], (command, option)


def test_completion_offers_reports_by_id_and_name(conf, db, submit):
    for name in 'sales north', 'sales south', 'stock':
        submit(db, report_name=name)
    settings = ('-c', str(conf()))
    for command in 'run', 'status', 'runs', 'retry', 'cancel':
        assert complete(*settings, command, 'sto') == ['3']
    offered = complete(*settings, 'run', '')
    assert [line.split()[0] for line in offered if line.strip()] == ['1', '2', '3']
    assert 'sales north' in offered[0] and 'PENDING' in offered[0]
    assert os.path.commonprefix(complete(*settings, 'run', 'SALES')) == ''
    assert complete(*settings, 'run', '2') == ['2']
    assert complete(*settings, 'run', 'nothing of it') == []
    assert complete('-c', '/none', 'run', '') == []


def test_pause_and_resume(ctl, db, submit):
    submit(db, report_name='x', report_key='k', trigger_type='SCHEDULED',
           schedule_expression='0 6 * * *')
    assert ctl('pause', 'k').stdout == 'report k is PAUSED\n'
    assert ' daily 06:00 UTC  paused' in ctl('list').stdout
    assert 'next run' not in ctl('show', 'k').stdout
    refused(ctl('run', 'k'), 'is not active')
    assert ctl('resume', 1).stdout == 'report 1 is ACTIVE\n'
    assert 'next run' in ctl('show', 'k').stdout
    refused(ctl('pause', 7), 'there is no report 7')


def test_delete(ctl, db, submit):
    for name in 'a', 'b':
        submit(db, report_name=name)
    done = ctl('delete', 1, 7, 2)
    assert done.stdout == 'report 1 is DELETED\nreport 2 is DELETED\n'
    refused(done, 'there is no report 7')
    assert answer(ctl('list', '--json')) == []
    refused(ctl('delete'), 'which report', code=2)


def test_change(ctl, db, submit):
    submit(db, report_name='a', report_key='k', parameters={'x': '1'}, max_retries=1)
    done = ctl('change', 'k', 'report_name=new name', 'priority=1', 'parameters={"y": "2"}',
               'timeout=10 min', 'report_key=null', 'notify_on_failure=["mailto:a@x.org"]',
               'export_sql=select 2', 'report_type="7"')
    assert (done.returncode, done.stdout) == (0, 'report k is CHANGED\n'), done.stderr
    row = columns(db, 1)
    assert [row[k] for k in ('report_name', 'priority', 'parameters', 'timeout', 'report_key',
                             'notify_on_failure', 'export_sql', 'report_type', 'max_retries')] == [
        'new name', 1, {'y': '2'}, '00:10:00', None, ['mailto:a@x.org'], 'select 2', '7', 1]
    assert answer(ctl('change', 1, 'priority=2', '--json')) == {'config_id': 1, 'status': 'CHANGED'}
    refused(ctl('change', 1, 'prio=2'), '"prio" is no column', 'Known: report_key')
    refused(ctl('change', 1, 'priority=null'), 'priority cannot be null')
    refused(ctl('change', 1), 'COLUMN=VALUE', code=2)
    refused(ctl('change', 1, 'priority'), 'NAME=VALUE', code=2)


def test_show_is_the_record_of_one_report(ctl, db, submit):
    submit(db, report_name='a', report_key='k')
    assert ctl('show', 'k').stdout == ctl('status', 1).stdout
    assert re.search(r'^key +k$', ctl('show', 1).stdout, re.M)
    assert re.search(r'^owner +\w+$', ctl('show', 1).stdout, re.M)
    refused(ctl('show'), 'which report', code=2)


def test_json_tells_key_and_owner(ctl, child, db, submit):
    for key in 'k', 'm', 'n':
        submit(db, report_name='a', report_key=key)
    begin_run(db, 1)
    end_run(db, 1)
    begin_run(db, 2)
    now = answer(ctl('status', '--json'))
    watch = child('watch', '--json')
    watch.wait_output('\n')
    seen = json.loads(watch.output.splitlines()[0])
    watch.interrupt()
    watch.end()
    owner = db.value('select current_user::text')
    for one, key in ((answer(ctl('list', '--json'))[0], 'k'), (answer(ctl('show', 1, '--json')), 'k'),
                     (answer(ctl('runs', 1, '--json'))[0], 'k'), (now['ended'][0], 'k'),
                     (now['running'][0], 'm'), (now['pending'][0], 'n'), (seen['ended'][0], 'k')):
        assert (one['owner'], one['report_key']) == (owner, key)


@pytest.mark.parametrize('url, shown', [
    ('file:///out/r.csv', '/out/r.csv'), ('file:///out/long%20%26%20slow.csv', "'/out/long & slow.csv'"),
    ("file:///out/it's.csv", "'/out/it'\\''s.csv'"), ('file:///out/%E6%97%A5.csv', '/out/日.csv'),
    ('s3://b-1/a b%20c', 's3://b-1/a b%20c')])
def test_results_are_shown_as_paths(ctl, db, submit, url, shown):
    submit(db, report_name='a')
    begin_run(db, 1)
    end_run(db, 1)
    db.execute('update reportd.report_run set output_url = %s', url)
    assert ctl('runs').stdout.splitlines()[1].endswith('  ' + shown)
    assert shown in ctl('show', 1).stdout
    assert answer(ctl('runs', '--json'))[0]['output_url'] == url


def test_submit_asks_for_notices(ctl, db):
    ctl('submit', '--name', 'a', '--sql', 'select 1', '--notify', 'mailto:a@x.org', '--notify',
        'mailto:b@x.org', '--notify-failure', 'mailto:c@x.org')
    row = columns(db, 1)
    assert row['notify_on_completion'] == ['mailto:a@x.org', 'mailto:b@x.org']
    assert row['notify_on_failure'] == ['mailto:c@x.org']
    refused(ctl('submit', '--name', 'a', '--sql', 'select 1', '--notify', 'x'), 'no known scheme')


def test_waiting_tells_of_notices_that_failed(ctl, daemon):
    daemon()
    done = ctl('submit', '--name', 'a', '--sql', 'select 1', '--notify', 'mailto:a@x.org', '--wait')
    assert done.returncode == 0 and 'COMPLETED /' in done.stdout
    refusal, = done.stderr.splitlines()
    assert refusal.startswith('reportctl: the notice 1 to ') and ' FAILED: ' in refusal
    assert re.search(r'^notice +1 to \S+ FAILED: ', ctl('show', 1).stdout, re.M)
    told = answer(ctl('run', 1, '--wait', '--json'))
    assert [n['state'] for n in told['notices']] == ['FAILED']


def test_a_submitter_sees_her_sources(ctl, db, cluster, submit):
    for source in 'hers', 'default':
        db.execute("select reportd.register_source(%s, 'postgres')", source)
    with db.connect() as conn:
        conn.execute('drop role if exists seer; create role seer login; '
                     'grant reportd_submitter to seer')
    try:
        db.execute("select reportd.grant_source('hers', 'seer')")
        done = ctl('sources', '--json', sections={'queue': {'conninfo': make_conninfo(
            db.conninfo, user='seer')}})
        assert [(s['source'], s['granted_to']) for s in answer(done)] == [('hers', 'seer')]
        assert [s['source'] for s in answer(ctl('sources', '--json'))] == ['default', 'hers']
    finally:
        db.execute('drop role seer')


def test_completion_of_commands_and_values(tmp_path):
    assert complete('s') == ['submit', 'show', 'status', 'sources', 'scale']
    assert complete('-c', 'x', 'can') == ['cancel']
    assert complete('help', 'do') == ['doctor']
    assert complete('submit', '--misfire', '') == ['LATEST', 'SKIP', 'ALL']
    assert complete('export', '--format', 'C') == ['CSV']
    assert complete('submit', '--name', '') == []
    (tmp_path / 'query.sql').write_text('')
    assert complete('export', '--sql-file', f'{tmp_path}/q') == [
        f'{tmp_path}/query.sql']


def test_an_answer_that_cannot_be_written_is_an_error(conf):
    with open('/dev/full', 'w') as full, contextlib.suppress(BrokenPipeError):
        done = subprocess.run([REPORTCTL, '-c', conf(), 'status'], stdout=full,
                              stderr=subprocess.PIPE, text=True, env=environ())
    assert done.returncode == 1
    assert 'standard output: No space left' in done.stderr


