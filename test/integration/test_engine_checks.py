# SPDX-License-Identifier: MIT
"""What an INSERT or UPDATE of report_config refuses, and what it says then."""

import itertools

import psycopg
import pytest
from psycopg import errors
from psycopg.types.json import Jsonb

from lib import report
import test_engine_shared  # noqa: F401 (reads infinity)

pytestmark = pytest.mark.shipped

STATUSES = ['PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED']
ALLOWED = {('PENDING', 'PROCESSING'), ('PENDING', 'CANCELLED'),
           ('PROCESSING', 'PENDING'), ('PROCESSING', 'COMPLETED'),
           ('PROCESSING', 'FAILED'), ('PROCESSING', 'CANCELLED'),
           ('COMPLETED', 'PENDING'), ('FAILED', 'PENDING'),
           ('CANCELLED', 'PENDING')}


@pytest.fixture(scope='module')
def queue(cluster, template):
    """One database for all: what is refused leaves nothing."""
    db = cluster.create(template)
    yield db
    db.drop()


def refused(db, **columns):
    """Inserts a row that must be refused; the diagnostics of the error."""
    before = db.value('select count(*) from reportd.report_config')
    with pytest.raises(psycopg.Error) as error:
        report.submit(db, **columns)
    assert error.value.sqlstate == '22023', error.value
    assert db.value('select count(*) from reportd.report_config') == before
    return error.value.diag


SCHEDULED = {'trigger_type': 'SCHEDULED', 'schedule_expression': '0 6 * * *'}

