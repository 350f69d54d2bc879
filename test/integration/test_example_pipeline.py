# SPDX-License-Identifier: MIT
"""The example redshift-pipeline runs as a new user runs it, and fails loudly when a step is
broken."""

import csv
import json
import re

import pytest

from lib.example import Example

pytestmark = pytest.mark.shipped

# The figures of the reports, computed from the sales alone.
ROWS = """
    select s.sold_on, s.region, count(*), sum(units), sum(amount), max(planned),
        round(100 * sum(amount) / max(planned), 1)
    from sale s, plan p
    where p.region = s.region and p.month = date_trunc('month', s.sold_on)
    group by 1, 2 order by 1, 2"""


@pytest.fixture(scope='module')
def pipeline(tmp_path_factory):
    one = Example('redshift-pipeline', tmp_path_factory.mktemp('pipeline') / 'd')
    one.done = one.run()
    yield one
    assert one.run('remove').returncode == 0 and not one.home.exists()


def files(one, bucket):
    """{name: bytes}"""
    return {path.name: path.read_bytes()
            for path in (one.home / 's3' / bucket).rglob('*.csv')}


def told(one, topic):
    return [json.loads(line) for line in (one.home / f'{topic}.jsonl').read_text().splitlines()]


def reported(one):
    rows = []
    for text in files(one, 'acme-reports').values():
        head, *lines = csv.reader(text.decode().splitlines())
        assert head[:3] == ['sold_on', 'region', 'sales']
        rows += lines
    return sorted(rows)


def assert_all_is_reported(one, days):
    """Each day is reported once, and its file is in the archive alone."""
    expected = one.psql('shop', ROWS)
    assert len(expected) == 4 * days and reported(one) == expected
    assert files(one, 'acme-landing') == {}
    archive = files(one, 'acme-archive')
    assert sorted(archive) == [f'{day}.csv' for day, in one.psql(
        'shop', 'select distinct sold_on from sale order by 1')]
    assert not any(b'n/a' in text for text in archive.values())
    assert one.psql('warehouse', 'select count(*) from sales.sale') == [[str(400 * days)]]


def test_it_makes_what_plain_sql_says(pipeline):
    done = pipeline.done
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(
        f'redshift-pipeline: done, the buckets are in {pipeline.home}/s3\n')
    assert_all_is_reported(pipeline, 4)


def test_business_is_told_of_success_and_support_of_failure(pipeline):
    assert [m['event'] for m in told(pipeline, 'business')] == 4 * ['report.completed']
    failed, = told(pipeline, 'support')
    assert failed['event'] == 'report.failed' and failed['run']['attempt'] == 1
    # No retry mends a row, and support is told which one it is.
    assert "Load into table 'sales.staging' failed" in failed['error']['message']
    assert ('line 3 of s3://acme-landing/sales/2026-01-04.csv, column amount, value "n/a": '
            'invalid input syntax') in failed['error']['message']
    assert failed['run']['inputs'] == [
        {'input': 'sales', 'url': 's3://acme-landing/sales/2026-01-04.csv'}]
    # The file that was broken stays FAILED; what has replaced it is another version.
    assert pipeline.psql('reportd', """
        select state, count(distinct version), bool_and(moved_to is null) from reportd.v_inputs
        where url like '%2026-01-04.csv' group by 1 order by 1""") == [
            ['DONE', '1', 'f'], ['FAILED', '1', 't']]


def assert_fails(one, says):
    """It fails, says why, and tells nobody of success."""
    assert one.done.returncode == 0
    before = files(one, 'acme-archive'), told(one, 'business')
    done = one.run()
    assert done.returncode != 0, done.stdout
    assert 'redshift-pipeline: failed while ' in done.stdout
    assert says in done.stdout, done.stdout
    assert (files(one, 'acme-archive'), told(one, 'business')) == before


def rows_of_landing(one):
    """How many rows of files that were not archived the warehouse has."""
    urls = ', '.join(f"'s3://acme-landing/sales/{name}'" for name in files(one, 'acme-landing'))
    (rows,), = one.psql('warehouse', f'select count(*) from sales.sale where file in ({urls})')
    return int(rows)


def test_a_file_with_sales_of_no_plan_leaves_nothing(pipeline):
    pipeline.psql('shop', """insert into sale select to_char(day, 'YYYYMMDD')::bigint * 1000 + row_number() over (),
            day, case row_number() over () when 1 then 'Mars' else region end, product, units, amount
        from sale, (select max(sold_on) + 1 from sale) d (day) where sold_on = day - 1""")
    assert_fails(pipeline, '1 sales without a plan, such as Mars on 2026-')
    assert len(files(pipeline, 'acme-landing')) == 1 and rows_of_landing(pipeline) == 0
    # The next run lands it mended.
    pipeline.psql('shop', "update sale set region = 'West' where region = 'Mars'")


@pytest.mark.parametrize('database, breaks, mends, says', [
    ('warehouse', 'alter table sales.sale rename amount to value',
     'alter table sales.sale rename value to amount',
     'column "amount" of relation "sale" does not exist'),
    ('shop', """create table kept as select * from plan where region = 'West';
        delete from plan where region = 'West'""",
     'insert into plan select * from kept; drop table kept', 'sales without a plan, such as West on '),
    ('warehouse', 'alter table lake.plan rename planned to target',
     'alter table lake.plan rename target to planned', 'column p.planned does not exist'),
], ids=['procedure', 'plan', 'export'])
def test_it_fails_loudly_when_a_step_is_broken(pipeline, database, breaks, mends, says):
    pipeline.psql(database, breaks)
    try:
        assert_fails(pipeline, says)
        assert files(pipeline, 'acme-landing')
    finally:
        pipeline.psql(database, mends)


def test_it_is_run_again_and_takes_up_what_was_left(pipeline):
    done = pipeline.run()
    assert done.returncode == 0, done.stdout + done.stderr
    days, = pipeline.psql('shop', 'select count(distinct sold_on) from sale')[0]
    assert_all_is_reported(pipeline, int(days))


@pytest.mark.parametrize('name', ['acme-reports', 'acme-archive'])
def test_it_fails_loudly_when_a_bucket_is_missing(pipeline, name):
    bucket, elsewhere = pipeline.home / 's3' / name, pipeline.home / 's3' / 'elsewhere'
    bucket.rename(elsewhere)
    try:
        done = pipeline.run()
        assert done.returncode != 0 and 'NoSuchBucket' in done.stdout, done.stdout
        assert files(pipeline, 'acme-landing') and not bucket.exists()
    finally:
        elsewhere.rename(bucket)


def test_it_fails_loudly_when_a_topic_is_missing(pipeline):
    """The last test: business is not told of these runs any more."""
    pipeline.psql('reportd', """select reportd.change(config_id, jsonb_build_object('notify_on_completion',
        array[replace(notify_on_completion[1], 'business', 'nobody')])) from reportd.report_config""")
    before = told(pipeline, 'business')
    done = pipeline.run()
    assert done.returncode != 0 and 'redshift-pipeline: failed while ' in done.stdout, done.stdout
    assert re.search('notice[|].*:nobody', done.stdout), done.stdout
    assert told(pipeline, 'business') == before
