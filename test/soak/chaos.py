# SPDX-License-Identifier: MIT
"""What goes wrong: two hands, one for the daemons and one for the server, so that
faults of both kinds meet. The same seed makes the same choices."""

import collections
import os
import random
import signal

from lib.process import Daemon
from lib.wait import wait_for
from load import patient


def send(number, *pids):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


class Hand:
    """`faults` are [(how often, relative to its neighbours; what; the method)]."""

    def __init__(self, seed, pause):
        self.dice = random.Random(seed)
        self.pause = pause
        self.count = collections.Counter()

    def run(self, over):
        weights, names, actions = zip(*self.faults())
        while not over.wait(self.dice.uniform(*self.pause)):
            i, = self.dice.choices(range(len(names)), weights)
            actions[i]()
            self.count[names[i]] += 1


class Fleet(Hand):
    """The daemons. The first one's supervisor is never ended."""

    def __init__(self, db, confs, lease, seed):
        super().__init__(seed, (1, 4))
        self.db, self.lease = db, lease
        self.daemons = [Daemon(db, conf) for conf in confs]

    def faults(self):
        return [(6, 'workers killed', self.kill_worker),
                (2, 'supervisors killed', self.kill_supervisor),
                (2, 'stopped and started', self.restart),
                (1, 'reloaded', lambda: self.any().signal(signal.SIGHUP)),
                (1, 'suspended past the lease', self.suspend)]

    def any(self):
        return self.dice.choice(self.daemons)

    def kill_worker(self):
        if pids := self.any().workers():
            send(signal.SIGKILL, self.dice.choice(pids))

    def kill_supervisor(self):
        self.replace(lambda one: one.kill())

    def restart(self):
        self.replace(lambda one: one.stop(60))

    def replace(self, end):
        at = self.dice.randrange(1, len(self.daemons))
        one = self.daemons[at]
        end(one)
        # The next one comes up while the workers of the first may still be there.
        self.daemons[at] = Daemon(self.db, one.conf)
        one.end()

    def suspend(self):
        one = self.any()
        one.signal(signal.SIGSTOP)
        pids = one.workers()
        send(signal.SIGSTOP, *pids)
        try:
            self.over.wait(self.lease + self.dice.uniform(1, 3))
        finally:
            send(signal.SIGCONT, one.pid, *pids)

    def run(self, over):
        self.over = over
        super().run(over)

    def end(self):
        """All stop as they should; nothing is left of them."""
        for one in self.daemons:
            one.end()

    def kill(self):
        for one in self.daemons:
            send(signal.SIGKILL, *one.group())


class Server(Hand):
    def __init__(self, cluster, db, seed):
        super().__init__(seed, (5, 25))
        self.cluster, self.db = cluster, db

    def faults(self):
        return [(4, 'connections cut', lambda: self.cut(1)),
                (2, 'all connections cut', lambda: self.cut(1000)),
                (1, 'server restarted', self.cluster.restart),
                (1, 'server crashed', lambda: self.cluster.restart('immediate'))]

    def cut(self, count):
        patient(lambda: self.db.query(
            "select pg_terminate_backend(pid) from (select pid from pg_stat_activity "
            "where backend_type = 'client backend' and pid <> pg_backend_pid() "
            "order by random() limit %s) chosen", count))


def settled(db, fleet, lease):
    """Every daemon is known, and nobody who has gone."""
    wait_for(lambda: patient(lambda: db.value(
        'select array_agg(pid order by pid) from reportd.report_worker')) ==
        sorted(one.pid for one in fleet.daemons), 2 * lease + 10,
        'report_worker to name the daemons there are', interval=0.5)
