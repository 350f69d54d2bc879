# SPDX-License-Identifier: MIT
"""Small reports: an aggregate each, into one small file each, 5,000 queued."""

import os
import re
import statistics
import subprocess

import rig
from rig import Row

JOBS = 5000
STORES = 200
# {0} is the table, {1} the store.
QUERY = ('select product, count(*) as sales, sum(pieces) as pieces, '
         'sum(amount) as amount, max(sold_on) as last_sold '
         'from bench.{0} where store = {1} group by product order by product')
# table: (sales of a store, products)
SHAPES = {'sale_100': (100, 10), 'sale_1000': (1000, 100)}
NAMES = {'sale_100': 'aggregate of 100 rows',
         'sale_1000': 'aggregate of 1,000 rows'}

SETUP = '''
drop table if exists bench.{table};
create table bench.{table} as
select (i / {sales})::int as store,
	'product ' || lpad((i % {products})::text, 3, '0') as product,
	(i * 7919 % 9 + 1)::int as pieces,
	((i * 104729 % 100000) / 100.0)::numeric(10, 2) as amount,
	date '2025-01-01' + (i * 31 % 365)::int as sold_on
from generate_series(0::bigint, {stores} * {sales} - 1) i order by i;
create index on bench.{table} (store);
vacuum analyze bench.{table};
'''


def setup(conn):
    for table, (sales, products) in SHAPES.items():
        for statement in SETUP.format(
                table=table, sales=sales, products=products,
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
            where status = 'PENDING' and is_active and due_at < 'infinity')
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


def work(conn, queue, table, jobs, prefix):
    """Queues jobs, waits for the last one; seconds from just before COMMIT."""
    values = {'sql': QUERY.format(table, ":'store'"), 'stores': STORES,
              'jobs': jobs, 'prefix': prefix}
    with conn.transaction():
        conn.execute(queue['insert'], values)
        begun = conn.execute('select clock_timestamp()').fetchone()[0]
    busy = f'select ({queue["busy"]}), clock_timestamp()'

    def done():
        still, now = conn.execute(busy).fetchone()
        return None if still else now
    return (rig.wait_for(done, 'the queue to be empty') - begun).total_seconds()


def one(conn, kind, fsync, table='sale_100', jobs=JOBS, hook=None, **options):
    """One run: jobs a second, CPU milliseconds a job by group, MiB."""
    ours = kind is rig.Ours
    queue = OURS if ours else PEER
    if not ours:
        options = {'sql': QUERY.format(table, '$1'), **options}
    out = rig.folder(kind.name)
    conn.execute(queue['clear'])
    with rig.running(kind, conn, out, fsync=fsync, **options) as side:
        work(conn, queue, table, jobs // 10, 'warm-')
        conn.execute('checkpoint')
        before = rig.used(side, conn)
        with hook(side) if hook else rig.contextlib.nullcontext():
            seconds = work(conn, queue, table, jobs, 'r')
        after = rig.used(side, conn)
        result = {
            'rate': jobs / seconds, 'load': rig.load(),
            'cpu': {g: (after[g] - before[g]) / jobs for g in after},
            'pss': rig.pss(side),
            'hwm': max(rig.memory(p, 'VmHWM') for p in side.clients())}
    files = sum(1 for f in out.rglob('r*.csv'))
    if files != jobs:
        raise SystemExit(f'bench: {kind.name} wrote {files} of {jobs} files')
    result['client'] = sum(ms for group, ms in result['cpu'].items()
                           if 'backend' not in group)
    result['server'] = sum(result['cpu'].values()) - result['client']
    return result


def pgbench(table, protocol='simple', seconds=4):
    """Transactions a second of the bare query, 8 clients."""
    script = rig.WORK / 'small.sql'
    script.write_text(f'\\set store random(0, {STORES - 1})\n'
                      + QUERY.format(table, ':store') + ';\n')
    done = subprocess.run(
        [os.environ['PGBENCH'], '-n', '-c', '8', '-j', '2', '-M', protocol,
         '-T', str(seconds), '-f', script, 'bench'],
        capture_output=True, text=True, check=True, env=rig.environ())
    return float(re.search(r'tps = ([\d.]+)', done.stdout)[1])


def show(name, r):
    cpu = ', '.join(f'{g} {ms:.3f}' for g, ms in r['cpu'].items())
    print(f'  {name:8} {r["rate"]:7.0f} jobs/s  load {r["load"]:.1f}  '
          f'PSS {r["pss"]:.1f} MiB, largest {r["hwm"]:.1f}; '
          f'CPU ms a job: {cpu}', flush=True)


def pairs(conn, table, fsync, count, prepared):
    """[(ours, peer, pgbench)], one after another."""
    runs = []
    for _ in range(count):
        ours = one(conn, rig.Ours, fsync, table)
        show('reportd', ours)
        peer = one(conn, rig.Peer, fsync, table, prepared=prepared)
        show('graphile', peer)
        tps = pgbench(table)
        print(f'  pgbench {tps:.0f}; ours/peer '
              f'{ours["rate"] / peer["rate"]:.2f}, ours/pgbench '
              f'{ours["rate"] / tps:.2f}', flush=True)
        runs.append((ours, peer, tps))
    return runs


def rows(name, runs):
    """The table's rows for one query and policy."""
    def of(side, key):
        return [run[side][key] for run in runs]

    def row(what, key, digits):
        one, two = of(0, key), of(1, key)
        return Row(f'{name}: {what}', f'{statistics.median(one):.{digits}f}',
                   f'{statistics.median(two):.{digits}f}', rig.ratio(one, two))

    rates, bare = of(0, 'rate'), [tps for _, _, tps in runs]
    yield row('jobs/s', 'rate', 0)._replace(
        memory=f'{max(of(0, "pss")):.0f}; {max(of(1, "hwm")):.0f}')
    yield Row(f'{name}: jobs/s beside pgbench', f'{statistics.median(rates):.0f}',
              f'{statistics.median(bare):.0f} (pgbench)', rig.ratio(rates, bare))
    yield row('client CPU, ms a job', 'client', 3)
    yield row('server CPU, ms a job', 'server', 3)


def run(conn, count):
    setup(conn)
    for table, (sales, products) in SHAPES.items():
        name = NAMES[table]
        # query(text, values), as people write it, and with a name besides.
        for prepared in (False, True) if table == 'sale_100' else (True,):
            how = 'named statement' if prepared else 'plain query'
            for fsync in False, True:
                policy = f'fsync {"on" if fsync else "off"}'
                print(f'  -- {sales} rows into {products}, {policy}; '
                      f'the peer with a {how}')
                yield from rows(f'{name}, peer with a {how}, {policy}',
                                pairs(conn, table, fsync, count, prepared))
        bare = pgbench(table, 'prepared')
        yield Row(f'{name}: pgbench, prepared', '', f'{bare:.0f} (pgbench)')
