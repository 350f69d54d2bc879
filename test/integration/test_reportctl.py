# SPDX-License-Identifier: MIT
"""reportctl, the people's tool. Where a report has to run, most tests play the
daemon with SQL, so that they know exactly what there is to see."""

import contextlib
import errno
import hashlib
import json
import os
import pty
import random
import re
import select
import signal
import subprocess
from datetime import datetime, timedelta, timezone

import pytest
from psycopg import errors
from psycopg.conninfo import make_conninfo

from lib.paths import REPORTCTL, ROOT, environ
from lib.process import SANITIZER, reportctl, run, write_conf
from lib.report import config, submit
from lib.wait import wait_for
from test_fault_time import TENFOLD

SCHEMA = max(int(path.name[:3]) for path in (ROOT / 'sql/upgrade').iterdir())
COMMANDS = ('init submit ingest list show status why runs inputs inbox watch run retry cancel change pause '
            'resume delete next export formats sources targets scale doctor').split()


def answer(done, code=0):
    """What a command with --json said."""
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def refused(done, *texts, code=1):
    """It failed with one sentence that holds these texts."""
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    lines = [line for line in done.stderr.splitlines()
             if not line.startswith('Try `reportctl help')]
    assert len(lines) == 1 and lines[0].startswith('reportctl: '), done.stderr
    for text in texts:
        assert text in lines[0], done.stderr


def columns(db, config_id):
    """The report as a dict; psycopg has no infinity for its due_at."""
    return db.value('select to_jsonb(c) from reportd.report_config c '
                    'where config_id = %s', config_id)


def begin_run(db, config_id, stage='export'):
    return db.value('''
        with run as (
            insert into reportd.report_run (config_id, owner, report_name, attempt,
                scheduled_for, worker_id, stage)
            select config_id, owner, report_name, attempt + 1, now(),
                gen_random_uuid(), %s
            from reportd.report_config where config_id = %s returning run_id)
        update reportd.report_config c
        set status = 'PROCESSING', run_id = run.run_id, attempt = attempt + 1
        from run where c.config_id = %s returning c.run_id''',
                    stage, config_id, config_id)


def progress(db, run_id, rows):
    db.execute('update reportd.report_run set row_count = %s, byte_count = %s '
               'where run_id = %s', rows, rows * 1024, run_id)


def end_run(db, config_id, status='COMPLETED', error=None, notify=True):
    with db.conn.transaction():
        url = 'file:///out/report.csv' if status == 'COMPLETED' else None
        db.execute('''
            update reportd.report_run r
            set status = %s, finished_at = now(), output_url = %s,
                error_message = %s
            from reportd.report_config c
            where c.config_id = %s and c.run_id = r.run_id''',
                   status, url, error, config_id)
        db.execute('select reportd.end_request(c, %s, c.run_id, %s, false) '
                   'from reportd.report_config c where c.config_id = %s',
                   status, error, config_id)
        db.execute('update reportd.report_config set status = %s, '
                   'error_message = %s where config_id = %s',
                   status, error, config_id)
        if notify:
            db.execute("select pg_notify('reportd_done', json_build_object("
                       "'config_id', config_id, 'request_id', request_id, "
                       "'status', %s::text)::text) "
                       'from reportd.report_config where config_id = %s',
                       status, config_id)


class Child:
    """A reportctl that goes on while the test does; on a terminal if asked."""

    def __init__(self, conf, *args, terminal=False, env=None):
        self.output = ''
        self.terminal = terminal
        if terminal:
            self.fd, child_end = pty.openpty()
        else:
            self.fd, child_end = os.pipe()
        self.process = subprocess.Popen(
            [REPORTCTL, '-c', conf, *map(str, args)],
            stdin=child_end if terminal else subprocess.DEVNULL,
            stdout=child_end, stderr=child_end, start_new_session=True,
            env=environ(**(env or {})))
        os.close(child_end)

    def read(self):
        """What it has written so far; '' is added at its end."""
        while select.select([self.fd], [], [], 0)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError as e:  # how a pseudo-terminal ends
                assert e.errno == errno.EIO
                break
            if not data:
                break
            self.output += data.decode().replace('\r\n', '\n')
        return self.output

    def wait_output(self, text):
        wait_for(lambda: text in self.read(), 30, f'{text!r}')

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def end(self):
        """Its exit code and all its output."""
        code = self.process.wait(30)
        self.read()
        assert not SANITIZER.search(self.output), self.output
        return code, self.output