# columns, what the message says, what the hint says
WRONG = [
    ({'report_name': ''}, 'report_name', ''),
    ({'report_name': ' \t'}, 'report_name', ''),
    ({'report_name': 'two\nlines'}, 'report_name', ''),
    ({'report_name': 'bell\x07'}, 'report_name', ''),
    ({'report_name': 'x' * 201}, 'report_name', ''),
    ({'report_name': None}, 'report_name', ''),
    ({'trigger_type': 'WEEKLY'}, '"WEEKLY"', 'SCHEDULED'),
    ({'trigger_type': None}, 'trigger_type', 'ADHOC'),
    ({'trigger_type': 'SCHEDULED'}, 'without a schedule_expression', '0 6 * * 1-5'),
    ({'schedule_expression': '0 6 * * *'}, 'is ADHOC', "'SCHEDULED'"),
    ({**SCHEDULED, 'schedule_expression': '0 25 * * *'}, 'hour "25"', '0 to 23'),
    ({**SCHEDULED, 'schedule_expression': '0 6 * *'}, '4 fields', '30 6 * * 1-5'),
    ({**SCHEDULED, 'schedule_expression': '* * * * * *'}, '6 fields', 'seconds'),
    ({**SCHEDULED, 'schedule_expression': ''}, 'fields', ''),
    ({**SCHEDULED, 'schedule_expression': '0 0 30 2 *'}, 'never occurs', 'L'),
    ({**SCHEDULED, 'schedule_expression': '@reboot'}, '@reboot', 'schedule out'),
    ({**SCHEDULED, 'schedule_expression': 'every day'}, 'every day', ''),
    ({**SCHEDULED, 'schedule_expression': '0 6 * * *; drop table x'}, 'fields', ''),
    ({**SCHEDULED, 'time_zone': 'Europe/Atlantis'}, 'Europe/Atlantis', 'pg_timezone_names'),
    ({**SCHEDULED, 'time_zone': '+02:00'}, '+02:00', 'Europe/Berlin'),
    ({**SCHEDULED, 'time_zone': ''}, 'time zone', 'Europe/Berlin'),
    ({'time_zone': 'Europe/Atlantis'}, 'Europe/Atlantis', 'pg_timezone_names'),
    ({'time_zone': None}, 'time', ''),
    ({**SCHEDULED, 'next_run_time': '2026-01-01', 'schedule_expression': 'x'}, 'has 1 field; it needs 5', ''),
    ({**SCHEDULED, 'misfire_policy': 'FIRST'}, '"FIRST"', 'LATEST'),
    ({'misfire_policy': None}, 'misfire_policy', 'LATEST'),
    ({'status': 'PROCESSING'}, 'PROCESSING', 'PENDING'),
    ({'status': 'DONE'}, 'DONE', 'PENDING'),
    ({'status': None}, 'status', 'PENDING'),
    ({'priority': 0}, 'priority 0', '1 (first) to 5'),
    ({'priority': 6}, 'priority 6', '1 (first) to 5'),
    ({'priority': None}, 'priority null', '1 (first) to 5'),
    ({'max_retries': -1}, 'max_retries -1', '0 (no retry)'),
    ({'max_retries': 101}, 'max_retries 101', '0 (no retry)'),
    ({'max_retries': None}, 'max_retries null', '0 (no retry)'),
    ({'timeout': '0'}, 'timeout', '10 minutes'),
    ({'timeout': '-1 second'}, 'timeout', '10 minutes'),
    ({'timeout': '400 microseconds'}, 'shorter than a millisecond', '10 minutes'),
    ({'prep_sql': '-- soon'}, 'prep_sql holds no statement', 'null'),
    ({'export_sql': None}, 'neither prep_sql nor export_sql', 'export_sql'),
    ({'export_sql': '', 'prep_sql': ' \n\t'}, 'neither prep_sql nor export_sql', ''),
    ({'export_sql': 'select 1 --' + 'x' * (1 << 20)}, '1 MiB', 'function'),
    ({'output_format': 'DOCX'}, '"DOCX"', 'CSV'),
    ({'output_format': ''}, '""', 'CSV'),
    ({'output_format': None}, 'output_format', 'CSV'),
    ({'source': None}, 'source', ''),
    ({'source': ''}, 'source', ''),
    # parameters
    ({'parameters': Jsonb([1])}, 'JSON object', '{"month"'),
    ({'parameters': Jsonb('text')}, 'JSON object', ''),
    ({'parameters': Jsonb(None)}, 'JSON object', ''),
    ({'parameters': {'a b': 1}}, '"a b"', 'letters'),
    ({'parameters': {'': 1}}, '""', 'letters'),
    ({'parameters': {'1a': 1}}, '"1a"', 'letters'),
    ({'parameters': {"x'": 1}}, '"x\'"', 'letters'),
    ({'parameters': {'ä': 1}}, '"ä"', 'letters'),
    ({'parameters': {'x' * 64: 1}}, 'x' * 64, 'letters'),
    ({'parameters': {'a\nb': 1}}, 'is not a name', 'letters'),
    ({'parameters': {'a\n': 1}}, 'is not a name', 'letters'),
    ({'parameters': {'run_id': 1}}, 'built in', 'another name'),
    ({'parameters': {'scheduled_for': 1}}, 'built in', 'another name'),
    # options
    ({'output_options': Jsonb([])}, 'JSON object', 'delimiter'),
    ({'output_options': Jsonb(';')}, 'JSON object', 'delimiter'),
    ({'output_options': {'delimeter': ';'}}, 'no option "delimeter"', 'delimiter'),
    ({'output_options': {'Delimiter': ';'}}, 'no option "Delimiter"', 'delimiter'),
    ({'output_options': {'delimiter': 1}}, '"delimiter" must be a string', ''),
    ({'output_options': {'delimiter': None}}, 'must be a string', ''),
    ({'output_options': {'delimiter': ''}}, 'single-byte', ''),
    ({'output_options': {'delimiter': ';;'}}, 'single-byte', ''),
    ({'output_options': {'delimiter': '\n'}}, 'single-byte', ''),
    ({'output_options': {'delimiter': '"'}}, 'single-byte', ''),
    ({'output_options': {'delimiter': '…'}}, 'single-byte', ''),
    ({'output_options': {'header': 'yes'}}, 'must be a boolean', ''),
    ({'output_options': {'quote': 'some'}}, 'must be one of minimal|all|nonnumeric', ''),
    ({'output_options': {'null': 'a,b'}}, '"null"', 'NULL'),
    ({'output_options': {'null': '"'}}, '"null"', 'NULL'),
    ({'output_options': {'null': 'a\nb'}}, '"null"', 'NULL'),
    ({'output_options': {'null': 'a;b', 'delimiter': ';'}}, '"null"', 'NULL'),
    ({'output_options': {'line_ending': 'cr'}}, 'must be one of lf|crlf', ''),
    ({'output_options': {'bom': 1}}, 'must be a boolean', ''),
    ({'output_options': {'bom': True, 'encoding': 'LATIN1'}}, 'bom', 'UTF8'),
    ({'output_options': {'encoding': 'UTF-16'}}, 'UTF-16', 'LATIN1'),
    ({'output_options': {'encoding': ''}}, 'encoding', 'LATIN1'),
    ({'output_options': {'decimal_comma': True}}, 'decimal_comma', '";"'),
    ({'output_options': {'decimal_comma': True, 'delimiter': ','}}, 'decimal_comma', '";"'),
    ({'output_options': {'formula_guard': None}}, 'must be a boolean', ''),
    # paths
    ({'output_path': ''}, 'output_path', 'null'),
    ({'output_path': 'a\tb.csv'}, 'control characters', ''),
    ({'output_path': '../x.csv'}, 'climbs out', 'below'),
    ({'output_path': 'a/../../x.csv'}, 'climbs out', 'below'),
    ({'output_path': '..'}, 'climbs out', 'below'),
    ({'output_path': 'file:///../x.csv'}, 'climbs out', 'below'),
    ({'output_path': 'ftp://host/x.csv'}, '"ftp://"', 'file:///'),
    ({'output_path': 'http://host/x.csv'}, '"http://"', 'file:///'),
    ({'output_path': 'directory/'}, 'ends in /', '{report_name}'),
    ({'output_path': '.'}, 'begins with a dot', 'hidden'),
    ({'output_path': 'z/.'}, 'begins with a dot', 'hidden'),
    ({'output_path': '.ssh/authorized_keys'}, 'begins with a dot', 'hidden'),
    ({'output_path': 'a/.{report_name}.csv'}, 'begins with a dot', 'hidden'),
    ({'output_path': 'a..b/...csv'}, 'begins with a dot', 'hidden'),
    ({'output_path': 's3:/bucket/a.csv'}, 'two slashes', 's3://bucket/key'),
    ({'output_path': 's3:bucket/a.csv'}, 'two slashes', 's3://bucket/key'),
    ({'output_path': 'File:/srv/a.csv'}, 'two slashes', 'file:///path'),
    ({'output_path': 'gs:/bucket/a.csv'}, 'two slashes', 's3://bucket/key'),
    ({'output_path': 'file://srv/a.csv'}, 'another host', 'file:///path'),
    # a file's name that promises another format
    ({'output_path': 'a.csv', 'output_format': 'XLSX'}, '.csv, and output_format is XLSX',
     '.xlsx or .{ext}, or set output_format to CSV'),
    ({'output_path': 's3://bucket/a.XLSX'}, '.xlsx, and output_format is CSV', 'to XLSX'),
    ({'output_path': '%Y.csv.gz', 'output_format': 'JSONL',
      'output_options': {'compress': 'gzip'}}, 'ends in .csv', '.jsonl'),
    ({'output_path': '{ext}.pdf', 'output_format': 'PDF,HTML'}, 'PDF,HTML', '.html'),
    # SQL that is none
    ({'export_sql': '-- to be written'}, 'only comments', 'select'),
    ({'export_sql': '/* a; /* b */ c */ ; ;'}, 'only comments', 'select'),
    ({'export_sql': '/* a /* b */ c */'}, 'only comments', 'select'),
    ({'export_sql': ' ;;\n-- a\r-- b'}, 'only comments', 'select'),
    ({'output_path': '%Y%q.csv'}, '"%q"', '%Y'),
    ({'output_path': '100%'}, '%', '%%'),
    ({'output_path': '{nobody}.csv'}, '"{nobody}"', '{report_name}'),
    ({'output_path': '{}.csv'}, '"{}"', '{report_name}'),
    ({'output_path': '{REPORT_NAME}.csv'}, '"{REPORT_NAME}"', '{report_name}'),
    ({'output_path': '{report_name.csv'}, 'brace', '{name}'),
    ({'output_path': 'report_name}.csv'}, 'brace', '{name}'),
    ({'output_path': '{{report_name}}.csv'}, 'brace', '{name}'),
]


