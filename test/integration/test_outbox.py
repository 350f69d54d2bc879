# SPDX-License-Identifier: MIT
"""Notices: who is told of which run, once, whatever fails in between."""

import collections
import os
import signal
import socket
import threading
import time

import psycopg
import pytest

from lib import postfix as mx
from lib import process, report
from lib.cluster import ROOT, make_template
from lib.invariants import check
from lib.outbox import SECTIONS, notices, wait_states
from lib.ports import free_ports
from lib.receiver import Receiver
from lib.wait import wait_for
from test_engine_shared import ended, fails_until, gate, gated, wait_at_gate
from test_fault_shared import (  # noqa: F401: fixtures
    LEASE, Stopwatch, beat, engine_of, private_cluster, proxy, stop, tell)


@pytest.fixture
def receiver():
    one = Receiver()
    yield one
    one.close()


@pytest.fixture
def other():
    one = Receiver()
    yield one
    one.close()


@pytest.fixture
def engine(engine_of):
    """engine_of with receivers on this machine allowed."""
    def start(sections=None, **more):
        return engine_of(with_sections(sections), **more)
    return start


def with_sections(more=None):
    more = more or {}
    return {name: {**SECTIONS.get(name, {}), **more.get(name, {})}
            for name in {*SECTIONS, *more}}


def times(receiver):
    """How often each notice has arrived."""
    return collections.Counter(r.headers['Idempotency-Key'] for r in receiver.taken)


def deliverer(one):
    """The pid of the worker that delivers, once it is there: the last one."""
    def last():
        workers = one.workers()
        return workers[-1] if len(workers) > 2 else None
    return wait_for(last, 10, 'the delivery worker')


def hang(receiver):
    assert receiver.hanging.acquire(timeout=30), 'nobody came'


# The recipients and their notices.

def test_every_recipient_has_a_row_of_its_own(db, daemon, receiver):
    daemon(with_sections({'sns': {'topics': 'none'}}))
    config_id = report.submit(db, notify_on_completion=[
        'mailto:a@x.org,b@x.org?cc=c@x.org&bcc=A%40X.org&subject=J%C3%A4', receiver.url('/1'),
        receiver.url('/2'), receiver.url('/1'), 'MAILTO:B@x.org?report=link',
        'sns:arn:aws:sns:eu-west-1:123456789012:ops'],
        notify_on_failure=['mailto:support@x.org'])
    ended(db, config_id)
    rows = wait_for(lambda: notices(db), 10)
    assert [(r.channel, r.recipient.lower()) for r in rows] == [
        ('mail', 'a@x.org'), ('mail', 'b@x.org'), ('mail', 'c@x.org'),
        ('webhook', f'http://127.0.0.1:{receiver.port}'),
        ('webhook', f'http://127.0.0.1:{receiver.port}'),
        ('sns', 'arn:aws:sns:eu-west-1:123456789012:ops')]
    assert len({r.idempotency_key for r in rows}) == 6
    wait_for(lambda: sorted(r.path for r in receiver.taken) == ['/1', '/2'])


def test_the_rows_are_written_with_the_end_of_the_run(db, receiver, engine):
    """Whoever sees the report COMPLETED sees them, too."""
    receiver.answer = 'hang'
    engine()
    for _ in range(5):
        config_id = report.submit(db, notify_on_completion=[receiver.url()])
        row = wait_for(lambda: db.row(
            'select n.xmin::text = c.xmin::text as same, n.xmin::text as n '
            'from reportd.report_config c left join reportd.report_notification n '
            "using (config_id) where config_id = %s and c.status = 'COMPLETED'",
            config_id), 10, interval=0.001)
        assert row.n is not None


