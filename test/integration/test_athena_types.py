# SPDX-License-Identifier: MIT
"""Athena's types: as PostgreSQL writes them, in every format."""

import json

import psycopg
import pytest

from lib import matrix, process
from lib.athena import column_info, java_double
from lib.seen import seen
from test_athena_shared import ENVIRONMENT, athena, lake, sections  # noqa: F401
from test_engine_shared import done, failure, file_of, output

INTERVALS = {
    'days': ['0', '3 days 04:05:06.7', '-3 days -04:05:06.789', '00:00:00.000001', '-00:00:01'],
    'months': ['0', '1 year 2 mons', '-1 year -2 mons', '1 mon', '-11 mons', '178 years']}


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory, lake):  # noqa: F811
    matrix.create(lake.dwh, matrix.WAREHOUSE)
    lake.dwh.execute('create table spans (n int, days interval, months interval)')
    for n in range(1 + max(map(len, INTERVALS.values()))):
        lake.dwh.execute('insert into spans values (%s, %s, %s)', n, *(
            values[n - 1] if 0 < n <= len(values) else None for values in INTERVALS.values()))
    folder = tmp_path_factory.mktemp('types')
    db = cluster.create(template)
    conf = process.write_conf(folder / 'reportd.conf', db, {
        **sections(lake), 'source.own': {'conninfo': lake.dwh.conninfo}})
    daemon = process.Daemon(db, conf, env=ENVIRONMENT)
    try:
        daemon.wait_ready()
        yield type('Engine', (), {'db': db, 'conf': conf})
    finally:
        try:
            daemon.end()
        finally:
            db.drop()


def both(engine, sql, name='CSV', **more):
    """The report's bytes, from Athena and from PostgreSQL."""
    return [output(engine.db, 60, source=source, export_sql=sql, output_format=name,
                   report_name='one name', output_path=f'{source}.{name.lower()}', **more)
            for source in ('lake', 'own')]


MATRIX = 'select * from matrix order by n'


@pytest.mark.parametrize('zone', ['UTC', 'Europe/Berlin', 'Asia/Kolkata'])
def test_values_are_those_of_postgresql(engine, athena, lake, zone):  # noqa: F811
    ours, theirs = both(engine, MATRIX, time_zone=zone)
    assert ours == theirs
    with psycopg.connect(lake.dwh.conninfo, options=f'-c timezone={zone}') as conn, \
            conn.cursor().copy(f'copy ({MATRIX}) to stdout with (format csv, header)') as copy:
        assert b''.join(bytes(part) for part in copy) == ours


@pytest.mark.parametrize('name', ['JSON', 'JSONL', 'PARQUET', 'HTML', 'XLSX', 'PDF'])
def test_formats_are_those_of_postgresql(engine, athena, name):  # noqa: F811
    options = {'missing_glyph': 'replace'} if name == 'PDF' else {}
    ours, theirs = (seen(name, data) for data in both(
        engine, 'select * from matrix where n < 12 order by n', name, time_zone='Europe/Berlin',
        output_options=options))
    assert ours == theirs and len(ours) > 200


def test_intervals_are_those_of_postgresql(engine, athena):  # noqa: F811
    ours, theirs = both(engine, 'select * from spans order by n')
    assert ours == theirs


@pytest.mark.parametrize('zone', ['Europe/Berlin', 'America/New_York', 'Asia/Kolkata', '+05:30',
                                  '-03:00', 'Pacific/Apia'])
def test_a_zone_with_a_name_is_converted(engine, athena, zone):  # noqa: F811
    athena.zone = zone
    ours, theirs = both(engine, """
        select t from generate_series('2026-01-01+00'::timestamptz, '2027-01-01+00', '127 hours') t
        order by t""", time_zone='America/St_Johns')
    assert ours == theirs


def test_the_hours_around_a_change_of_clocks_are_converted(engine, athena):  # noqa: F811
    athena.zone = 'Europe/Berlin'
    ours, theirs = both(engine, """
        select t from (
            select generate_series('2026-03-28 12:00+00'::timestamptz, '2026-03-30', '15 min') t
            union all
            select generate_series('2026-10-24 12:00+00'::timestamptz, '2026-10-26', '15 min')) s
        where t < '2026-10-25 00:00+00' or t >= '2026-10-25 02:00+00' order by t""")
    assert ours == theirs


def test_a_time_that_was_twice_fails_the_run(engine, athena):  # noqa: F811
    athena.zone = 'Europe/Berlin'
    run = failure(engine.db, source='lake',
                  export_sql="select '2026-10-25 00:30+00'::timestamptz as sold_at")
    assert 'column "sold_at": "2026-10-25 02:30:00.000 Europe/Berlin": clocks in Europe/Berlin ' \
           'are changed at that time, so the text stands for two times; select the time ' \
           "at_timezone(…, 'UTC')" in run.error_message