@pytest.mark.parametrize('columns, message, hint', WRONG,
                         ids=lambda v: str(v)[:50] if isinstance(v, dict) else '')
def test_a_wrong_row_is_refused_and_told_what_to_write(queue, columns, message, hint):
    diag = refused(queue, **columns)
    told = f'{diag.message_primary}\n{diag.message_hint or ""}'
    assert message in diag.message_primary, told
    assert hint in told


@pytest.mark.parametrize('columns', [c for c, _, _ in WRONG if c.keys() <= {
    'report_name', 'time_zone', 'priority', 'timeout', 'output_format', 'parameters',
    'output_options', 'output_path', 'export_sql', 'max_retries'}
    and c.get('parameters') != Jsonb(None)
    # each of its columns is wrong by itself
    and not {'output_path', 'output_format'} <= c.keys()],
    ids=lambda c: str(c)[:50])
def test_a_wrong_update_is_refused_as_well(queue, columns):
    db = queue
    config_id = report.submit(db, report_name='sound')
    before = report.config(db, config_id)
    for name, value in columns.items():
        with pytest.raises(psycopg.Error) as error:
            db.execute(f'update reportd.report_config set {name} = %s '
                       'where config_id = %s',
                       Jsonb(value) if isinstance(value, dict) else value, config_id)
        assert error.value.sqlstate == '22023', error.value
    assert report.config(db, config_id) == before
    db.execute('delete from reportd.report_config where config_id = %s', config_id)


