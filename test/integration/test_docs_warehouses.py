# SPDX-License-Identifier: MIT
"""The manual's pages about warehouses, walked as a stranger walks them: commands, settings
and reports as they stand there, against what behaves as Snowflake and Athena."""

import re
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization

from lib import process, report
from lib.paths import ROOT
from test_athena_shared import ENVIRONMENT, athena, lake, sections  # noqa: F401
from test_s3_shared import FAST
from test_snowflake_shared import account, dwh, snow  # noqa: F401

pytestmark = pytest.mark.shipped


def blocks(page, kind):
    return [text for name, text in re.findall(
        r'^```(\w*)\n(.*?)^```$', (ROOT / 'docs' / page).read_text(), re.S | re.M) if name == kind]


def for_the_queue(page):
    """The pieces of SQL that are for PostgreSQL."""
    return [text for text in blocks(page, 'sql') if 'reportd.' in text]


def commands(page, word):
    return [line[2:] for text in blocks(page, 'console') + blocks(page, '')
            for line in text.splitlines() if line.startswith(f'$ {word} ')]


# Snowflake.

@pytest.fixture
def company(snow, dwh, tmp_path):  # noqa: F811
    """The page's first settings, with the key that its commands make."""
    pem = tmp_path / 'snowflake.pem'
    for line in commands('snowflake.md', 'openssl')[:1]:
        subprocess.run(line.replace('/etc/reportd/snowflake.pem', str(pem)), shell=True,
                       check=True, capture_output=True)
    snow.add_key(serialization.load_pem_private_key(pem.read_bytes(), None).public_key())
    dwh.execute('drop table if exists orders; create table orders as '
                'select n, n * 1.5 as amount from generate_series(1, 120) n')
    text = blocks('snowflake.md', 'ini')[0].replace('/etc/reportd/snowflake.pem', str(pem))
    return text + f'endpoint = {snow.url}\n'


def settings(tmp_path, db, text):
    conf = tmp_path / 'r.conf'
    conf.write_text(f'[queue]\nconninfo = {db.conninfo}\n[reportd]\noutput_root = {tmp_path}/out\n'
                    + text)
    conf.chmod(0o600)
    return conf


def test_the_set_up_of_snowflake_leads_to_a_first_workbook(db, company, tmp_path):
    (tmp_path / 'out').mkdir()
    conf = settings(tmp_path, db, company)
    said = process.reportctl(conf, 'doctor').stdout
    for line in re.findall(r'^ok      (.*?)(?: in \d+ ms|, SHA256.*)?$', blocks(
            'snowflake.md', '')[0], re.M):
        assert line.replace('TLS, the server verified', 'no TLS, on this host') in said, (line, said)
    command, = commands('snowflake.md', 'reportctl export')
    made = subprocess.run(
        command.replace('reportctl ', f'{process.REPORTCTL} -c {conf} '), shell=True,
        cwd=tmp_path, capture_output=True, text=True)
    assert made.returncode == 0 and made.stderr.startswith('100 rows'), made.stderr
    assert (tmp_path / 'sales.xlsx').read_bytes().startswith(b'PK')


# Athena.

@pytest.fixture
def trino(lake):  # noqa: F811
    """Functions of Trino's that the page's queries call, and the table that they read."""
    lake.dwh.execute("""
        create or replace function date_format(timestamp, text) returns text
            language sql as $$ select to_char($1, 'YYYY-MM-DD') $$;
        drop table if exists sales;
        create table sales as select to_char(now() at time zone 'UTC', 'YYYY-MM-DD') as dt,
            current_date as day, 'c' || n as customer, n as amount from generate_series(1, 9) n""")


@pytest.fixture
def daily(db, daemon, lake, athena, trino):  # noqa: F811
    daemon(sections(lake), env=ENVIRONMENT, **FAST)

    def run(text):
        """The reports that the page inserts, after their runs."""
        db.execute(re.sub(r'COMPANY-lake', lake.bucket.name, text))
        ids = [row.config_id for row in db.query(
            'select config_id from reportd.report_config order by 1')]
        for config_id in ids:
            db.execute("update reportd.report_config set trigger_type = 'ADHOC', "
                       'schedule_expression = null, next_run_time = null '
                       "where config_id = %s and trigger_type = 'SCHEDULED'", config_id)
        return [report.wait_done(db, config_id, 60) for config_id in ids]
    return run


def test_reports_of_the_page_of_athena_run(daily):
    rows = daily('\n'.join(for_the_queue('athena.md')[:3]))
    assert [(row.report_name, row.status) for row in rows] == [
        ('sales by day', 'COMPLETED'), ('sales of the day', 'COMPLETED'),
        ('all sales', 'COMPLETED')], [row.error_message for row in rows]


def test_the_page_of_athena_adds_new_partitions(db, daily, athena):  # noqa: F811
    db.execute("create table sales as select now() - interval '1 day' as sold_at, 7 as amount")
    assert [row.status for row in daily(for_the_queue('athena.md')[3])] == ['COMPLETED'] * 2
    statement, = athena.ddl
    assert re.search(r"sales\.sales add if not exists partition \(`dt` = '[\d-]+'\)", statement)


# The inbox.

def test_the_page_of_the_inbox_fits_together(db, dwh, snow, company, tmp_path):  # noqa: F811
    """Its table has the columns that its settings name, and its owner gets its grants."""
    db.execute("select reportd.register_source('warehouse', 'snowflake')")
    db.execute("do $$ begin if to_regrole('sales_inbox') is not null then "
               'drop owned by sales_inbox; drop role sales_inbox; end if; end $$')
    for text in for_the_queue('inbox.md'):
        db.execute(text)
    table = re.search(r'create table reporting\.inbox\.report_config \(\n(.*?)\n\);',
                      '\n'.join(blocks('inbox.md', 'sql')), re.S)[1]
    has = set(re.findall(r'^\s+(\w+) ', table, re.M))
    text, = blocks('inbox.md', 'ini')
    pairs = dict(pair.split('=') for pair in re.search(r'columns = (.*)', text)[1].split(', '))
    assert {column.lower() for column in pairs.values()} <= has
    assert set(pairs) - {'external_id'} >= {'status', 'error_message', 'output_url'}
    key = re.search(r'private_key_file = (.*)', company)[1]
    conf = settings(tmp_path, db, company + text.replace('/etc/reportd/inbox.pem', key))
    checked = process.reportd(conf, '--check-config')
    assert checked.returncode == 0, checked.stderr
