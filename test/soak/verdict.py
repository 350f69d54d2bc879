# SPDX-License-Identifier: MIT
"""The end: everything is at rest, and this is what must hold."""

from lib import invariants
from load import FIRST_SCHEDULE
from watch import TABLES

# Seconds between rounds of autovacuum. By default it is a minute, but here a
# server hardly lives that long, and one that crashes forgets what is to be vacuumed.
NAPTIME = 10
MIB = 2**20

RESTORE = """
set session_replication_role = replica;
insert into reportd.report_config overriding system value table soak.report_config;
insert into reportd.report_run overriding system value table soak.report_run;
reset session_replication_role;
analyze reportd.report_config, reportd.report_run;
"""

LOST = """
select i, c.report_name, c.status, c.error_message
from generate_series(1, %s::bigint) i
left join reportd.report_config c on c.config_id = i
left join soak.kind k on k.name = c.report_name
where c.status = any (k.ends) is not true
"""

# Every due minute fires once. LATEST and SKIP (misfire_grace is a minute, too) leave
# one out when the next one was due before the report was free again; ALL does not.
SCHEDULES = """
with due as (
    select s.config_id, s.misfire_policy, at
    from soak.schedule s join reportd.report_config c using (config_id)
    cross join lateral generate_series(
        s.first, c.next_run_time - interval '1 minute', '1 minute') at
), fired as (
    select config_id, scheduled_for as at,
        count(*) filter (where status = 'COMPLETED') as times,
        max(finished_at) as free_at
    from reportd.report_run where config_id >= %s group by 1, 2
), each as (
    select coalesce(d.config_id, f.config_id) as config_id, coalesce(d.at, f.at) as at,
        d.misfire_policy, d.at is not null as was_due, f.times,
        max(f.free_at) over (partition by coalesce(d.config_id, f.config_id)
            order by coalesce(d.at, f.at)
            rows between unbounded preceding and 1 preceding) as free_at
    from due d full join fired f on f.config_id = d.config_id and f.at = d.at
)
select misfire_policy, config_id, at, was_due, times, free_at,
    was_due and times = 1 as good,
    was_due and times is null and misfire_policy <> 'ALL'
        and free_at > at + interval '1 minute' as misfire
from each
"""


class Verdict:
    def __init__(self, say):
        self.say = say
        self.wrong = []

    def hold(self, good, what):
        self.say(('ok      ' if good else 'WRONG   ') + what)
        if not good:
            self.wrong.append(what)

    def jobs(self, db, out, sent):
        lost = db.query(LOST, sent)
        self.hold(not lost, f'{sent} reports ended as they should'
                  + ''.join(f'\n        not so: {row}' for row in lost[:10]))
        wrong = invariants.violations(db, out)
        self.hold(not wrong, 'invariants of rows and files, no temporary file'
                  + ''.join(f'\n        {text}' for text in wrong[:20]))

    def schedules(self, db):
        rows = db.query(SCHEDULES, FIRST_SCHEDULE)
        for policy in 'LATEST', 'SKIP', 'ALL':
            mine = [r for r in rows if r.misfire_policy in (policy, None)]
            bad = [r for r in mine if not (r.good or r.misfire)]
            self.hold(mine and not bad,
                      f'schedules {policy}: {sum(bool(r.good) for r in mine)} due '
                      'minutes fired once, '
                      f'{sum(bool(r.misfire) for r in mine)} left out by the policy'
                      + ''.join(f'\n        not so: {r}' for r in bad[:5]))

    def supervisor(self, watch, warm):
        """Flat: less than 256 KiB from the warm-up on, by the line through the
        samples. Over 30 minutes at 55 reports a second and four daemons that is
        12 bytes a report, less than the smallest block malloc gives out (32), so
        one block lost a report would show; the allocator's own play is 100 KiB."""
        boot = watch.spared()
        grown, seconds = boot.growth(warm)
        anon, _ = boot.growth(warm, column=2)
        most = max(s[1] for s in boot.samples)
        hourly = grown * 3600 / seconds if seconds else 0
        self.hold(seconds and grown <= 256,
                  f'supervisor that was spared: {boot.samples[0][1]} KiB at first, '
                  f'{boot.rss()} at last, {grown:+.0f} KiB in {seconds / 60:.1f} min '
                  f'after the warm-up ({hourly:+.0f} KiB/h; anonymous {anon:+.0f} KiB)')
        most = max(most, *(max(s[1] for s in b.samples) for b in watch.boots.values()))
        self.hold(most < 16 * 1024, f'largest of {len(watch.boots)} supervisors '
                  f'{most} KiB, below 16 MiB')
        self.hold(watch.worker_rss < 24 * 1024,
                  f'largest worker {watch.worker_rss} KiB, below 24 MiB')

    def bloat(self, db, watch, rate):
        """A table may hold the rows that lived at its peak and those that die
        until autovacuum comes, which it does once a naptime, and may just have
        missed: three row versions a report (two updates, and what retention
        deletes) above its threshold of 2000. Index pages half full: twice that. And
        a MiB: a fresh copy's index of what is due is empty, that of a queue is not."""
        for table in TABLES[:2]:
            heap, indexes, small_heap, small_indexes, rows = sizes(db, table)
            versions = watch.most_rows + 2000 + 3 * rate * 2 * NAPTIME
            most_heap = versions / max(rows, 1) * small_heap + MIB
            most_indexes = 2 * versions / max(rows, 1) * small_indexes + MIB
            self.hold(
                heap <= most_heap and indexes <= most_indexes,
                f'{table}: {rows} rows, '
                f'heap {heap / MIB:.1f} MiB (allowed {most_heap / MIB:.1f}; '
                f'a fresh copy {small_heap / MIB:.1f}), '
                f'indexes {indexes / MIB:.1f} MiB (allowed {most_indexes / MIB:.1f}; '
                f'a fresh copy {small_indexes / MIB:.1f})' + tuples(db, table))
        heap, indexes, *_ = watch.tables['report_worker']
        self.hold(heap + indexes <= MIB,
                  f'report_worker: {(heap + indexes) // 1024} KiB, below 1 MiB')


def sizes(db, table):
    """Heap and indexes as they are and as a fresh copy has them; rows."""
    name = f'reportd.{table}'
    options = db.value('select array_to_string(reloptions, %s) from pg_class '
                       'where oid = %s::regclass', ', ', name)
    db.execute(f'create table soak.copy (like {name} including all) with ({options})')
    rows = db.execute(f'insert into soak.copy overriding system value table {name}'
                      ).rowcount
    size = 'select pg_relation_size(%s), pg_indexes_size(%s)'
    result = (*db.row(size, name, name), *db.row(size, 'soak.copy', 'soak.copy'), rows)
    db.execute('drop table soak.copy')
    return result


def tuples(db, table):
    """In words, when the extension is there."""
    if not db.value("select 1 from pg_extension where extname = 'pgstattuple'"):
        return ''
    row = db.row('select * from pgstattuple(%s)', f'reportd.{table}')
    return (f'; {row.dead_tuple_count} dead ({row.dead_tuple_percent} %), '
            f'{row.free_percent} % free')