RIGHT = [
    ({'trigger_type': 'adhoc'}, {'trigger_type': 'ADHOC'}),
    ({**SCHEDULED, 'trigger_type': 'Scheduled'}, {'trigger_type': 'SCHEDULED'}),
    ({**SCHEDULED, 'misfire_policy': 'skip'}, {'misfire_policy': 'SKIP'}),
    ({'status': 'pending'}, {'status': 'PENDING'}),
    ({'output_format': 'csv'}, {'output_format': 'CSV'}),
    ({'output_format': 'Csv'}, {'output_format': 'CSV'}),
    ({'report_name': 'Ümsätze 2026 / Q1 – 東京 "x" \'y\''}, {}),
    ({'report_name': 'x' * 200}, {}),
    ({'priority': 1}, {}), ({'priority': 5}, {}),
    ({'max_retries': 0}, {}), ({'max_retries': 100}, {}),
    ({'prep_sql': 'select 1', 'export_sql': None}, {}),
    ({'export_sql': ' \n select 1 \t'}, {'export_sql': 'select 1'}),
    ({'export_sql': 'select 1', 'prep_sql': '  '}, {'prep_sql': None}),
    ({'parameters': None}, {'parameters': {}}),
    ({'output_options': None}, {'output_options': {}}),
    ({'parameters': {'a': None, '_B9': [1], 'x' * 63: {'y': 1}}}, {}),
    ({'output_options': {'delimiter': '\t', 'header': False, 'quote': 'all',
                         'null': 'NULL', 'line_ending': 'crlf', 'bom': True,
                         'encoding': 'UTF8', 'decimal_comma': True,
                         'formula_guard': True}}, {}),
    ({'output_path': 'a..b/c...csv'}, {}),
    ({'output_path': '09:00/a:b.csv'}, {}),
    ({'output_path': 's3://bucket/.well-known/a.csv'}, {}),
    ({'output_path': 'a.txt'}, {}), ({'output_path': 'csv', 'output_format': 'XLSX'}, {}),
    ({'output_path': 'a.v1.csv.zst'}, {}),
    ({'output_path': '{report_name}.{ext}', 'output_format': 'EXCEL,CSV'}, {}),
    ({'export_sql': '-- why\nselect 1'}, {}), ({'export_sql': '/* a */ /* b */select 1'}, {}),
    ({'export_sql': '/* a /* b */ c */ select 1;'}, {}),
    ({'export_sql': "select '-- no comment'"}, {}), ({'export_sql': 'values (-1)'}, {}),
    ({'output_path': '%Y/%m/%d/%H%M%S %j %y %b %B %a %A %u %V %G %F %T %z %s 100%%.csv'}, {}),
    ({'output_path': '{report_name}/{config_id}-{run_id}-{scheduled_for}-{p}.{ext}',
      'parameters': {'p': 1}}, {}),
    ({'output_path': 'file:///srv/x.csv'}, {}),
    ({'output_path': '/srv/x.csv'}, {}),
    ({'timeout': '1 day'}, {}), ({'timeout': '1 millisecond'}, {}),
    ({'export_sql': '\ufeffselect 1', 'prep_sql': '\ufeff'},
     {'export_sql': 'select 1', 'prep_sql': None}),
]


