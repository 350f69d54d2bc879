# SPDX-License-Identifier: MIT
"""What is submitted: reports of several kinds at a steady rate, and schedules.

Report n has the config_id n, so an INSERT whose answer was lost is repeated
without harm, and whatever is missing at the end was lost."""

import contextlib
import time

import psycopg

# Each export ends with its run's id: the invariant checker reads it.
RUN_ID = "select :'run_id' as run_id"
# (of a thousand, name, prep_sql, export_sql, max_retries, timeout, how it ends).
# Faults use up attempts, too: what is to succeed has plenty.
KINDS = [
    (1, 'long', None, f'{RUN_ID} from (select pg_sleep(15)) nap', 100, None,
     ['COMPLETED']),
    (2, 'large', None, 'select i as run_id from generate_series(1, 50000) i '
     "union all select :'run_id'::bigint", 100, None, ['COMPLETED']),
    (10, 'stumbling', "select soak.stumble(:'config_id', 2)", RUN_ID, 100, None,
     ['COMPLETED']),
    (3, 'hopeless', "select soak.stumble(:'config_id', 1000)", RUN_ID, 2, None,
     ['FAILED']),
    (3, 'wrong', None, 'select nothing from nowhere', 100, None, ['FAILED']),
    (1, 'late', None, f'{RUN_ID} from (select pg_sleep(60)) nap', 0, '2 s',
     ['FAILED']),
    (5, 'regretted', None, f'{RUN_ID} from (select pg_sleep(5)) nap', 100, None,
     ['CANCELLED', 'COMPLETED']),
    (975, 'plain', None, RUN_ID, 100, None, ['COMPLETED']),
]
SCHEDULES = 24
# Above every report's own number.
FIRST_SCHEDULE = 1_000_000_001

SETUP = """
create schema soak;
create table soak.kind (first int, last int, name text, prep_sql text,
    export_sql text, max_retries int, timeout interval, ends text[]);

-- Runs that retention deletes are kept here, for the check at the end.
create table soak.report_config (like reportd.report_config);
create table soak.report_run (like reportd.report_run);
create function soak.keep() returns trigger language plpgsql as $$
begin
    execute format('insert into soak.%I select * from gone', tg_table_name);
    return null;
end $$;
create trigger soak_keep after delete on reportd.report_config
    referencing old table as gone for each statement execute function soak.keep();
create trigger soak_keep after delete on reportd.report_run
    referencing old table as gone for each statement execute function soak.keep();

-- Fails, with an error that may pass, until the report has had more runs than `times`.
create function soak.stumble(report bigint, times int) returns void
language plpgsql as $$
begin
    if (select count(*) from reportd.report_run where config_id = report) <= times then
        raise serialization_failure using message = 'stumbled';
    end if;
end $$;
"""

INSERT = """
insert into reportd.report_config (config_id, report_name, priority, prep_sql,
    export_sql, max_retries, timeout, output_path)
select i, k.name, 1 + i %% 5, k.prep_sql, k.export_sql, k.max_retries, k.timeout,
    'jobs/%%H%%M/{config_id}.csv'
from generate_series(%s::bigint, %s) i
join soak.kind k on i * 7919 %% 1000 between k.first and k.last
on conflict do nothing
"""

SCHEDULE = """
insert into reportd.report_config (config_id, report_name, trigger_type,
    schedule_expression, misfire_policy, priority, max_retries, export_sql,
    output_path)
select {first} + i, 'schedule', 'SCHEDULED', '* * * * *',
    (array['LATEST', 'SKIP', 'ALL'])[1 + i % 3], 1 + i % 5, 100,
    format($$select :'run_id' as run_id from (select pg_sleep(%s)) nap$$, i % 6),
    'schedules/{{config_id}}/%d%H%M.csv'
from generate_series(0, {count} - 1) i
"""

CANCEL = """
select reportd.cancel(config_id) from reportd.report_config
where report_name = 'regretted' and status in ('PENDING', 'PROCESSING')
    and not cancel_requested and created_timestamp < now() - interval '1 s'
"""


def prepare(db):
    db.execute(SETUP)
    first = 0
    for share, *kind in KINDS:
        db.execute('insert into soak.kind values (%s, %s, %s, %s, %s, %s, %s, %s)',
                   first, first + share - 1, *kind)
        first += share
    assert first == 1000
    db.execute(SCHEDULE.format(first=FIRST_SCHEDULE, count=SCHEDULES))
    db.execute('create table soak.schedule as '
               'select config_id, misfire_policy, next_run_time as first '
               "from reportd.report_config where trigger_type = 'SCHEDULED'")


def patient(action, timeout=60):
    """Repeats what a lost connection broke, until the server is back."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return action()
        except (psycopg.OperationalError, psycopg.InterfaceError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


class Submitter:
    """`sent` reports are in the queue."""

    def __init__(self, db, jobs, seconds):
        self.db, self.jobs, self.seconds = db, jobs, seconds
        self.sent = 0

    def run(self, over):
        begun = time.monotonic()
        while self.sent < self.jobs and not over.wait(0.5):
            passed = (time.monotonic() - begun) / self.seconds
            due = min(int(self.jobs * passed), self.jobs, self.sent + 1000)
            if due > self.sent:
                patient(lambda: self.insert(self.sent + 1, due))
                self.sent = due
            patient(self.cancel)

    def insert(self, first, last):
        self.db.execute(INSERT, first, last)

    def cancel(self):
        # A report that has ended in this very moment cannot be cancelled.
        with contextlib.suppress(psycopg.errors.InvalidParameterValue):
            self.db.execute(CANCEL)