@pytest.mark.parametrize('end', ['retried', 'cancelled', 'released', 'failed at last'])
def test_failures_are_told_when_they_are_final(db, engine, receiver, end):
    one = engine()
    both = {'notify_on_completion': [receiver.url('/good')],
            'notify_on_failure': [receiver.url('/bad')]}
    if end == 'retried':
        ended(db, report.submit(db, prep_sql=fails_until(2), **both))
        expected = ['/good']
    elif end == 'failed at last':
        config_id = report.submit(db, prep_sql=fails_until(9), max_retries=1, **both)
        ended(db, config_id, 'FAILED')
        expected = ['/bad']
    else:
        with gate(db):
            config_id = report.submit(db, export_sql=gated(), **both)
            wait_at_gate(db)
            if end == 'cancelled':
                db.value('select reportd.cancel(%s)', config_id)
                ended(db, config_id, 'CANCELLED')
            else:
                one.signal(signal.SIGTERM)
                # Two signals at once are one.
                one.wait_log('"stopping"')
                one.signal(signal.SIGTERM)
                one.wait()
        expected = []
    wait_states(db, ['SENT'] * len(expected))
    assert [r.path for r in receiver.taken] == expected
    if end == 'failed at last':
        assert receiver.taken[0].json['run']['attempt'] == 2


def test_a_run_whose_daemon_is_lost_for_good_is_told(db, engine, receiver):
    one, two = engine(), engine()
    with gate(db):
        config_id = report.submit(db, export_sql=gated(), max_retries=0,
                                  notify_on_failure=[receiver.url()])
        wait_at_gate(db)
        owner = db.value('select pid from reportd.report_run join reportd.report_worker '
                         'using (worker_id)')
        {d.pid: d for d in (one, two)}[owner].kill()
        ended(db, config_id, 'FAILED')
    wait_states(db, ['SENT'])
    assert 'the daemon that ran it was lost' in receiver.taken[0].json['error']['message']


def test_urls_from_before_there_were_checks_fail_alone(db, engine, receiver):
    db.execute('alter table reportd.report_config disable trigger a_notices_insert')
    engine()
    config_id = report.submit(db, notify_on_completion=[
        'ops@example.org', None, 'mailto:%ff', receiver.url()])
    ended(db, config_id)
    rows = wait_states(db, ['FAILED', 'FAILED', 'FAILED', 'SENT'])
    assert [(r.channel, r.attempts) for r in rows] == [
        ('unknown', 0), ('unknown', 0), ('mail', 0), ('webhook', 1)]
    assert rows[0].last_error == 'the address has no known scheme'


# Each for itself.

def test_one_bad_recipient_of_three(db, engine, receiver):
    receiver.answer = lambda request: 500 if request.path == '/bad' else 200
    engine({'notify': {'attempts': 4}})
    config_id = report.submit(db, notify_on_completion=[
        receiver.url('/a'), receiver.url('/bad'), receiver.url('/b')])
    rows = wait_states(db, ['SENT', 'FAILED', 'SENT'])
    assert [r.attempts for r in rows] == [1, 4, 1]
    paths = collections.Counter(r.path for r in receiver.taken)
    assert paths == {'/a': 1, '/bad': 4, '/b': 1}
    config = report.config(db, config_id)
    assert (config.status, config.error_message) == ('COMPLETED', None)


def test_backoff_grows_and_shows(db, engine, receiver):
    receiver.answer = 500
    engine({'notify': {'backoff': '1h', 'backoff_max': '10h', 'attempts': 4}},
           poll_interval='200ms')
    report.submit(db, notify_on_completion=[receiver.url()])
    for attempts, most in (1, 1), (2, 2), (3, 4):
        row = wait_for(lambda: db.row(
            "select extract(epoch from due_at - now()) / 3600 as hours, last_error "
            "from reportd.v_notifications where state = 'PENDING' and attempts = %s", attempts))
        # A few minutes may have passed, and the half of the wait is a matter of chance.
        assert 0.45 * most < row.hours <= most and 'HTTP 500' in row.last_error
        db.execute('update reportd.report_notification set due_at = now()')
    wait_states(db, ['FAILED'])


def test_a_receiver_that_hangs_holds_nobody_up_for_long(db, engine, receiver):
    """Its try is stopped."""
    receiver.answer = 'hang'
    one = engine({'notify': {'timeout': '1s', 'attempts': 2}})
    config_id = report.submit(db, notify_on_completion=[receiver.url('/slow')])
    notice, = wait_states(db, ['FAILED'], config_id)
    assert notice.attempts == 2
    assert 'could not be reached' in notice.last_error
    one.wait_log('not delivered within 1 s')


