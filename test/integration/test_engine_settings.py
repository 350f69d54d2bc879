# SPDX-License-Identifier: MIT
"""The settings file, the environment, and the log."""

import contextlib
import json
import os
import pwd
import re
import signal
import subprocess

import pytest

from lib import process, report
from lib.paths import REPORTD, environ
from lib.wait import wait_for
from test_engine_shared import done, ended, file_of

GOOD = """\
[reportd]
output_root = /tmp/out
[queue]
conninfo = dbname=queue
"""


def check(path, env=None, *args):
    return process.run(REPORTD, '-c', path, '--check-config', *args, env=env)


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / 'reportd.conf'
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path
    return write


# Text that is added to a good file, or replaces it (with [reportd] in it); line of
# the mistake (0: the file as a whole), what is said of it
MISTAKES = [
    ('workrs = 2', 5, ['unknown key "workrs"', '[queue]', 'conninfo, listen, timeout']),
    ('[reportd]\nworkrs = 2', 6, ['"workrs"', '[reportd]', 'workers', 'output_root']),
    ('[reportd]\nWorkers = 2', 6, ['"Workers"', 'workers']),
    ('[source.default]\nconninfos = x', 6, ['"conninfos"', '[source.default]', 'max_running']),
    ('[reprotd]\nworkers = 2', 6, ['[reprotd]', '[source.NAME], [target.NAME], [reportd]']),
    ('[source]\ntype = postgres', 6, ['[source]', '[source.NAME]']),
    ('[source.Big One]\ntype = postgres', 6, ['Big One', 'a-z']),
    ('[source.]\ntype = postgres', 6, ['[source.]', 'a-z']),
    ('[reportd]\nworkers = two', 6, ['workers = two', 'whole number from 0 to 256']),
    ('[reportd]\nworkers = -1', 6, ['workers = -1', '0 to 256']),
    ('[reportd]\nworkers = 257', 6, ['workers = 257', '0 to 256']),
    ('[reportd]\nworkers = 2.5', 6, ['workers = 2.5', 'whole number']),
    ('[reportd]\nworkers = 2 # two', 6, ['workers = 2 # two', 'whole number']),
    ('[reportd]\nworkers =', 6, ['workers =', 'whole number']),
    ('[reportd]\nworkers = 99999999999999999999', 6, ['workers', '0 to 256']),
    ('[reportd]\npoll_interval = 30 sec', 6, ['poll_interval', '100ms to 1h']),
    ('[reportd]\npoll_interval = 2h', 6, ['poll_interval = 2h', '100ms to 1h']),
    ('[reportd]\npoll_interval = 1ms', 6, ['poll_interval = 1ms', '100ms to 1h']),
    ('[reportd]\nlease = 0', 6, ['lease = 0', '1s to 1d']),
    ('[reportd]\nretention = forever', 6, ['retention = forever', '7d']),
    ('[reportd]\nworker_memory = 1MB', 6, ['worker_memory = 1MB', '64MB']),
    ('[reportd]\nworker_memory = lots', 6, ['worker_memory = lots', 'a size such as']),
    ('[reportd]\nlog_level = loud', 6, ['log_level = loud', 'debug|info|warn|error']),
    ('[reportd]\nlog_target = file', 6, ['log_target = file', 'auto|stderr|syslog']),
    ('[reportd]\nlog_format = xml', 6, ['log_format = xml', 'text|json']),
    ('[reportd]\nfile_mode = 999', 6, ['file_mode = 999', 'octal']),
    ('[reportd]\nfile_mode = 1777', 6, ['file_mode = 1777', '0777']),
    ('[reportd]\nfsync = maybe', 6, ['fsync = maybe', 'on or off']),
    ('listen = sometimes', 5, ['listen = sometimes', 'on or off']),
    ('timeout = soon', 5, ['timeout = soon', '30s']),
    ('[source.default]\nmax_running = many', 6, ['max_running = many', 'whole number']),
    ('[source.x]\nconninfo = a=b\nstatement_timeout = x', 7, ['statement_timeout = x']),
    ('no equals sign', 5, ['key = value']),
    ('[reportd\nworkers = 1', 5, ['[section]']),
    ('secret_arn = ${REPORTD_TEST_NOT_SET}', 5, ['REPORTD_TEST_NOT_SET', '$$']),
    ('# fine\n; fine\n\nbad', 8, ['key = value']),
    ('x' * 60 + ' = 1', 5, ['x' * 60]),
    # as a whole
    ('[reportd]\nworkers = 2\nadhoc_workers = 2', 0, ['adhoc_workers = 2', '2 workers']),
    ('timeout = 50s', 0, ['timeout', 'half', 'lease']),
    ('[source.big]\ntype = postgres', 0, ['[source.big]', 'conninfo', 'missing']),
    ('[source.default]\ntype = oracle', 0, ['type = oracle', 'postgres, redshift']),
    # of templates and connection strings, before a report stumbles over them
    ('[reportd]\noutput = {nobody}.csv', None, ['output', 'nobody']),
    ('[reportd]\noutput = %Q.csv', None, ['output', '%Q']),
    ('[reportd]\noutput = ../{report_name}', None, ['output', '..']),
    ('[source.x]\nconninfo = hsot=/tmp', None, ['conninfo', 'hsot']),
    ('[source.default]\nconninfo = nonsense', None, ['[source.default] conninfo']),
]


