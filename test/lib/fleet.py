# SPDX-License-Identifier: MIT
"""Daemons that come and go with the work, in simulated time.

The decisions are those of the program: reportd.scale_decide() and reportd.scale_spare() of
a real database. Everything around them is simulated: reports, tasks of ECS that start
slowly, calls that are lost, capacity that is missing, tasks that are killed. Times are
seconds, the random numbers are the same each time."""

import dataclasses
import heapq
import itertools
import random

DAY = 86400
# USD an hour of 0.5 vCPU and 1 GiB of Fargate on Linux/x86 (0.04048 a vCPU, 0.004445 a GiB).
PRICE = 0.5 * 0.04048 + 0.004445


@dataclasses.dataclass
class World:
    """What happens around the decisions."""
    starts: tuple = (60, 120)   # seconds from RunTask to a daemon that works
    tick: float = 60            # seconds between calls of the scaler
    idle_exit: float = 120
    workers: int = 5
    lost: float = 0             # share of calls (scaler, wake-up) that never arrive
    unanswered: float = 0       # share of RunTask calls whose answer is lost
    no_capacity: tuple = ()     # (from, to): RunTask starts nothing
    killed: float = 0           # tasks that are killed an hour of work
    deciders: int = 1           # scalers that are called at the same time
    wakes: bool = True          # the database calls when work comes and no daemon is there
    per_task: int = 5
    most: int = 10
    lease: float = 60


@dataclasses.dataclass
class Task:
    asked: float
    runs: float = None          # its container runs
    ready: float = None         # its daemon has registered
    left: float = None          # its daemon takes no more
    gone: float = None          # ECS lists it no more
    jobs: set = dataclasses.field(default_factory=set)
    idle_since: float = None
    done: int = 0
    killed: bool = False


@dataclasses.dataclass
class Job:
    due: float
    takes: float
    began: float = None
    ended: float = None
    attempts: int = 0


