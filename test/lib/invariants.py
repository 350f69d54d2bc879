# SPDX-License-Identifier: MIT
"""Conditions that hold whenever the queue is at rest, whatever happened before."""

import hashlib
import pathlib
import urllib.parse

QUERIES = {
    'a report still PENDING or PROCESSING': """
        select config_id, status, attempt, due_at from reportd.report_config
        where status = 'PROCESSING'
            or status = 'PENDING' and is_active and due_at <= now()""",
    'a run still PROCESSING': """
        select run_id, config_id from reportd.report_run
        where status = 'PROCESSING'""",
    'a run without its end': """
        select run_id, config_id, status from reportd.report_run
        where finished_at is null or finished_at < started_at""",
    'a report and its last run disagree': """
        select c.config_id, c.status, c.run_id, r.run_id as last, r.status as ended
        from reportd.report_config c
        left join lateral (select * from reportd.report_run r
            where r.config_id = c.config_id order by r.run_id desc limit 1) r on true
        where c.run_id is distinct from r.run_id
            or c.status = 'COMPLETED' and r.status <> 'COMPLETED'
            or c.status = 'FAILED' and r.status not in ('FAILED', 'LOST')""",
    'done twice for one time': """
        select config_id, scheduled_for, array_agg(run_id) from reportd.report_run
        where status = 'COMPLETED' group by config_id, scheduled_for
        having count(*) > 1""",
    'two runs of a report at once': """
        select a.config_id, a.run_id, b.run_id as other
        from reportd.report_run a join reportd.report_run b using (config_id)
        where a.run_id < b.run_id and b.started_at < a.finished_at""",
    # Attempts for one time count 1, 2, 3; an attempt that was given back does not count.
    'attempts miscounted': """
        select * from (
            select config_id, run_id, attempt, status, 1 + count(*) filter (
                where status <> 'RELEASED') over (
                partition by config_id, scheduled_for order by run_id
                rows between unbounded preceding and 1 preceding) as expected
            from reportd.report_run) r
        where attempt <> expected""",
    'more attempts than allowed': """
        select c.config_id, c.max_retries, r.run_id, r.attempt
        from reportd.report_run r join reportd.report_config c using (config_id)
        where r.attempt > c.max_retries + 1""",
    'retries miscounted': """
        select config_id, attempt, current_retries from reportd.report_config
        where run_id is not null and current_retries <> greatest(attempt - 1, 0)""",
    'a failure that says nothing': """
        select run_id, status from reportd.report_run
        where status in ('FAILED', 'LOST', 'RELEASED')
            and coalesce(error_message, '') = ''""",
    'a notice still being sent': """
        select notification_id, attempts from reportd.report_notification
        where state = 'SENDING'""",
    'an end that nobody was told of': """
        select r.run_id, r.status from reportd.report_run r
        join reportd.report_config c using (run_id)
        where case c.status when 'COMPLETED' then cardinality(c.notify_on_completion)
                when 'FAILED' then cardinality(c.notify_on_failure) end > 0
            and not exists (select from reportd.report_notification n
                where n.run_id = r.run_id and n.event = c.status)""",
    'two notices for one': """
        select run_id, channel, lower(recipient), count(*)
        from reportd.report_notification where channel in ('mail', 'sns')
        group by 1, 2, 3 having count(*) > 1""",
    'a daemon that is gone has a row': """
        select worker_id, pid from reportd.report_worker
        -- A daemon that was cut off waits a lease before it judges.
        where heartbeat_at < now() - 3 * lease - interval '5 s'""",
}


def path_of(url):
    return pathlib.Path(urllib.parse.unquote(urllib.parse.urlsplit(url).path))


def check_rows(db):
    return [f'{what}: {row}' for what, query in QUERIES.items()
            for row in db.query(query)[:5]]


def check_files(db, out, names_run):
    """Checks that every COMPLETED report's file has exactly the bytes of its last run,
    and that no other file exists. A run may be lost after it published and before it
    could report that; the next run's file then replaces its own."""
    wrong, known = [], set()
    for row in db.query("""
            select distinct on (output_url) * from reportd.report_run
            where status = 'COMPLETED' and output_url is not null
            order by output_url, finished_at desc"""):
        path = path_of(row.output_url)
        known.add(path)
        data = path.read_bytes() if path.exists() else None
        if data is None:
            wrong.append(f'run {row.run_id}: no file {path}')
        elif (len(data), hashlib.sha256(data).hexdigest()) != (
                row.byte_count, row.sha256):
            wrong.append(f'run {row.run_id}: other bytes in {path}: {data[:80]}')
        elif names_run and data.decode().split()[-1] != str(row.run_id):
            wrong.append(f'run {row.run_id}: the file of another: {data[:80]}')
    for path in out.rglob('*'):
        if '.reportd-' in path.name:
            wrong.append(f'a temporary file is left: {path}')
        elif not path.is_dir() and path not in known:
            wrong.append(f'a file without a COMPLETED run: {path}')
    return wrong


def violations(db, out, names_run=True):
    """Returns sentences about what is wrong. The queue must be at rest. With names_run,
    each export must end with its run's ID: select :'run_id' as run_id."""
    return check_rows(db) + check_files(db, out, names_run)


def check(db, out, **options):
    wrong = violations(db, out, **options)
    assert not wrong, '\n'.join(wrong)