@pytest.fixture
def child(conf):
    started = []

    def start(*args, **options):
        started.append(Child(conf(), *args, **options))
        return started[-1]
    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        os.close(one.fd)


@pytest.fixture
def bare(empty_db, tmp_path):
    """Settings for a database without the schema."""
    return write_conf(tmp_path / 'bare.conf', empty_db)


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
    for args in ['runs'], ['status', 1]:
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


# export

SQL = "select i, 'a\"b,' || i as text, null as nothing from generate_series(1, 500) i"


def test_export_writes_what_copy_writes(ctl, db, tmp_path):
    expected = db.psql('-c', f'copy ({SQL}) to stdout csv header').stdout
    target = tmp_path / 'new' / 'x.csv'
    done = ctl('export', '--sql', SQL, '-o', target)
    data = target.read_bytes()
    assert data.decode() == expected
    assert done.returncode == 0 and done.stdout == ''
    assert done.stderr == (f'500 rows, {len(data)} bytes, sha256 '
                           f'{hashlib.sha256(data).hexdigest()}\n')
    done = ctl('export', '--sql-file', '-', input=SQL)
    assert done.stdout == expected and done.stderr.startswith('500 rows, ')
    found = answer(ctl('export', '--sql', SQL, '-o', target, '--json'))
    assert found == {'rows': 500, 'bytes': len(data), 'output': str(target),
                     'sha256': hashlib.sha256(data).hexdigest()}


def test_export_takes_a_null_as_long_as_it_is_given(ctl):
    """Longer than the statement that asks the server for its CSV has room."""
    text = 'n' * 100_000
    done = ctl('export', '--sql', 'select null::text as a, 1 as b', '--option', f'null={text}')
    assert done.returncode == 0, done.stderr
    assert done.stdout == f'a,b\n{text},1\n'


def test_export_takes_parameters_and_options(ctl):
    done = ctl('export', '--sql', 'select :\'a\' as :"b", \':\'\'a\'\'\' as c',
               '--param', "a=it's; drop", '--param', 'b=x "y', '--format', 'csv',
               '--option', 'delimiter=;', '--option', 'line_ending=crlf',
               '--option', 'quote=all')
    assert done.stdout == '"x ""y";c\n"it\'s; drop";":\'a\'"\n'
    assert done.stderr.startswith('1 row, ')
    refused(ctl('export', '--sql', "select :'a'"), "--param a=VALUE")
    refused(ctl('export', '--sql', 'select 1', '--option', 'delimiter=" "',
                '--option', 'bom=true', '--option', 'encoding=LATIN1'), 'bom', code=2)


def test_export_writes_times_in_the_zone_asked_for(ctl):
    sql = "select timestamptz '2026-07-01 12:00Z' as t"
    assert ctl('export', '--sql', sql).stdout == 't\n2026-07-01 12:00:00+00\n'
    assert ctl('export', '--sql', sql, '--time-zone', 'Asia/Tokyo').stdout == (
        't\n2026-07-01 21:00:00+09\n')


def test_export_reads_the_source_named(ctl, cluster):
    sections = {'source.other': {'conninfo': cluster.conninfo('postgres')}}
    assert ctl('export', '--sql', 'select current_database() as d', '--source',
               'other', sections=sections).stdout == 'd\npostgres\n'
    refused(ctl('export', '--sql', 'x', '--source', 'none'),
            '[source.none]', code=3)
    sections = {'source.other': {'conninfo': 'host=/nowhere'}}
    refused(ctl('export', '--sql', 'x', '--source', 'other', sections=sections),
            'source other', code=4)