def test_reports_do_not_wait_for_a_receiver(db, engine, receiver):
    receiver.answer = 'hang'
    engine({'notify': {'timeout': '60s'}})
    config_id = report.submit(db, notify_on_completion=[receiver.url('/slow')])
    hang(receiver)
    for _ in range(5):
        ended(db, report.submit(db))
    wait_states(db, ['SENDING'], config_id)


def test_a_dead_receiver_is_left_alone_for_a_while(db, engine, receiver, other):
    """Many notices to it do not take up the time of the others."""
    receiver.answer = 'hang'
    engine({'notify': {'timeout': '1s'}})
    watch = Stopwatch()
    for i in range(10):
        report.submit(db, notify_on_completion=[receiver.url(f'/{i}'), other.url(f'/{i}')])
    wait_for(lambda: len(other.taken) == 10, 10)
    assert watch() < 6
    assert len(receiver.taken) <= 2
    rows = wait_for(lambda: [r for r in notices(db) if r.state == 'PENDING'
                             and 'did not answer others' in (r.last_error or '')], 10)
    assert {r.attempts for r in rows} == {0}
    # When it is well again all of them arrive, once.
    receiver.answer = 200
    receiver.released.set()
    wait_states(db, ['SENT'] * 20, timeout=40)
    assert len({r.path for r in receiver.taken}) == 10
    assert len([n for n in times(receiver).values() if n > 1]) <= 2


def test_notices_do_not_wait_for_long_reports(db, engine, receiver):
    engine(workers=2)
    with gate(db):
        for _ in range(4):
            report.submit(db, export_sql=gated())
        quick = report.submit(db, priority=1, notify_on_completion=[receiver.url('/quick')])
        wait_at_gate(db, 2)
        report.submit(db, notify_on_completion=[receiver.url('/after')])
        if report.config(db, quick).status == 'PENDING':
            # It waits until they end: another notice takes its place.
            db.execute("select reportd.write_notices(1, 1, current_user::regrole, 'COMPLETED', array[%s])",
                       receiver.url('/quick'))
            db.execute("notify reportd_pending")
        wait_for(lambda: [r.path for r in receiver.taken] == ['/quick'], 5)


# Lanes: receivers side by side.

@pytest.fixture
def silent():
    """Makes URLs of receivers that accept and never answer, on a port each."""
    sockets = []

    def urls(count):
        for _ in range(count):
            sockets.append(socket.create_server(('127.0.0.1', 0)))
        return [f'http://127.0.0.1:{s.getsockname()[1]}/' for s in sockets[-count:]]
    yield urls
    for one in sockets:
        one.close()


class Slow:
    """An answer for a Receiver: 200 after `go`; counts who waits."""

    def __init__(self):
        self.go, self.lock = threading.Event(), threading.Lock()
        self.waiting = self.most = 0

    def __call__(self, _):
        with self.lock:
            self.waiting += 1
            self.most = max(self.most, self.waiting)
        self.go.wait(60)
        with self.lock:
            self.waiting -= 1
        return 200


def test_28_receivers_that_never_answer_delay_no_other(db, engine, receiver, silent):
    """Also where nothing is known of any of them yet."""
    engine({'notify': {'timeout': '60s'}})
    for i in range(2):
        report.submit(db, notify_on_completion=[*silent(14), receiver.url(f'/{i}')])
    wait_for(lambda: sorted(r.path for r in receiver.taken) == ['/0', '/1'], 15)
    # Now they are known to be slow.
    for i in range(5):
        report.submit(db, notify_on_completion=[receiver.url(f'/after/{i}')])
    wait_for(lambda: len(receiver.taken) == 7, 5)
    assert set(times(receiver).values()) == {1}


def test_a_submitter_with_many_silent_receivers_delays_no_other(
        db, engine, receiver, silent):
    db.execute("select reportd.register_source('default', 'postgres')")
    db.execute("select reportd.grant_source('default', 'reportd_submitter')")
    one = engine({'notify': {'timeout': '60s', 'workers': 4}})
    for _ in range(3):
        report.submit(db, owner='reportd_submitter', notify_on_completion=silent(16))
    wait_for(lambda: len(one.workers()) == 2 + 4, 10)
    report.submit(db, notify_on_completion=[receiver.url()])
    wait_for(lambda: receiver.taken, 5)