@pytest.mark.parametrize('columns, becomes', RIGHT,
                         ids=lambda v: str(v)[:50] if isinstance(v, dict) else '')
def test_a_sound_row_is_taken(queue, columns, becomes):
    config_id = report.submit(queue, **columns)
    row = report.config(queue, config_id)
    assert row.status == 'PENDING'
    for name, value in becomes.items():
        assert getattr(row, name) == value
    queue.execute('delete from reportd.report_config where config_id = %s', config_id)


def test_a_new_row_has_sound_defaults(queue):
    row = report.config(queue, report.submit(queue, report_name='plain'))
    assert (row.trigger_type, row.status, row.time_zone, row.misfire_policy) == (
        'ADHOC', 'PENDING', 'UTC', 'LATEST')
    assert (row.priority, row.max_retries, row.current_retries, row.attempt) == (3, 3, 0, 0)
    assert (row.source, row.output_format, row.is_active) == ('default', 'CSV', True)
    assert row.created_by == queue.cluster.user
    assert row.next_run_time is None and row.last_run_time is None
    assert row.due_at == row.created_timestamp == row.scheduled_for


def test_a_schedule_knows_its_next_time_at_once(queue):
    row = report.config(queue, report.submit(
        queue, report_name='yearly', time_zone='Asia/Tokyo',
        trigger_type='SCHEDULED', schedule_expression='0 6 1 1 *'))
    assert row.next_run_time == queue.value(
        "select reportd.next_run('0 6 1 1 *', 'Asia/Tokyo', now())")
    assert row.status == 'PENDING'
    assert queue.value('select count(*) from reportd.v_pending_reports '
                       'where config_id = %s', row.config_id) == 0


def test_a_changed_schedule_has_a_new_next_time(queue):
    config_id = report.submit(queue, report_name='changes', **SCHEDULED)
    for column, value in (('schedule_expression', '30 7 1 * *'),
                          ('time_zone', 'America/New_York')):
        queue.execute(f'update reportd.report_config set {column} = %s '
                      'where config_id = %s', value, config_id)
        row = report.config(queue, config_id)
        assert row.next_run_time == queue.value(
            'select reportd.next_run(%s, %s, now())',
            row.schedule_expression, row.time_zone)


def at(db, status):
    """A report brought to this status by the allowed steps."""
    config_id = report.submit(db, report_name=status)
    steps = {'PENDING': [], 'PROCESSING': ['PROCESSING'], 'CANCELLED': ['CANCELLED'],
             'COMPLETED': ['PROCESSING', 'COMPLETED'],
             'FAILED': ['PROCESSING', 'FAILED']}[status]
    for step in steps:
        move(db, config_id, step)
    return config_id


