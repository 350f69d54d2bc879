# SPDX-License-Identifier: MIT
"""The examples run as a new user runs them, and fail loudly when a step is broken."""

import csv
import datetime
import decimal
import json
import os
import re
import signal
import subprocess
import types

import pytest

from lib.duckdb import DuckDB, library
from lib.example import Example
from lib.paths import ROOT
from lib.wait import wait_for

pytestmark = pytest.mark.shipped


def test_each_readme_has_what_a_new_user_looks_for():
    folders = sorted(path.parent for path in (ROOT / 'examples').glob('*/run'))
    assert len(folders) == 5
    for folder in folders:
        text = (folder / 'README.md').read_text()
        begin, *sections = re.split(r'^## ', text, flags=re.M)
        assert 'builds that by hand' in ' '.join(begin.split()), folder
        assert '```mermaid' in begin and f'examples/{folder.name}/run' in begin, folder
        assert any(section.startswith('For your own') for section in sections), folder
        name, _, *table = sections[-1].strip().splitlines()
        assert name == 'What takes the place of what' and len(table) > 7, folder
        assert all(line.startswith('|') for line in table), folder
        assert f']({folder.name}/README.md)' in (ROOT / 'examples/README.md').read_text()


def files(one):
    return sorted((one.home / 'lake/processed').rglob('*.parquet'))


@pytest.fixture(scope='module')
def npm(tmp_path_factory):
    """Where a program `npm` is that packs the library that this machine has, or fails as
    without a network: environment of a script for each."""
    folder = tmp_path_factory.mktemp('npm')
    (folder / 'package').mkdir()
    (folder / 'package/libduckdb.so').symlink_to(library())
    envs = []
    for name, does in ('there', f'tar -chf "$3/duckdb.tgz" -C {folder} package/libduckdb.so'), (
            'away', 'echo npm ERR! network >&2; exit 1'):
        (folder / name).mkdir()
        script = folder / name / 'npm'
        script.write_text(f'#!/bin/sh\necho npm "$@"\n[ "$1" = pack ] || exit 2\n{does}\n')
        script.chmod(0o755)
        envs.append({'PATH': f'{folder}/{name}:{os.environ["PATH"]}', 'DUCKDB_LIBRARY': ''})
    return types.SimpleNamespace(there=envs[0], away=envs[1])


@pytest.fixture(scope='module')
def totesys(tmp_path_factory, npm):
    one = Example('totesys', tmp_path_factory.mktemp('totesys') / 'd', **npm.there)
    one.done = one.run()
    yield one
    assert one.run('remove').returncode == 0 and not one.home.exists()


def test_the_library_of_duckdb_is_fetched_or_it_says_how_to_get_it(totesys, npm, tmp_path):
    if subprocess.run(['bash', '-c', '. scripts/steps.sh; DUCKDB_LIBRARY= duckdb_library ""'], cwd=ROOT,
                      capture_output=True, check=True).stdout:
        assert 'fetching' not in totesys.done.stdout  # as the system has one
        return
    assert totesys.done.stdout.startswith("fetching DuckDB's library by npm, 24 MB ... done")
    assert 'npm pack ' in (totesys.home / 'run.log').read_text()
    assert [path.name for path in (totesys.home / 'duckdb').iterdir()] == ['libduckdb.so']
    one = Example('sales-warehouse', tmp_path / 'd', **npm.away)
    done = one.run()
    assert done.returncode == 1 and not (one.home / 'cluster').exists()
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert lines[0].startswith("fetching DuckDB's library by npm, 24 MB ... FAILED")
    assert {'npm ERR! network', 'export DUCKDB_LIBRARY=$PWD/package/libduckdb.so'} < {*lines}
    assert lines[-1].startswith("sales-warehouse: failed while fetching DuckDB's library")


def test_the_library_is_fetched_in_the_version_that_is_tested():
    wanted = re.search(r'duckdb_version=(\S+)', (ROOT / 'examples/common.sh').read_text())[1]
    for path in 'test/lib/duckdb.py', 'test/bench/run':
        assert f'@duckdb/node-api@{wanted}' in (ROOT / path).read_text()


def test_totesys_makes_what_another_program_reads(totesys):
    done = totesys.done
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(f'totesys: done, the lake is {totesys.home}/lake\n')
    lake = totesys.home / 'lake'
    duckdb = DuckDB()
    try:
        # The second round has copied the changed orders alone, and all designs.
        counts = [duckdb.value(f"select count(*)::int from '{path}'") for path in sorted(
            lake.glob('raw/sales_order/**/*.parquet'), key=lambda p: p.stat().st_mtime)]
        assert counts[0] == 2000 and sum(counts) == 2070
        # The schedules may have added rounds of their own.
        designs = duckdb.value(
            f"select count(*)::int from '{lake}/raw/design/*/*/*/*.parquet'")
        assert designs >= 80 and designs % 40 == 0
        fact = f"'{lake}/processed/fact_sales_order/*/*/*/*.parquet'"
        assert duckdb.value(f'select count(*)::int from {fact}') == 2070
        # The warehouse has the versions of the processed zone, each once.
        revenue = duckdb.value(f'select sum(units_sold * unit_price)::varchar from {fact}')
    finally:
        duckdb.close()
    assert totesys.psql('warehouse', 'select count(*), sum(units_sold * unit_price) '
                        'from star.fact_sales_order') == [['2070', revenue]]
    assert totesys.psql('warehouse', 'select count(*) from star.dim_design '
                        "where design_id = 7 and design_name = 'Golden Fish'") == [['1']]
    assert totesys.psql('warehouse', 'select count(*) from star.dim_staff') == [['20']]
    report = (lake / 'reports/sales.csv').read_text().splitlines()
    assert report[0].endswith(',orders up to,rows loaded last') and len(report) > 30
    assert not (totesys.home / 'alarms.jsonl').exists()
    # The processed zone is immutable.
    assert totesys.psql('reportd', """select output_options->'file' from reportd.report_config
        where report_key = 'totesys_processed'""") == [['{"create_only": true}']]