class Fleet:
    """`run()` plays one load in one world, and keeps jobs and tasks for the verdict."""

    def __init__(self, db, jobs, world, seed=1):
        self.conn, self.world, self.random = db, world, random.Random(seed)
        self.jobs = [Job(due, takes) for due, takes in jobs]
        self.tasks, self.waiting, self.orphans = [], [], []
        self.events, self.number = [], itertools.count()
        self.turn_until, self.token, self.tokens = -1, 0, {}
        self.horizon = max([DAY, *(job.due for job in self.jobs)]) + 7200
        self.present = []  # (time, tasks that are paid for)

    # ---- the decisions: of the program ----

    def ask(self, function, *args):
        return self.conn.execute(
            f'select * from reportd.{function}({", ".join(["%s"] * len(args))})', args).fetchone()

    def counts(self):
        """(ready, running, daemons) as the queue has them."""
        running = sum(len(task.jobs) for task in self.tasks) + len(self.orphans)
        daemons = sum(task.ready is not None and task.left is None for task in self.tasks)
        return len(self.waiting), running, daemons

    def listed(self, now):
        """(starting, working, young) as ECS has them."""
        there = [task for task in self.tasks if task.gone is None or task.gone > now]
        working = [task for task in there if task.runs is not None and task.runs <= now]
        return (len(there) - len(working), len(working),
                sum(task.runs > now - 60 for task in working))

    def decide(self, now):
        ready, running, daemons = self.counts()
        w = self.world
        missing = self.ask('scale_decide', ready, running, False, daemons, *self.listed(now),
                           w.per_task, w.most)[2]
        if missing:
            self.run_task(now, missing)
        else:
            self.token += 1

    # ---- what is around them ----

    def at(self, time, what, *args):
        heapq.heappush(self.events, (time, next(self.number), what, args))

    def run_task(self, now, count):
        if self.token in self.tokens:
            # ECS starts nothing twice: it tells of the same tasks, or of a conflict when
            # another number is asked for. That is an answer, so the next request is another.
            self.token += 1
            return
        if any(start <= now < end for start, end in self.world.no_capacity):
            self.token += 1
            return
        self.tokens[self.token] = count
        for _ in range(count):
            self.start(now)
        if self.random.random() >= self.world.unanswered:
            self.token += 1

    def start(self, now):
        task = Task(now)
        self.tasks.append(task)
        ready = now + self.random.uniform(*self.world.starts)
        self.at(ready - 3, self.container_runs, task)
        self.at(ready, self.registers, task)

    def container_runs(self, now, task):
        task.runs = now

    def registers(self, now, task):
        task.ready = task.idle_since = now
        self.at(now + self.world.idle_exit, self.idle, task)
        if self.world.killed:
            self.at(now + self.random.expovariate(self.world.killed / 3600), self.kill, task)
        self.claim(now)

    def claim(self, now):
        for task in self.tasks:
            while (self.waiting and task.ready is not None and task.left is None
                   and len(task.jobs) < self.world.workers):
                job = self.waiting.pop(0)
                job.began = now if job.began is None else job.began
                job.attempts += 1
                task.jobs.add(id(job))
                task.idle_since = None
                self.at(now + job.takes, self.ends, task, job)

    def ends(self, now, task, job):
        if id(job) not in task.jobs:
            return  # its task was killed
        task.jobs.remove(id(job))
        task.done += 1
        job.ended = now
        self.claim(now)
        if not task.jobs:
            task.idle_since = now
            self.at(now + self.world.idle_exit, self.idle, task)

    def idle(self, now, task):
        if (task.left is not None or task.idle_since is None
                or now - task.idle_since < self.world.idle_exit - 1e-6):
            return
        ready, running, daemons = self.counts()
        if self.ask('scale_spare', ready, running, False, daemons, self.world.per_task,
                    self.world.most)[0]:
            task.left, task.gone = now, now + self.random.uniform(2, 20)
        else:
            self.at(now + 30, self.idle, task)

    def kill(self, now, task):
        if task.left is not None:
            return
        task.left = task.gone = now
        lost = [job for job in self.jobs if id(job) in task.jobs]
        task.jobs.clear()
        task.killed = True
        self.orphans += lost
        if lost:
            self.at(now + self.world.lease, self.rescue, lost)

    def rescue(self, now, lost):
        """The lease has ended, and a daemon takes the reports over; one must be there."""
        if not any(task.ready is not None and task.left is None for task in self.tasks):
            self.at(now + 5, self.rescue, lost)
            return
        self.orphans = [job for job in self.orphans if job not in lost]
        self.waiting += lost
        self.claim(now)

    def arrives(self, now, job):
        self.waiting.append(job)
        self.claim(now)
        if self.world.wakes and not self.counts()[2] and not self.loses():
            self.at(now + 1, self.wake)

    def loses(self):
        return self.random.random() < self.world.lost

    def wake(self, now):
        """deploy/wake.py, called with {"daemons": 0}."""
        starting, _, young = self.listed(now)
        if not starting + young and self.tokens.get(('wake', now // 60)) is None and not any(
                start <= now < end for start, end in self.world.no_capacity):
            self.tokens['wake', now // 60] = 1
            self.start(now)

    def scaler(self, now):
        for _ in range(self.world.deciders):
            if now >= self.turn_until and not self.loses():
                self.turn_until = now + 3
                self.decide(now)
        if now < self.horizon or any(job.ended is None for job in self.jobs):
            self.at(now + self.world.tick, self.scaler)

    def run(self):
        for job in self.jobs:
            self.at(job.due, self.arrives, job)
        self.at(self.random.uniform(0, self.world.tick), self.scaler)
        while self.events:
            now, _, what, args = heapq.heappop(self.events)
            assert now < self.horizon + DAY, 'it goes on for ever'
            what(now, *args)
        return self

    # ---- the verdict ----

    def hours(self):
        """Task hours: from the request to the end."""
        return sum((task.gone or self.horizon) - task.asked for task in self.tasks) / 3600

    def waits(self):
        return [job.began - job.due for job in self.jobs]

    def useless(self):
        """Tasks that did nothing."""
        return sum(task.done == 0 for task in self.tasks)

    def regrets(self):
        """Tasks that were started within two minutes after one had left, though nothing had
        become due in between: what the one number for both forbids."""
        ends = [task.left for task in self.tasks
                if task.left is not None and not task.killed]
        dues = [job.due for job in self.jobs]
        return sum(any(0 <= task.asked - left < 120 and not any(
            left - 1 <= due <= task.asked for due in dues) for left in ends)
            for task in self.tasks)

    def most_at_once(self):
        changes = sorted([(task.asked, 1) for task in self.tasks]
                         + [(task.gone, -1) for task in self.tasks if task.gone is not None])
        return max(itertools.accumulate((change for _, change in changes)), default=0)


# ---- loads of a day: (due, seconds that it takes) ----

def steady(every=60, takes=45):
    return [(t, takes) for t in range(30, DAY, every)]


def bursty(size=60, every=7200, takes=60):
    return [(t + i * 0.2, takes) for t in range(1800, DAY, every) for i in range(size)]


def nightly(size=200, takes=90):
    return [(2 * 3600 + i * 0.01, takes) for i in range(size)]


def trickle(count=24, takes=60, seed=5):
    source = random.Random(seed)
    return [(source.uniform(0, DAY), takes) for _ in range(count)]


LOADS = {'none': list, 'steady: one a minute': steady, 'bursts: 60 every two hours': bursty,
         'nightly: 200 at two': nightly, 'a few: 24 a day': trickle}
TROUBLE = {
    'none': {},
    '30 % of calls lost, no wake-up': {'lost': 0.3, 'wakes': False},
    '50 % of answers lost': {'unanswered': 0.5},
    'no capacity for 20 minutes': {'no_capacity': ((1700, 2900), (7100, 8300))},
    'two scalers at once': {'deciders': 2},
    'a task is killed every hour of its work': {'killed': 1},
}


def play(db, load, trouble):
    return Fleet(db, LOADS[load](), World(**TROUBLE[trouble])).run()


def table(db):
    """The table of docs/scaling.md."""
    rows = ['| load | trouble | reports | tasks started | at once | wait: half, longest | '
            'task hours | USD a day |', '| --- | --- | --- | --- | --- | --- | --- | --- |']
    for load, trouble in itertools.product(LOADS, TROUBLE):
        if trouble != 'none' and not load.startswith(('bursts', 'steady')):
            continue
        fleet = play(db, load, trouble)
        waits = sorted(fleet.waits())
        wait = f'{waits[len(waits) // 2]:.0f} s, {waits[-1]:.0f} s' if waits else ''
        rows.append(f'| {load} | {trouble} | {len(fleet.jobs)} | {len(fleet.tasks)} | '
                    f'{fleet.most_at_once()} | {wait} | {fleet.hours():.1f} | '
                    f'{fleet.hours() * PRICE:.2f} |')
    for count in 1, 10:
        rows.append(f'| any | always {count} task{"s" if count > 1 else ""} | | | {count} | | '
                    f'{24 * count}.0 | {24 * count * PRICE:.2f} |')
    return '\n'.join(rows) + '\n'
