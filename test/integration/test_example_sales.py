# SPDX-License-Identifier: MIT
"""The example sales-warehouse: a night from a landing zone to a star schema in S3, a morning
of reports, held against plain SQL over the shop."""

import csv
import datetime
import email
import email.policy
import json
import os
import re
import signal
import subprocess

import pytest

from lib import pdf, workbook
from lib.browser import Document
from lib.duckdb import DuckDB, library
from lib.example import Example
from lib.paths import BIN, ROOT
from lib.ports import free_port
from lib.swift import make_client
from lib.wait import wait_for

pytestmark = pytest.mark.shipped

# The shop's rows without those that come twice or are empty, as views of one transaction.
CLEAN = '''
    create temp view s as select distinct "Sale ID"::int as id, "Sold On"::date as day,
        "Customer ID"::int as customer, "Product ID"::int as product, "Rep ID"::int as rep,
        "Units"::int as units, round("Units"::int * "Unit Price"::numeric
            * (100 - "Discount %"::int) / 100, 2) as revenue
        from sales where "Sale ID" is not null;
    create temp view c as select distinct "Customer ID"::int as customer from customers
        where "Customer ID" is not null;
    create temp view p as select distinct "Product ID" as product, "Product Name" as name,
        "Category" as category, "Unit Cost" as cost from products where "Product ID" is not null;
'''
FIGURES = {
    'totals': '''select count(*), count(distinct customer), sum(units), sum(revenue),
        round(sum(revenue) / count(*), 2) from s''',
    'daily_revenue': 'select day, count(*), sum(revenue) from s group by day order by day',
    'weekly_revenue': '''select to_char(day, 'IYYY"-W"IW'), count(*), sum(revenue)
        from s group by 1 order by 1''',
    'top_products': '''select row_number() over (order by sum(revenue) desc), name, category,
        sum(units), sum(revenue) from s join p using (product) group by name, category
        order by 1 limit 10''',
    'leaderboard': '''select row_number() over (order by sum(revenue) desc), full_name, region,
        count(*), sum(revenue) from s join reps on rep_id = rep group by full_name, region
        order by 1''',
    'segments': '''select case when spent >= 10000 then 'gold' when spent >= 4000 then 'silver'
            when spent > 0 then 'bronze' else 'nothing yet' end, count(*), sum(spent)
        from (select coalesce(sum(revenue), 0.00) as spent from c left join s using (customer)
            group by customer) t group by 1 order by min(spent) desc''',
    'profitability': '''select category, sum(revenue), sum(units * cost), sum(revenue - units * cost),
        round(100 * sum(revenue - units * cost) / sum(revenue), 2)
        from s join p using (product) group by category order by category''',
}


@pytest.fixture(scope='module')
def sales(tmp_path_factory):
    one = Example('sales-warehouse', tmp_path_factory.mktemp('sales') / 'd',
                  DUCKDB_LIBRARY=str(library()))
    one.done = one.run()
    yield one
    assert one.run('remove').returncode == 0 and not one.home.exists()


@pytest.fixture
def made(sales):
    """The example, in which everything went well."""
    assert sales.done.returncode == 0, sales.done.stdout + sales.done.stderr
    return sales


def plain(one, query):
    """Rows of plain SQL over the shop's clean rows, as texts."""
    return [row for row in one.psql('shop', CLEAN + query) if row != ['CREATE VIEW']]


def newest(one, pattern):
    return max((one.home / 'bucket').glob(pattern), key=lambda p: p.stat().st_mtime)


def rows_of(path):
    with path.open(newline='') as file:
        return list(csv.reader(file))[1:]


def test_the_figures_are_those_of_plain_sql(made):
    assert made.done.stdout.endswith(
        f'sales-warehouse: done, what S3 has is in {made.home}/bucket\n')
    for name, query in FIGURES.items():
        assert rows_of(newest(made, f'figures/*/{name}.csv')) == plain(made, query), name
        athena = newest(made, f'figures_athena/*/{name}.csv')
        assert athena.read_bytes() == newest(made, f'figures/*/{name}.csv').read_bytes()
    sheet = workbook.rows(workbook.load(newest(made, 'reports/weekly/*.xlsx')).active)
    assert [[w, r, str(n), f'{v:.2f}'] for w, r, n, v in sheet[1:-1]] == plain(
        made, '''select to_char(day, 'IYYY"-W"IW'), region, count(*), sum(revenue)
        from s join reps on rep_id = rep group by 1, 2 order by 1, 2''')


