# SPDX-License-Identifier: MIT
"""Files go into archives and quarantines: once, whole, and over nothing."""

import contextlib
import fcntl
import json
import os
import pathlib
import subprocess
import tempfile
import types

import pytest
from psycopg import errors

from lib import process, report
from lib.manual import says
from lib.wait import wait_for
from test_inputs import FAST, files, put
from test_s3_shared import ENVIRONMENT, Bucket, settings

CSV = {'format': 'csv', 'columns': [['id', 'bigint']], 'stable_for': '0 s'}


@contextlib.contextmanager
def another_disk(path):
    path.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', path],
                      stderr=subprocess.DEVNULL).returncode == 0:
        try:
            yield path
        finally:
            subprocess.run(['umount', '-l', path], check=True)
    else:
        with tempfile.TemporaryDirectory(dir='/dev/shm') as folder:
            yield pathlib.Path(folder)


@pytest.fixture(scope='module')
def far(tmp_path_factory):
    with another_disk(tmp_path_factory.mktemp('disk') / 'far') as path:
        yield path


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory, swift, far):
    path = tmp_path_factory.mktemp('move')
    for name in 'in', 'old', 'bad':
        (path / name).mkdir()
    db = cluster.create(template)
    conf = process.write_conf(path / 'reportd.conf', db, settings(swift.endpoint, inputs={
        'rescan': '1s', 'folders': f"{path / 'in'}, {path / 'old'}, {path / 'bad'}, {far}"}), **FAST)
    daemon = process.Daemon(db, conf, env=ENVIRONMENT)
    daemon.wait_ready()
    yield types.SimpleNamespace(db=db, daemon=daemon, conf=conf, path=path)
    daemon.end()
    db.drop()


@pytest.fixture
def db(engine):
    return engine.db


@pytest.fixture
def place(engine, request):
    """Folders of the test's own: .landing, .old, .bad."""
    return types.SimpleNamespace(**{
        name: engine.path / folder / request.node.name
        for name, folder in (('landing', 'in'), ('old', 'old'), ('bad', 'bad'))})


@pytest.fixture
def bucket(swift):
    return Bucket(swift.client)


def submit(db, path, sql="select :'f__files' as files", **more):
    return report.submit(db, trigger_type='FILE', export_sql=sql, max_retries=0,
                         inputs={'f': {**CSV, 'path': str(path), **more}})


def moved(db, config_id):
    return {row.url.rpartition('/')[2]: row.moved_to for row in db.query(
        'select url, moved_to from reportd.v_inputs where config_id = %s and moved_to is not null',
        config_id)}


def test_files_that_are_done_go_into_the_archive(db, place):
    put(place.landing, 'a.csv')
    put(place.landing, 'day=1/b.csv')
    config_id = submit(db, f'{place.landing}/**.csv', archive=f'{place.old}/')
    wait_for(lambda: len(moved(db, config_id)) == 2)
    assert moved(db, config_id) == {'a.csv': f'{place.old}/a.csv',
                                    'b.csv': f'{place.old}/day=1/b.csv'}
    assert (place.old / 'day=1' / 'b.csv').read_text() == 'id\n1\n'
    assert not (place.landing / 'a.csv').exists()
    # Another file of that name goes beside it.
    put(place.landing, 'a.csv', 'id\n2\n')
    wait_for(lambda: len(list(place.old.glob('*_a.csv'))) == 1)
    assert (place.old / 'a.csv').read_text() == 'id\n1\n'
    assert next(place.old.glob('*_a.csv')).read_text() == 'id\n2\n'
    wait_for(lambda: files(db, config_id, 'DONE') == ['a.csv', 'a.csv', 'b.csv'])


def test_files_that_stay_wrong_go_into_quarantine(db, place):
    put(place.landing, 'a.csv', '')
    put(place.landing, 'b.csv', 'id\n1')
    config_id = submit(db, f'{place.landing}/*', quarantine=f'{place.bad}/', reject_after='2 s')
    wait_for(lambda: len(moved(db, config_id)) == 2, 60)
    assert files(db, config_id, 'FAILED') == ['a.csv', 'b.csv']
    told = json.loads((place.bad / 'a.csv.reason.json').read_text())
    assert (told['reason'], told['input']) == ('it has no bytes', 'f')
    assert 'last line' in json.loads((place.bad / 'b.csv.reason.json').read_text())['reason']
    assert list(place.landing.iterdir()) == []


@pytest.mark.parametrize('way', ['archive', 'quarantine'])
def test_no_file_is_moved_through_a_link(db, engine, place, way):
    """Whoever may make links in a folder would else write into those of others."""
    others = place.old.with_name(place.old.name + '.others')
    for folder in place.old, others:
        folder.mkdir()
    (place.old / 'link').symlink_to(f'../{others.name}')
    put(place.landing, 'a.csv', 'id\n1\n' if way == 'archive' else '')
    config_id = submit(db, f'{place.landing}/*', reject_after='0 s',
                       **{way: f'{place.old}/link/deep/'})
    error = wait_for(lambda: db.value('select max(move_error) from reportd.report_input '
                                      'where config_id = %s', config_id))
    assert 'a symbolic link is on the way, and none is followed' in error
    assert (place.landing / 'a.csv').exists() and not list(others.iterdir())