def test_export_needs_no_schema(bare):
    assert reportctl(bare, 'export', '--sql', 'select 1 as x').stdout == 'x\n1\n'


@pytest.mark.parametrize('name, options, says', [
    ('a.xsl', [], ['.xsl is the extension of no format', '.xlsx', '--format']),
    ('a.txt', [], ['.txt', '--format']),
    ('a.csv', ['--format', 'XLSX'], ['ends in .csv', 'the format is XLSX', '.xlsx',
                                     '--format CSV']),
    ('a.b/a.JSON.gz', ['--format', 'CSV', '--option', 'compress=gzip'], ['ends in .JSON']),
])
def test_export_refuses_a_name_that_promises_something_else(ctl, tmp_path, name, options, says):
    refused(ctl('export', '--sql', 'select 1', '-o', tmp_path / name, *options), *says, code=2)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize('name, options', [
    ('a.txt', ['--format', 'csv']), ('a', []), ('.csv', []), ('a.CSV', []),
    ('a.b/c', []), ('a.csv.zst', ['--option', 'compress=zstd'])])
def test_export_takes_names_that_promise_nothing_else(ctl, tmp_path, name, options):
    done = ctl('export', '--sql', 'select 1 as n', '-o', tmp_path / name, *options)
    assert done.returncode == 0, done.stderr
    data = (tmp_path / name).read_bytes()
    assert data == b'n\n1\n' or name.endswith('.zst')


def test_a_file_of_sql_may_have_a_byte_order_mark(ctl, db, tmp_path):
    path = tmp_path / 'q.sql'
    path.write_bytes(b'\xef\xbb\xbfselect 1 as n')
    assert ctl('export', '--sql-file', path).stdout == 'n\n1\n'
    assert ctl('submit', '--name', 'x', '--sql-file', path).returncode == 0
    assert config(db, 1).export_sql == 'select 1 as n'
    for encoding in 'utf-16-le', 'utf-16-be':
        path.write_bytes('\ufeffselect 1'.encode(encoding))
        refused(ctl('export', '--sql-file', path), 'is UTF-16', 'UTF-8')


def test_a_zone_has_both_names_everywhere(ctl, db):
    for name in '--zone', '--time-zone':
        assert 'Asia/Tokyo' in ctl('next', '@daily', name, 'Asia/Tokyo').stdout
        done = ctl('export', '--sql', "select '2026-01-01 00:00Z'::timestamptz as t",
                   name, 'Asia/Tokyo')
        assert '2026-01-01 09:00:00+09' in done.stdout
        config_id = ctl('submit', '--name', 'x', '--sql', 'x', name, 'Asia/Tokyo').stdout
        assert config(db, int(config_id)).time_zone == 'Asia/Tokyo'


def test_export_that_fails_leaves_the_old_file(ctl, tmp_path):
    target = tmp_path / 'x.csv'
    target.write_text('old')
    refused(ctl('export', '-o', target, '--sql',
                'select 1 / (3000 - i) from generate_series(1, 5000) i'),
            'division by zero')
    refused(ctl('export', '-o', target, '--sql', 'delete from x'), 'export')
    refused(ctl('export', '-o', target, '--sql', 'selekt'), 'syntax error')
    assert target.read_text() == 'old'
    assert [p.name for p in tmp_path.glob('*x.csv*')] == ['x.csv']


