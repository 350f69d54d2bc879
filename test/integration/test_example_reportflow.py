# SPDX-License-Identifier: MIT
"""The example reportflow runs as a new user runs it, and fails loudly when a step is broken."""

import contextlib
import csv
import os
import re
import signal
import subprocess
import urllib.request

import pytest

from lib.example import Example
from lib.ports import free_port
from lib.wait import wait_for

pytestmark = pytest.mark.shipped

BUCKET = 's3/company-reports'
# The rows of each month's object, computed from the tables alone; its name tells the month after it.
ROWS = """
    select to_char(date_trunc('month', t.booked_at at time zone 'UTC') + interval '1 month',
            'YYYYMMDD"T060000"'), c.client_id, c.client_name, t.currency, count(*), sum(t.amount),
        max((t.booked_at at time zone 'UTC')::date)
    from reportflow.transactions t, reportflow.client c
    where c.client_id = t.client_id
    group by 1, 2, 3, 4 order by 1, 2, 4"""


@pytest.fixture(scope='module')
def reportflow(tmp_path_factory):
    one = Example('reportflow', tmp_path_factory.mktemp('reportflow') / 'd',
                  PORT=str(free_port()))
    one.done = one.run()
    yield one
    assert one.run('remove').returncode == 0 and not one.home.exists()


def objects(one):
    """{request: file} of the bucket."""
    return {int(path.stem.rpartition('_')[2]): path
            for path in (one.home / BUCKET).rglob('*') if path.is_file()}


def rows(files):
    found = []
    for path in sorted(files):
        with path.open(newline='') as file:
            head, *lines = csv.reader(file)
        assert head[:3] == ['client_id', 'client_name', 'currency']
        found += [[path.stem.split('_')[2], *line] for line in lines]
    return found


def test_it_makes_what_plain_sql_says(reportflow):
    done = reportflow.done
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(f'reportflow: done, the bucket is {reportflow.home}/{BUCKET}\n')
    made = objects(reportflow)
    assert len(made) == 12
    expected = reportflow.psql('warehouse', ROWS)
    assert len(expected) > 1000 and rows(made.values()) == expected
    # Each run has its checkpoints and its line for CloudWatch.
    assert reportflow.psql('reportd', """
        select count(*) from reportd.report_run
        where status = 'COMPLETED' and stage_ms ?& '{prep,check,export,publish}'""") == [['12']]
    assert re.search(r'^Checkpoints.*\n.*\bprep\b.*\bcheck\b.*\bexport\b.*\bpublish\b',
                     done.stdout, re.M)
    assert (reportflow.home / 'reportd.log').read_text().count('"Duration":') == 12


def assert_fails(one, says):
    """It fails, says why, and puts nothing into the bucket."""
    assert one.done.returncode == 0
    before = objects(one)
    done = one.run()
    assert done.returncode != 0, done.stdout
    assert 'reportflow: failed while preparing and exporting twelve months' in done.stdout
    assert says in done.stdout
    assert objects(one) == before


@pytest.mark.parametrize('breaks, mends, says', [
    ('alter table reportflow.client rename client_name to name',
     'alter table reportflow.client rename name to client_name',
     'column c.client_name does not exist'),
    ("""alter table reportflow.transactions drop constraint transactions_client_id_fkey;
        insert into reportflow.transactions values (-1, -1, now(), 'FEE', 'EUR', 1)""",
     'delete from reportflow.transactions where client_id = -1',
     'checks failed: "clients" (1 row)'),
    ('''revoke select on reportflow.report_output from report_reader;
        grant select (run_id, prepared_at) on reportflow.report_output to report_reader''',
     'grant select on reportflow.report_output to report_reader',
     'export: permission denied for table report_output'),
], ids=['prep', 'check', 'export'])
def test_it_fails_loudly_when_a_step_is_broken(reportflow, breaks, mends, says):
    reportflow.psql('warehouse', breaks)
    try:
        assert_fails(reportflow, says)
    finally:
        reportflow.psql('warehouse', mends)


def test_it_fails_loudly_when_the_bucket_is_missing(reportflow):
    bucket, elsewhere = reportflow.home / BUCKET, reportflow.home / 'elsewhere'
    bucket.rename(elsewhere)
    try:
        assert_fails(reportflow, 'NoSuchBucket')
        assert not bucket.exists()
    finally:
        elsewhere.rename(bucket)


def test_it_can_be_run_again_and_serves_its_page(reportflow):
    before = objects(reportflow)
    reportflow.psql('warehouse', """
        insert into reportflow.transactions values (-2, 7, '2025-12-31 23:59Z', 'FEE', 'EUR', 1.5)""")
    said = reportflow.home / 'said'
    with said.open('w') as file:
        process = subprocess.Popen([reportflow.script, 'page', reportflow.home], stdout=file,
                                   stderr=file, stdin=subprocess.DEVNULL, env=reportflow.env,
                                   start_new_session=True)
    try:
        wait_for(lambda: 'Metrics:' in said.read_text() or process.poll() is not None)
        page = re.search(r'^The page: (\S+)  token: (\w+)$', said.read_text(), re.M)
        assert page, said.read_text()
        metrics = urllib.request.urlopen(urllib.request.Request(
            page[1] + '/metrics', headers={'Authorization': f'Bearer {page[2]}'})).read().decode()
        second = reportflow.run('page')
        assert second.returncode != 0 and 'PORT=NUMBER names another' in second.stdout
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 0, said.read_text()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert re.search('^reportd_runs_total{status="COMPLETED",report_type="finance"} 24$',
                     metrics, re.M)
    assert re.search('^reportd_stage_duration_seconds_bucket{.*stage="prep"', metrics, re.M)
    made = objects(reportflow)
    assert rows(made[key] for key in made.keys() - before.keys()) == \
        reportflow.psql('warehouse', ROWS)