def test_six_slow_webhooks_do_not_delay_a_mail(db, engine, tmp_path):
    smtpsink = pytest.importorskip('lib.smtpsink')
    slow, receivers = Slow(), [Receiver() for _ in range(6)]
    sink = smtpsink.Sink(*mx.make_certificate(tmp_path), *free_ports(1))
    try:
        engine({'smtp': sink.settings()})
        for one in receivers:
            one.answer = slow
        report.submit(db, notify_on_completion=[one.url() for one in receivers])
        wait_for(lambda: slow.waiting == 6, 10)
        report.submit(db, notify_on_completion=['mailto:ann@example.com'])
        wait_for(lambda: sink.mails, 5)
        assert slow.waiting == 6
        slow.go.set()
        assert {r.attempts for r in wait_states(db, ['SENT'] * 7)} == {1}
    finally:
        slow.go.set()
        sink.stop()
        for one in receivers:
            one.close()


def test_who_makes_room_is_begun_again_and_loses_no_attempt(db, engine, receiver):
    """With two workers one may be at a slow lane while others wait."""
    slow, receivers = Slow(), [Receiver() for _ in range(3)]
    engine({'notify': {'timeout': '60s', 'workers': 2}})
    try:
        for one in receivers:
            one.answer = slow
        report.submit(db, notify_on_completion=[one.url() for one in receivers])
        wait_for(lambda: slow.waiting >= 2, 10)
        report.submit(db, notify_on_completion=[receiver.url()])
        wait_for(lambda: receiver.taken, 10)
        slow.go.set()
        rows = wait_states(db, ['SENT'] * 4)
        assert {r.attempts for r in rows} == {1}
        assert set(times(receiver).values()) == {1}
    finally:
        slow.go.set()
        for one in receivers:
            one.close()


def test_a_slow_receiver_keeps_one_notice_in_hand(db, engine, receiver):
    """The others wait in the queue, where they hold no place and keep their order."""
    slow, receivers = Slow(), [receiver, *(Receiver() for _ in range(3))]
    engine({'notify': {'timeout': '60s'}})
    try:
        for one in receivers:
            one.answer = slow
        report.submit(db, notify_on_completion=[one.url(f'/{i}') for one in receivers
                                                for i in range(12)])
        wait_for(lambda: slow.waiting == 4, 10)
        wait_for(lambda: [r.state for r in notices(db)].count('SENDING') == 4, 10)
        assert {r.last_error for r in notices(db)} == {None}
        slow.go.set()
        rows = wait_states(db, ['SENT'] * 48)
        assert {r.attempts for r in rows} == {1}
        for one in receivers:
            assert [r.path for r in one.taken] == [f'/{i}' for i in range(12)]
    finally:
        slow.go.set()
        for one in receivers[1:]:
            one.close()


def test_a_receiver_gets_one_at_a_time_in_order(db, engine, receiver, other):
    slow = Slow()
    slow.go.set()
    receiver.answer = other.answer = slow
    engine()
    paths = [f'/{i:02}' for i in range(40)]
    report.submit(db, notify_on_completion=[r.url(p) for p in paths for r in (receiver, other)])
    wait_states(db, ['SENT'] * 80)
    assert [r.path for r in receiver.taken] == paths == [r.path for r in other.taken]
    assert slow.most <= 2


# Processes that die.

def test_a_killed_delivery_worker_is_replaced_and_the_notice_sent_again(db, engine, receiver):
    receiver.answers = ['hang']
    one = engine()
    report.submit(db, notify_on_completion=[receiver.url()])
    hang(receiver)
    os.kill(deliverer(one), signal.SIGKILL)
    notice, = wait_states(db, ['SENT'])
    assert notice.attempts == 2
    # Nobody knows whether the first try arrived: receivers tell by the key.
    assert list(times(receiver).values()) == [2]
    assert 'killed by signal 9' in one.log()


def test_a_delivery_worker_that_stands_still_is_killed(db, engine, receiver):
    receiver.answers = ['hang']
    one = engine({'notify': {'timeout': '1s'}}, cancel_grace='500ms')
    report.submit(db, notify_on_completion=[receiver.url()])
    hang(receiver)
    stop([deliverer(one)])
    notice, = wait_states(db, ['SENT'])
    assert notice.attempts == 2
    assert 'delivery does not end' in one.log()