def test_export_replaces_files_alone(ctl, tmp_path):
    (tmp_path / 'real.csv').write_text('old')
    (tmp_path / 'link.csv').symlink_to(tmp_path / 'real.csv')
    assert ctl('export', '--sql', 'select 1 as x', '-o',
               tmp_path / 'link.csv').returncode == 0
    assert (tmp_path / 'link.csv').is_symlink()
    assert (tmp_path / 'real.csv').read_text() == 'x\n1\n'
    os.mkfifo(tmp_path / 'pipe')
    for path in tmp_path / 'pipe', tmp_path:
        refused(ctl('export', '--sql', 'select 1', '-o', path),
                'not a regular file')


def test_export_is_interrupted_on_the_server_too(child, db, tmp_path):
    one = child('export', '--sql', 'select 1, pg_sleep(600)', '-o',
                tmp_path / 'x.csv')

    def backends():
        return db.value("select count(*) from pg_stat_activity where "
                        "application_name = 'reportctl export' and "
                        "datname = current_database() and state = 'active'")
    wait_for(lambda: backends() == 1)
    one.interrupt()
    code, output = one.end()
    assert (code, output) == (130, 'reportctl: export: interrupted\n')
    wait_for(lambda: backends() == 0)
    assert list(tmp_path.glob('*x.csv*')) == []


def test_export_tells_wrong_usage(ctl):
    refused(ctl('export'), '--sql or --sql-file', code=2)
    refused(ctl('export', '--sql', 'x', '--sql-file', 'y'), '--sql', code=2)
    refused(ctl('export', '--sql', 'x', '--format', 'odt'), '"odt"', code=2)


def test_formats_are_listed(ctl):
    csv = answer(ctl('formats', '--json'))[0]
    assert (csv['format'], csv['extension']) == ('CSV', 'csv')
    assert {'option': 'line_ending', 'type': 'string', 'allowed': 'lf|crlf',
            'about': 'default lf'} in csv['options']
    text = ctl('formats').stdout
    assert text.startswith('CSV (.csv), one file a statement\n')
    assert 'line_ending' in text and 'columns.NAME.label' in text


def test_the_options_are_those_that_the_insert_knows(ctl, db):
    """Of every format; an alias has none of its own."""
    known = db.query('select format, alias_of, extension, one_section, options '
                     'from reportd.output_format')
    said = answer(ctl('formats', '--json'))
    expected = {(f['format'], None): f for f in said} | {
        (f['alias'], f['format']): f | {'options': []} for f in said if 'alias' in f}
    assert {row[:2] for row in known} == expected.keys()
    for row in known:
        one = expected[row[:2]]
        assert row[2:] == (one['extension'], one['one_section'], one['options'])


def test_the_schema_has_the_formats_of_this_program(ctl):
    """When it has not: reportctl formats --sql > sql/upgrade/008-first/reports/formats.sql, or,
    once that was released, the difference in a new file."""
    assert ctl('formats', '--sql').stdout == (
        ROOT / 'sql/upgrade/008-first/reports/formats.sql').read_text()


# doctor

def checks_of(done, code=0):
    return {check['what']: check for check in json.loads(done.stdout)
            if done.returncode == code or pytest.fail(done.stdout)}


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


def test_doctor_finds_all_well(ctl, cluster):
    other = {'source.other': {'conninfo': cluster.conninfo('postgres')}}
    checks = checks_of(ctl('doctor', '--json', sections=other))
    assert {what: check['result'] for what, check in checks.items()} == {
        'settings': 'ok', 'queue': 'ok', 'queue server': 'ok',
        'queue writes': 'ok', 'queue notifications': 'ok', 'queue schema': 'ok',
        'daemons': 'warn', 'source.default': 'ok',
        'source.other': 'ok', 'output_root': 'ok', 'output_root space': 'ok',
        'fonts': 'ok',
        # The tests' user is a superuser.
        'queue privileges': 'warn',
        'source.default login': 'warn', 'source.other login': 'warn',
        'queue connection': 'ok', 'source.default connection': 'ok',
        'source.other connection': 'ok'}
    assert checks['daemons']['mend'].startswith('start reportd')
    assert checks['queue privileges']['detail'] == (
        f'more than the daemon needs: {cluster.user} is a superuser')
    lines = ctl('doctor').stdout.splitlines()
    assert all(re.match(r'ok      |warn    |        to mend it: ', line)
               for line in lines)


