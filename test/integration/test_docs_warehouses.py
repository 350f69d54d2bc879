# SPDX-License-Identifier: MIT
"""The manual's pages about warehouses, walked as a stranger walks them: commands, settings
and reports as they stand there, against what behaves as Snowflake and Athena."""

import json
import re
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization

from lib import process, report
from lib.awsserver import Aws
from lib.paths import ROOT
from lib.swift import REGION
from lib.wait import wait_for
from test_athena_shared import ENVIRONMENT, athena, lake, sections  # noqa: F401
from test_engine_shared import file_of
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


def console(page, word):
    """The page's block of commands that has this word."""
    text, = (text for text in blocks(page, 'console') if word in text)
    return re.sub(r'^\$ ', '', text, flags=re.M)


@pytest.fixture
def account_of_aws():
    """An account of AWS in the region of the pages."""
    aws = Aws().start()
    yield aws
    aws.stop()


def run_for(aws, script, cwd):
    """Commands as they stand on a page, for this account of AWS."""
    made = subprocess.run(
        ['bash', '-ec', f'aws() {{ command aws --endpoint-url {aws.url} "$@"; }}\n{script}'],
        cwd=cwd, capture_output=True, text=True,
        env={'PATH': '/usr/bin:/bin', 'LC_ALL': 'C.UTF-8', 'HOME': str(cwd), **aws.environ()})
    assert made.returncode == 0, made.stderr


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


def test_a_key_is_added_to_a_secret_as_the_page_says(
        account_of_aws, snow, company, db, tmp_path):  # noqa: F811
    """The company's secret has a password before, and serves afterwards."""
    (tmp_path / 'out').mkdir()
    aws, pem = account_of_aws, tmp_path / 'snowflake.pem'
    arn = aws.put_secret('snowflake', {
        'account': 'myorg-reports', 'user': 'REPORTER', 'password': 'x', 'warehouse': 'REPORTS_WH',
        'database': 'SALES', 'schema': 'PUBLIC'})
    text = (f'[aws]\nregion = {aws.region}\nendpoint = {aws.url}\n[source.warehouse]\n'
            f'type = snowflake\nendpoint = {snow.url}\nsecret_arn = {arn}\n')
    conf = settings(tmp_path, db, text)

    def export():
        return process.reportctl(conf, 'export', '--source', 'warehouse', '--sql',
                                 'select count(*) as n from orders', '-o', '-', env=aws.environ())
    assert "Snowflake's SQL API takes no password" in export().stderr
    run_for(aws, console('snowflake.md', 'put-secret-value').replace(
        '/etc/reportd/snowflake.pem', str(pem)), tmp_path)
    made = export()
    assert made.stdout == 'n\n120\n', made.stderr
    assert not list(tmp_path.glob('*.json'))


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


def policy():
    text, = blocks('athena.md', 'json')
    return {action for one in json.loads(text)['Statement'] for action in one['Action']}


def test_the_set_up_of_athena_leads_to_a_first_workbook(
        account_of_aws, db, lake, athena, trino, tmp_path):  # noqa: F811
    """Bucket, rule and workgroup are made by the page's commands, and serve with its settings;
    nothing is asked for that its policy does not allow."""
    (tmp_path / 'out').mkdir()
    aws, own = account_of_aws, f'company-{lake.bucket.name}'
    aws.athena = athena
    lake.bucket.client.create_bucket(Bucket=f'{own}-athena')
    run_for(aws, console('athena.md', 'create-work-group').replace('COMPANY', own), tmp_path)
    assert aws.ops() == [f'PUT /{own}-athena'] * 2 + ['CreateWorkGroup']
    assert b'<Days>7</Days>' in aws.objects[f'/{own}-athena']
    assert athena.workgroups['reports'] == {
        'location': f's3://{own}-athena/results/', 'enforce': True, 'managed': False}
    conf = settings(tmp_path, db, blocks('athena.md', 'ini')[0].replace(
        'region = eu-west-1', f'region = {REGION}\nendpoint = {lake.aws.url}\n[s3]\n'
        f'endpoint = {lake.proxy.endpoint}\nbuckets = *'))
    said = process.reportctl(conf, 'doctor', env=ENVIRONMENT).stdout
    for line in re.findall(r'^ok +(.*)$', blocks('athena.md', '')[0], re.M):
        line = re.sub('athena.eu-west-1.amazonaws.com, TLS, the server verified',
                      f'127.0.0.1:{lake.aws.port}', line)
        assert re.search(re.sub(r'\d+ ms', r'\\d+ ms', line), said), (line, said)
    command, = commands('athena.md', 'reportctl export')
    made = subprocess.run(
        command.replace('reportctl ', f'{process.REPORTCTL} -c {conf} '), shell=True,
        cwd=tmp_path, capture_output=True, text=True, env={'PATH': '/usr/bin:/bin', **ENVIRONMENT})
    assert made.returncode == 0 and made.stderr.startswith('9 rows'), made.stderr
    assert (tmp_path / 'sales.xlsx').read_bytes().startswith(b'PK')
    assert lake.bucket.client.list_objects_v2(
        Bucket=f'{own}-athena', Prefix='results/')['KeyCount'] == 4  # each with its .metadata
    assert {f'athena:{op}' for op in lake.aws.ops()} <= policy()


