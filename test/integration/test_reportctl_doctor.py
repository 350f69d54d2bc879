# SPDX-License-Identifier: MIT
"""reportctl doctor: what it looks at, and the mend that it names."""

import json
import re

from lib.process import reportctl
from test_reportctl_shared import bare, checks_of  # noqa: F401


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
