# SPDX-License-Identifier: MIT
"""A day of daemons that come and go, in simulated time, by the decisions of the program."""

import itertools
import re

import pytest

from lib import fleet
from lib.paths import ROOT

pytestmark = pytest.mark.shipped

# The longest wait of a report: the next call of the scaler, a slow start, and the work before it.
TICK, START = 60, 120


@pytest.fixture(scope='module')
def conn(cluster, template):
    db = cluster.create(template)
    with db.connect(row_factory=None) as conn:
        yield conn
    db.drop()


@pytest.mark.parametrize('load, trouble', itertools.product(fleet.LOADS, fleet.TROUBLE))
def test_no_report_is_stranded_and_nothing_flaps(conn, load, trouble):
    day = fleet.play(conn, load, trouble)
    assert all(job.ended is not None for job in day.jobs)
    assert all(task.left is not None for task in day.tasks)
    assert day.regrets() == 0
    # The wake-up does not ask the scaler, so both may start one.
    assert day.most_at_once() <= day.world.most + 1
    if trouble != 'a task is killed every hour of its work':
        assert all(job.attempts == 1 for job in day.jobs)
        assert day.useless() <= 0.1 * len(day.tasks) + 1


@pytest.mark.parametrize('load, longest', [
    ('steady: one a minute', TICK + START), ('a few: 24 a day', START + 5),
    ('bursts: 60 every two hours', TICK + START + 60)])
def test_how_long_a_report_waits(conn, load, longest):
    assert max(fleet.play(conn, load, 'none').waits()) <= longest


def test_what_calls_are_lost_is_made_up_by_the_next(conn):
    """Without any wake-up, and when the scaler misses three of ten of its minutes."""
    day = fleet.play(conn, 'a few: 24 a day', '30 % of calls lost, no wake-up')
    assert max(day.waits()) <= 8 * TICK + START


def test_capacity_that_comes_back_is_used_within_a_minute(conn):
    day = fleet.play(conn, 'bursts: 60 every two hours', 'no capacity for 20 minutes')
    first = [job for job in day.jobs if job.due < 2000]
    assert min(job.began for job in first) <= 2900 + TICK + START
    assert max(job.ended for job in first) <= 2900 + TICK + START + 3 * 60


def test_a_steady_load_keeps_its_task(conn):
    day = fleet.play(conn, 'steady: one a minute', 'none')
    assert len(day.tasks) <= 2


def test_nothing_to_do_costs_nothing(conn):
    assert fleet.play(conn, 'none', 'none').hours() == 0


def test_bursts_cost_a_tenth_of_what_is_always_there(conn):
    hours = fleet.play(conn, 'bursts: 60 every two hours', 'none').hours()
    assert hours < 0.1 * 240
    assert fleet.play(conn, 'a few: 24 a day', 'none').hours() < 0.2 * 24


def test_a_simulation_without_the_one_number_flaps(conn, monkeypatch):
    """The check sees it when idle daemons end though more is due than others are there for."""
    monkeypatch.setattr(
        fleet.Fleet, 'ask', lambda self, name, *args, ask=fleet.Fleet.ask:
        (True,) if name == 'scale_spare' else ask(self, name, *args))
    jobs = [(0, 7200) for _ in range(10)]
    world = fleet.World(workers=10)
    assert fleet.Fleet(conn, jobs, world).run().regrets() > 0


def test_the_manual_has_the_table(conn):
    """`test/bench/scaling.py --write` writes it."""
    page = (ROOT / 'docs/scaling.md').read_text()
    assert re.search(r'\| load \|.*?\n(?=\n)', page, re.S)[0] == fleet.table(conn)