def test_a_receiver_whose_worker_had_to_be_killed_is_left_alone(db, engine, receiver):
    receiver.answers = ['hang']
    one = engine({'notify': {'timeout': '2s'}}, cancel_grace='500ms')
    report.submit(db, notify_on_completion=[receiver.url(f'/{i}') for i in range(3)])
    hang(receiver)
    stop([deliverer(one)])
    wait_for(lambda: [r for r in notices(db) if 'did not answer others' in (r.last_error or '')], 10)
    assert len(receiver.taken) == 1
    wait_states(db, ['SENT'] * 3)


def test_a_poisonous_notice_runs_out_of_attempts(db, engine, receiver):
    receiver.answer = 'hang'
    one = engine({'notify': {'attempts': 2, 'backoff': '1ms'}})
    config_id = report.submit(db, notify_on_completion=[receiver.url()])
    for _ in range(2):
        hang(receiver)
        os.kill(deliverer(one), signal.SIGKILL)
    notice, = wait_states(db, ['FAILED'])
    assert 'killed by signal 9' in notice.last_error
    assert report.config(db, config_id).status == 'COMPLETED'


def test_a_killed_daemon_leaves_its_notices_to_another(db, engine, receiver, tell):
    receiver.answers = ['hang']
    one = engine()
    report.submit(db, notify_on_completion=[receiver.url(f'/{i}') for i in range(5)])
    hang(receiver)
    one.kill()
    watch = Stopwatch()
    states = collections.Counter(r.state for r in notices(db))
    assert states == {'SENDING': 5}
    engine()
    wait_states(db, ['SENT'] * 5)
    tell('daemon killed to all SENT by another', watch())
    assert watch() < LEASE + 2
    assert sorted(times(receiver).values()) == [1, 1, 1, 1, 2]
    assert [r.attempts for r in notices(db)] == [2] * 5


def test_what_outlives_its_attempts_with_its_daemon_is_given_up(db, engine, receiver):
    receiver.answer = 'hang'
    one = engine({'notify': {'attempts': 1}})
    report.submit(db, notify_on_completion=[receiver.url()])
    hang(receiver)
    one.kill()
    engine({'notify': {'attempts': 1}})
    notice, = wait_states(db, ['FAILED'])
    assert notice.last_error == 'the daemon that was sending it was lost'


def test_a_daemon_that_lost_its_lease_stops_and_records_nothing(db, engine, receiver):
    receiver.answers = ['hang']
    one = engine()
    report.submit(db, notify_on_completion=[receiver.url()])
    hang(receiver)
    worker = deliverer(one)
    stop([one.pid, worker])
    two = engine()
    notice, = wait_states(db, ['SENT'])
    for pid in worker, one.pid:
        os.kill(pid, signal.SIGCONT)
    one.wait_log('the lease was lost')
    beat(db, two)
    assert notices(db) == [notice]
    assert one.running()
    # The daemon takes part again, under its new name.
    two.stop()
    report.submit(db, notify_on_completion=[receiver.url('/again')])
    wait_states(db, ['SENT', 'SENT'])
    assert sorted(times(receiver).values()) == [1, 2]


@pytest.mark.parametrize('what', ['cut before', 'cut after', 'deliver late'])
@pytest.mark.parametrize('statement', ['notice_claim', 'notice_done', 'finish'])
def test_a_connection_cut_at_any_statement_loses_and_doubles_nothing(
        db, engine, receiver, proxy, out, statement, what):
    one = engine({'queue': {'conninfo': proxy.conninfo(db), 'timeout': '1s'},
                  'source.default': {'conninfo': db.conninfo}})
    ended(db, report.submit(db, notify_on_completion=[receiver.url('/first')]))
    wait_states(db, ['SENT'])
    fault = proxy.at(statement, what)
    config_id = report.submit(db, notify_on_completion=[
        receiver.url('/a'), receiver.url('/b'), receiver.url('/c')])
    fault.wait()
    if what == 'deliver late':
        fault.go.set()
    ended(db, config_id)
    wait_states(db, ['SENT'] * 4)
    assert set(times(receiver).values()) == {1}
    assert len(times(receiver)) == 4
    assert [r.attempts for r in notices(db)] == [1] * 4
    assert one.stop() == 0
    check(db, out, names_run=False)