@pytest.mark.parametrize('text, line, says', MISTAKES,
                         ids=lambda v: v[:40] if isinstance(v, str) else '')
def test_a_mistake_is_named_with_its_place_and_what_is_allowed(write, text, line, says):
    path = write(GOOD + text + '\n')
    result = check(path)
    assert result.returncode == 3, result.stdout
    assert result.stdout == ''
    place = f'{path}:' if line in (0, None) else f'{path}:{line}:'
    assert result.stderr.startswith(f'reportd: {place}'), result.stderr
    assert result.stderr.count('\n') == 1
    for word in says:
        assert word in result.stderr


@pytest.mark.parametrize('text, says', [
    ('', ['conninfo']), ('[reportd]\noutput_root = /x\n', ['[queue] conninfo is missing']),
    ('[queue]\nconninfo = dbname=x\n', ['output_root is missing', '/var/lib/reportd']),
    ('[queue]\nconninfo =\n[reportd]\noutput_root = /x\n', ['[queue] conninfo is missing']),
    ('[queue]\nconninfo = nonsense\n', ['[queue] conninfo: ', 'host=']),
    ('[queue]\nconninfo = dbname=x\n[reportd]\noutput_root = out\n',
     ['output_root = out', 'absolute']),
    ('workers = 1\n', ['"workers"', 'before the first [section]']),
    (b'\xff\xfe[\x00r\x00', ['1']), (b'\x7fELF\x00\x01' * 100, ['1']),
    ('x' * 100000, ['longer', 'settings file']),
], ids=lambda v: str(v)[:30] if not isinstance(v, list) else '')
def test_a_file_that_is_no_settings_file(write, text, says):
    path = write(text)
    result = check(path)
    assert result.returncode == 3
    assert str(path) in result.stderr
    for word in says:
        assert word in result.stderr


def test_a_file_that_cannot_be_read(tmp_path):
    for path, says in ((tmp_path / 'none.conf', 'No such file'), (tmp_path, 'directory')):
        result = check(path)
        assert result.returncode == 3
        assert str(path) in result.stderr and says in result.stderr


def test_a_daemon_with_wrong_settings_does_not_start(write):
    result = process.run(REPORTD, '-c', write(GOOD + 'wrong = 1\n'))
    assert result.returncode == 3 and 'wrong' in result.stderr


@pytest.mark.parametrize('text', [
    '', 'listen = off\n', 'listen = no\n', 'LISTEN'.lower() + ' = true\n',
    '[reportd]\nworkers = 256\n', '[reportd]\nworkers = 0\n', '[reportd]\nlog_level = WARNING\n',
    '[reportd]\nlog_target = syslog\nlog_format = JSON\n',
    '[reportd]\nretention = 0\nworker_memory = 64MB\nfile_mode = 600\n',
    '[source.a_1]\ntype = redshift\nconninfo = dbname=x password=a#b;c\n',
    '[reportd]\noutput = {report_name}/%Y%m%d.{ext}\n',
    '\n# comment\n; comment\n   \n',
], ids=repr)
def test_sound_settings(write, text):
    result = check(write(GOOD + text))
    assert (result.returncode, result.stderr) == (0, '')
    assert 'sound' in result.stdout


