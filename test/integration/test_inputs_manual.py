# SPDX-License-Identifier: MIT
"""The statements about files in docs/inputs.md and docs/checks.md, with a file for each."""

import json
import re

import pytest

from lib import duckdb, report
from lib.paths import ROOT
from lib.target import Target
from lib.wait import wait_for
from test_engine_shared import running_engine
from test_inputs import FAST, put

pytestmark = pytest.mark.shipped

VALUES = {'bigint': '1', 'text': 'ann', 'numeric(12,2)': '2.50', 'decimal(12,2)': '2.50',
          'date': '2026-11-30'}


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory):
    path = tmp_path_factory.mktemp('manual')
    target = Target(cluster)
    target.db.execute('create schema sales authorization ' + target.user)
    target.table('create table sales.customers (name text)')
    (path / 'landing').mkdir()
    with running_engine(cluster, template, path, target.sections() | {
            'source.lake': {'type': 'duckdb', 'library': duckdb.library()},
            'inputs': {'folders': path / 'landing', 'rescan': '1s', 'urls':
                       'https://data.example.com/exports/, https://api.example.com/v1/'}},
            **FAST) as engine:
        engine.path, engine.target = path / 'landing', target
        yield engine
    target.drop()


def statements():
    return [text for page in ('inputs', 'checks') for text in re.findall(
        r'```sql\n(insert.*?)```', (ROOT / f'docs/{page}.md').read_text(), re.S)]


def columns_of(text):
    """Those of the input in the statement."""
    found = re.search(r'"columns": (\[\[.*?\]\])', text)
    return json.loads(found[1]) if found else [['id', 'bigint']]


def test_there_are_statements_of_both_pages():
    assert [('https://' in text, 'TABLE' in text) for text in statements()] == [
        (False, False), (True, False), (True, False), (False, True), (False, False),
        (False, True)]


@pytest.mark.parametrize('text', [t for t in statements() if 'https://' not in t],
                         ids=lambda text: re.search("values \\('([^']*)", text)[1])
def test_a_file_of_its_columns_goes_through(engine, text, request):
    folder = engine.path / request.node.name
    folder.mkdir()
    config_id = engine.db.value(
        text.strip().rstrip(';').replace('/srv/landing', str(folder)).replace('%', '%%')
        + ' returning config_id')
    columns = columns_of(text)
    if 'TABLE' in text:
        engine.target.table('drop table if exists sales.orders; create table sales.orders (' +
                            ', '.join(map(' '.join, columns)) + ', primary key (order_id))')
    put(folder, 'orders/a.csv', ','.join(name for name, _ in columns) + '\n'
        + ','.join(VALUES[type] for _, type in columns) + '\n')
    run = wait_for(lambda: [r for r in report.runs(engine.db, config_id) if r.finished_at])[0]
    assert (run.status, run.row_count) == ('COMPLETED', 1), run.error_message


@pytest.mark.parametrize('text', [t for t in statements() if 'https://' in t],
                         ids=lambda text: re.search("values \\('([^']*)", text)[1])
def test_a_file_of_a_web_server_is_accepted(engine, text):
    with engine.db.connect(autocommit=False) as conn:
        conn.execute(text)
        conn.rollback()
