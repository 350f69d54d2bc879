# SPDX-License-Identifier: MIT
"""Outputs as files: modes, full disks, what is left when something goes wrong."""

import contextlib
import os
import resource
import stat
import subprocess

import psycopg
import pytest

from lib import report
from lib.manual import says
from lib.wait import wait_for
from test_engine_shared import (done, ended, failure, fails_until, file_of, files, gate,
                                gated, wait_at_gate)

BIG = "select repeat('x', 1000) as x from generate_series(1, 20000)"  # 20 MB
FAST = {'retry_backoff': '50ms', 'retry_backoff_max': '50ms'}


def mode(path):
    return oct(stat.S_IMODE(path.stat().st_mode))


@pytest.mark.parametrize('setting, file, directory', [
    (None, '0o640', '0o750'), ('0600', '0o600', '0o700'), ('0644', '0o644', '0o755'),
    ('440', '0o440', '0o750'), ('0666', '0o666', '0o777')])
def test_modes_of_files_and_directories(db, drain, out, setting, file, directory):
    """Of files exactly as set; of new directories with x where r is, less the umask."""
    umask = os.umask(0o022)
    try:
        config_id = report.submit(db, output_path='new/er/file.csv')
        drain(file_mode=setting)
        assert mode(out / 'new/er/file.csv') == file
        for path in (out / 'new', out / 'new/er'):
            assert mode(path) == oct(int(directory, 8) & ~0o022)
        # Replaced by a second run, it has the same.
        db.value('select reportd.run_now(%s)', config_id)
        drain(file_mode=setting)
        assert mode(out / 'new/er/file.csv') == file
    finally:
        os.umask(umask)


def test_an_existing_directory_keeps_its_mode(db, drain, out):
    (out / 'mine').mkdir(mode=0o711)
    (out / 'mine').chmod(0o711)
    report.submit(db, output_path='mine/file.csv')
    drain()
    assert mode(out / 'mine') == '0o711'


ONLY = {'file': {'create_only': True}}


def test_create_only_replaces_nothing(db, drain, out):
    """Nor does any other output of the run appear."""
    config_id = report.submit(db, output_path='a.{ext}', output_options=ONLY,
                              output_format='CSV,JSON', export_sql='select 1 as x')
    drain()
    assert files(out) == ['a.csv', 'a.json']
    (out / 'a.csv').unlink()
    whole = (out / 'a.json').read_bytes()
    # another request for the same time
    report.run_for(db, config_id, report.runs(db, config_id)[0].scheduled_for)
    drain()
    one = report.runs(db, config_id)[-1]
    assert one.status == 'FAILED' and one.attempt == 1
    assert 'a.json is there already, and with the option "create_only" nothing is ' \
        'replaced' in one.error_message
    assert files(out) == ['a.json'] and (out / 'a.json').read_bytes() == whole


@pytest.mark.parametrize('columns, wrong', [
    ({'output_path': 's3://bucket/a.csv', 'output_options': ONLY},
     '"file" is for an output_path that is a local file'),
    ({'output_path': 's3://bucket/a.csv', 'output_options': {'CSV': ONLY},
      'output_format': 'CSV,JSON'}, '"file" is for an output_path that is a local file'),
    ({'output_path': 'a.csv', 'output_options': {'file': {'create_only': 1}}},
     '"file.create_only" must be a boolean'),
    ({'output_path': 'a.csv', 'output_options': {'file': {'sse': 'AES256'}}},
     '"file" has no option "sse"; known: create_only')])
def test_options_of_files_are_checked_at_the_insert(db, columns, wrong):
    with pytest.raises(psycopg.Error) as error:
        report.submit(db, **columns)
    assert wrong in error.value.diag.message_primary


@pytest.mark.parametrize('fsync', ['on', 'off'])
def test_an_output_is_a_plain_file_with_one_name(db, drain, out, fsync):
    for _ in range(2):  # new, and over an old one
        report.submit(db, output_path='a/b.csv')
        drain(fsync=fsync)
        assert files(out) == ['a/b.csv']
        status = (out / 'a/b.csv').lstat()
        assert stat.S_ISREG(status.st_mode) and status.st_nlink == 1
        assert (out / 'a/b.csv').read_bytes() == b'one\n1\n'