def test_a_byte_order_mark_and_line_breaks_of_windows(write):
    result = check(write(b'\xef\xbb\xbf' + GOOD.replace('\n', '\r\n').encode()))
    assert result.returncode == 0, result.stderr


def test_passwords_are_not_told(write):
    result = check(write(GOOD + '[source.x]\ntype = oracle\n'
                                'conninfo = dbname=x password=verysecret\n'))
    assert result.returncode == 3
    assert 'verysecret' not in result.stderr + result.stdout


# The environment.

@pytest.mark.parametrize('name, value, says', [
    ('REPORTD_REPORTD_WORKERS', 'two', ['whole number']),
    ('REPORTD_REPORTD_WORKRS', '2', ['"workrs"']),
    ('REPORTD_QUEUE_LISTEN', 'perhaps', ['on or off']),
    ('REPORTD_SOURCE_BIG_MAX_RUNNING', '-1', ['max_running']),
    ('REPORTD_SOURCE_BIG_COLOUR', '1', ['REPORTD_SOURCE_NAME_KEY']),
    ('LOG_LEVEL', 'loud', ['debug|info|warn|error']),
])
def test_a_mistake_in_the_environment_names_the_variable(write, name, value, says):
    result = check(write(GOOD), {name: value})
    assert result.returncode == 3
    for word in [name, 'environment', *says]:
        assert word in result.stderr


def test_the_environment_wins_over_the_file(write):
    bad = GOOD + '[reportd]\nworkers = 4\nadhoc_workers = 2\n'
    assert check(write(bad)).returncode == 0
    result = check(write(bad), {'REPORTD_REPORTD_WORKERS': '2'})
    assert result.returncode == 3 and 'adhoc_workers = 2' in result.stderr
    assert check(write(GOOD), {'REPORTD_PORT': 'tcp://10.0.0.1:80'}).returncode == 0


def test_a_variable_that_wins_is_told(drain, ctl):
    env = {'REPORTD_REPORTD_ADHOC_WORKERS': '1', 'REPORTD_REPORTD_WORKERS': '2',
           'LOG_LEVEL': 'info'}
    log = drain(env=env, workers=4).stderr
    assert re.search('the environment wins over the settings file.*REPORTD_REPORTD_WORKERS', log)
    assert 'ADHOC' not in log
    told = ctl('doctor', env=env, reportd={'workers': 4}).stdout
    assert re.search(r'ok      settings: .*, and from the environment: .*ADHOC_WORKERS', told)
    assert re.search('warn    settings environment: wins over .*: .*REPORTD_REPORTD_WORKERS', told)
    assert 'settings environment' not in ctl('doctor').stdout


def test_folders_that_are_missing_are_told_at_the_start(daemon, tmp_path):
    (tmp_path / 'there').mkdir()
    one = daemon({'inputs': {'folders': f'{tmp_path}/there, {tmp_path}/inbox'}, 'source.lake': {
        'type': 'duckdb', 'folders': f'{tmp_path}/there, {tmp_path}/lake'}})
    one.wait_log(f'{tmp_path}/lake')
    told = re.findall('a folder of the settings cannot be reached.*', one.log())
    assert [re.search('(inputs|source.lake)].*(inbox|lake)', line).groups() for line in told] == [
        ('inputs', 'inbox'), ('source.lake', 'lake')]


def test_values_from_the_environment_are_expanded(db, daemon, tmp_path):
    root = tmp_path / 'expanded ä'
    daemon({'queue': {'conninfo': '${TEST_CONNINFO}'}}, output_root='${TEST_ROOT}/$$x',
           env={'TEST_CONNINFO': db.conninfo, 'TEST_ROOT': root})
    path = file_of(done(db).output_url)
    assert path.is_relative_to(root / '$x') and path.exists()


