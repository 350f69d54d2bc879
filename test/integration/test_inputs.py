# SPDX-License-Identifier: MIT
"""Files that reports read: each version of each once, whole ones only."""

import json
import os
import re
import socket
import time

import pytest
from psycopg import errors

from lib import process, report
from lib.paths import ROOT
from lib.wait import wait_for
from test_engine_shared import file_of, running_engine

FAST = {'retry_backoff': '100ms', 'retry_backoff_max': '300ms', 'poll_interval': '200ms',
        'workers': 4}
CSV = {'format': 'csv', 'columns': [['id', 'bigint']], 'stable_for': '0 s'}


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory):
    path = tmp_path_factory.mktemp('inputs')
    (path / 'in').mkdir()
    with running_engine(cluster, template, path, {
            'inputs': {'folders': path / 'in', 'rescan': '1s'}}, **FAST) as engine:
        engine.path = path / 'in'
        yield engine


@pytest.fixture
def db(engine):
    return engine.db


@pytest.fixture
def landing(engine, request):
    """A folder of the test's own, which daemons may read."""
    path = engine.path / request.node.name
    path.mkdir()
    return path


def put(folder, name, text='id\n1\n'):
    """Writes a file as a careful sender does; its path."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name('.' + path.name)
    hidden.write_text(text)
    hidden.rename(path)
    return path


def submit(db, folder, pattern='*.csv', trigger='FILE', sql="select :'f__files' as files",
           more=None, **columns):
    return report.submit(db, trigger_type=trigger, export_sql=sql,
                         inputs={'f': {**CSV, 'path': f'{folder}/{pattern}', **(more or {})}},
                         **columns)


def files(db, config_id, *states):
    """Names of the files of a report in these states, in order."""
    return [row.url.rpartition('/')[2] for row in db.query(
        'select url from reportd.v_inputs where config_id = %s and state = any (%s) '
        'order by url, file_id', config_id, list(states))]


def taken(db, config_id):
    """The names that each COMPLETED run was given, in the order of the runs."""
    found = []
    for run in report.runs(db, config_id):
        if run.status == 'COMPLETED' and run.output_url:
            line = file_of(run.output_url).read_text().split('\n', 1)[1].strip()
            found.append([url.rpartition('/')[2]
                          for url in json.loads(line[1:-1].replace('""', '"'))])
    return found


def wait_taken(db, config_id, count, timeout=30):
    """Waits until this many files have been read; all of them by run."""
    def enough():
        runs = taken(db, config_id)
        return runs if sum(map(len, runs)) >= count else None
    return wait_for(enough, timeout, f'{count} files, now {taken(db, config_id)}')


def test_new_files_become_a_request_once(db, landing):
    for name in 'abc':
        put(landing, f'{name}.csv')
    put(landing, 'notes.txt')
    put(landing, 'deeper/d.csv')
    config_id = submit(db, landing)
    assert sorted(sum(wait_taken(db, config_id, 3), [])) == ['a.csv', 'b.csv', 'c.csv']
    put(landing, 'e.csv')
    assert wait_taken(db, config_id, 4)[-1] == ['e.csv']
    assert files(db, config_id, 'DONE') == ['a.csv', 'b.csv', 'c.csv', 'e.csv']
    requests = db.query('select * from reportd.v_requests where config_id = %s', config_id)
    assert {(r.reason, r.status) for r in requests} == {('file', 'COMPLETED')}


def test_files_that_are_gone_are_forgotten(db, landing):
    """After the retention; those that lie there still are not, or they would be read again."""
    purge = (ROOT / 'sql/queue/purge.sql').read_text().replace('$1', "'3600000'").replace('$2', '0')
    gone, here = put(landing, 'a.csv'), put(landing, 'b.csv')
    config_id = submit(db, landing)
    wait_taken(db, config_id, 2)
    gone.unlink()
    db.execute("update reportd.report_input set seen_at = seen_at - interval '1 year' "
               'where config_id = %s', config_id)
    wait_for(lambda: db.value("select count(*) from reportd.report_input where config_id = %s "
                              "and seen_at > now() - interval '1 day'", config_id))
    db.value(purge)
    assert files(db, config_id, 'DONE') == [here.name]


def test_another_content_is_another_version(db, landing):
    put(landing, 'a.csv')
    config_id = submit(db, landing)
    wait_taken(db, config_id, 1)
    put(landing, 'a.csv', 'id\n2\n')
    assert wait_taken(db, config_id, 2) == [['a.csv'], ['a.csv']]


def test_a_request_for_each_file(db, landing):
    for name in 'abcde':
        put(landing, f'{name}.csv')
    config_id = submit(db, landing, more={'batch': 1}, sql="select '[\"' || :'f__url' || '\"]' as files")
    runs = wait_taken(db, config_id, 5)
    assert sorted(runs) == [[f'{name}.csv'] for name in 'abcde']
    assert len({run.request_id for run in report.runs(db, config_id)}) == 5


def test_a_sign_starts_a_report_over_the_files_that_are_there(db, landing):
    text = (ROOT / 'docs/inputs.md').read_text()
    inputs = json.loads(re.search(r'```json\n(\{"sign".*?)```', text, re.S)[1].replace(
        '/srv/landing/orders', str(landing)).replace('\t', ' '))
    inputs['sign'] = {'path': inputs['sign'], 'stable_for': '0 s'}
    inputs['orders']['stable_for'] = '0 s'
    config_id = report.submit(db, trigger_type='FILE', inputs=inputs,
                              export_sql="select :'orders__files' as files")
    for name in 'a.csv', 'b.csv':
        put(landing, name, 'order_id,customer\n1,ann\n')
    wait_for(lambda: files(db, config_id, 'NEW') == ['a.csv', 'b.csv'])
    assert not report.runs(db, config_id)
    put(landing, 'c.done', 'all\n')
    assert wait_taken(db, config_id, 2) == [['a.csv', 'b.csv']]


def test_what_is_not_whole_waits_and_says_why(db, landing):
    put(landing, 'empty.csv', '')
    put(landing, 'short.csv', 'id\n')
    old = put(landing, 'old.csv')
    os.utime(old, (time.time() - 7200,) * 2)
    put(landing, 'part.csv.part')
    os.link(put(landing, 'linked.csv', 'id\n1234\n'), landing / 'other.name')
    (landing / 'link.csv').symlink_to('/etc/passwd')
    config_id = submit(db, landing, more={'min_size': 4, 'max_age': '1 hour'})

    def reasons():
        return {row.url.rpartition('/')[2]: row.reason for row in db.query(
            'select url, reason from reportd.v_inputs where config_id = %s', config_id)}
    found = wait_for(lambda: len(reasons()) == 4 and reasons())
    assert found['empty.csv'] == 'it has no bytes'
    assert found['short.csv'] == 'it has 3 bytes; min_size is 4'
    assert 'older than 1 hour' in found['old.csv']
    assert 'more than one name' in found['linked.csv']
    assert db.value('select reportd.why(%s)', config_id).endswith(
        f'; of its files 0 FAILED and 4 wait: `reportctl inputs {config_id}` or reportd.v_inputs says why')
    assert report.runs(db, config_id) == []
    (landing / 'other.name').unlink()
    assert wait_taken(db, config_id, 1) == [['linked.csv']]


def test_what_is_no_file_to_be_read_is_never_looked_at(db, landing):
    """Names that writers give to what they have not completed, and what is no regular file:
    opening a pipe would wait for ever."""
    for name in '.a.csv', 'a.tmp', 'a.part', 'a.filepart', 'a.crdownload':
        (landing / name).write_text('id\n1\n')
    os.mkfifo(landing / 'pipe.csv')
    (landing / 'folder.csv').mkdir()
    with socket.socket(socket.AF_UNIX) as one:
        # A path of a socket is short.
        at = os.open(landing, os.O_PATH)
        one.bind(f'/proc/self/fd/{at}/socket.csv')
        os.close(at)
    config_id = submit(db, landing, '*')
    put(landing, 'b.csv')
    assert wait_taken(db, config_id, 1) == [['b.csv']]
    assert files(db, config_id, 'NEW', 'TAKEN', 'DONE', 'FAILED') == ['b.csv']


def test_a_file_that_grows_is_not_taken(db, landing):
    path = landing / 'a.csv'
    path.write_text('id\n')
    config_id = submit(db, landing, more={'stable_for': '2 s'})
    sizes = set()
    for i in range(4):
        with path.open('a') as f:
            f.write(f'{i}\n')
        size = path.stat().st_size
        wait_for(lambda: db.value('select count(*) from reportd.v_inputs where config_id = %s '
                                  'and size = %s', config_id, size), 30)
        sizes.add(size)
        assert report.runs(db, config_id) == []
    assert wait_taken(db, config_id, 1) == [['a.csv']]
    # Versions that nobody has taken are forgotten.
    assert db.value('select count(*) from reportd.v_inputs where config_id = %s', config_id) == 1


def test_why_counts_a_failed_file_until_it_is_mended(db, landing):
    put(landing, 'a.csv')
    config_id = submit(db, landing, sql='select 1 / 0', max_retries=0)
    wait_for(lambda: files(db, config_id, 'FAILED') == ['a.csv'])
    why = 'select reportd.why(%s)'
    assert '; of its files 1 FAILED and 0 wait' in db.value(why, config_id)
    db.execute("select reportd.change(%s, %s)", config_id, json.dumps({'export_sql': 'select 1'}))
    put(landing, 'a.csv', 'id\n1\n2\n')
    wait_for(lambda: files(db, config_id, 'DONE') == ['a.csv'])
    assert files(db, config_id, 'FAILED') == ['a.csv']
    assert 'of its files' not in db.value(why, config_id)


def test_a_failed_request_keeps_its_files(db, landing):
    put(landing, 'a.csv')
    config_id = submit(db, landing, sql="select 1 / (:'f__files' like '%%b.csv%%')::int as files",
                       max_retries=0)
    wait_for(lambda: files(db, config_id, 'FAILED') == ['a.csv'])
    put(landing, 'b.csv')
    wait_for(lambda: files(db, config_id, 'DONE') == ['b.csv'])
    assert files(db, config_id, 'FAILED') == ['a.csv']
    reason = db.value("select reason from reportd.v_inputs where config_id = %s and "
                      "state = 'FAILED'", config_id)
    assert 'division by zero' in reason
    # A retry runs with the same files; released, they come with a new request.
    failed = db.value("select request_id from reportd.v_requests where config_id = %s "
                      "and status = 'FAILED'", config_id)
    assert db.value('select reportd.retry(%s, %s)', config_id, failed) == failed
    wait_for(lambda: len(report.runs(db, config_id)) == 3 and
             files(db, config_id, 'FAILED') == ['a.csv'])
    db.execute("select reportd.change(%s, %s)", config_id, json.dumps({'export_sql': 'select 1'}))
    assert db.value("select reportd.release_input(%s, 'f')", config_id) == 1
    wait_for(lambda: files(db, config_id, 'DONE') == ['a.csv', 'b.csv'])
    with pytest.raises(errors.InvalidParameterValue, match='has no FAILED file'):
        db.value('select reportd.release_input(%s)', config_id)


def test_a_run_of_a_schedule_waits_for_its_file(db, landing):
    config_id = submit(db, landing, trigger='SCHEDULED', schedule_expression='0 0 1 1 *')
    request_id = db.value('select reportd.run_now(%s)', config_id)
    why = wait_for(lambda: (w := db.value('select reportd.why(%s)', config_id))
                   and 'a whole new file' in w and w)
    assert f'{landing}/*.csv' in why and str(request_id) in why
    put(landing, 'a.csv')
    assert wait_taken(db, config_id, 1) == [['a.csv']]


def test_a_run_by_hand_waits_for_its_files_alone(db, landing):
    """Not for a report that it follows and of which no run has reached the present."""
    report.submit(db, report_key='first', trigger_type='SCHEDULED', schedule_expression='0 0 1 1 *')
    config_id = submit(db, landing, trigger='SCHEDULED', schedule_expression='0 0 1 1 *', run_after=['first'])
    put(landing, 'a.csv')
    db.value('select reportd.run_now(%s)', config_id)
    assert wait_taken(db, config_id, 1) == [['a.csv']]


def asked_twice(db, landing, before=lambda: None, **columns):
    """A schedule of which two runs wait when one file comes; the report and its requests, of
    which the first has taken the file. `before` is called before the file comes."""
    config_id = submit(db, landing, trigger='SCHEDULED', schedule_expression='0 0 1 1 *',
                       **columns)
    asked = db.query('select reportd.run_now(%s, cascade => true) as id from generate_series(1, 2)',
                     config_id)
    wait_for(lambda: 'a whole new file' in db.value('select reportd.why(%s)', config_id))
    before()
    put(landing, 'a.csv')
    one = wait_for(lambda: db.value('select request_id from reportd.report_input '
                                    'where config_id = %s', config_id))
    return config_id, one, next(row.id for row in asked if row.id != one)


def ended(db, request_id):
    return wait_for(lambda: db.row('select * from reportd.v_requests where request_id = %s '
                                   "and status in ('COMPLETED', 'FAILED')", request_id))


def test_a_request_whose_files_another_has_read_ends_well(db, landing):
    """It would wait for files that were read already, and its children for it."""
    child = []
    config_id, one, other = asked_twice(
        db, landing, report_key='reads',
        result_sql="select 7 as top, coalesce(:'last__top', '0') as last",
        before=lambda: child.append(report.submit(
            db, trigger_type='AFTER', run_after=['reads'],
            export_sql="select :'after__reads__top' as top")))
    assert ended(db, other).status == 'COMPLETED'
    assert f'request {one} has read what came for it' in db.value(
        'select remark from reportd.report_run where request_id = %s', other)
    assert taken(db, config_id) == [['a.csv']]
    wait_for(lambda: [run.status for run in report.runs(db, child[0])] == ['COMPLETED'] * 2)
    # It hands on what the last one did, and the next one waits for files again.
    assert ended(db, other).result == {'top': '7', 'last': '0'}
    third = db.value('select reportd.run_now(%s)', config_id)
    put(landing, 'b.csv')
    assert ended(db, third).result == {'top': '7', 'last': '7'}


def test_a_request_waits_for_the_one_that_has_its_files(db, landing):
    """A failure of that one is said, and its repair releases who waits."""
    db.execute('create table broken (b int); insert into broken values (0)')
    config_id, one, other = asked_twice(
        db, landing, sql="select :'f__files' as files, 1 / (1 - count(*)) from broken")
    assert ended(db, one).status == 'FAILED'
    why = wait_for(lambda: (w := db.value('select reportd.why(%s, %s)', config_id, other))
                   and 'FAILED' in w and w)
    assert f'request {one}, which has taken what came and is FAILED' in why
    db.execute('delete from broken')
    db.value('select reportd.retry(%s, %s)', config_id, one)
    assert ended(db, other).status == 'COMPLETED'


def test_with_batches_of_one_each_request_has_its_file(db, landing):
    config_id, one, other = asked_twice(db, landing, more={'batch': 1}, misfire_policy='ALL')
    assert ended(db, one).status == 'COMPLETED' and one < other
    assert 'a whole new file' in db.value('select reportd.why(%s, %s)', config_id, other)
    put(landing, 'b.csv')
    assert ended(db, other).status == 'COMPLETED'
    assert taken(db, config_id) == [['a.csv'], ['b.csv']]


def test_a_single_report_reads_the_latest_file(db, landing):
    for i, name in enumerate(['z.csv', 'a.csv', 'm.csv']):
        path = put(landing, name)
        os.utime(path, (time.time() - 100 + i,) * 2)
    config_id = submit(db, landing, trigger='ADHOC', more={'use': 'latest'})
    assert report.wait_done(db, config_id).status == 'COMPLETED'
    assert taken(db, config_id) == [['m.csv']]
    config_id = submit(db, landing, trigger='ADHOC', more={'use': 'all'})
    assert report.wait_done(db, config_id).status == 'COMPLETED'
    assert taken(db, config_id) == [['z.csv', 'a.csv', 'm.csv']]


def test_no_older_file_takes_the_place_of_a_latest_one_that_is_not_whole(db, landing):
    os.utime(put(landing, 'old.csv'), (time.time() - 100,) * 2)
    put(landing, 'new.csv', '')
    config_id = submit(db, landing, trigger='ADHOC', more={'use': 'latest'})
    assert wait_for(lambda: (w := db.value('select reportd.why(%s)', config_id))
                    and 'it has no bytes' in w and w).count('new.csv') == 1
    every = submit(db, landing, trigger='ADHOC', more={'use': 'all'})
    assert report.wait_done(db, every).status == 'COMPLETED'
    assert taken(db, every) == [['old.csv']] and taken(db, config_id) == []
    put(landing, 'new.csv')
    assert report.wait_done(db, config_id).status == 'COMPLETED'
    assert taken(db, config_id) == [['new.csv']]


def test_without_required_nothing_is_awaited(db, landing):
    config_id = submit(db, landing, trigger='ADHOC', more={'required': False},
                       sql="select :'f__files' as files, :'f__url' as url")
    assert report.wait_done(db, config_id).status == 'COMPLETED'
    run = report.runs(db, config_id)[-1]
    assert file_of(run.output_url).read_text() == 'files,url\n[],\n'


def test_the_folder_of_the_settings_itself(db, engine):
    put(engine.path, 'at_the_top.csv')
    config_id = submit(db, engine.path)
    assert wait_taken(db, config_id, 1) == [['at_the_top.csv']]


def test_folders_within(db, landing):
    for name in 'day=1/a.csv', 'day=2/b.csv', 'day=2/x/c.csv', 'other/d.csv', '.day/e.csv':
        put(landing, name)
    config_id = submit(db, landing, 'day=*/*.csv')
    assert sorted(sum(wait_taken(db, config_id, 2), [])) == ['a.csv', 'b.csv']
    config_id = submit(db, landing, '**.csv')
    assert sorted(sum(wait_taken(db, config_id, 4), [])) == ['a.csv', 'b.csv', 'c.csv', 'd.csv']
    config_id = submit(db, landing, '**/?.csv')
    assert len(sum(wait_taken(db, config_id, 4), [])) == 4


def test_reportctl_lists_files(db, engine, landing):
    put(landing, 'a.csv')
    put(landing, 'b.csv', '')
    config_id = submit(db, landing, report_key='listed')
    wait_for(lambda: files(db, config_id, 'DONE') and files(db, config_id, 'NEW'))

    def ctl(*args):
        return process.reportctl(engine.conf, 'inputs', *args)
    rows = json.loads(ctl('listed', '--json').stdout)
    assert {(row['url'].rpartition('/')[2], row['state'], row['reason']) for row in rows} == {
        ('a.csv', 'DONE', None), ('b.csv', 'NEW', 'it has no bytes')}
    text = ctl(str(config_id), '--state', 'new').stdout
    assert 'b.csv' in text and 'it has no bytes' in text and 'a.csv' not in text
    assert ' new files ' in process.reportctl(engine.conf, 'list', 'listed').stdout
    wrong = ctl('--state', 'OLD')
    assert wrong.returncode == 2 and 'NEW, TAKEN' in wrong.stderr


def test_reportctl_submits_and_mends_inputs(db, engine, landing):
    def ctl(*args, code=0):
        done = process.reportctl(engine.conf, *args)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr
    config_id = int(ctl('submit', '--name', 'ctl', '--input', f'f={landing}/*.csv', '--inputs',
                        json.dumps({'g': {'path': f'{landing}/*.txt', 'required': False}}),
                        '--sql', "select :'f__files' as f, 1 / (:'g__files' <> '[]')::int",
                        '--path', 'x_{request_id}.csv', '--max-retries', '0'))
    row = report.config(db, config_id)
    assert (row.trigger_type, row.inputs['f'], row.inputs['g']['required']) == (
        'FILE', {'path': f'{landing}/*.csv'}, False)
    put(landing, 'a.csv')
    wait_for(lambda: files(db, config_id, 'FAILED') == ['a.csv'])
    places = json.loads(ctl('inputs', str(config_id), '--places', '--json'))
    assert [(p['input'], p['path'], p['error']) for p in places] == [
        ('f', f'{landing}/*.csv', None), ('g', f'{landing}/*.txt', None)]
    assert f'{landing}/*.csv' in ctl('inputs', str(config_id), '--places')
    db.execute("update reportd.report_config set is_active = false where config_id = %s", config_id)
    assert 'has no FAILED file of input "g" that' in ctl(
        'inputs', str(config_id), '--release', '--input', 'g', code=1)
    assert f'the input "f" of report {config_id} has no quarantine' in ctl(
        'inputs', str(config_id), '--quarantine', code=1)
    assert ctl('inputs', str(config_id), '--release', '--url', f'{landing}/a.csv') == \
        '1 file released\n'
    assert files(db, config_id, 'NEW') == ['a.csv']
    for args, message in [(('inputs', '--release'), 'need a report'),
                          (('inputs', '--url', 'x'), 'are for --release'),
                          (('inputs', '1', '--release', '--places'), 'exclude each other'),
                          (('submit', '--name', 'x', '--inputs', '[]'), 'must be a JSON object')]:
        assert message in ctl(*args, code=2)


def test_a_folder_that_nobody_may_read(db, landing, tmp_path):
    with pytest.raises(errors.InvalidParameterValue, match='no daemon reads the folder'):
        submit(db, tmp_path)


@pytest.mark.parametrize('inputs, message', [
    ({}, 'inputs is no object'),
    ({'F': '/srv/in/*'}, '"F" is not a name'),
    ({'a__b': '/srv/in/*'}, 'is not a name'),
    ({'f': 7}, 'neither a path nor an object'),
    ({'f': {'path': '/srv/in/*', 'glob': 1}}, 'has no "glob"'),
    ({'f': {'path': 'in/*.csv'}}, 'no path that can be read'),
    ({'f': {'path': '/srv/../etc/*'}}, 'begins with a dot'),
    ({'f': {'path': '/srv/in//*'}}, 'an empty part'),
    ({'f': {'path': 's3://B/*'}}, "bucket's name"),
    ({'f': {'path': 's3://buck*/x'}}, "bucket's name"),
    ({'f': {'path': 'ftp://host/x'}}, 'no path that can be read'),
    ({'f': {'path': 'http://host/x.csv'}}, 'no URL that can be read'),
    ({'f': {'path': '/srv/in/' + '*a' * 21}}, 'more than 20 stars'),
    ({'f': {'path': '/srv/in/*', 'use': 'old'}}, 'use" is "old"'),
    ({'f': {'path': '/srv/in/*', 'format': 'xml'}}, 'format" is "xml"'),
    ({'f': {'path': '/srv/in/*', 'batch': 1001}}, 'batch" is 1001'),
    ({'f': {'path': '/srv/in/*', 'batch': 1.5}}, 'batch" is 1.5'),
    ({'f': {'path': '/srv/in/*', 'min_size': -1}}, 'min_size" is -1'),
    ({'f': {'path': '/srv/in/*', 'max_age': 'soon'}}, 'is no time'),
    ({'f': {'path': '/srv/in/*', 'stable_for': '-1 s'}}, 'is no time'),
    ({'f': {'path': '/srv/in/*', 'required': 'yes'}}, 'must be a boolean'),
    ({'f': {'path': '/srv/in/*', 'format': 'csv'}}, 'csv without "columns"'),
    ({'f': {'path': '/srv/in/*', 'format': 'csv', 'columns': [['a', 'int; drop']]}}, 'no column'),
    ({'f': {'path': '/srv/in/*', 'format': 'csv', 'columns': []}}, 'no column'),
    ({'f': {'path': '/srv/in/*', 'format': 'csv', 'normalize_names': True, 'header': False}},
     'without a header'),
    ({'f': {'path': '/srv/in/*', 'delimiter': ';'}}, 'for the format csv'),
    ({'f': {'path': '/srv/in/*', 'archive': '/srv/in/old/'}}, 'holds /srv/in/old/ as well'),
    ({'f': {'path': '/srv/in/*', 'archive': '/srv/old'}}, 'is no folder'),
    ({'f': {'path': '/srv/in/*', 'quarantine': 's3://bucket/bad/'}}, 'between a local folder'),
])
def test_a_wrong_input_is_refused(db, inputs, message):
    with pytest.raises(errors.InvalidParameterValue, match=message) as e:
        report.submit(db, inputs=inputs)
    assert e.value.diag.message_hint


def test_a_file_report_is_checked(db):
    inputs = {'f': 's3://landing/*'}
    for columns, message in (
            ({}, 'FILE without an input'),
            ({'inputs': {'f': {'path': 's3://landing/*', 'use': 'all'}}}, 'FILE without an input'),
            ({'inputs': inputs, 'schedule_expression': '0 0 * * *'}, 'but is FILE'),
            ({'inputs': inputs, 'output_path': 'x.csv'}, r'lacks \{request_id\}'),
            ({'inputs': {'f': 's3://landing/*'}, 'output_path': 's3://landing/x_{request_id}.csv'},
             'holds s3://landing/x_'),
            ({'inputs': inputs, 'parameters': {'f__url': 'x'}}, 'are those of the input')):
        with pytest.raises(errors.InvalidParameterValue, match=message):
            report.submit(db, trigger_type='FILE', **columns)


def test_a_listing_of_several_pages_counts_each_name_once(cluster, template, tmp_path):
    folder = tmp_path / 'in'
    folder.mkdir()
    for number in range(1100):
        (folder / f'{number}.csv').write_text('id\n1\n')
    with running_engine(cluster, template, tmp_path, {
            'inputs': {'folders': folder, 'rescan': '1s', 'max_files': 1500}}, **FAST) as one:
        config_id = submit(one.db, folder)
        wait_for(lambda: len(files(one.db, config_id, 'DONE')) == 1100 or None, 60, 'all files')
        assert one.db.row('select files, error from reportd.report_zone') == (1100, None)


def test_the_kernel_tells_of_files(cluster, template, tmp_path):
    (tmp_path / 'in').mkdir()
    with running_engine(cluster, template, tmp_path, {
            'inputs': {'folders': tmp_path / 'in', 'rescan': '1h'}}, **FAST) as one:
        config_id = submit(one.db, tmp_path / 'in')
        zone = 'select listed_at from reportd.v_zones where config_id = %s'
        wait_for(lambda: one.db.value(zone, config_id))
        # Listening begins a moment after the first listing: what comes before is told by
        # the next file.
        for number in range(100):
            put(tmp_path / 'in', f'{number}.csv')
            time.sleep(0.2)
            if taken(one.db, config_id):
                break
        wait_taken(one.db, config_id, 1)
        count = sum(map(len, taken(one.db, config_id)))
        for number in range(3):
            put(tmp_path / 'in', f'more_{number}.csv')
            wait_for(lambda: f'more_{number}.csv' in files(one.db, config_id, 'DONE'))
        assert sum(map(len, taken(one.db, config_id))) >= count + 3


def put_many(folder, count):
    for i in range(count):
        (folder / f'{i:04}.csv').write_text('id\n1\n')


def test_more_files_than_a_run_may_read_fail(db, landing):
    put_many(landing, 1005)
    config_id = submit(db, landing, trigger='ADHOC', more={'use': 'all'}, max_retries=2)
    row = report.wait_done(db, config_id)
    assert row.status == 'FAILED'
    assert 'input "f": 1005 files are there, and a request reads 1000 at most' in row.error_message
    assert len(report.runs(db, config_id)) == 1
    for i in range(5):
        (landing / f'{i:04}.csv').unlink()
    db.value('select reportd.run_now(%s)', config_id)
    assert len(wait_taken(db, config_id, 1000)[0]) == 1000


def test_new_files_beyond_a_request_are_said(db, landing):
    put_many(landing, 1005)
    config_id = submit(db, landing, trigger='SCHEDULED', schedule_expression='0 0 1 1 *')
    db.value('select reportd.run_now(%s)', config_id)
    assert len(wait_taken(db, config_id, 1000)[0]) == 1000
    assert report.runs(db, config_id)[0].remark == \
        '5 new files of input "f" left to the next request, as one takes 1000 at most'
    assert db.value('select reportd.why(%s)', config_id).endswith(
        '; 5 new files left to the next request')
    db.value('select reportd.run_now(%s)', config_id)
    assert len(wait_taken(db, config_id, 1005)[1]) == 5
    assert report.runs(db, config_id)[1].remark is None
    assert 'left to' not in db.value('select reportd.why(%s)', config_id)


def test_a_claim_looks_at_a_part_of_many_files(db, landing):
    """All reports wait for it, and a folder may have 100,000 of them."""
    put_many(landing, 230)
    config_id = submit(db, landing, trigger='SCHEDULED', schedule_expression='0 0 1 1 *',
                       more={'batch': 5})
    every = submit(db, landing, trigger='SCHEDULED', schedule_expression='0 0 1 1 *',
                   more={'use': 'all', 'min_size': 6, 'required': False})
    for one, remark in ((config_id, 'at least 200 new files of input "f" left to the next request'),
                        (every, 'at least 200 files of input "f" left out: ')):
        db.value('select reportd.run_now(%s)', one)
        assert report.wait_done(db, one).status == 'COMPLETED'
        assert report.runs(db, one)[0].remark.startswith(remark)


def test_what_is_left_out_of_all_files_is_said(db, landing):
    put(landing, 'a.csv')
    put(landing, 'empty.csv', '')
    put(landing, 'short.csv', 'id\n')
    put(landing, 'torn.csv', 'id\n1234')
    config_id = submit(db, landing, trigger='ADHOC', more={'use': 'all', 'min_size': 4})
    assert wait_taken(db, config_id, 1) == [['a.csv']]
    assert report.runs(db, config_id)[0].remark == (
        f'2 files of input "f" left out: {landing}/empty.csv: it has no bytes; '
        '1 file of input "f" left out: its last line does not end: it is not whole')
    assert '; of its files 0 FAILED and 3 wait' in db.value('select reportd.why(%s)', config_id)