def test_no_file_is_found_through_a_link(db, place):
    others = place.landing.with_name(place.landing.name + '.others')
    put(others / 'deep', 'a.csv')
    place.landing.mkdir()
    (place.landing / 'far').symlink_to(others)
    (place.landing / 'near').symlink_to(f'../{others.name}')
    for name in 'far', 'near':
        config_id = submit(db, f'{place.landing}/{name}/deep/*')
        error = wait_for(lambda one=config_id: db.value(
            'select max(error) from reportd.v_zones where config_id = %s', one))
        assert 'a symbolic link is on the way, and none is followed' in error
        assert not files(db, config_id)


def test_files_of_a_failed_run_stay_until_somebody_says(db, engine, place):
    put(place.landing, 'a.csv')
    config_id = submit(db, f'{place.landing}/*', 'select 1/0', quarantine=f'{place.bad}/',
                       archive=f'{place.old}/')
    wait_for(lambda: files(db, config_id, 'FAILED') == ['a.csv'])
    assert moved(db, config_id) == {}
    assert db.value('select reportd.quarantine_input(%s)', config_id) == 1
    wait_for(lambda: moved(db, config_id) == {'a.csv': f'{place.bad}/a.csv'})
    # It is dealt with: nothing counts it any more, and all say where it is.
    assert 'of its files' not in db.value('select reportd.why(%s)', config_id)
    row, = json.loads(process.reportctl(engine.conf, 'inputs', str(config_id), '--json').stdout)
    assert row['went'].startswith('export: division by zero')
    assert row['went'].endswith(f'; -> {place.bad}/a.csv')
    for call in 'release_input', 'quarantine_input':
        with pytest.raises(errors.InvalidParameterValue,
                           match=f'report {config_id} has no FAILED file that is still where'):
            db.value(f'select reportd.{call}(%s)', config_id)


def test_an_archive_and_a_quarantine_on_another_disk(db, place, far):
    """What a copy that was killed has left is taken over, and nothing is left."""
    assert far.stat().st_dev != place.landing.parent.stat().st_dev
    put(place.landing, 'a.csv')
    put(place.landing, 'b.csv', '')
    os.utime(place.landing / 'a.csv', ns=(10 ** 18, 10 ** 18 + 1))
    for name in 'old/.a.csv.part', 'bad/.b.csv.part', 'bad/.b.csv.reason.json.part':
        put(far, name, 'what a killed process has left is longer than what there will be')
    config_id = submit(db, f'{place.landing}/*', archive=f'{far}/old/', quarantine=f'{far}/bad/',
                       reject_after='2 s')
    wait_for(lambda: len(moved(db, config_id)) == 2, 60)
    assert sorted(os.listdir(far / 'old')) == ['a.csv']
    assert sorted(os.listdir(far / 'bad')) == ['b.csv', 'b.csv.reason.json']
    assert (far / 'old/a.csv').read_text() == 'id\n1\n'
    assert (far / 'old/a.csv').stat().st_mtime_ns == 10 ** 18 + 1
    assert json.loads((far / 'bad/b.csv.reason.json').read_text())['reason'] == 'it has no bytes'
    assert list(place.landing.iterdir()) == []


def test_a_copy_that_another_process_makes_is_left_alone(db, place, far):
    put(place.landing, 'a.csv')
    put(far, 'held/.a.csv.part', 'half')
    with open(far / 'held/.a.csv.part') as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        config_id = submit(db, f'{place.landing}/*', archive=f'{far}/held/')
        why = wait_for(lambda: db.value('select move_error from reportd.v_inputs '
                                        'where config_id = %s', config_id))
        assert why.endswith('.a.csv.part is made by another process')
        assert os.listdir(far / 'held') == ['.a.csv.part'] and held.read() == 'half'
    db.execute('update reportd.report_input set move_at = now() where config_id = %s', config_id)
    wait_for(lambda: len(moved(db, config_id)) == 1)
    assert os.listdir(far / 'held') == ['a.csv']


def test_what_replaced_a_file_is_not_archived(db, place):
    """The archive waits on a folder that nobody may write, and the file is replaced."""
    put(place.landing, 'a.csv')
    place.old.write_text('in its way')
    config_id = submit(db, f'{place.landing}/*', archive=f'{place.old}/')
    wait_for(lambda: db.value('select move_error from reportd.v_inputs where config_id = %s',
                              config_id))
    put(place.landing, 'a.csv', 'id\n2\n')
    wait_for(lambda: files(db, config_id, 'DONE') == ['a.csv', 'a.csv'])
    place.old.unlink()
    db.execute('update reportd.report_input set move_at = now() where move_at is not null')
    wait_for(lambda: (place.old / 'a.csv').exists() and not (place.landing / 'a.csv').exists())
    assert (place.old / 'a.csv').read_text() == 'id\n2\n'
    wait_for(lambda: not db.value('select count(*) from reportd.report_input where '
                                  'config_id = %s and move_at is not null', config_id))
    assert [row.moved_to is None for row in db.query(
        'select moved_to from reportd.report_input where config_id = %s order by file_id',
        config_id)] == [True, False]