def test_the_environment_alone_is_enough(db, out):
    config_id = report.submit(db)
    result = process.run(REPORTD, '--drain', env={
        'REPORTD_QUEUE_CONNINFO': db.conninfo, 'REPORTD_REPORTD_OUTPUT_ROOT': out,
        'REPORTD_REPORTD_POLL_INTERVAL': '1s', 'REPORTD_SOURCE_OTHER_CONNINFO': db.conninfo,
        'REPORTD_SOURCE_DEFAULT_TRUSTED': 'on', 'REPORTD_REPORTD_LOG_TARGET': 'stderr'})
    assert result.returncode == 0, result.stderr
    assert file_of(ended(db, config_id).output_url).is_relative_to(out)


@pytest.mark.parametrize('name, place', [
    ('HOME', 'out'), ('HOME', 'out/home'), ('PGPASSFILE', 'out/x/pass'),
    ('AWS_SHARED_CREDENTIALS_FILE', 'link/keys'), ('PGSERVICEFILE', 'out/services')])
def test_what_the_daemon_trusts_lies_outside_of_its_output(tmp_path, write, name, place):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'link').symlink_to('out')
    (tmp_path / 'out/keys').touch()
    conf = write(f'[queue]\nconninfo = host=h\n[reportd]\noutput_root = {tmp_path}/out\n')
    result = check(conf, {name: tmp_path / place})
    assert result.returncode == 3
    assert f'{name} is {tmp_path / place}, which lies in output_root' in result.stderr
    assert check(conf, {name: tmp_path / 'outside'}).returncode == 0


def test_the_home_of_the_daemons_user_lies_outside_of_its_output(tmp_path, write):
    """Whatever HOME says: some libraries ask the user database."""
    home = pwd.getpwuid(os.geteuid()).pw_dir
    conf = write(f'[queue]\nconninfo = host=h\n[reportd]\noutput_root = {home}\n')
    result = check(conf, {'HOME': tmp_path / 'elsewhere'})
    assert result.returncode == 3
    assert f"the home of the daemon's user is {home}, which lies in" in result.stderr


def test_the_settings_file_lies_outside_of_the_output(tmp_path, write):
    conf = write(f'[queue]\nconninfo = host=h\n[reportd]\noutput_root = {tmp_path}\n')
    assert f'the settings file is {conf}, which lies in' in check(conf).stderr


@pytest.mark.parametrize('text, mode, key', [
    ('[smtp]\nhost = mx\nfrom = a@b.org\npassword = geheim\nuser = u\n', 0o644,
     '[smtp] password'),
    ('[source.a]\nconninfo = host=h password=geheim\n', 0o666, '[source.a] conninfo'),
    ('[source.a]\nconninfo = postgresql://u:geheim@h/d\n', 0o602, '[source.a] conninfo'),
    ('[webhook]\nsecrets = a.org=geheim\n', 0o604, '[webhook] secrets'),
    ('[smtp]\nhost = mx\nfrom = a@b.org\npassword = geheim\nuser = u\n', 0o640, None),
    ('[source.a]\nconninfo = host=h password=${GEHEIM}\n', 0o644, None),
    ('[source.a]\nconninfo = host=h\n', 0o644, None)])
def test_a_file_with_passwords_that_others_read_is_warned_of(
        tmp_path, text, mode, key):
    conf = tmp_path / 'reportd.conf'
    conf.write_text('[queue]\nconninfo = host=/nowhere\n'
                    f'[reportd]\noutput_root = {tmp_path}/out\n' + text)
    conf.chmod(mode)
    env = {'GEHEIM': 'geheim'}
    told = process.reportctl(conf, 'doctor', env=env).stdout
    with subprocess.Popen([REPORTD, '-c', conf], stderr=subprocess.PIPE, text=True,
                          env=environ(**env)) as one:
        log = ''
        while 'cannot reach the queue' not in log:
            log += one.stderr.readline()
        one.terminate()
        log += one.stderr.read()
    for said in told, log:
        assert ('holds a secret' in said) == bool(key)
        assert 'geheim' not in said
        if key:
            assert key in said and f'chgrp reportd {conf}' in said and f'chmod 0640 {conf}' in said