@pytest.mark.parametrize('zone', ['../../etc/passwd', '/etc/passwd', ':/etc/passwd', 'No/Where',
                                  'Europe', 'leapseconds', '+99:00', '', 'x' * 200])
def test_a_zone_of_the_data_names_no_file(engine, athena, zone):  # noqa: F811
    athena.canned['select t'] = ([column_info('t', 'timestamp with time zone')],
                                 f'"t"\n"2026-01-01 00:00:00.000 {zone}"\n'.encode())
    run = failure(engine.db, source='lake', export_sql='select t')
    assert 'does not know the time zone' in run.error_message


def test_arrays_come_as_athena_writes_them(engine, athena):  # noqa: F811
    sql = """select '["a","b, c"]'::json as json"""
    run = done(engine.db, source='lake', output_format='JSONL',
               export_sql=f"{sql}, array['a', 'b, c'] as words")
    assert json.loads(file_of(run.output_url).read_text()) == {
        'words': '[a, b, c]', 'json': ['a', 'b, c']}
    assert 'column "words" has the texts that Athena makes of array, map and row' in run.remark
    assert 'texts' not in done(engine.db, source='lake', export_sql=sql).remark


@pytest.mark.parametrize(('kind', 'text', 'wanted'), [
    ('timestamp', '2026-01-02 03:04:05.123456789', '2026-01-02 03:04:05.123456'),
    ('timestamp(3)', '2026-01-02 03:04:05.120', '2026-01-02 03:04:05.12'),
    ('timestamp(12) with time zone', '2026-01-02 03:04:05.123456789012 +01:00',
     '2026-01-02 02:04:05.123456+00'),
    ('time(3)', '03:04:05.000', '03:04:05'),
    ('time with time zone', '03:04:05.000 UTC', '03:04:05+00'),
    ('varchar(3)', 'abc', 'abc'),
    ('row(a integer, b varchar)', '{a=1, b=x}', '"{a=1, b=x}"'),
    ('map', '{k=v}', '{k=v}'),
    ('unknown', 'x', 'x'),
    ('tinyint', '-128', '-128'),
    ('decimal', '1.50', '1.50'),
    ('double', '1.0E10', '10000000000'),
    ('float', '1.0E-5', '1e-05'),
])
def test_names_and_texts_of_types(engine, athena, kind, text, wanted):  # noqa: F811
    athena.canned['select v'] = ([column_info('v', kind, 4, 2)], f'"v"\n"{text}"\n'.encode())
    assert output(engine.db, source='lake', export_sql='select v').decode() == f'v\n{wanted}\n'


@pytest.mark.parametrize(('kind', 'text'), [
    ('boolean', 'yes'), ('double', '1.0x'), ('double', ''), ('date', '2026-1-2'),
    ('date', '2026-13-01'), ('date', ''), ('timestamp', '2026-01-02'), ('time', '25:00:00'),
    ('timestamp', '2026-01-02 03:04:05.'), ('varbinary', 'de a'), ('varbinary', 'de  ad'),
    ('varbinary', 'DE'), ('varbinary', 'de '), ('interval day to second', '2'),
    ('interval year to month', '1-'), ('time with time zone', '03:04:05.000'),
    ('timestamp', '9' * 30 + '-01-02 03:04:05'), ('date', '2026-01-01x'),
])
def test_a_text_of_another_type_fails_the_run(engine, athena, kind, text):  # noqa: F811
    athena.canned['select v'] = ([column_info('v', kind)], f'"v"\n"{text}"\n'.encode())
    run = failure(engine.db, source='lake', export_sql='select v')
    assert 'row 1: column "v": ' in run.error_message, run.error_message


@pytest.mark.parametrize(('data', 'says'), [
    (b'"v"\n"a\x00b"\n', 'a text has a zero byte'),
    (b'"v"\n"a\xffb"\n', 'a text is not in UTF-8'),
])
def test_a_text_that_is_none_fails_the_run(engine, athena, data, says):  # noqa: F811
    athena.canned['select v'] = ([column_info('v', 'varchar')], data)
    assert says in failure(engine.db, source='lake', export_sql='select v').error_message


def test_the_stand_in_writes_floats_as_java():
    assert [java_double(text) for text in (
        '0', '-0', '1', '100', '0.1', '0.001', '0.0001', '1e-05', '1234567', '12345678', '1e+10',
        '1.5e+300', '5e-324', '123456789012345680', '-2.5')] == [
        '0.0', '-0.0', '1.0', '100.0', '0.1', '0.001', '1.0E-4', '1.0E-5', '1234567.0',
        '1.2345678E7', '1.0E10', '1.5E300', '5.0E-324', '1.2345678901234568E17', '-2.5']