def test_doctor_says_how_to_mend(ctl, tmp_path):
    secret = 'password=geheim'
    done = ctl('doctor', sections={
        'queue': {'conninfo': f'host=/nowhere dbname=x {secret}'},
        'source.other': {'conninfo': f'host=/nowhere dbname=x {secret}'}},
        reportd={'output_root': tmp_path / 'plain'})
    assert 'geheim' not in done.stdout + done.stderr
    checks = {
        'queue': 'look at [queue] conninfo',
        'source.default': 'look at its conninfo',
        'source.other': 'look at its conninfo',
    }
    for what, mend in checks.items():
        assert re.search(rf'^FAILED  {what}: .*/nowhere.*\n'
                         rf'        to mend it: {re.escape(mend)}',
                         done.stdout, re.M), done.stdout
    assert (done.returncode, done.stderr) == (1, '')


def test_doctor_looks_at_the_output_root(ctl, conf, tmp_path):
    path = conf(output_root=tmp_path / 'gone')
    (tmp_path / 'gone').rmdir()
    check = checks_of(reportctl(path, 'doctor', '--json'), 1)['output_root']
    assert 'No such file' in check['detail'] and 'make' in check['mend']
    (tmp_path / 'gone').write_text('')
    check = checks_of(reportctl(path, 'doctor', '--json'), 1)['output_root']
    assert 'Not a directory' in check['detail']
    check = checks_of(ctl('doctor', '--json', reportd={
        'output_root': '/proc/sys'}), 1)['output_root']
    assert check['result'] == 'FAILED' and 'write' in check['mend']
    check = checks_of(ctl('doctor', '--json', reportd={'output_root': None}),
                      1)['output_root']
    assert 'output_root is missing' in check['detail']


def test_doctor_lists_the_folders_of_inputs(ctl, tmp_path):
    (tmp_path / 'landing').mkdir()
    told = ctl('doctor', sections={'inputs': {
        'folders': f"{tmp_path / 'landing'}, {tmp_path / 'gone'}"}})
    assert told.returncode == 1
    assert f"ok      inputs: {tmp_path / 'landing'} can be listed\n" in told.stdout
    assert (f"FAILED  inputs: {tmp_path / 'gone'}: No such file or directory\n"
            '        to mend it: make the folder') in told.stdout


def test_doctor_refuses_a_home_in_the_output_root(ctl, out):
    told = ctl('doctor', '--json', env={'HOME': out / 'home'})
    one, = (c for c in json.loads(told.stdout) if c['what'] == 'output_root')
    assert told.returncode == 1 and one['result'] == 'FAILED'
    assert f"HOME is {out / 'home'}, which lies in output_root" in one['detail']


def test_doctor_looks_at_the_schema(bare):
    checks = checks_of(reportctl(bare, 'doctor', '--json'), 1)
    assert checks['queue schema']['result'] == 'FAILED'
    assert 'reportctl init' in checks['queue schema']['detail']
    assert checks['source.default']['result'] == 'ok'


def test_doctor_tells_of_a_server_that_takes_no_writes(ctl, db):
    checks = checks_of(ctl('doctor', '--json', sections={'queue': {
        'conninfo': db.conninfo + " options='-c default_transaction_read_only=on'"
    }}), 1)
    assert checks['queue writes']['result'] == 'FAILED'
    assert 'target_session_attrs' in checks['queue writes']['mend']


def test_doctor_leaves_notifications_that_are_off(ctl):
    checks = checks_of(ctl('doctor', '--json', sections={
        'queue': {'listen': 'off'}}))
    assert 'listen = off' in checks['queue notifications']['detail']