def test_a_repeated_run_replaces_its_output_in_one_step(db, daemon, out):
    """A reader sees the old file or the new one, whole."""
    daemon()
    db.execute('create table content (a text)')
    config_id = report.submit(db, output_path='same.csv', prep_sql='select 1',
                              export_sql="select repeat('1', 100000) as a")
    ended(db, config_id)
    path = out / 'same.csv'
    with path.open('rb') as before:
        for digit in '2345':
            db.execute('update reportd.report_config set export_sql = %s '
                       'where config_id = %s',
                       f"select repeat('{digit}', 100000) as a", config_id)
            db.value('select reportd.run_now(%s)', config_id)
            seen = set()
            def whole():
                seen.add(path.read_bytes())
                return report.config(db, config_id).status == 'COMPLETED'
            wait_for(whole)
            assert seen <= {b'a\n' + bytes(d, 'ascii') * 100000 + b'\n'
                            for d in (digit, str(int(digit) - 1))}
            assert path.read_bytes()[2:3] == digit.encode()
        assert before.read(3) == b'a\n1'
    assert files(out) == ['same.csv']


def test_nothing_is_seen_before_the_end(db, daemon, out):
    daemon()
    with gate(db):
        config_id = report.submit(db, output_path='new/late.csv', export_sql=f"""
            select repeat('x', 1000) as x from generate_series(1, 5000)
            union all {gated(columns="'end'")}""")
        wait_at_gate(db)
        assert files(out) == []
    ended(db, config_id)
    assert files(out) == ['new/late.csv']


def test_two_reports_with_one_path(db, daemon, out):
    """The last one wins; neither leaves anything else behind."""
    daemon(workers=3)
    reports = [report.submit(db, output_path='shared.csv', export_sql=f'select {i} as a')
               for i in range(12)]
    for config_id in reports:
        ended(db, config_id)
    assert files(out) == ['shared.csv']
    assert (out / 'shared.csv').read_bytes() in {b'a\n%d\n' % i for i in range(12)}


def test_a_retry_sweeps_what_dead_writers_left_and_nothing_else(db, daemon, out):
    daemon(**FAST)
    for name in ('.x.csv.reportd-1-0', '.other.csv.reportd-4711-3', '.hidden', 'x.csv.tmp'):
        (out / name).write_text('?')
    config_id = report.submit(db, output_path='x.csv', prep_sql=fails_until(1),
                              export_sql='select 1 as a')
    assert ended(db, config_id).attempt == 2
    assert files(out) == ['.hidden', 'x.csv', 'x.csv.tmp']


# Full and forbidden places.

@pytest.fixture
def small(tmp_path):
    """A file system of 4 MB."""
    path = tmp_path / 'small'
    path.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', path],
                      stderr=subprocess.DEVNULL).returncode != 0:
        yield None
        return
    try:
        yield path
    finally:
        subprocess.run(['umount', '-l', path], check=True)