def test_totesys_fails_loudly_when_a_step_is_broken(totesys):
    assert totesys.done.returncode == 0
    published = files(totesys)
    # An alarm of an earlier day is no failure of this run.
    totesys.psql('reportd', '''
        insert into reportd.report_notification (run_id, config_id, owner, event, channel,
            recipient, url, state, last_error, created_at)
        select r.run_id, r.config_id, c.owner, 'FAILED', 'sns', 'old', 'sns:old', 'FAILED',
            'an alarm of old', now() - interval '1 day'
        from reportd.report_run r join reportd.report_config c using (config_id) limit 1''')
    totesys.psql('totesys', 'alter table department drop column location')
    broken = totesys.run()
    assert broken.returncode != 0
    assert 'totesys: failed while copying and remodelling' in broken.stdout
    assert 'location' in broken.stdout and 'alarm of old' not in broken.stdout
    alarm = (totesys.home / 'alarms.jsonl').read_text()
    assert 'report.failed' in alarm and 'totesys processed' in alarm
    # Published files stay as they were.
    assert files(totesys) == published
    # Mended, the rows that it had taken come with the next run, and all zones agree.
    totesys.psql('totesys', "alter table department add column location text default 'Hull'")
    again = totesys.run()
    assert again.returncode == 0, again.stdout + again.stderr
    raw, fact = (sorted((totesys.home / 'lake').glob(f'{zone}/**/*.parquet')) for zone in (
        'raw/sales_order', 'processed/fact_sales_order'))
    assert len(raw) == len(fact)
    duckdb = DuckDB()
    try:
        rows, *others = (duckdb.row(
            f'select count(distinct ({key}, last_updated))::int, max(last_updated)::varchar '
            f'from read_parquet({[str(path) for path in zone]})')
            for key, zone in (('sales_order_id', raw), ('sales_order_id', fact)))
    finally:
        duckdb.close()
    assert others == [rows] and [[str(rows[0])]] == totesys.psql(
        'warehouse', 'select count(*) from star.fact_sales_order')


CHANGES = ROOT / 'examples/totesys/sql/changes.sql'
# Each sum of the OLTP database, and the newest version of each of its rows in the warehouse.
SUMS = {
    'sales_order': 'count(*), sum(units_sold * unit_price), max(last_updated)',
    'payment': 'count(*), sum(payment_amount), sum(paid::int), max(last_updated)',
}
ZONES = {'sales_order': 'fact_sales_order', 'purchase_order': 'fact_purchase_order',
         'payment': 'fact_payment'}


def assert_all_agree(one):
    """Raw zone, processed zone, warehouse and report have what the OLTP database has."""
    duckdb = DuckDB()
    try:
        for raw, fact in ZONES.items():
            rows = [duckdb.row(
                f"select count(*)::int, count(distinct ({raw}_id, last_updated))::int "
                f"from '{one.home}/lake/{zone}/**/*.parquet'")
                for zone in (f'raw/{raw}', f'processed/{fact}')]
            assert rows[0] == rows[1] and [[str(rows[0][1])]] == one.psql(
                'warehouse', f'select count(*) from star.{fact}'), raw
    finally:
        duckdb.close()
    assert one.psql('totesys', 'select payment_type_id from payment_type order by 1') == \
        one.psql('warehouse', 'select payment_type_id from star.dim_payment_type order by 1')
    for table, sums in SUMS.items():
        assert one.psql('totesys', f'select {sums} from {table}') == one.psql('warehouse', f"""
            select {sums} from (select distinct on ({table}_id) * from star.fact_{table}
                order by {table}_id, last_updated desc) t"""), table
    with (one.home / 'lake/reports/sales.csv').open(newline='') as file:
        lines = list(csv.DictReader(file))
    (orders, revenue), = one.psql(
        'totesys', 'select count(*), sum(units_sold * unit_price) from sales_order')
    assert sum(int(line['orders']) for line in lines) == int(orders)
    assert sum(decimal.Decimal(line['revenue']) for line in lines) == decimal.Decimal(revenue)


