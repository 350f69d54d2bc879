# SPDX-License-Identifier: MIT
"""A queue with two days of history, for the page and its pictures."""

from psycopg.types.json import Jsonb

REPORTS = [
    # name, key, type, schedule, after, typical seconds, typical rows, share that fails, runs
    ('Daily load', 'daily_load', 'load', '0 4 * * *', None, 210, 1_800_000, 0, 2),
    ('Exchange rates', 'rates', 'load', '30 3 * * *', None, 4, 170, 0, 2),
    ('Customers', 'customers', 'base', None, ['daily_load'], 35, 240_000, 0, 2),
    ('Orders', 'orders', 'base', None, ['daily_load'], 80, 950_000, 0, 2),
    ('Revenue by region', 'revenue', 'finance', None, ['customers', 'orders'], 18, 4_200, 0, 2),
    ('Margin', 'margin', 'finance', None, ['orders'], 12, 900, 0, 2),
    ('Board report', 'board', 'finance', None, ['revenue', 'margin'], 9, 60, 0, 2),
    ('Open invoices', 'invoices', 'finance', '*/30 * * * *', None, 6, 3_100, .02, 94),
    ('Stock levels', 'stock', 'warehouse', '*/10 * * * *', None, 2, 12_000, .01, 282),
    ('Returns', 'returns', 'warehouse', '0 * * * *', None, 14, 2_300, .06, 47),
    ('Web traffic', 'traffic', 'marketing', '*/20 * * * *', None, 40, 310_000, .03, 141),
    ('Campaigns', 'campaigns', 'marketing', '15 * * * *', None, 22, 800, 0, 47),
]


def fill(db, owner):
    """Inserts the reports of `owner` and their runs, as if daemons had done them."""
    db.execute(f'set role {owner}')
    ids = {}
    for name, key, kind, schedule, after, *_ in REPORTS:
        ids[key] = db.value(
            '''select reportd.submit(%s, 'select pg_sleep(0)', report_key => %s,
                report_type => %s, schedule_expression => %s, run_after => %s,
                time_zone => 'Europe/Berlin')''', name, key, kind, schedule, after)
    db.execute('reset role')
    db.execute('select setseed(0.42)')
    db.conn.execute(
        '''insert into reportd.report_run (config_id, owner, report_name, attempt,
            scheduled_for, status, stage, worker_id, started_at, finished_at, row_count,
            byte_count, output_url, error_stage, error_sqlstate, error_message)
        select id, %(owner)s::regrole, name, 1, t, st, 'done', gen_random_uuid(), t,
            t + make_interval(secs => seconds * d), n, n * 64 + 700,
            'file:///var/lib/reportd/' || key || '.csv',
            case when st = 'FAILED' then 'export' end,
            case when st = 'FAILED' then '57014' end,
            case when st = 'FAILED'
                then 'export: canceling statement due to statement timeout' end
        from (select r.*, case when random() < fails then 'FAILED' else 'COMPLETED' end as st,
                0.6 + random() * 0.5 + power(random(), 8) * 4 as d,
                round(rows * (0.85 + random() * 0.3))::bigint as n,
                now() - interval '47 hours' * (i - 0.5) / runs
                    - interval '1 minute' * random() as t
            from jsonb_to_recordset(%(reports)s) as r(id bigint, name text, key text,
                seconds float8, rows float8, fails float8, runs int)
            cross join lateral generate_series(1, runs) i) s
        order by t''', {'owner': owner, 'reports': Jsonb([
            {'id': ids[key], 'name': name, 'key': key, 'seconds': seconds, 'rows': rows,
             'fails': fails, 'runs': runs}
            for name, key, _, _, _, seconds, rows, fails, runs in REPORTS])})
    # As if everything but two had ended well.
    db.execute('''update reportd.report_config c set status = 'PROCESSING',
        run_id = (select max(run_id) from reportd.report_run r where r.config_id = c.config_id)''')
    for key, state, message in (
            ('returns', '57014', 'export: canceling statement due to statement timeout'),
            ('traffic', '42P01', 'export: relation "web.visit_2026_11" does not exist')):
        db.execute("update reportd.report_config set status = 'FAILED', error_message = %s, "
                   "error_timestamp = now() - interval '12 minutes' where report_key = %s",
                   message, key)
        db.execute("update reportd.report_run set status = 'FAILED', error_stage = 'export', "
                   'error_sqlstate = %s, error_message = %s where run_id = ('
                   'select run_id from reportd.report_config where report_key = %s)',
                   state, message, key)
    db.execute("update reportd.report_config set status = 'COMPLETED' "
               "where status = 'PROCESSING'")
    return ids


def keep_busy(db, owner, ids):
    """Two reports that run and some that wait behind them."""
    db.execute(f'set role {owner}')
    for key in 'stock', 'invoices':
        db.execute('select reportd.change(%s, %s)', ids[key], Jsonb(
            {'export_sql': "select i, repeat('x', 400) as text from generate_series(1, 60000) i "
             'where pg_sleep(0.0002) is not null'}))
        db.execute('select reportd.run_now(%s)', ids[key])
    db.execute('reset role')
