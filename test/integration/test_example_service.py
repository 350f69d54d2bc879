# SPDX-License-Identifier: MIT
"""The example report-service: an inbox in Snowflake, and daemons that come and go."""

import csv
import email
import email.policy
import json

import pytest

from lib import pdf, workbook
from lib.example import Example

pytestmark = pytest.mark.shipped

NEW = ['Orders in transit', 'Revenue by month', 'Units by product', 'Largest orders',
       'Board paper', 'Salaries', 'Orders of Leeds']
ORDER = ['Board paper', 'Largest orders', 'Units by product', 'Revenue by month',
         'Orders in transit', 'Orders of Leeds']


@pytest.fixture(scope='module')
def service(tmp_path_factory):
    one = Example('report-service', tmp_path_factory.mktemp('service') / 'd')
    one.done = one.run()
    yield one
    assert one.run('remove').returncode == 0 and not one.home.exists()


@pytest.fixture
def made(service):
    """The example, in which everything went well."""
    assert service.done.returncode == 0, service.done.stdout + service.done.stderr
    return service


def told(one):
    """Rows of the company's table by the name of the report, the newest of each."""
    return {name: (status, message, url) for name, status, message, url in one.psql(
        'REPORTING', '''select "REPORT_NAME", "STATUS", coalesce("ERROR_MESSAGE", ''),
            coalesce("OUTPUT_URL", '') from "INBOX"."REPORT_CONFIG" order by "CONFIG_ID"''')}


def ran(one):
    return [name for name, in one.psql(
        'reportd', 'select c.report_name from reportd.report_run r join reportd.report_config c '
        'using (config_id) order by r.started_at')]


def ends(one):
    """How each daemon has ended."""
    lines = (one.home / 'daemons').read_text().splitlines()
    pids = [line.split()[0] for line in lines]
    assert pids[::2] == pids[1::2]
    return [line.split(' ', 1)[1] for line in lines if 'started' not in line]


def output(one, name):
    files = sorted((one.home / 'reports/sales').glob(name), key=lambda p: p.stat().st_mtime)
    return files[-1]


def test_rows_become_reports_by_priority_and_are_told_how_they_ended(made):
    assert made.done.stdout.endswith(
        f'report-service: done, the reports are in {made.home}/reports\n')
    rows = told(made)
    assert list(rows) == NEW
    refused = rows.pop('Salaries')
    assert refused[0] == 'FAILED' and 'may not write to "board/salaries.csv"' in refused[1]
    for status, message, url in rows.values():
        assert (status, message) == ('COMPLETED', '') and url.startswith(
            f'file://{made.home}/reports/sales/')
    assert ran(made) == ORDER


def test_daemons_come_by_the_trigger_and_the_insert_and_are_gone(made):
    assert ends(made) == ['ended with status 0'] * 2
    assert made.psql('reportd', 'select count(*) from reportd.report_worker') == [['0']]
    # The first one was called; the second one by the task, in the form of Snowflake.
    (answer,), = made.psql('REPORTING', 'select "ANSWER" from "INBOX"."WOKEN"')
    (number, value), = json.loads(answer)['data']
    assert number == 0 and value['message'] == 'the daemons look now'


def test_the_files_have_the_rows_of_the_warehouse(made):
    cities = made.psql('REPORTING', 'select city, count(*), sum(units * unit_price) from orders '
                       'group by city order by 3 desc')
    text = ' '.join(pdf.pages(output(made, 'board_*.pdf')))
    pdf.check(output(made, 'board_*.pdf'))
    lines = [line.split() for line in text.splitlines()]
    for city, orders, revenue in cities:
        assert [city, orders, f'{float(revenue):,.2f}'] in [
            [a, b, f'{float(c.replace(",", "")):,.2f}'] for a, b, c in
            (line for line in lines if line[:1] == [city])]

    sheet = workbook.load(output(made, 'units_*.xlsx')).active
    header, *cells = workbook.rows(sheet)
    assert header == ['product', 'units', 'revenue']
    assert [[a, str(b), f'{c:.2f}'] for a, b, c in cells] == made.psql(
        'REPORTING', 'select product, sum(units), sum(units * unit_price) from orders '
        'group by product order by product')
    # One query makes both files.
    months = workbook.rows(workbook.load(output(made, 'revenue_*.xlsx')).active)
    assert len(months) == 1 + 24 and 'Leeds' in ''.join(pdf.pages(output(made, 'revenue_*.pdf')))

    with output(made, 'largest_*.csv').open(newline='') as file:
        header, *rows = csv.reader(file)
    assert header == ['order_id', 'ordered_on', 'city', 'amount']
    assert rows == made.psql(
        'REPORTING', 'select order_id, ordered_on, city, units * unit_price from orders '
        'where units * unit_price >= 1500 order by 4 desc, 1')


def mails(one):
    """(subject, recipients, {file: bytes}) of each mail."""
    for path in (one.home / 'mails').iterdir():
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        yield mail['Subject'], mail['To'], {
            part.get_filename(): part.get_payload(decode=True)
            for part in mail.iter_attachments()}


def messages(one, name):
    return [json.loads(line) for line in (one.home / name).read_text().splitlines()]