@contextlib.contextmanager
def limited_file_size(size):
    """For the daemons that start inside: as a quota."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


@pytest.mark.parametrize('fsync', ['on', 'off'])
def test_a_full_disk_is_a_clear_error_and_leaves_no_debris(db, daemon, out, small, fsync):
    if small is None:
        with limited_file_size(4 << 20):
            one = daemon(fsync=fsync, **FAST)
        root, says = out, 'File too large'
    else:
        one = daemon(output_root=small, fsync=fsync, **FAST)
        root, says = small, 'No space left on device'
    (root / 'kept.csv').write_text('kept')
    config_id = report.submit(db, output_path='new/big.csv', export_sql=BIG, max_retries=2)
    run = ended(db, config_id, 'FAILED')
    assert says in run.error_message and 'new/big.csv' in run.error_message
    assert run.error_stage == 'export' and run.output_url is None
    # Somebody may make room meanwhile.
    assert len(report.runs(db, config_id)) == 3
    assert files(root) == ['kept.csv']
    if small is not None:
        disk = os.statvfs(small)
        assert (disk.f_blocks - disk.f_bfree) * disk.f_bsize < 100000
    run = done(db, output_path='fits.csv')
    assert file_of(run.output_url).exists()
    assert one.running()


def test_an_old_output_survives_a_full_disk(db, daemon, out):
    with limited_file_size(4 << 20):
        daemon()
    config_id = report.submit(db, output_path='same.csv')
    ended(db, config_id)
    db.execute('update reportd.report_config set export_sql = %s, max_retries = 0 '
               'where config_id = %s', BIG, config_id)
    db.value('select reportd.run_now(%s)', config_id)
    ended(db, config_id, 'FAILED')
    assert (out / 'same.csv').read_bytes() == b'one\n1\n'
    assert files(out) == ['same.csv']


@pytest.fixture
def sealed(tmp_path):
    """A directory that nobody can write to, root included."""
    path = tmp_path / 'sealed'
    path.mkdir()
    mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'ro', 'tmpfs', path],
                             stderr=subprocess.DEVNULL).returncode == 0
    if not mounted:
        path.chmod(0o555)
    yield path
    if mounted:
        subprocess.run(['umount', '-l', path], check=True)


def test_a_root_that_cannot_be_written(db, daemon, sealed):
    if os.geteuid() != 0:
        says = 'Permission denied'
    else:
        says = 'Read-only file system'
    one = daemon(output_root=sealed)
    for path in ('file.csv', 'new/file.csv'):
        run = failure(db, output_path=path)
        assert says in run.error_message and str(sealed) in run.error_message
    # Work that needs no file goes on.
    done(db, prep_sql='select 1')
    assert one.running()


def test_a_root_that_is_gone_comes_back(db, daemon, tmp_path):
    root = tmp_path / 'later/still/later'
    daemon(output_root=root)
    for _ in range(2):
        done(db, output_path='file.csv')
        assert (root / 'file.csv').exists()
        (root / 'file.csv').unlink()
        root.rmdir()
        root.parent.rmdir()


def test_a_root_that_is_a_symbolic_link(db, daemon, tmp_path):
    real = tmp_path / 'real'
    real.mkdir()
    (tmp_path / 'link').symlink_to(real)
    daemon(output_root=tmp_path / 'link')
    done(db, output_path='file.csv')
    assert (real / 'file.csv').exists()


@pytest.mark.parametrize('target', ['../../secret', '/etc', '..'])
def test_a_link_below_the_root_leads_nowhere_else(db, daemon, out, tmp_path, target):
    (tmp_path / 'secret').mkdir()
    (out / 'a').mkdir()
    (out / 'a' / 'link').symlink_to(target if target != '..' else '../..')
    daemon()
    run = failure(db, output_path='a/link/evil.csv')
    assert 'a symbolic link in it leads out of output_root' in run.error_message
    assert str(out) in run.error_message
    failure(db, output_path='a/link/new/evil.csv')
    assert files(tmp_path / 'secret') == [] and not os.path.exists('/etc/evil.csv')


def test_a_link_that_stays_below_the_root_is_followed(db, daemon, out):
    (out / '2026').mkdir()
    (out / 'latest').symlink_to('2026')
    daemon()
    done(db, output_path='latest/q3/file.csv')
    assert (out / '2026/q3/file.csv').read_text() == 'one\n1\n'


@pytest.mark.parametrize('columns', [
    {'output_path': 'x.csv'},
    {'output_path': 'x.{ext}', 'output_format': 'CSV,JSONL'},
    {'output_path': 'x/{partition}/x.parquet', 'output_format': 'PARQUET',
     'output_options': {'partition_by': ['p']}},
    {'output_path': 'x.csv', 'output_options': {'compress': 'gzip'}}],
    ids=['one', 'several', 'partitions', 'compressed'])
def test_outputs_have_a_largest_size(db, daemon, out, columns):
    """20 MB come out of each, 10 compressed."""
    daemon(max_output='1MB')
    sql = ("select (g / 5000)::text as p, (select string_agg(md5((g * 31 + i)::text), '') "
           'from generate_series(1, 31) i) as x from generate_series(0, 19999) g')
    run = failure(db, export_sql=sql, max_retries=3, **columns)
    assert 'larger than the 1048576 bytes of max_output' in run.error_message
    assert run.attempt == 1
    if 'PARQUET' not in str(columns):  # its bytes come at the end of a row group
        assert run.byte_count < 4 << 20, 'it was written to the end'
    assert files(out) == []


@says('`max_output` and `job_timeout` limit each run.')
def test_outputs_that_fit_the_largest_size_exactly(db, daemon, out):
    daemon(max_output=10)
    done(db, export_sql="select 'abcd' as one", output_path='ten.csv')
    assert (out / 'ten.csv').stat().st_size == 9
    run = failure(db, export_sql="select 'abcdefg' as one", output_path='more.csv')
    assert 'larger than the 10 bytes' in run.error_message


def test_a_worker_killed_while_it_writes_leaves_nothing(db, daemon, out):
    one = daemon(**FAST)
    with gate(db):
        config_id = report.submit(db, output_path='big.csv', max_retries=0, export_sql=f"""
            select repeat('x', 1000) as x from generate_series(1, 5000)
            union all {gated(columns="'end'")}""")
        wait_at_gate(db)
        for pid in one.workers():
            os.kill(pid, 9)
        ended(db, config_id, 'FAILED')
    assert files(out) == []
