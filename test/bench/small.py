# SPDX-License-Identifier: MIT
"""Small reports: an aggregate of 100 rows each, one file each, 5,000 queued."""

import os
import re
import statistics
import subprocess

import rig

JOBS = 5000
STORES = 200
# {} is the store. 100 products, 10 sales each.
QUERY = ('select product, count(*) as sales, sum(pieces) as pieces, '
         'sum(amount) as amount, max(sold_on) as last_sold '
         'from bench.sale where store = {} group by product order by product')

SETUP = '''
create table bench.sale as
select (i / 1000)::int as store, 'product ' || lpad((i %% 100)::text, 3, '0') as product,
	(i * 7919 %% 9 + 1)::int as pieces,
	((i * 104729 %% 100000) / 100.0)::numeric(10, 2) as amount,
	date '2025-01-01' + (i * 31 %% 365)::int as sold_on
from generate_series(0::bigint, {stores} * 1000 - 1) i order by i;
create index on bench.sale (store);
vacuum analyze bench.sale;
'''


def setup(conn):
    if conn.execute("select to_regclass('bench.sale')").fetchone()[0] is None:
        conn.execute('create schema if not exists bench')
        for statement in SETUP.replace('%%', '%').format(
                stores=STORES).split(';')[:-1]:
            conn.execute(statement)


OURS = {
    'clear': 'truncate reportd.report_config, reportd.report_run',
    'insert': '''insert into reportd.report_config
        (report_name, export_sql, parameters, output_path)
        select 'small', %(sql)s, jsonb_build_object('store', i %% %(stores)s),
            %(prefix)s || '{config_id}.csv'
        from generate_series(1, %(jobs)s) i''',
    'busy': '''select exists (select from reportd.report_config
            where status = 'PENDING' and is_active)
        or exists (select from reportd.report_config
            where status = 'PROCESSING')''',
}
PEER = {
    'clear': 'truncate graphile_worker._private_jobs',
    'insert': '''select count(*) from graphile_worker.add_jobs(array(
        select row('report', json_build_object('store', i %% %(stores)s,
                'name', %(prefix)s || i || '.csv'),
            null, null, null, null, null, null)::graphile_worker.job_spec
        from generate_series(1, %(jobs)s) i))''',
    'busy': 'select exists (select from graphile_worker._private_jobs)',
}


def work(conn, queue, jobs, prefix):
    """Queues jobs, waits for the last one; seconds from just before COMMIT."""
    values = {'sql': QUERY.format(":'store'"), 'stores': STORES, 'jobs': jobs,
              'prefix': prefix}
    with conn.transaction():
        conn.execute(queue['insert'], values)
        begun = conn.execute('select clock_timestamp()').fetchone()[0]
    busy = f'select ({queue["busy"]}), clock_timestamp()'

    def done():
        still, now = conn.execute(busy).fetchone()
        return None if still else now
    return (rig.wait_for(done, 'the queue to be empty') - begun).total_seconds()


def one(conn, kind, fsync, jobs=JOBS, hook=None, **options):
    """One run: jobs a second, CPU milliseconds a job by group, MiB."""
    ours = kind is rig.Ours
    queue = OURS if ours else PEER
    out = rig.folder(kind.name)
    conn.execute(queue['clear'])
    with rig.running(kind, conn, out, fsync=fsync, **options) as side:
        work(conn, queue, jobs // 10, 'warm-')
        conn.execute('checkpoint')
        before = rig.used(side, conn)
        with hook(side) if hook else rig.contextlib.nullcontext():
            seconds = work(conn, queue, jobs, 'r')
        after = rig.used(side, conn)
        result = {
            'rate': jobs / seconds, 'load': rig.load(),
            'cpu': {g: (after[g] - before[g]) / jobs for g in after},
            'pss': rig.pss(side),
            'hwm': max(rig.memory(p, 'VmHWM') for p in side.clients())}
    files = sum(1 for f in out.rglob('r*.csv'))
    if files != jobs:
        raise SystemExit(f'bench: {kind.name} wrote {files} of {jobs} files')
    if ours:
        result['stamped'] = jobs / conn.execute(
            'select extract(epoch from max(finished_at) - min(started_at)) '
            'from (select * from reportd.report_run order by run_id desc '
            'limit %s) r', [jobs]).fetchone()[0].__float__()
    return result


def pgbench(protocol, seconds=5):
    script = rig.WORK / 'small.sql'
    script.write_text(f'\\set store random(0, {STORES - 1})\n'
                      + QUERY.format(':store') + ';\n')
    done = subprocess.run(
        [os.environ['PGBENCH'], '-n', '-c', '8', '-j', '2', '-M', protocol,
         '-T', str(seconds), '-f', script, 'bench'],
        capture_output=True, text=True, check=True, env=rig.environ())
    return float(re.search(r'tps = ([\d.]+)', done.stdout)[1])


def pairs(conn, fsync, count, **peer):
    """[(ours, peer, pgbench simple)], one after another."""
    runs = []
    for _ in range(count):
        runs.append((
            one(conn, rig.Ours, fsync),
            one(conn, rig.Peer, fsync, sql=QUERY.format('$1'), **peer),
            pgbench('simple')))
    return runs


def median(values):
    return statistics.median(values)