def test_mail_sns_and_slack_are_told(made):
    sent = sorted((subject.split(',')[0], to, sorted(files)) for subject, to, files in mails(made))
    board, units, revenue, sheet, leeds = (output(made, name).name for name in (
        'board_*', 'units_*', 'revenue_*.pdf', 'revenue_*.xlsx', 'leeds_*'))
    audience = 'ann@example.com, cfo@example.com'
    assert sent == [('Board paper', audience, [board]), ('Board paper', audience, [board]),
                    ('Orders of Leeds', 'ann@example.com', [leeds]),
                    ('Revenue by month', 'finance@example.com', [revenue, sheet]),
                    ('Units by product', 'bob@example.com', [units])]
    for _, _, files in mails(made):
        for name, data in files.items():
            assert data == output(made, name).read_bytes()

    topic = messages(made, 'sns.jsonl')
    assert [(m['event'], m['report']['report_name']) for m in topic] == [
        ('report.completed', 'Largest orders'), ('report.completed', 'Orders in transit')]
    assert topic[0]['run']['outputs'][0]['url'] == told(made)['Largest orders'][2]
    assert sorted(m['text'] for m in messages(made, 'slack.jsonl')) == [
        'Board paper is ready: 4 rows.', f'Largest orders is ready: {topic[0]["run"]["rows"]} rows.']


def test_it_can_be_run_again(made):
    again = made.run()
    assert again.returncode == 0, again.stdout + again.stderr
    assert ran(made) == ORDER * 2 and ends(made) == ['ended with status 0'] * 2
    # The schedules of the first run were cancelled by their rows.
    assert made.psql('REPORTING', 'select count(*) from "INBOX"."REPORT_CONFIG" '
                     """where "STATUS" = 'CANCELLED'""") == [['2']]
    assert made.psql('reportd', 'select count(*) from reportd.report_config '
                     "where trigger_type = 'SCHEDULED' and is_active") == [['2']]


# Rows in each of which another step is broken: what their row gets, and what it is told.
BROKEN = {
    'source': ({'SOURCE': 'elsewhere'}, 'elsewhere'),
    'format': ({'OUTPUT_FORMAT': 'WORD'}, 'WORD'),
    'schedule': ({'TRIGGER_TYPE': 'SCHEDULED'}, 'schedule_expression'),
    'parameters': ({'PARAMETERS': '{"least": '}, 'parameters'),
    'parameter': ({'EXPORT_SQL': "select :'least'"}, 'least'),
    'query': ({'EXPORT_SQL': 'select 1 from nowhere'}, 'nowhere'),
    'rows': ({'EXPORT_SQL': 'select 1 / (i - 900) from generate_series(1, 1000) i'}, 'zero'),
    'folder': ({'OUTPUT_PATH': 'sales/blocked/x.csv'}, 'blocked'),
    # These three are ready, and cannot be told.
    'mail': ({'NOTIFY_ON_COMPLETION': 'mailto:ann@elsewhere.org'}, 'elsewhere.org'),
    'topic': ({'NOTIFY_ON_COMPLETION': 'sns:arn:aws:sns:eu-west-1:123456789012:no'}, ':no'),
    'slack': ({'NOTIFY_ON_COMPLETION': 'slack:https://hooks.elsewhere.org/x'}, 'elsewhere.org'),
}


def insert_broken_rows(one):
    usual = {'EXPORT_SQL': 'select 1 as one', 'NOTIFY_ON_FAILURE': 'mailto:support@example.com'}
    for name, (row, _) in BROKEN.items():
        row = {'REPORT_NAME': name, 'OUTPUT_PATH': f'sales/{name}.csv', **usual, **row}
        values = ', '.join("'{}'".format(text.replace("'", "''")) for text in row.values())
        columns = ', '.join(f'"{column}"' for column in row)
        one.psql('REPORTING', f'insert into "INBOX"."REPORT_CONFIG" ({columns}) values ({values})')
    (one.home / 'reports/sales/blocked').touch()


def test_it_fails_loudly_when_a_step_is_broken(made):
    insert_broken_rows(made)
    made.psql('REPORTING', 'alter table orders rename column unit_price to price')
    broken = made.run()
    made.psql('REPORTING', 'alter table orders rename column price to unit_price')
    assert broken.returncode != 0
    assert 'report-service: failed while looking at what was written back' in broken.stdout
    assert 'Board paper FAILED' in broken.stdout and '"unit_price" does not exist' in broken.stdout
    assert 'Orders in transit FAILED' not in broken.stdout
    alarms = [m for m in messages(made, 'sns.jsonl') if m['event'] == 'report.failed']
    assert len(alarms) == 4 and 'unit_price' in alarms[0]['error']['message']
    failed = {name: message for name, (status, message, _) in told(made).items()
              if status == 'FAILED'}
    failed |= dict(made.psql('reportd', """select c.report_name, n.last_error
        from reportd.v_notifications n join reportd.report_config c using (config_id)
        where n.state = 'FAILED'"""))
    assert {name: failed.get(name) for name, (_, says) in BROKEN.items()
            if says not in failed.get(name, '')} == {}
    left = {path.stem for path in (made.home / 'reports/sales').iterdir()}
    assert left & BROKEN.keys() == {'mail', 'topic', 'slack'}
    assert any(to == 'support@example.com' and subject.startswith('Failed: Board paper')
               for subject, to, _ in mails(made))