def memory(pid):
    """All that the process may write to."""
    with open(f'/proc/{pid}/maps') as maps, open(f'/proc/{pid}/mem', 'rb') as mem:
        for line in maps:
            where, mode, *_ = line.split()
            if 'w' not in mode or '[v' in line:
                continue
            start, end = (int(n, 16) for n in where.split('-'))
            # A sanitizer's shadow has terabytes, and no bytes of the program's.
            if end - start > 1 << 30:
                continue
            mem.seek(start)
            with contextlib.suppress(OSError):
                yield mem.read(end - start)


def test_a_worker_has_only_the_secrets_that_it_needs(db, daemon):
    one = daemon({
        'source.default': {'conninfo': db.conninfo + ' password=secret-of-default'},
        'source.other': {'conninfo': db.conninfo + ' password=${OTHER_PASSWORD}'},
        'smtp': {'host': 'localhost', 'from': 'a@b.org', 'user': 'u',
                 'password': '${MAIL_PASSWORD}'},
        'webhook': {'secrets': 'a.org=secret-of-webhook'}},
        env={'OTHER_PASSWORD': 'secret-of-other', 'MAIL_PASSWORD': 'secret-of-mail',
             'REPORTD_HTTP_PROXY': 'http://u:secret-of-proxy@localhost:1',
             'PGAPPNAME': 'kept', 'UNRELATED': 'kept'}, workers=1)
    done(db)
    worker, = one.workers()
    with open(f'/proc/{worker}/environ', 'rb') as f:
        variables = {v.partition(b'=')[0] for v in f.read().split(b'\0')}
    assert {b'PGAPPNAME', b'UNRELATED', b'HOME', b'PATH'} <= variables
    assert not variables & {b'OTHER_PASSWORD', b'MAIL_PASSWORD', b'REPORTD_HTTP_PROXY'}
    found = b''.join(memory(worker))
    assert b'secret-of-default' in found
    for secret in b'other', b'mail', b'webhook':
        assert b'secret-of-' + secret not in found
    # The supervisor goes on to know them all.
    one.signal(signal.SIGHUP)
    one.wait_log('settings read again')


def test_nothing_at_all_says_what_is_needed():
    result = process.run(REPORTD)
    assert result.returncode == 3
    assert 'environment' in result.stderr and '[queue] conninfo is missing' in result.stderr


# The command line.

@pytest.mark.parametrize('args, says', [
    (['--nonsense'], 'reportd --help'), (['extra'], 'extra'),
    (['--workers', '0'], '1 to 256'), (['--workers', 'x'], '1 to 256'),
    (['--idle-exit', 'x'], '30s'), (['--idle-exit', '0s'], '30s'),
    (['--workers'], 'reportd --help'), (['-c'], 'reportd --help')], ids=str)
def test_wrong_usage(args, says):
    result = process.run(REPORTD, *args)
    assert result.returncode == 2 and says in result.stderr


def test_help_version_and_the_list_of_settings():
    text = process.run(REPORTD, '--help')
    assert text.returncode == 0 and text.stderr == ''
    for option in ('--config', '--check-config', '--drain', '--idle-exit', '--workers'):
        assert option in text.stdout
    assert re.fullmatch(r'reportd \d+\.\d+\S*\n', process.run(REPORTD, '--version').stdout)
    lines = process.run(REPORTD, '--list-settings').stdout.splitlines()
    assert all(line.count('\t') == 3 for line in lines) and len(lines) > 20
    assert 'reportd\tpoll_interval\t30s\t' in '\n'.join(lines)


def test_workers_on_the_command_line(db, daemon):
    one = daemon(workers=4, args=['--workers', '1'])
    wait_for(lambda: len(one.workers()) == 1)
    assert db.value('select workers from reportd.report_worker') == 1


# The log.

def run_one_of_each(db):
    reports = [report.submit(db, report_name='good "quoted"\\'),
               report.submit(db, report_name='bad', export_sql='select "é\n\t", 1')]
    return [report.wait_done(db, config_id) for config_id in reports]


LINE = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z (debug|info|warn|error)'
                  r' "([^"\\]|\\.)*"( [a-z_]+=([^\s"=]+|"([^"\\]|\\.)*"))*')


def levels(log):
    return {LINE.match(line)[1] for line in log.splitlines()}


def test_the_log_is_one_line_of_keys_and_values_each(db, daemon):
    one = daemon()
    run_one_of_each(db)
    one.wait_log('FAILED')
    for line in one.log().splitlines():
        assert LINE.fullmatch(line), line


