# SPDX-License-Identifier: MIT
"""Snowflake's types: as PostgreSQL writes them, in every format."""

import psycopg
import pytest

from lib import matrix
from lib.seen import seen
from test_engine_shared import output
from test_snowflake_shared import account, dwh, engine, snow  # noqa: F401

MATRIX = 'select * from matrix order by n'


@pytest.fixture(scope='module')
def table(dwh):
    matrix.create(dwh, matrix.SNOWFLAKE)


def from_both(engine, sql, name='CSV', **more):
    """The report's bytes, from Snowflake and from PostgreSQL."""
    return [output(engine.db, 60, source=source, export_sql=sql, output_format=name,
                   report_name='one name', output_path=f'{source}.{name.lower()}', **more)
            for source in ('snow', 'default')]


@pytest.mark.parametrize('zone', ['UTC', 'Europe/Berlin', 'Asia/Kolkata'])
def test_values_are_those_of_postgresql(engine, snow, dwh, table, zone):
    ours, theirs = from_both(engine, MATRIX, time_zone=zone)
    assert ours == theirs
    with psycopg.connect(dwh.conninfo, options=f'-c timezone={zone}') as conn, \
            conn.cursor().copy(f'copy ({MATRIX}) to stdout with (format csv, header)') as copy:
        assert b''.join(bytes(part) for part in copy) == ours


@pytest.mark.parametrize('name', ['JSON', 'JSONL', 'PARQUET', 'HTML', 'XLSX', 'PDF'])
def test_formats_are_those_of_postgresql(engine, snow, table, name):
    options = {'missing_glyph': 'replace'} if name == 'PDF' else {}
    ours, theirs = (seen(name, data) for data in from_both(
        engine, 'select * from matrix where n < 12 order by n', name, time_zone='Europe/Berlin',
        output_options=options))
    assert ours == theirs and len(ours) > 200