def test_the_zones_have_what_each_step_makes_of_the_rows(made):
    bucket = made.home / 'bucket'
    landed = {p.parent.name: p.suffix for p in bucket.glob('landing/*/*')}
    assert landed == {'customers': '.csv', 'products': '.parquet', 'sales': '.csv',
                      'reps': '.jsonl'}
    reps = [json.loads(line) for line in newest(made, 'landing/reps/*').read_text().splitlines()]
    assert len(reps) == 50 and list(reps[0]) == ['repId', 'fullName', 'region', 'hiredOn']
    duckdb = DuckDB()
    try:
        staged = f"read_parquet('{bucket}/staging/sales/*/*/*.parquet', hive_partitioning = true)"
        assert duckdb.query(f'describe select * exclude (year, month) from {staged}') == [
            (name, kind, 'YES', None, None, None) for name, kind in (
                ('sale_id', 'INTEGER'), ('sold_on', 'DATE'), ('customer_id', 'INTEGER'),
                ('product_id', 'INTEGER'), ('rep_id', 'INTEGER'), ('units', 'INTEGER'),
                ('unit_price', 'DECIMAL(8,2)'), ('discount_percent', 'INTEGER'),
                ('processed_at', 'TIMESTAMP WITH TIME ZONE'))]
        assert duckdb.row(f'select count(*)::int, count(distinct (year, month))::int, '
                          f'bool_and((year, month) = (year(sold_on), month(sold_on))) '
                          f'from {staged}') == (100000, 18, True)
        assert duckdb.query(f"select distinct compression from "
                            f"parquet_metadata('{bucket}/staging/*/*/*/*.parquet')") == [('SNAPPY',)]
        counts = {t: duckdb.value(f"select count(*)::int from '{bucket}/star/{t}/{t}.parquet'")
                  for t in ('fact_sales', 'dim_customer', 'dim_product', 'dim_rep', 'dim_date')}
    finally:
        duckdb.close()
    assert counts == {'fact_sales': 100000, 'dim_customer': 10000, 'dim_product': 500,
                      'dim_rep': 50, 'dim_date': 547}


def test_what_it_says_to_try_next_works(made):
    command, = re.findall('.*reportctl -c .* list', made.done.stdout)
    listed = subprocess.run(['bash', '-c', command], env=made.env, text=True, capture_output=True, check=True)
    assert 'sales_night' in listed.stdout


def test_the_morning_waits_for_the_night(made):
    assert 'waits until' in (made.home / 'why').read_text()
    order = [key for key, in made.psql(
        'reportd', 'select c.report_key from reportd.report_run r join reportd.report_config c '
        "using (config_id) where r.status = 'COMPLETED' order by r.started_at")]
    assert order[0] == 'sales_night' and sorted(order[1:5]) == [
        'land_customers', 'land_products', 'land_reps', 'land_sales']
    assert order[5] == 'file_gate' and sorted(order[6:10]) == [
        'stage_customers', 'stage_products', 'stage_reps', 'stage_sales']
    assert order[10:12] == ['sql_gate', 'sales_star'] and 'sales_figures' in order[12:]
    # Requests from before the night read the tables that the night has made.
    assert made.psql('reportd', "select schedule_expression from reportd.report_config "
                     "where report_key in ('sales_night', 'sales_figures') order by 1") == [
        ['0 2 * * *'], ['0 8 * * *']]
    assert made.psql('reportd', "select count(*), sum((status = 'passed')::int) "
                     "from reportd.v_checks where report_key = 'file_gate'") == [['16', '16']]


def test_the_catalogue_has_the_columns_of_the_files(made):
    assert made.psql('athena', """select attname, format_type(atttypid, atttypmod)
        from pg_attribute where attrelid = 'sales.fact_sales'::regclass and attnum > 0""") == [
        ['sale_id', 'integer'], ['sold_on', 'date'], ['customer_id', 'integer'],
        ['product_id', 'integer'], ['rep_id', 'integer'], ['units', 'integer'],
        ['discount_percent', 'integer'], ['revenue', 'numeric(12,2)'], ['cost', 'numeric(12,2)']]


def test_the_page_is_kept_in_s3_and_mailed(made):
    (sales, customers, units, revenue, average), = plain(made, FIGURES['totals'])
    page = newest(made, 'reports/*/sales.html').read_text()
    cells = [td.text for td in next(Document(page).all('table')).all('td')]
    assert cells == [f'{int(sales):,}', f'{int(customers):,}', f'{int(units):,}',
                     f'{float(revenue):,.2f}', average]
    assert page.count('<svg') == 1
    pdf.check(newest(made, 'reports/*/sales.pdf'))
    assert f'{float(revenue):,.2f}' in ''.join(pdf.pages(newest(made, 'reports/*/sales.pdf')))
    explore = newest(made, 'reports/*/explore.html').read_text()
    assert explore.count('<script>') == 1 and explore.count('<tr><td') == 18 + 18 * 4 * 4 + 500
    assert explore.count('<svg') == 1
    mails = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
             for path in (made.home / 'mails').iterdir()]
    assert {mail['To'] for mail in mails} == {'sales@example.com'}
    bodies = [mail.get_body(('html',)).get_content() for mail in mails
              if mail['Subject'].startswith('Sales report')]
    assert bodies and all(f'{float(revenue):,.2f}' in body for body in bodies)