def test_the_log_as_json_lines(db, daemon):
    one = daemon(log_format='json')
    good, bad = run_one_of_each(db)
    one.wait_log('FAILED')
    one.stop()
    lines = [json.loads(line) for line in one.log().splitlines()]
    assert all({'time', 'level', 'msg'} <= line.keys() for line in lines)
    assert {line['level'] for line in lines} >= {'debug', 'info', 'warn'}
    end = {line['config']: line for line in lines if line['msg'] == 'run ended'}
    assert end[good.config_id]['status'] == 'COMPLETED'
    assert (end[good.config_id]['rows'], end[good.config_id]['bytes']) == (1, 6)
    assert end[good.config_id]['output'].startswith('file://')
    assert end[bad.config_id]['error'] == bad.error_message
    assert 'é' in bad.error_message
    assert lines[-1]['msg'] == 'stopped'


@pytest.mark.parametrize('level, env, expected', [
    ('debug', None, {'debug', 'info', 'warn'}),
    ('info', None, {'info', 'warn'}),
    ('warn', None, {'warn'}),
    ('error', None, set()),
    ('debug', {'LOG_LEVEL': 'WARNING'}, {'warn'}),
    ('error', {'LOG_LEVEL': 'info'}, {'info', 'warn'}),
    ('error', {'LOG_LEVEL': ''}, set()),
    (None, None, {'info', 'warn'}),
])
def test_log_levels(db, drain, level, env, expected):
    report.submit(db)
    report.submit(db, export_sql='nonsense')
    log = drain(log_level=level, env=env).stderr
    assert levels(log) == expected


def test_the_syslog(db, drain):
    """Without anybody who listens, too."""
    config_id = report.submit(db)
    assert drain(log_target='syslog').stderr == ''
    ended(db, config_id)


def test_auto_writes_to_standard_error_without_colours(db, drain):
    log = drain(log_target='auto').stderr
    assert 'stopped' in log and '\x1b' not in log


def test_a_log_that_nobody_reads_does_not_stop_the_daemon(db, conf):
    """Its standard error is a pipe whose other end is closed."""
    config_id = report.submit(db)
    daemon = subprocess.Popen([REPORTD, '-c', conf(), '--drain'], stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, env=environ())
    daemon.stderr.close()
    assert daemon.wait(30) == 0
    ended(db, config_id)


def test_secrets_are_not_logged(db, conf):
    """Neither a password of the settings nor one in an error of libpq."""
    path = conf({'source.locked': {
        'conninfo': db.conninfo + ' password=verysecret sslpassword=verysecret'}})
    path.write_text(path.read_text().replace('dbname=', 'password=verysecret dbname='))
    for source in ('default', 'locked'):
        report.submit(db, source=source, export_sql='select nonsense')
    log = process.reportd(path, '--drain')
    assert log.returncode == 6 and 'nonsense' in log.stderr
    assert 'verysecret' not in log.stderr + log.stdout
    assert not db.value("select count(*) from reportd.report_run r "
                        "where r::text like '%verysecret%'")


def test_secrets_are_not_on_a_command_line(db, daemon):
    one = daemon({'queue': {'conninfo': db.conninfo + ' password=verysecret'}})
    done(db)
    for pid in [one.pid, *one.workers()]:
        with open(f'/proc/{pid}/cmdline') as f:
            assert 'verysecret' not in f.read()


# Reading them again.

def test_sighup_takes_new_settings(db, daemon, tmp_path):
    one = daemon(workers=1, log_level='info')
    wait_for(lambda: len(one.workers()) == 1)
    assert 'debug' not in levels(one.log())
    text = one.conf.read_text()
    one.conf.write_text(text.replace('workers = 1', 'workers = 3')
                        .replace('log_level = info', 'log_level = debug')
                        .replace('/out', '/elsewhere')
                        + f'[source.late]\nconninfo = {db.conninfo}\ntrusted = on\n')
    one.signal(signal.SIGHUP)
    one.wait_log('settings read again')
    wait_for(lambda: len(one.workers()) == 3, what='three workers')
    wait_for(lambda: db.value("select true from reportd.report_source where source = 'late'"))
    run = done(db, source='late')
    assert file_of(run.output_url).is_relative_to(tmp_path / 'elsewhere')
    wait_for(lambda: 'debug' in levels(one.log()))
    one.conf.write_text(text)
    one.signal(signal.SIGHUP)
    wait_for(lambda: len(one.workers()) == 1, what='one worker')
    # The source is known still, so another daemon may have it: the report waits for one.
    waiting = report.submit(db, source='late')
    done(db)
    assert report.config(db, waiting).status == 'PENDING'
    db.execute('select reportd.cancel(%s)', waiting)