def move(db, config_id, status):
    db.execute('update reportd.report_config set status = %s where config_id = %s',
               status, config_id)


@pytest.mark.parametrize('old, new', itertools.permutations(STATUSES, 2))
def test_sql_keeps_the_transition_table(queue, old, new):
    config_id = at(queue, old)
    if (old, new) in ALLOWED:
        move(queue, config_id, new)
        assert report.config(queue, config_id).status == new
    else:
        with pytest.raises(errors.InvalidParameterValue) as error:
            move(queue, config_id, new)
        assert f'from {old} to {new}' in error.value.diag.message_primary
        assert 'run_now' in error.value.diag.message_hint
        assert report.config(queue, config_id).status == old


@pytest.mark.parametrize('old', ['COMPLETED', 'FAILED', 'CANCELLED'])
def test_an_ended_report_that_is_set_to_pending_starts_afresh(queue, old):
    config_id = at(queue, old)
    queue.execute("update reportd.report_config set attempt = 4, current_retries = 3, "
                  "error_message = 'old', error_timestamp = now(), "
                  "due_at = now() - interval '1 day' where config_id = %s", config_id)
    move(queue, config_id, 'PENDING')
    row = report.config(queue, config_id)
    assert (row.attempt, row.current_retries, row.error_message,
            row.error_timestamp) == (0, 0, None, None)
    assert queue.value("select due_at > now() - interval '1 minute' "
                       'from reportd.report_config where config_id = %s', config_id)


def test_an_endless_time_is_refused_or_harmless(queue):
    """One row must not break the view for all."""
    try:
        config_id = report.submit(queue, report_name='endless', due_at='-infinity')
    except errors.InvalidParameterValue:
        return
    try:
        queue.execute('select * from reportd.v_pending_reports')
    finally:
        queue.execute('delete from reportd.report_config where config_id = %s', config_id)


# The functions.

def test_submit_takes_what_an_insert_takes(queue):
    row = report.config(queue, queue.value("""
        select reportd.submit('by function', 'select 1', 'select 2',
            parameters => '{"a": 1}', priority => 2, source => 'other',
            report_type => 'sales', schedule_expression => '@daily',
            time_zone => 'Europe/Berlin', misfire_policy => 'ALL',
            timeout => '5 min', max_retries => 1, output_path => '{a}.csv',
            output_options => '{"header": false}',
            notify_on_failure => array['mailto:x@example.com'])"""))
    assert (row.report_name, row.export_sql, row.prep_sql, row.parameters,
            row.priority, row.source, row.report_type, row.trigger_type,
            row.schedule_expression, row.time_zone, row.misfire_policy,
            row.timeout.total_seconds(), row.max_retries, row.output_path,
            row.output_options, row.notify_on_failure) == (
        'by function', 'select 1', 'select 2', {'a': 1}, 2, 'other', 'sales',
        'SCHEDULED', '@daily', 'Europe/Berlin', 'ALL', 300, 1, '{a}.csv',
        {'header': False}, ['mailto:x@example.com'])
    with pytest.raises(errors.InvalidParameterValue):
        queue.value("select reportd.submit('nothing to do')")


@pytest.mark.parametrize('call, status, says', [
    ('retry', 'PENDING', 'nothing to retry'),
    ('retry', 'PROCESSING', 'nothing to retry'),
    ('retry', 'COMPLETED', 'run_now'),
    ('cancel', 'COMPLETED', 'nothing to cancel'),
    ('cancel', 'FAILED', 'nothing to cancel'),
    ('cancel', 'CANCELLED', 'nothing to cancel'),
])
def test_a_call_that_makes_no_sense_is_refused(queue, call, status, says):
    config_id = at(queue, status)
    with pytest.raises(errors.InvalidParameterValue) as error:
        queue.value(f'select reportd.{call}(%s)', config_id)
    diag = error.value.diag
    assert says in f'{diag.message_primary} {diag.message_hint}'
    assert str(config_id) in diag.message_primary
    assert report.config(queue, config_id).status == status