def test_doctor_looks_at_the_fonts(ctl, conf, tmp_path):
    fonts = checks_of(ctl('doctor', '--json'))['fonts']
    assert fonts['result'] == 'ok' and 'families' in fonts['detail']
    none = tmp_path / 'fonts.conf'
    none.write_text('<?xml version="1.0"?><fontconfig><dir>/nowhere</dir></fontconfig>')
    done = reportctl(conf(), 'doctor', '--json', env={'FONTCONFIG_FILE': str(none)})
    fonts = checks_of(done)['fonts']
    assert fonts['result'] == 'warn' and 'PDF reports fail' in fonts['detail']
    assert 'fonts-dejavu-core' in fonts['mend']


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


def test_reports_are_listed_with_their_next_times(ctl, db, submit):
    submit(db, report_name='once')
    submit(db, report_name='Daily', time_zone='Asia/Tokyo', trigger_type='SCHEDULED',
           schedule_expression='0 9 * * *')
    submit(db, report_name='10%')

    def ids(*args):
        return [r['config_id'] for r in answer(ctl('list', *args, '--json'))]
    assert ids() == [1, 2, 3] and ids('-n', 1) == [1]
    assert ids('dai') == ids('2') == [2] and ids('%') == [3] and ids('x') == []
    assert re.search(r'^2   Daily  daily 09:00 Tokyo  \w{3} 09:00 +\w+$', ctl('list').stdout, re.M)
    refused(ctl('list', 'a', 'b'), 'takes one text', code=2)


SCHEDULES = {
    '0 6 * * *': 'daily 06:00', '5 14 * * 1-5': 'Mon-Fri 14:05', '0 6 * * 0,3': 'Wed,Sun 06:00',
    '0 6 * * 7': 'Sun 06:00', '0 6 * * FRI': 'Fri 06:00', '0 6 15 * *': 'day 15, 06:00',
    '0 6 L * *': 'last day, 06:00', '7 * * * *': 'hourly :07', '*/5 * * * *': 'every 5 min',
    '@weekly': 'Sun 00:00', '0 6 1 1 *': 'Jan 1, 06:00', '0 6,18 * * *': 'daily 06:00,18:00',
    '0 9 * * 1#2': '2nd Mon 09:00', ' 0  6 * * * ': 'daily 06:00', '@daily': 'daily 00:00',
    '@hourly': 'hourly :00', '@monthly': 'day 1, 00:00', '@yearly': 'Jan 1, 00:00',
    '*/15 8-17 * * *': 'every 15 min 08:00-17:45', '0 6 1,15 * *': 'days 1,15, 06:00',
    '0 */2 * * *': 'every 2 h', '15 */2 * * *': 'every 2 h from 00:15',
    '0 6 * * MON,WED': 'Mon,Wed 06:00', '15 6,18 * * *': 'daily 06:15,18:15',
    '0 8-18/2 * * 1-5': 'Mon-Fri every 2 h 08:00-18:00', '30 8-17 * * *': 'hourly 08:30-17:30',
    '0 22 * * 5L': 'last Fri 22:00', '0 6 1,L * *': 'day 1 and last, 06:00',
    '0 6 13 * FRI': 'day 13 or Fri, 06:00', '0 6 1 */3 *': 'day 1 in Jan,Apr,Jul,Oct, 06:00',
    '0 6 * MAR-OCT *': 'daily in Mar-Oct, 06:00', '0 6 * * FRI-SUN': 'Fri-Sun 06:00',
    '10,40 * * * *': 'hourly :10,:40', '* * * * *': 'every min', '0 6 */2 * *': 'odd days, 06:00',
    '0 6 1-7 * *': 'days 1-7, 06:00', '0 6 * * 1#1,1#3': '1st Mon,3rd Mon 06:00',
    '0 0-23 1-31 1-12 *': 'hourly :00', '0 6 1-31 * MON': 'daily 06:00', '*/30 9 * * 1':
    'Mon every 30 min 09:00-09:30', '0 6 15 * 0-7': 'daily 06:00', '0 */8 * * *': 'every 8 h',
    # Words would be long, or would not be right: every 7 minutes, but 4 at the hour.
    '*/7 * * * *': '*/7 * * * *', '0 6 */2 * MON': '0 6 */2 * MON', '*/20 */2 * * *':
    '*/20 */2 * * *', '3,9,17,22,38,41,55 6 * * *': '3,9,17,22,38,41,55 6 * * *',
    '0 6 1,3,6,9,12,18,24 * *': '0 6 1,3,6,9,12,18,24 * *'}


