# SPDX-License-Identifier: MIT
"""The course of a soak: see ./run."""

import threading
import time
import traceback

from lib.cluster import Cluster, make_template
from lib.process import write_conf
from lib.wait import wait_for
from chaos import Fleet, Server, settled
from load import Submitter, patient, prepare
from verdict import NAPTIME, RESTORE, Verdict
from watch import Watch

DAEMONS = 4
LEASE = 6
SAMPLE = 10
CALM = """
update reportd.report_config set is_active = false
where trigger_type = 'SCHEDULED' and is_active and next_run_time > now()
    and (status in ('COMPLETED', 'FAILED') or due_at = 'infinity')
"""
OPEN = """
select count(*) from reportd.report_config where is_active
    and (trigger_type = 'SCHEDULED' or status in ('PENDING', 'PROCESSING'))
"""


class Soak:
    def __init__(self, path, seconds, jobs, seed):
        self.path, self.seconds, self.jobs, self.seed = path, seconds, jobs, seed
        self.over = threading.Event()
        self.troubles, self.threads = [], []
        self.fleet = None

    def say(self, text):
        print(text, flush=True)
        with open(self.path / 'summary', 'a', encoding='utf-8') as file:
            file.write(text + '\n')

    def run(self):
        self.cluster = Cluster(autovacuum_naptime=f'{NAPTIME}s')
        try:
            self.start()
            self.work()
            self.rest()
            return self.judge()
        except Exception:  # whatever it is, the daemons must not outlive it
            self.say(traceback.format_exc())
            return 1
        finally:
            self.over.set()
            for thread in self.threads:
                thread.join()
            if self.fleet:
                self.fleet.kill()
            self.cluster.remove()

    def connection(self):
        """Of a thread's own."""
        return type(self.db)(self.cluster, self.db.name)

    def start(self):
        self.db = self.cluster.create(make_template(self.cluster))
        prepare(self.db)
        self.db.execute("do $$ begin create extension pgstattuple; "
                        "exception when others then null; end $$")
        self.out = self.path / 'out'
        confs = [write_conf(
            self.path / f'reportd-{i}.conf', self.db, workers=4, lease=f'{LEASE}s',
            poll_interval='5s', retry_backoff='1s', retry_backoff_max='10s',
            shutdown_grace='2s', cancel_grace='2s', log_level='warn',
            output_root=self.out, retention=f'{max(self.seconds / 6, 60):.0f}s')
            for i in range(DAEMONS)]
        self.submitter = Submitter(self.connection(), self.jobs, self.seconds)
        self.fleet = Fleet(self.connection(), confs, LEASE, self.seed)
        self.server = Server(self.cluster, self.connection(), self.seed + 1)
        for one in self.fleet.daemons:
            one.wait_ready()
        self.watch = Watch(self.db, self.fleet, self.submitter,
                           self.path / 'samples.tsv')
        for hand in self.submitter, self.fleet, self.server:
            self.threads.append(threading.Thread(target=self.guard, args=(hand,)))
            self.threads[-1].start()

    def guard(self, hand):
        try:
            hand.run(self.over)
        except Exception:
            self.troubles.append(traceback.format_exc())

    def work(self):
        minute, before = 1, 0
        while True:
            self.sample()
            if self.watch.seconds() >= minute * 60:
                rate = (self.watch.done - before) / 60
                self.say(self.watch.line(self.watch.seconds(), rate))
                before, minute = self.watch.done, minute + 1
            if self.watch.seconds() >= self.seconds:
                return
            self.over.wait(min(SAMPLE, self.seconds - self.watch.seconds()))

    def sample(self):
        if self.troubles:
            raise AssertionError('\n'.join(self.troubles))
        patient(self.watch.sample)

    def rest(self):
        """No more faults; all that is due is done, the daemons end."""
        wait_for(lambda: self.submitter.sent == self.jobs or self.troubles, 60,
                 'the submitter', interval=0.5)
        self.over.set()
        for thread in self.threads:
            thread.join()
        since = time.monotonic()
        settled(self.db, self.fleet, LEASE)
        self.submitter.cancel()
        wait_for(self.idle, 600, 'the queue to drain', interval=0.5)
        self.drained = time.monotonic() - since
        self.sample()
        self.fleet.end()

    def idle(self):
        self.db.execute(CALM)
        return self.db.value(OPEN) == 0

    def judge(self):
        faults = self.fleet.count + self.server.count
        self.say(f'\n{self.jobs} reports in {self.seconds / 60:g} min, '
                 f'{self.db.value("select max(run_id) from reportd.report_run")} runs; '
                 f'drained {self.drained:.0f} s later; '
                 f'at most {self.watch.longest_queue} waiting\n'
                 + ', '.join(f'{count} {what}' for what, count in faults.items()))
        verdict = Verdict(self.say)
        verdict.hold(not self.db.value('select count(*) from reportd.report_worker'),
                     'no daemon has left its row')
        verdict.supervisor(self.watch, self.seconds / 6)
        verdict.bloat(self.db, self.watch, self.jobs / self.seconds)
        self.db.execute(RESTORE)
        ends = self.db.query('select status, count(*) from reportd.report_run '
                             'group by 1 order by 2 desc')
        self.say('        runs: ' + ', '.join(f'{n} {status}' for status, n in ends))
        verdict.jobs(self.db, self.out, self.submitter.sent)
        verdict.schedules(self.db)
        self.say('all is well' if not verdict.wrong else
                 f'{len(verdict.wrong)} WRONG; see {self.path}')
        return 1 if verdict.wrong else 0
