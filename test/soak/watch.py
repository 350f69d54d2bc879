# SPDX-License-Identifier: MIT
"""Samples: memory of the processes, size of the tables, length of the queue."""

import contextlib
import pathlib
import re
import statistics
import time

TABLES = 'report_config', 'report_run', 'report_worker'
QUERY = """
select (select count(*) from reportd.report_config where status = 'PENDING'
        and is_active and trigger_type = 'ADHOC') as pending,
    (select count(*) from reportd.report_config
        where status = 'PROCESSING' and trigger_type = 'ADHOC') as processing,
    (select count(*) from reportd.report_config) as configs
"""
SIZES = """
select relname, pg_relation_size(relid) as heap, pg_indexes_size(relid) as indexes,
    n_live_tup as live, n_dead_tup as dead, autovacuum_count as vacuums
from pg_stat_user_tables where schemaname = 'reportd' and relname = any (%s)
"""


def memory(pid):
    """(VmRSS, RssAnon) in KiB; None when the process is gone."""
    with contextlib.suppress(OSError):
        text = pathlib.Path(f'/proc/{pid}/status').read_text()
        found = dict(re.findall(r'^(VmRSS|RssAnon):\s+(\d+) kB', text, re.M))
        if found:
            return int(found['VmRSS']), int(found['RssAnon'])
    return None


class Boot:
    """A supervisor's memory, sample by sample."""

    def __init__(self, pid):
        self.pid = pid
        self.samples = []  # (seconds, VmRSS, RssAnon)

    def rss(self):
        return self.samples[-1][1]

    def growth(self, since=0, column=1):
        """(KiB, seconds) from `since` on: of the line through the samples."""
        samples = [s for s in self.samples if s[0] >= since]
        if len(samples) < 3:
            return 0, 0
        times = [s[0] for s in samples]
        line = statistics.linear_regression(times, [s[column] for s in samples])
        seconds = times[-1] - times[0]
        return line.slope * seconds, seconds


class Watch:
    def __init__(self, db, fleet, submitter, path):
        self.db, self.fleet, self.submitter = db, fleet, submitter
        self.begun = time.monotonic()
        self.boots = {}
        self.worker_rss = self.most_rows = self.longest_queue = 0
        self.tables = {}
        self.file = open(path, 'w', encoding='utf-8', buffering=1)
        self.file.write('\t'.join(
            ['seconds', 'submitted', 'done', 'pending', 'processing', 'configs',
             'spared_rss', 'spared_anon', 'most_rss', 'worker_rss']
            + [f'{t}.{c}' for t in TABLES
               for c in ('heap', 'indexes', 'live', 'dead', 'vacuums')]) + '\n')

    def seconds(self):
        return time.monotonic() - self.begun

    def spared(self):
        return self.boots[self.fleet.daemons[0].pid]

    def sample(self):
        self.processes()
        # Read before the queue is: done is then not too large.
        sent = self.submitter.sent
        self.queue = self.db.row(QUERY)
        self.done = max(sent - self.queue.pending - self.queue.processing, 0)
        self.most_rows = max(self.most_rows, self.queue.configs)
        self.longest_queue = max(self.longest_queue, self.queue.pending)
        self.tables = {row.relname: row[1:] for row in self.db.query(
            SIZES, list(TABLES))}
        spared = self.spared().samples[-1]
        words = [round(self.seconds()), sent, self.done, *self.queue, *spared[1:],
                 max(b.rss() for b in self.boots.values()), self.worker_rss]
        for table in TABLES:
            words += self.tables[table]
        self.file.write('\t'.join(map(str, words)) + '\n')

    def processes(self):
        for one in list(self.fleet.daemons):
            if found := memory(one.pid):
                boot = self.boots.setdefault(one.pid, Boot(one.pid))
                boot.samples.append((self.seconds(), *found))
            for pid in one.workers():
                self.worker_rss = max(self.worker_rss, (memory(pid) or [0])[0])

    def line(self, passed, rate):
        sizes = ', '.join(f'{table} {(heap + indexes) / 2**20:.1f} MiB '
                          f'({live} live, {dead} dead)'
                          for table, (heap, indexes, live, dead, _)
                          in self.tables.items() if table != 'report_worker')
        return (f'{passed / 60:5.1f} min: {self.done} done ({rate:.0f}/s), '
                f'{self.queue.pending} waiting; supervisor {self.spared().rss()} KiB, '
                f'workers up to {self.worker_rss} KiB; {sizes}')