def steps(one, key):
    return [status for status, in one.psql(
        'reportd', "select status from reportd.v_requests where report_key = '%s' "
        'order by request_id' % key)]


def test_it_fails_loudly_when_a_step_is_broken(made):
    made.psql('shop', '''insert into sales values ('100001', '2035-06-30', '1', '501', '1', '2',
        '10.00', '0')''')
    broken = made.run()
    made.psql('shop', '''delete from sales where "Sale ID" = '100001' ''')
    assert broken.returncode != 0
    assert 'sales-warehouse: failed while the night' in broken.stdout
    assert '"sales, days" (1 row)' in broken.stdout
    assert '"sales of no product" (1 row)' in broken.stdout
    assert steps(made, 'sql_gate') == ['COMPLETED', 'FAILED']
    assert steps(made, 'sales_star') == ['COMPLETED']
    mails = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
             for path in (made.home / 'mails').iterdir()]
    assert [mail['Subject'].split(',')[0] for mail in mails
            if mail['To'] == 'support@example.com'] == ['Failed: sales: SQL gate']


def bucket(one):
    return make_client((one.home / 'addresses').read_text().partition('s3=')[2].split()[0])


def put(one, files):
    """Files in the landing zone, from somebody else: {name: bytes}."""
    for name, data in files.items():
        bucket(one).put_object(Bucket='sales', Key=f'landing/{name}', Body=data)


def ends_of(one, *keys):
    """Runs from the file gate on; {key: (status, error)} when these steps have ended."""
    (request,), = one.psql('reportd', "select reportd.run_now(reportd.id('file_gate'), cascade => true)")
    ends = """select report_key, status, split_part(error_message, E'\n', 1) from reportd.v_requests
        where status in ('COMPLETED', 'FAILED') and coalesce(root, request_id) = """ + request
    return {key: (status, error) for key, status, error in wait_for(lambda: [
        rows for rows in [one.psql('reportd', ends)] if {*keys} <= {row[0] for row in rows}])[0]}


def test_a_broken_file_stops_the_night(made):
    tables = ('customers', 'products', 'sales', 'reps')
    landed = {table: newest(made, f'landing/{table}/*').read_bytes() for table in tables}
    before = steps(made, 'sales_star')
    with made.daemon():
        # In ways that the file gate names.
        put(made, {'customers/~.csv': landed['customers'][:-9],
                   'products/~.parquet': landed['products'][:-9],
                   'sales/~.csv': landed['sales'][:900], 'reps/~.jsonl': landed['reps'][:-9]})
        status, error = ends_of(made, 'file_gate')['file_gate']
        assert status == 'FAILED' and 'score 50, below the min_score of 80' in error
        assert all(f'"{table} there"' in error and f'"{table} whole"' in error for table in tables)
        # In ways that it does not: each transform fails for itself.
        put(made, {
            'customers/~.csv': landed['customers'].replace(b'Customer ID', b'Client', 1),
            'products/~.parquet': newest(made, 'star/dim_rep/*').read_bytes(),
            'sales/~.csv': landed['sales'].replace(b',2024-01-01,', b',1st of January,', 1),
            'reps/~.jsonl': b'<html>Service Unavailable</html>\n' * 40})
        ends = ends_of(made, 'file_gate', *('stage_' + table for table in tables))
        assert ends.pop('file_gate') == ('COMPLETED', '')
        for table, says in {'customers': 'customer_id', 'products': 'Product ID',
                            'sales': '1st of January', 'reps': 'Malformed JSON'}.items():
            status, error = ends['stage_' + table]
            assert status == 'FAILED' and says in error, error
        # All too old, of which each is but a warning.
        (checks,), = made.psql(
            'reportd', "select checks from reportd.report_config where report_key = 'file_gate'")
        change = """select reportd.change(reportd.id('file_gate'),
            jsonb_build_object('checks', $$%s$$::jsonb))"""
        made.psql('reportd', change % checks.replace('86400 seconds', '1 ms'))
        status, error = ends_of(made, 'file_gate')['file_gate']
        made.psql('reportd', change % checks)
        assert status == 'FAILED' and 'score 75, below the min_score of 80' in error
    assert steps(made, 'sales_star') == before