def test_schedules_are_listed_in_words(ctl, db, submit):
    for expression in SCHEDULES:
        submit(db, report_name='x', trigger_type='SCHEDULED', schedule_expression=expression)
    assert [r['schedule'] for r in answer(ctl('list', '--json'))] == [
        f'{words} UTC' for words in SCHEDULES.values()]


def test_a_row_without_a_readable_schedule_is_listed_all_the_same(ctl, db, submit):
    """Such as one from before a rule of the schema."""
    submit(db, report_name='a', trigger_type='SCHEDULED', schedule_expression='0 6 * * *')
    with db.connect() as conn:
        conn.execute('set session_replication_role = replica')
        conn.execute("update reportd.report_config set schedule_expression = '0 0 30 2 *'")
    assert [r['schedule'] for r in answer(ctl('list', '--json'))] == ['0 0 30 2 * UTC']


WEEK = 'Mon Tue Wed Thu Fri Sat Sun'.split()
MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split()


def members(text, names):
    """The numbers, from 1 on, of names such as Mon-Wed,Fri."""
    found = set()
    for part in text.split(','):
        first, _, last = part.partition('-')
        found |= set(range(names.index(first) + 1, names.index(last or first) + 2))
    return found


def minutes_meant(text):
    """The minutes of a day that the words of a time stand for."""
    def at(clock):
        return int(clock[:2]) * 60 + int(clock[3:])
    if re.match(r'[0-9:,]+$', text):
        return {at(clock) for clock in text.split(',')}
    if m := re.match(r'hourly (:[0-9:,]+)$', text):
        return {h * 60 + int(v[1:]) for h in range(24) for v in m[1].split(',')}
    m = re.match(r'(?:every(?: (\d+))? (min|h)|(hourly))(?: from (.{5})| (.{5})-(.{5}))?$', text)
    step = int(m[1] or 1) * (60 if m[2] == 'h' or m[3] else 1)
    return set(range(at(m[4] or m[5] or '00:00'), at(m[6] or '23:59') + 1, step))


