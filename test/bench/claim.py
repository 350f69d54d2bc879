# SPDX-License-Identifier: MIT
"""What a claim costs the server, by what else is in the table."""

import psycopg

import rig
from rig import Row

JOBS = 8    # in one claim
TIMES = 50
FILL = '''
truncate reportd.report_config, reportd.report_run;
alter table reportd.report_config disable trigger user;
insert into reportd.report_config
	(config_id, report_name, owner, export_sql, status, run_id, due_at, last_run_time)
select i, 'old ' || i, current_user::regrole, 'select 1', 'COMPLETED', i, now() - interval '1 day', now()
from generate_series(1, {finished}) i;
insert into reportd.report_run
	(run_id, config_id, report_name, attempt, scheduled_for, status, worker_id,
		started_at, finished_at)
overriding system value
select i, i, 'old ' || i, 1, now(), 'COMPLETED', gen_random_uuid(),
	now() - interval '1 day', now()
from generate_series(1, {finished}) i;
insert into reportd.report_config
	(config_id, report_name, owner, export_sql, priority, due_at)
select 1000000 + i, 'new ' || i, current_user::regrole, 'select 1', 1 + i % 5, now() - i * interval '1 s'
from generate_series(1, {pending}) i;
alter table reportd.report_config enable trigger user;
select setval(pg_get_serial_sequence('reportd.report_run', 'run_id'), 1000000);
vacuum analyze reportd.report_config, reportd.report_run
'''
SETTINGS = {'jit': 'off', 'plan_cache_mode': 'force_generic_plan',
            'enable_seqscan': 'off', 'enable_bitmapscan': 'off',
            'enable_hashjoin': 'off', 'enable_mergejoin': 'off',
            'search_path': 'pg_catalog, pg_temp'}
TYPES = 'uuid, int, int, text[], int[], bigint, jsonb, oid'


def nodes(plan):
    yield plan
    for child in plan.get('Plans', []):
        yield from nodes(child)


def claim(conn, worker):
    """The plan of a claim and what it took; nothing stays claimed."""
    try:
        with conn.transaction():
            explained, = conn.execute(
                'explain (analyze, buffers, timing off, format json) '
                f"execute claim('{worker}', {JOBS}, {JOBS}, '{{default}}', "
                "'{null}', 600000, null, 0)").fetchone()
            raise psycopg.Rollback
    except psycopg.Rollback:
        pass
    return explained[0]


def measure(conn, worker, finished, pending):
    for statement in FILL.format(finished=finished, pending=pending).split(';'):
        conn.execute(statement)
    runs = [claim(conn, worker) for _ in range(TIMES)][5:]
    plan = runs[-1]['Plan']
    found = list(nodes(plan))
    by = sorted({f'{node["Node Type"]} by {node["Index Name"]}' for node in found
                 if node.get('Index Name') == 'report_config_due'}
                | {f'Seq Scan on {node["Relation Name"]}' for node in found
                   if node['Node Type'] == 'Seq Scan'})
    result = {
        # The least: other load only adds to it.
        'ms': min(run['Execution Time'] for run in runs),
        'pages': plan['Shared Hit Blocks'] + plan['Shared Read Blocks']}
    print(f'  {finished:,} finished, {pending:,} pending: '
          f'{result["ms"]:.2f} ms, {result["pages"]} pages; {", ".join(by)}',
          flush=True)
    return result


def run(conn, _):
    statement = (rig.HERE / '../../sql/queue/claim.sql').read_text()
    with rig.connect() as session:
        # As the daemon does it: prepared, with the settings of its connection.
        for name, value in SETTINGS.items():
            session.execute(f'set {name} = {value}')
        session.execute(f'prepare claim({TYPES}) as ' + statement)
        worker, = session.execute(
            'insert into reportd.report_worker (host, pid, version, workers, lease) '
            "values ('bench', 0, '0', 8, '1 h') returning worker_id").fetchone()
        some = measure(session, worker, 0, 100)
        more = measure(session, worker, 0, 10_000)
        full = measure(session, worker, 100_000, 10_000)
    conn.execute('delete from reportd.report_worker where worker_id = %s', [worker])
    conn.execute('truncate reportd.report_config, reportd.report_run')
    for name, cost in [('100 pending', some), ('10,000 pending', more),
                       ('10,000 pending, 100,000 finished', full)]:
        yield Row(f'claim of {JOBS}, {name}: server time, ms; pages',
                  f'{cost["ms"]:.2f}; {cost["pages"]}',
                  ratio='' if cost is some
                  else f'{cost["ms"] / some["ms"]:.2f} of the first')