def test_a_night_is_started_from_elsewhere_as_the_readme_says(made):
    page = (ROOT / 'examples/sales-warehouse/README.md').read_text()
    block, = re.findall(r'^```console\n([$] d=.*?)```$', page, re.M | re.S)
    script = ''.join(line[2:] + '\n' for line in block.splitlines() if line[:2] in ('$ ', '> '))
    for of_page, of_test in {
            '$PWD/examples/sales-warehouse/sales-warehouse.d': made.home, 'build/': f'{BIN}/',
            ':8080': f':{free_port()}'}.items():
        assert of_page in script
        script = script.replace(of_page, str(of_test))
    before = len(steps(made, 'sales_star'))
    settings = (made.home / 'reportd.conf').read_text()
    shell = subprocess.Popen(['bash', '-c', script + '\nwait'], text=True, env=made.env, start_new_session=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        wait_for(lambda: steps(made, 'sales_star')[before:] == ['COMPLETED'])
    finally:
        os.killpg(shell.pid, signal.SIGTERM)
        said = shell.communicate(timeout=30)[0]
        (made.home / 'reportd.conf').write_text(settings)
    assert '{"request_id" : ' in said and 'sales_star' in said, said


def test_it_can_be_run_again_with_other_rows(made):
    """The month of the wrong row is still in the staging zone, and counts no more."""
    made.psql('shop', '''insert into sales values ('100001', '2025-06-30', '1', '1', '1', '2', '10.00',
        '50'), (null, null, null, null, null, null, null, null)''')
    again = made.run()
    assert again.returncode == 0, again.stdout + again.stderr
    assert (made.home / 'bucket/staging/sales/year=2035/month=6/sales.parquet').exists()
    (sales, *_), = rows = rows_of(newest(made, 'figures/*/totals.csv'))
    assert sales == '100001' and rows == plain(made, FIGURES['totals'])


def test_a_night_that_was_skipped_is_made_up_for(made):
    """It stands for an earlier time than months that have no sales any more, and than new sales."""
    made.psql('shop', """delete from sales where "Sold On" like '2024-02-%';
        insert into sales values ('100002', (current_date - 1)::text, '1', '1', '1', '2', '10.00', '0')""")
    day = datetime.datetime.now(datetime.UTC).replace(hour=1, minute=0)
    with made.daemon():
        asked = made.ctl('run', 'sales_night', '--from', (day - datetime.timedelta(days=3)).isoformat(),
                         '--to', (day - datetime.timedelta(days=2)).isoformat(), '--json')
        request = json.loads(asked)['requests'][0]
        ends = wait_for(lambda: [rows for rows in [made.psql('reportd', f"""
            select report_key, status, split_part(error_message, E'\\n', 1) from reportd.v_requests
            where root = {request} and status in ('COMPLETED', 'FAILED')""")]
            if any(key == 'sales_star' or status == 'FAILED' for key, status, _ in rows)])[0]
        assert {status for _, status, _ in ends} == {'COMPLETED'}, ends
        made.ctl('run', 'sales_figures', '--wait')
        # A star schema of no night at all is not made.
        made.psql('reportd', "select reportd.run_now(reportd.id('sales_star'))")
        wait_for(lambda: steps(made, 'sales_star')[-1] == 'FAILED')
    (error, url), = made.psql('reportd', """select split_part(s.error_message, E'\\n', 1), f.output_url
        from (select * from reportd.report_run where config_id = reportd.id('sales_star')
            order by run_id desc limit 1) s, (select * from reportd.report_run
            where config_id = reportd.id('sales_figures') order by run_id desc limit 1) f""")
    assert '"sales of this night"' in error
    totals = bucket(made).get_object(Bucket='sales', Key=url.removeprefix('s3://sales/'))['Body'].read()
    assert [totals.decode().splitlines()[1].split(',')] == plain(made, FIGURES['totals'])


def test_each_step_fails_for_itself_and_says_so(made):
    """The last test: it breaks the SQL of all steps."""
    errors = made.break_steps()
    assert len(errors) == 19 and all('broken' in error for error in errors.values()), errors
    mails = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
             for path in (made.home / 'mails').iterdir()]
    alarms = {mail['Subject'].rsplit(', ', 2)[0].removeprefix('Failed: ') for mail in mails
              if mail['To'] == 'support@example.com'}
    assert {name for name, in made.psql(
        'reportd', 'select report_name from reportd.report_config')} <= alarms