def test_an_hour_without_the_warehouse_and_a_day_without_a_daemon(totesys):
    """The hour is simulated: the waits before each retry are cut short."""
    one, loads = totesys, 'load_(fact.*|dim_payment_type)'

    def change():
        one.psql('totesys', CHANGES.read_text())

    def ask(function, keys):
        one.psql('reportd', f"select reportd.{function}(config_id) from reportd.report_config "
                 f"where report_key ~ '^({keys})$'")

    def loading(columns):
        return one.psql('reportd', f"select distinct {columns} from reportd.report_config "
                        f"where report_key ~ '^{loads}$'")

    def settled(keys):
        """No request of these reports is under way or about to come."""
        wait_for(lambda: one.psql('reportd', f"""select count(*) from reportd.v_requests
            where report_key ~ '^({keys})$' and (reportd.opens_more(request_id)
                or status in ('WAITING', 'QUEUED', 'PENDING', 'PROCESSING'))""") == [['0']],
                 what=lambda: one.psql('reportd', "select report_key, status, waits_for "
                                       "from reportd.v_requests where status <> 'COMPLETED'"))

    one.psql('postgres', 'alter database warehouse rename to away')
    change()
    # A day without a daemon: the schedule is late, and the last of its times is made up for. No
    # other time comes in between.
    one.psql('reportd', """
        select reportd.cancel(config_id, request_id) from reportd.v_requests
        where status in ('WAITING', 'QUEUED', 'PENDING');
        update reportd.report_config set next_run_time = now() + case report_key
            when 'totesys' then interval '-1 day' else interval '1 day' end
        where schedule_expression is not null""")
    with one.daemon():
        wait_for(lambda: one.psql('reportd', """
            update reportd.report_config set next_run_time = now() + interval '1 day'
            where report_key = 'totesys' and next_run_time > now()
            returning config_id""")[1:] == [['UPDATE 1']])
        settled('totesys|totesys_processed')
        ask('run_now', loads)
        wait_for(lambda: loading('status, attempt > 0') == [['PENDING', 't']])
        # The waits grow to ten minutes, and end before the retries do.
        one.psql('reportd', f"""update reportd.report_config set attempt = 9
            where report_key ~ '^{loads}$'""")
        ask('retry', loads)
        wait_for(lambda: loading('status, attempt, max_retries') == [['PENDING', '10', '20']])
        wait, = loading('min(extract(epoch from due_at - now()))')[0]
        assert 250 < float(wait) < 601
        # Meanwhile the zones go on.
        change()
        one.ctl('run', 'totesys', '--cascade', '--wait')
        one.psql('postgres', 'alter database away rename to warehouse')
        ask('retry', loads)
        settled(loads)
        # Of that day a quarter of an hour is made up for.
        change()
        one.psql('totesys', 'delete from payment_type where payment_type_id = 4')
        day = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
        asked = one.ctl('run', 'totesys', '--from', day.isoformat(),
                        '--to', (day + datetime.timedelta(minutes=15)).isoformat())
        assert asked.startswith('3 requests of report totesys')
        settled('totesys|totesys_processed')
        for keys in loads, 'totesys_sales':
            ask('run_now', keys)
            settled(keys)
    assert_all_agree(one)


def test_daemons_that_are_killed(totesys):
    """In the middle of the remodelling, and of the loads. The minute until the lease of one that
    was killed ends is simulated."""
    one = totesys
    for step in 'totesys_processed', 'load_fact_sales_order':
        (began,), = one.psql('reportd', 'select now()')
        script = subprocess.Popen([one.script, one.home], env=one.env, text=True, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        (pid,), = wait_for(lambda: one.psql('reportd', f"""
            select pid from reportd.report_worker where started_at > '{began}' and exists (
                select from reportd.report_run join reportd.report_config using (config_id)
                where report_key = '{step}' and report_run.started_at > '{began}')"""), 60)
        os.kill(int(pid), signal.SIGKILL)
        said = script.communicate(timeout=60)[0]
        assert script.returncode != 0 and 'totesys: failed while ' in said, said
        one.psql('reportd', "update reportd.report_worker set heartbeat_at = now() - interval '1 hour'")
    done = one.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert_all_agree(one)


def test_each_step_fails_for_itself_and_says_so(totesys):
    """The last test: it breaks the SQL of all steps."""
    alarms, port = totesys.home / 'alarms.jsonl', totesys.home / 'sns.port'
    alarms.unlink(missing_ok=True)
    port.unlink()
    with subprocess.Popen([ROOT / 'examples/totesys/sns', alarms, port]) as sns:
        try:
            wait_for(port.exists)
            conf = totesys.home / 'reportd.conf'
            conf.write_text(re.sub(r'(endpoint = http://127.0.0.1:)\d+',
                                   rf'\g<1>{port.read_text()}', conf.read_text()))
            errors = totesys.break_steps()
        finally:
            sns.terminate()
    assert len(errors) == 14 and all('broken' in error for error in errors.values()), errors
    told = {json.loads(line)['report']['report_name'] for line in
            alarms.read_text().splitlines()}
    assert {name for name, in totesys.psql(
        'reportd', 'select report_name from reportd.report_config')} == told