def day_meant(text, day):
    """Whether the words of a day stand for this one."""
    last = (day + timedelta(days=1)).day == 1
    if text == 'daily':
        return True
    if m := re.match(r'([A-Z]\w\w) (\d+)$', text):
        return day.month == MONTHS.index(m[1]) + 1 and day.day == int(m[2])
    if m := re.match(r'(.*) in (.*)$', text):
        return day_meant(m[1], day) and day.month in members(m[2], MONTHS)
    if ' or ' in text:
        return any(day_meant(part, day) for part in text.split(' or '))
    if text in ('odd days', 'even days'):
        return day.day % 2 == (text == 'odd days')
    if text == 'last day':
        return last
    if m := re.match(r'days? ([0-9,-]+)( and last)?$', text):
        return day.day in members(m[1], [str(i) for i in range(1, 32)]) or bool(m[2]) and last
    for part in text.split(','):
        word, _, name = part.partition(' ')
        if not name and day.isoweekday() in members(part, WEEK):
            return True
        if name and day.isoweekday() == WEEK.index(name) + 1 and (
                (day + timedelta(days=7)).month != day.month if word == 'last'
                else int(word[0]) == (day.day + 6) // 7):
            return True
    return False


def times_meant(words, first, count):
    """The first times that the words stand for."""
    days, _, times = words.rpartition(', ') if ', ' in words else re.match(
        r'(.*?)( ?)((?:every|hourly).*|[0-9:,]+)$', words).groups()
    minutes = sorted(minutes_meant(times))
    found = []
    day = first
    while len(found) < count:
        if day_meant(days or 'daily', day):
            found += [day + timedelta(minutes=m) for m in minutes]
        day += timedelta(days=1)
    return found[:count]


def test_the_words_of_a_schedule_mean_its_times(db):
    """The words are read again, and their times compared with those of the schedule."""
    chance = random.Random(12)
    field = [['0', '5', '*/15', '*/7', '10,40', '0-30/10', '*'],
             ['6', '*', '*/2', '8-17', '6,18', '1-23/2', '*/8', '*/5', '0-4,20-23'],
             ['*', '*', '*', '1', '1,15', 'L', '1,L', '*/2', '2-30/2', '1-7', '1-31'],
             ['*', '*', '*', '1', '*/3', 'MAR-OCT', '2,8-12'],
             ['*', '*', '*', 'MON-FRI', '0', '1,3,5', '1#2', '5L', '1,5L', '6-7', '*/2', '0-7']]
    first = datetime(2027, 1, 1, tzinfo=timezone.utc)
    said = 0
    for expression in [*SCHEDULES, *(' '.join(map(chance.choice, field)) for _ in range(300))]:
        words = db.value('select reportd.schedule_words(%s)', expression)
        try:
            times = [row.t for row in db.query(
                "select t from reportd.next_runs(%s, 'UTC', %s, 60) t", expression,
                first - timedelta(seconds=1))]
        except errors.InvalidParameterValue:
            continue
        if words != ' '.join(expression.split()):
            said += 1
            assert times_meant(words, first, 60) == times, (expression, words)
    assert said > 100


def test_the_list_fits_the_terminal(ctl, child, db, submit):
    submit(db, report_name='The sales of all shops', report_key='sales_all', trigger_type='SCHEDULED',
           schedule_expression='0 6 * * 1-5', time_zone='America/Argentina/Buenos_Aires')
    submit(db, report_name='日本' * 30)
    begin_run(db, 1)
    end_run(db, 1)
    _, text = child('list', terminal=True).end()
    head, sales, japan = text.splitlines()
    assert head.split() == ['ID', 'NAME', 'SCHEDULE', 'NEXT', 'LAST', 'TOOK', 'OWNER']
    assert sales.startswith('sales_all  ') and sales.endswith(db.value('select current_user::text'))
    assert 'Mon-Fri' in sales and 'COMPLETED' in sales and ' s  ' in sales
    assert '…' in japan and 'PENDING' in japan
    for line in head, sales, japan:
        assert sum(2 if '　' < c else 1 for c in line) <= 80
    # Nothing is cut for programs.
    assert '日本' * 30 in ctl('list').stdout


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


def test_a_viewer_lists_reports(ctl, db, cluster, submit):
    submit(db, report_name='seen', trigger_type='SCHEDULED', schedule_expression='@daily')
    done = ctl('list', sections={'queue': {'conninfo': cluster.conninfo(
        db.name, options='-c role=reportd_viewer')}})
    assert done.returncode == 0 and 'seen' in done.stdout, done.stderr


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


def test_formats_are_named_in_any_case(ctl):
    for name in 'pdf', 'PDF', 'Pdf':
        text = ctl('formats', name).stdout
        assert text.startswith('PDF (.pdf)') and 'CSV' not in text.split('\n')[0]
    assert [f['format'] for f in answer(ctl('formats', 'excel', 'csv', '--json'))] == [
        'XLSX', 'CSV']
    refused(ctl('formats', 'DOCX'), '"DOCX"', '`reportctl formats`', code=2)