@pytest.mark.parametrize('call', ['run_now', 'retry', 'cancel'])
def test_a_call_for_no_report_is_refused(queue, call):
    with pytest.raises(errors.InvalidParameterValue, match='there is no report 987654'):
        queue.value(f'select reportd.{call}(987654)')
    with pytest.raises(errors.InvalidParameterValue, match='config_id is null'):
        queue.value(f'select reportd.{call}(null)')


@pytest.mark.parametrize('column', ['priority', 'time_zone', 'parameters', 'output_options',
                                    'is_active', 'report_name', 'owner'])
def test_change_refuses_null_where_the_column_has_none(queue, column):
    config_id = report.submit(queue, priority=5, time_zone='Europe/Berlin', parameters={'a': 1})
    before = report.config(queue, config_id)
    with pytest.raises(errors.InvalidParameterValue, match=f'{column} cannot be null') as error:
        queue.execute('select reportd.change(%s, %s)', config_id, Jsonb({column: None}))
    assert 'leave it out' in error.value.diag.message_hint
    assert report.config(queue, config_id) == before
    queue.execute("select reportd.change(%s, '{\"timeout\": null}')", config_id)


@pytest.mark.parametrize('changes', ['5', '"a"', '[]', 'null', None])
def test_change_refuses_what_is_no_object(queue, changes):
    config_id = report.submit(queue)
    with pytest.raises(errors.InvalidParameterValue, match='changes must be a JSON object') as error:
        queue.execute('select reportd.change(%s, %s)', config_id, changes)
    assert '{"priority": 1' in error.value.diag.message_hint


def test_run_now_refuses_wrong_parameters_and_sleeping_reports(queue):
    config_id = at(queue, 'COMPLETED')
    for wrong in ('[1]', '{"run_id": 1}', '{"a b": 1}'):
        with pytest.raises(errors.InvalidParameterValue, match='parameters'):
            queue.value('select reportd.run_now(%s, %s)', config_id, wrong)
    queue.execute('update reportd.report_config set is_active = false '
                  'where config_id = %s', config_id)
    with pytest.raises(errors.InvalidParameterValue, match='not active'):
        queue.value('select reportd.run_now(%s)', config_id)


def test_cancel_of_a_schedule_that_waits_says_how_to_stop_it(queue):
    config_id = report.submit(queue, report_name='waits', **SCHEDULED)
    with pytest.raises(errors.InvalidParameterValue) as error:
        queue.value('select reportd.cancel(%s)', config_id)
    assert 'is_active' in error.value.diag.message_hint


# Notices.

def test_new_work_sends_one_empty_notice(queue):
    with queue.connect() as conn:
        conn.execute('listen reportd_pending')
        queue.execute("""
            insert into reportd.report_config (report_name, export_sql)
            select 'many', 'select 1' from generate_series(1, 100)""")
        queue.execute("notify reportd_pending, 'the end'")
        notices = []
        for notice in conn.notifies():
            if notice.payload == 'the end':
                break
            notices.append(notice.payload)
    assert notices == ['']


@pytest.mark.parametrize('columns', [
    {'output_path': '..'}, {'parameters': {'a b': 1}}, {'output_options': {'x': 1}},
    {'output_options': {'delimiter': ''}}, {'timeout': '0'}, {'schedule_expression': 'x'},
    {**SCHEDULED, 'time_zone': 'Mars'}, {**SCHEDULED, 'schedule_expression': '0 25 * * *'},
    {'notify_on_failure': ['mailto:nobody']}, {'output_format': 'DOCX'}],
    ids=lambda c: str(c)[:50])
def test_a_refusal_has_one_line_of_context(queue, columns):
    """psql shows them all."""
    diag = refused(queue, **columns)
    assert diag.context.count('\n') == 0, diag.context