def test_objects_that_are_done_go_into_the_archive(db, bucket, swift):
    other = Bucket(swift.client)
    bucket.put('in/a b+c.csv', b'id\n1\n')
    bucket.put('in/x/d.csv', b'id\n2\n')
    other.put('old/a b+c.csv', b'other')
    config_id = submit(db, bucket.url('in/**.csv'), archive=other.url('old/'))
    wait_for(lambda: len(moved(db, config_id)) == 2, 60)
    assert bucket.keys() == []
    file_id = db.value("select file_id from reportd.v_inputs where config_id = %s "
                       "and url like '%%a b+c.csv'", config_id)
    assert other.keys() == sorted(['old/a b+c.csv', f'old/{file_id}_a b+c.csv', 'old/x/d.csv'])
    assert other.get('old/a b+c.csv') == b'other'
    assert other.get(f'old/{file_id}_a b+c.csv') == b'id\n1\n'


def test_an_archive_in_a_bucket_that_is_not_there_is_said(db, bucket):
    bucket.put('in/a.csv', b'id\n1\n')
    config_id = submit(db, bucket.url('in/*.csv'), archive='s3://no-such-bucket/old/')
    wrong = wait_for(lambda: db.value(
        'select move_error from reportd.v_inputs where config_id = %s', config_id))
    assert wrong.startswith('s3://no-such-bucket/old/a.csv: ') and 'NoSuchBucket' in wrong
    assert bucket.keys() == ['in/a.csv']


def test_objects_that_stay_wrong_go_into_quarantine(db, bucket):
    bucket.put('in/a.csv', b'id\n1')
    config_id = submit(db, bucket.url('in/*'), quarantine=bucket.url('bad/'), reject_after='1 s')
    wait_for(lambda: moved(db, config_id), 60)
    assert bucket.keys() == ['bad/a.csv', 'bad/a.csv.reason.json']
    assert 'last line' in json.loads(bucket.get('bad/a.csv.reason.json'))['reason']


def test_a_repeat_of_a_move_is_harmless(db, place, bucket):
    """A daemon that died before it had recorded a move finds it done."""
    put(place.landing, 'a.csv')
    bucket.put('in/a.csv', b'id\n1\n')
    bucket.put('old/a.csv', b'id\n1\n')  # copied, and not yet removed
    local = submit(db, f'{place.landing}/*', archive=f'{place.old}/')
    remote = submit(db, bucket.url('in/*'), archive=bucket.url('old/'))
    wait_for(lambda: moved(db, local) and moved(db, remote), 60)
    assert bucket.keys() == ['old/a.csv']
    db.execute('update reportd.report_input set move_at = now(), moved_to = null '
               'where config_id in (%s, %s)', local, remote)
    wait_for(lambda: moved(db, local) and moved(db, remote), 60)
    assert (bucket.keys(), [p.name for p in place.old.iterdir()]) == (['old/a.csv'], ['a.csv'])


@says('Have a file moved away from or to where it may not write.')
def test_moving_needs_the_right_to_write(db):
    db.execute("create role mover login; grant reportd_submitter to mover; "
               "select reportd.grant_source('default', 'public'), "
               "reportd.grant_path('file:///srv/x/', 'mover', 'read'), "
               "reportd.grant_path('/', 'mover'), "
               "reportd.grant_path('s3://landing/in/', 'mover', 'read'), "
               "reportd.grant_path('s3://landing/out/', 'mover', 'write')")
    try:
        with db.connect() as conn:
            conn.execute('set role mover')

            def ask(**spec):
                conn.execute('insert into reportd.report_config (report_name, trigger_type, '
                             'export_sql, inputs) values (%s, %s, %s, %s)', (
                                 'x', 'FILE', 'select 1', json.dumps({'f': spec})))
            ask(path='s3://landing/in/*')
            with pytest.raises(errors.InvalidParameterValue, match='may not read "s3://landing/o'):
                ask(path='s3://landing/other/*')
            with pytest.raises(errors.InvalidParameterValue, match='may not read "s3://landing/\\*'):
                ask(path='s3://landing/*')
            with pytest.raises(errors.InvalidParameterValue, match='may not move files of'):
                ask(path='s3://landing/in/*', archive='s3://landing/out/')
            db.execute("select reportd.grant_path('s3://landing/in/', 'mover', 'write')")
            ask(path='s3://landing/in/*', archive='s3://landing/out/')
            with pytest.raises(errors.InvalidParameterValue, match='may not move files of'):
                ask(path='s3://landing/in/*', archive='s3://landing/secret/')
    finally:
        db.execute("delete from reportd.report_config where owner = 'mover'::regrole; "
                   "delete from reportd.report_grant; drop owned by mover; drop role mover")
