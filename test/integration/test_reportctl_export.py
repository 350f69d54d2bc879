# SPDX-License-Identifier: MIT
"""reportctl export, and the formats and options that it knows."""

import hashlib
import json
import os

import pytest

from lib.paths import ROOT
from lib.process import reportctl
from lib.report import config
from lib.wait import wait_for
from test_reportctl_shared import answer, bare, child, refused  # noqa: F401


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


def test_formats_are_named_in_any_case(ctl):
    for name in 'pdf', 'PDF', 'Pdf':
        text = ctl('formats', name).stdout
        assert text.startswith('PDF (.pdf)') and 'CSV' not in text.split('\n')[0]
    assert [f['format'] for f in answer(ctl('formats', 'excel', 'csv', '--json'))] == [
        'XLSX', 'CSV']
    refused(ctl('formats', 'DOCX'), '"DOCX"', '`reportctl formats`', code=2)


def test_a_remark_cannot_steer_the_terminal(ctl, tmp_path):
    chart = {'category': 'a\x1b[2J\u202eb', 'values': ['n']}
    done = ctl('export', '--sql', """select 1 as "a\x1b[2J\u202eb", n from generate_series(1, 2) n""",
               '-o', tmp_path / 'x.html', '--option', f'chart={json.dumps(chart)}')
    assert done.returncode == 0, done.stderr
    assert 'a [2J<U+202E>b' in done.stderr and not set(done.stderr) & {*'\x1b\u202e'}