def test_a_restart_of_the_server_in_mid_delivery(private_cluster, engine_of, tmp_path, receiver):
    db = private_cluster.create(make_template(private_cluster))
    receiver.answers = ['hang']
    one = process.Daemon(db, process.write_conf(
        tmp_path / 'own.conf', db, with_sections(), lease='3s', poll_interval='500ms'))
    one.wait_ready()
    try:
        config_id = report.submit(db, notify_on_completion=[receiver.url('/a'), receiver.url('/b')])
        hang(receiver)
        private_cluster.restart('immediate')
        receiver.answer = 200
        receiver.released.set()
        wait_for(lambda: count_sent(db) == 2, 20)
        assert report.config(db, config_id).status == 'COMPLETED'
        # The one that hung was cut off by us.
        assert sorted(times(receiver).values()) == [1, 2]
    finally:
        one.end()


def count_sent(db):
    try:
        return db.value("select count(*) from reportd.report_notification where state = 'SENT'")
    except psycopg.OperationalError:
        return None


def test_somebody_else_holds_the_row(db, engine, receiver):
    """The result is recorded when it is free; nobody else's is held up."""
    receiver.answers = ['hang']
    engine()
    report.submit(db, notify_on_completion=[receiver.url('/a'), receiver.url('/b')])
    hang(receiver)
    with db.connect() as conn, conn.transaction():
        conn.execute("select from reportd.report_notification where url like '%/b' for update")
        os.kill(deliverer_of(db), signal.SIGKILL)
        wait_for(lambda: len(receiver.taken) == 3, 10)
        wait_states(db, ['SENT', 'SENDING'])
    wait_states(db, ['SENT', 'SENT'])
    assert sorted(times(receiver).values()) == [1, 2]


def test_a_result_that_the_server_refuses_holds_up_no_other(db, engine, receiver, other):
    """They are recorded in one statement."""
    slow, third = Slow(), Receiver()
    receiver.answer = third.answer = slow
    db.execute("""create function reportd.refuse() returns trigger language plpgsql as $$ begin
        if new.state = 'SENT' and new.url like '%%/first' then
            perform pg_advisory_xact_lock(77);
        elsif new.state = 'SENT' and new.url like '%%/bad' then
            raise 'not this one';
        end if;
        return new;
    end $$""")
    db.execute('create trigger refuse before update on reportd.report_notification '
               'for each row execute function reportd.refuse()')
    one = engine()
    try:
        with db.connect() as conn, conn.transaction():
            conn.execute('select pg_advisory_xact_lock(77)')
            report.submit(db, notify_on_completion=[
                receiver.url('/bad'), third.url('/good'), other.url('/first')])
            wait_for(lambda: db.value("select count(*) from pg_locks where locktype = 'advisory' "
                                      'and not granted') == 1)
            wait_for(lambda: slow.waiting == 2)
            slow.go.set()
            wait_for(lambda: slow.waiting == 0)
            # Their results gather while the record of the first one waits.
            time.sleep(0.3)
        wait_states(db, ['SENDING', 'SENT', 'SENT'], timeout=10)
        assert 'not this one' in one.log()
        db.execute('drop trigger refuse on reportd.report_notification')
        wait_states(db, ['SENT'] * 3)
        assert set(times(receiver).values()) == {1}
    finally:
        slow.go.set()
        third.close()


def deliverer_of(db):
    return process.children(db.value('select pid from reportd.report_worker'))[-1]


def test_the_fence_refuses_a_result_of_another_attempt(db, engine, receiver):
    release = threading.Event()

    def slow(_):
        release.wait(30)
        return 200
    receiver.answers = [slow]
    one = engine()
    report.submit(db, notify_on_completion=[receiver.url()])
    wait_for(lambda: receiver.taken)
    db.execute("update reportd.report_notification set attempts = 7, state = 'FAILED', "
               "last_error = 'by hand'")
    release.set()
    one.wait_log('notice not recorded')
    notice, = notices(db)
    assert (notice.state, notice.attempts, notice.last_error) == ('FAILED', 7, 'by hand')


# Stopping.

