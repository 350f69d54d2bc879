# SPDX-License-Identifier: MIT
"""The examples run as a new user runs them, and fail loudly when a step is broken."""

import json
import re
import subprocess

import pytest

from lib.duckdb import DuckDB, library
from lib.example import Example
from lib.paths import ROOT
from lib.wait import wait_for

pytestmark = pytest.mark.shipped


def files(one):
    return sorted((one.home / 'lake/processed').rglob('*.parquet'))


@pytest.fixture(scope='module')
def totesys(tmp_path_factory):
    one = Example('totesys', tmp_path_factory.mktemp('totesys') / 'd',
                  DUCKDB_LIBRARY=str(library()))
    one.done = one.run()
    yield one
    assert one.run('remove').returncode == 0 and not one.home.exists()


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