def test_the_page_of_athena_adds_new_partitions(db, daily, athena):  # noqa: F811
    db.execute("create table sales as select now() - interval '1 day' as sold_at, 7 as amount")
    assert [row.status for row in daily(for_the_queue('athena.md')[3])] == ['COMPLETED'] * 2
    statement, = athena.ddl
    assert re.search(r"sales\.sales add if not exists partition \(`dt` = '[\d-]+'\)", statement)


# The inbox.

# What PostgreSQL has in place of Snowflake's words.
WORDS = {'number identity': 'bigint generated always as identity', 'number(1)': 'int',
         'timestamp_tz': 'timestamptz', 'current_timestamp()': 'now()'}


def inbox_table():
    """The columns of the page's table."""
    return re.search(r'create table reporting\.inbox\.report_config \(\n(.*?)\n\);',
                     '\n'.join(blocks('inbox.md', 'sql')), re.S)[1]


@pytest.fixture
def inbox(db, dwh, snow, company, tmp_path):  # noqa: F811
    """The settings of both pages, the queue that its owner has his grants in, and the table."""
    db.execute("select reportd.register_source('warehouse', 'snowflake')")
    db.execute("do $$ begin if to_regrole('sales_inbox') is not null then "
               'drop owned by sales_inbox; drop role sales_inbox; end if; end $$')
    for text in for_the_queue('inbox.md'):
        db.execute(text)
    table = re.sub(r'^\t(\w+)', lambda name: f'"{name[1].upper()}"', inbox_table(), flags=re.M)
    for theirs, ours in WORDS.items():
        assert theirs in table
        table = table.replace(theirs, ours)
    dwh.execute('drop schema if exists "INBOX" cascade; create schema "INBOX"; '
                f'create table "INBOX"."REPORT_CONFIG" ({table})')
    text, = blocks('inbox.md', 'ini')
    key = re.search(r'private_key_file = (.*)', company)[1]
    for theirs, ours in (('/etc/reportd/inbox.pem', key), ('REPORTD_INBOX', 'REPORTER'),
                         ('REPORTING.INBOX.', 'INBOX.'),
                         ('[source.inbox]', f'[source.inbox]\nendpoint = {snow.url}')):
        assert theirs in text
        text = text.replace(theirs, ours)
    (tmp_path / 'out').mkdir()
    return settings(tmp_path, db, company + text + 'write_back = 100ms\n')


def test_the_page_of_the_inbox_fits_together(inbox):
    """Its table has the columns that its settings name."""
    has = set(re.findall(r'^\s+(\w+) ', inbox_table(), re.M))
    text, = blocks('inbox.md', 'ini')
    pairs = dict(pair.split('=') for pair in re.search(r'columns = (.*)', text)[1].split(', '))
    assert {column.lower() for column in pairs.values()} <= has
    assert set(pairs) - {'external_id'} >= {'status', 'error_message', 'output_url'}


def test_a_row_of_the_page_of_the_inbox_becomes_a_report(db, dwh, inbox):
    said = process.reportctl(inbox, 'doctor').stdout
    line, = re.findall(r'^ok +(inbox: .*)$', '\n'.join(blocks('inbox.md', '')), re.M)
    assert line.replace('REPORTING.', '') in said, said
    columns, values = re.search(r'insert into reporting.inbox.report_config \((.*?)\) (.*)"',
                                commands('inbox.md', 'snow')[0]).groups()
    dwh.execute('insert into "INBOX"."REPORT_CONFIG" '
                f"""({', '.join(f'"{name.upper()}"' for name in columns.split(', '))}) {values}""")
    daemon = process.Daemon(db, inbox)
    try:
        row = wait_for(lambda: dwh.row('select * from "INBOX"."REPORT_CONFIG" where '
                                       """"STATUS" not in ('PENDING', 'PROCESSING')"""), 60)
    finally:
        daemon.end()
    assert row.STATUS == 'COMPLETED', row
    assert file_of(row.OUTPUT_URL).read_text().count('\n') == 121
    listed = process.reportctl(inbox, 'inbox').stdout.splitlines()
    assert listed[0].split() == [line for text in blocks('inbox.md', '') for line in
                                 text.splitlines() if line.startswith('INBOX ')][0].split()
    assert listed[1].startswith('inbox:INBOX.REPORT_CONFIG ')