def test_sighup_with_wrong_settings_keeps_the_old_ones(db, daemon):
    one = daemon(workers=2)
    good = one.conf.read_text()
    for bad, says in (('[reportd]\nworkers = many\n', 'workers = many'),
                      (good + 'nonsense\n', 'key = value'), ('', 'conninfo is missing'),
                      (good.replace('output_root', '#'), 'output_root is missing')):
        one.conf.write_text(bad)
        one.signal(signal.SIGHUP)
        one.wait_log(says)
        assert len(one.workers()) == 2
        done(db)
    one.conf.unlink()
    one.signal(signal.SIGHUP)
    one.wait_log('No such file')
    done(db)
    assert 'settings read again' not in one.log()


def test_sighup_checks_the_folders(daemon, tmp_path):
    one = daemon()
    one.conf.write_text(one.conf.read_text() + f'[inputs]\nfolders = {tmp_path}\n')
    one.signal(signal.SIGHUP)
    one.wait_log('the new settings are wrong, the old ones stay')
    assert re.search('the settings file is .*, which lies in .*inputs. folders', one.log())


# As on a file server that is gone, once the file in HANGS is there.
HANGS = r"""
static void wait_for_the_server(void)
{
	struct stat st;
	while (fstatat(AT_FDCWD, getenv("HANGS"), &st, 0) == 0)
		pause();
}
int stat(const char *path, struct stat *st)
{
	wait_for_the_server();
	return fstatat(AT_FDCWD, path, st, 0);
}
char *realpath(const char *path, char *to)
{
	char *(*real)(const char *, char *) = dlvsym(RTLD_NEXT, "realpath", "GLIBC_2.3");
	wait_for_the_server();
	return real(path, to);
}
"""


@pytest.mark.shipped
def test_folders_that_do_not_answer_stop_no_heartbeat(daemon, db, tmp_path):
    library, hangs = tmp_path / 'hangs.so', tmp_path / 'hangs'
    subprocess.run(['cc', '-D_GNU_SOURCE', '-shared', '-fPIC', '-x', 'c', '-', '-o', library], text=True,
                   input='#include <dlfcn.h>\n#include <fcntl.h>\n#include <stdlib.h>\n'
                   '#include <sys/stat.h>\n#include <unistd.h>\n' + HANGS, check=True)
    (tmp_path / 'inbox').mkdir()
    one = daemon({'inputs': {'folders': tmp_path / 'inbox'}}, lease='4s', log_level='info',
                 env={'LD_PRELOAD': library, 'HANGS': hangs})
    hangs.touch()
    one.signal(signal.SIGHUP)
    one.wait_log('looks at the folders of the settings took longer than 5 s')
    # Its lease of four seconds was renewed, so it goes on as the same daemon.
    assert db.value('select worker_id from reportd.report_worker') == one.worker_id
    assert 'settings read again' not in one.log()
    hangs.unlink()
    one.signal(signal.SIGHUP)
    one.wait_log('settings read again')


def test_a_key_that_stands_twice_is_refused_with_both_lines(write):
    result = check(write(GOOD + '[source.x]\nconninfo = dbname=x\nmax_running = 1\n'
                                'conninfo = dbname=x password=verysecret\n'))
    assert result.returncode == 3 and 'second time' in result.stderr
    assert 'verysecret' not in result.stderr


def test_a_variable_that_forgets_its_section_is_told(write):
    result = check(write(GOOD), {'REPORTD_WORKERS': '3'})
    assert result.returncode == 3 and 'REPORTD_REPORTD_WORKERS' in result.stderr