def test_a_stop_lets_the_notice_under_way_end(db, engine, receiver):
    release = threading.Event()

    def slow(_):
        release.wait(30)
        return 200
    receiver.answers = [slow]
    one = engine(shutdown_grace='20s')
    report.submit(db, notify_on_completion=[receiver.url(f'/{i}') for i in range(4)])
    wait_for(lambda: receiver.taken)
    one.signal(signal.SIGTERM)
    one.wait_log('"stopping"')
    wait_states(db, ['SENDING', 'PENDING', 'PENDING', 'PENDING'])
    assert one.running()
    release.set()
    assert one.wait() == 0
    assert [(r.state, r.attempts) for r in notices(db)] == [
        ('SENT', 1), ('PENDING', 0), ('PENDING', 0), ('PENDING', 0)]
    assert len(receiver.taken) == 1
    engine()
    wait_states(db, ['SENT'] * 4)
    assert set(times(receiver).values()) == {1}


def test_a_stop_gives_back_what_does_not_end_in_time(db, engine, receiver):
    receiver.answers = ['hang']
    one = engine(shutdown_grace='300ms')
    report.submit(db, notify_on_completion=[receiver.url()])
    hang(receiver)
    assert one.stop(10) == 0
    notice, = notices(db)
    assert (notice.state, notice.attempts, notice.worker_id) == ('PENDING', 0, None)


def test_drain_delivers_what_is_due(db, drain, receiver):
    for i in range(30):
        report.submit(db, notify_on_completion=[receiver.url(f'/{i}')])
    drain(SECTIONS)
    assert [r.state for r in notices(db)] == ['SENT'] * 30
    # Also when there is no report to run.
    db.execute('select reportd.resend(notification_id) from reportd.report_notification '
               'where notification_id <= 20')
    drain(SECTIONS)
    assert [r.state for r in notices(db)] == ['SENT'] * 30
    assert len(receiver.taken) == 50


def test_drain_does_not_wait_for_a_later_attempt(db, drain, receiver):
    receiver.answer = 500
    report.submit(db, notify_on_completion=[receiver.url()])
    drain({**SECTIONS, 'notify': {'backoff': '1h', 'backoff_max': '1h'}})
    assert [(r.state, r.attempts) for r in notices(db)] == [('PENDING', 1)]


def test_idle_exit_waits_for_notices(db, engine_of, receiver):
    release = threading.Event()

    def slow(_):
        release.wait(30)
        return 200
    receiver.answers = [slow]
    one = engine_of(SECTIONS, args=['--idle-exit', '200ms'], poll_interval='100ms')
    report.submit(db, notify_on_completion=[receiver.url()])
    wait_for(lambda: receiver.taken)
    for _ in range(5):
        beat(db, one)
    assert one.running()
    release.set()
    assert one.wait(10) == 0
    assert notices(db)[0].state == 'SENT'


# Many.

def test_300_notices_of_3_daemons_each_once(db, engine, receiver, out, tell):
    for _ in range(3):
        engine()
    watch = Stopwatch()
    for i in range(100):
        report.submit(db, notify_on_completion=[
            receiver.url(f'/{i}/{k}') for k in range(3)])
    wait_for(lambda: count_sent(db) == 300, 60)
    tell('100 reports with 3 notices each', watch())
    assert len(times(receiver)) == 300 and set(times(receiver).values()) == {1}
    assert len({r.path for r in receiver.taken}) == 300
    check(db, out, names_run=False)


def test_a_heap_of_notices_is_shared(db, engine, receiver, tell):
    """Those of one run, with a receiver that takes its time."""
    receiver.answer = lambda _: time.sleep(0.02) or 200
    daemons = [engine(poll_interval='200ms') for _ in range(3)]
    report.submit(db, notify_on_completion=[receiver.url(f'/{i}') for i in range(150)])
    watch = Stopwatch()
    wait_for(lambda: count_sent(db) == 150, 60)
    tell('150 notices at 20 ms each, 3 daemons', watch())
    assert set(times(receiver).values()) == {1}
    assert sum('notice sent' in d.log() for d in daemons) == 3


# For people.

def test_resend(db, engine, receiver):
    receiver.answers = [404]
    engine()
    config_id = report.submit(db, notify_on_completion=[receiver.url('/a'), receiver.url('/b')])
    failed, sent = wait_states(db, ['FAILED', 'SENT'])
    assert db.value('select reportd.resend_failed(%s)', config_id) == 1
    again, _ = wait_states(db, ['SENT', 'SENT'])
    assert again.idempotency_key == failed.idempotency_key
    assert (again.attempts, again.last_error) == (1, None)
    db.execute('select reportd.resend(%s)', sent.notification_id)
    wait_for(lambda: len(receiver.taken) == 4)
    _, twice = wait_states(db, ['SENT', 'SENT'])
    # To its receiver it is another one.
    assert twice.idempotency_key != sent.idempotency_key
    for bad in 99, None:
        with pytest.raises(psycopg.Error, match='there is no notification'):
            db.execute('select reportd.resend(%s)', bad)
    assert db.value('select reportd.resend_failed()') == 0


def test_resend_of_one_that_is_being_sent_is_refused(db, engine, receiver):
    receiver.answer = 'hang'
    engine()
    report.submit(db, notify_on_completion=[receiver.url()])
    hang(receiver)
    with pytest.raises(psycopg.Error, match='is being sent'):
        db.execute('select reportd.resend(1)')


def test_views_status_and_metrics_show_them(db, engine, receiver, ctl):
    receiver.answer = lambda request: 404 if request.path == '/bad' else 200
    engine()
    config_id = report.submit(db, report_name='seen', report_type='kind', notify_on_completion=[
        receiver.url('/good'), receiver.url('/bad')])
    wait_states(db, ['SENT', 'FAILED'])
    view = db.query('select * from reportd.v_notifications order by notification_id')
    assert [(r.report_name, r.channel, r.event, r.state, r.attempts) for r in view] == [
        ('seen', 'webhook', 'COMPLETED', 'SENT', 1),
        ('seen', 'webhook', 'COMPLETED', 'FAILED', 1)]
    assert '/bad' not in str(view)
    metrics = db.row("select * from reportd.v_report_metrics where report_type = 'kind'")
    assert (metrics.runs, metrics.failed, metrics.notices_sent, metrics.notices_failed,
            metrics.notices_waiting) == (1, 0, 1, 1, 0)
    text = ctl('status', config_id).stdout
    assert 'NOTICE' in text and 'answered with HTTP 404' in text
    assert 'notices: 0 waiting, 1 failed in the last day' in ctl('status').stdout


def test_old_notices_are_forgotten_with_their_run(db, drain, receiver):
    old, new = [report.submit(db, notify_on_completion=[receiver.url()]) for _ in range(2)]
    drain(SECTIONS)
    db.execute("update reportd.report_run set started_at = now() - interval '100 days' "
               'where config_id = %s', old)
    drain(SECTIONS, retention='90d')
    assert [r.config_id for r in notices(db)] == [new]


def test_roles(db, cluster, engine_of, receiver):
    db.execute("select reportd.register_source('default', 'postgres')")
    db.execute("select reportd.grant_source('default', 'reportd_submitter')")
    report.submit(db, owner='reportd_submitter', notify_on_completion=[receiver.url()])

    def as_role(name):
        return cluster.conninfo(db.name, options=f'-c role={name}')
    engine_of({**SECTIONS, 'queue': {'conninfo': as_role('reportd_daemon')}})
    wait_states(db, ['SENT'])
    with psycopg.connect(as_role('reportd_submitter'), autocommit=True) as conn:
        conn.execute('select reportd.resend(1)')
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("update reportd.report_notification set state = 'SENT'")
    with psycopg.connect(as_role('reportd_viewer'), autocommit=True) as conn:
        conn.execute('select * from reportd.v_notifications')
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute('select reportd.resend(1)')


def test_resend_failed_goes_where_the_report_goes_now(db, engine, receiver):
    receiver.answer = 404
    engine()
    old, kept, new = (receiver.url(p) for p in ('/old', '/kept', '/new'))
    config_id = report.submit(db, notify_on_completion=[old, kept])
    ended(db, config_id)
    wait_states(db, ['FAILED', 'FAILED'])
    receiver.answer = 200
    del receiver.taken[:]
    db.execute('update reportd.report_config set notify_on_completion = %s', [new, kept])
    assert db.value('select reportd.resend_failed(%s)', config_id) == 2
    wait_states(db, ['SENT', 'SENT'])
    assert sorted(r.path for r in receiver.taken) == ['/kept', '/new']
    assert db.value('select reportd.resend_failed()') == 0
