# SPDX-License-Identifier: MIT
"""The queue's side of an inbox, without a daemon: each test takes the turns of an inbox of its
own, of an owner of its own."""

import itertools
import json
import uuid

import psycopg
import pytest

NUMBERS = itertools.count(1)


class Turns:
    """A daemon's turns at one inbox, as it would ask for them."""

    def __init__(self, db, owner):
        self.db, self.owner = db, owner
        self.name = f'w:{owner}'
        self.worker = uuid.uuid4()
        # Each step has to end well before this; in a COMMIT only locks have a limit.
        self.conn = db.connect()
        self.conn.execute("set statement_timeout = '1500ms'; set lock_timeout = '1s'")

    def value(self, sql, *params):
        return self.conn.execute(sql, params).fetchone()[0]

    def begin(self):
        self.db.execute("update reportd.report_inbox set next_at = '-infinity', "
                        'held_by = null, held_until = null where inbox = %s', self.name)
        self.next = self.value(
            "select reportd.inbox_begin(%s, %s, %s, '{report_name,export_sql}', '10min', '1s', "
            "'1min')", self.worker, self.name, self.owner)
        assert 'turn' in self.next, self.next
        self.turn = self.next['turn']
        return self.next

    def step(self, **answer):
        self.next = self.value(
            "select reportd.inbox_step(%s, %s, %s, %s, false, '1min', '90d')", self.worker,
            self.name, self.turn, json.dumps(answer))
        return self.next

    def read(self, *rows, more=False, last=None, **answer):
        """A page of rows, each an ID or {'id', …}."""
        rows = [{'id': r} if isinstance(r, str) else r for r in rows]
        return self.step(
            rows=[{'status': 'PENDING', 'same': '1', 'row': {
                'report_name': 'n', 'export_sql': 'select 1', **r.pop('row', {})}, **r}
                for r in rows],
            more=more, last=last or (rows[-1]['id'] if rows else None), nameless=0,
            pending=True, **answer)

    def take(self, *rows):
        """A turn that reads one page."""
        self.begin()
        return self.read(*rows)

    def tell(self, **answer):
        """Says that all was written back which was to be."""
        rows = self.next['tell']
        self.step(told=[[r['id'], r['revision']] for r in rows], **answer)
        return {r['id']: r for r in rows}

    def rows(self):
        return {r.external_id: r for r in self.db.query(
            'select * from reportd.report_inbox_row where inbox = %s', self.name)}

    def state(self):
        return self.db.row('select began_at, read_at, next_at, held_by, taken, refused, told, '
                           'remark, error from reportd.report_inbox where inbox = %s', self.name)


@pytest.fixture(scope='module')
def queue(cluster, template):
    db = cluster.create(template)
    yield db
    db.drop()


@pytest.fixture
def turns(queue):
    owner = f'inbox_owner_{next(NUMBERS)}'
    queue.execute(f"""do $$ begin if to_regrole('{owner}') is null then
            create role {owner} in role reportd_submitter; end if; end $$;
        insert into reportd.report_source (source, type) values ('default', 'postgres')
            on conflict do nothing;
        select reportd.grant_source('default', '{owner}');
        insert into reportd.report_quota (role, max_pending) values ('{owner}', 50)""")
    turns = Turns(queue, owner)
    yield turns
    turns.conn.close()


def hold_key(turns, conn):
    conn.execute("insert into reportd.report_config (report_name, report_key, export_sql) "
                 "values ('n', 'held', 'select 1')")
    return [{'id': f'held {i}', 'row': {'report_key': 'held'}} for i in range(99)]


def hold_parent(turns, conn):
    turns.db.execute(f"""set role {turns.owner};
        insert into reportd.report_config (report_name, report_key, export_sql)
        values ('n', '{turns.owner}', 'select 1'); reset role""")
    conn.execute('select from reportd.report_config where report_key = %s for update',
                 (turns.owner,))
    return [{'id': 'held', 'row': {'trigger_type': 'AFTER', 'run_after': turns.owner}}]


def hold_turn(turns, conn):
    conn.execute(f'set constraints all immediate; set local role {turns.owner}')
    conn.execute("insert into reportd.report_config (report_name, export_sql) "
                 "values ('n', 'select 1')")
    return ['held']


@pytest.mark.parametrize('hold,others', [
    (hold_key, 'taken'), (hold_parent, 'taken'), (hold_turn, 'wait')])
def test_a_transaction_that_stays_open_delays_its_rows_alone(turns, hold, others):
    turns.take('first')  # the owner has had a turn
    with turns.db.connect(autocommit=False) as conn:
        rows = hold(turns, conn)
        turns.take(*rows, 'other')
        assert ('other' in turns.rows()) == (others == 'taken')
        assert not [i for i in turns.rows() if i.startswith('held')]
        assert 'wait' in turns.state().remark and turns.state().error is None
        # The row is met again in a minute.
        assert turns.state().next_at <= turns.state().began_at + turns.db.value(
            "select interval '1 minute'")
        conn.rollback()
    turns.take(rows[0], 'other')
    assert {i: r.status for i, r in turns.rows().items()} == {
        'first': 'PROCESSING', 'other': 'PROCESSING',
        rows[0] if isinstance(rows[0], str) else rows[0]['id']: 'PROCESSING'}
    assert turns.state().remark is None


def test_the_first_report_of_an_owner_waits_for_nobody(turns):
    """Its row in owner_turn is not committed yet."""
    with turns.db.connect(autocommit=False) as conn:
        hold_turn(turns, conn)
        turns.take('a', 'b')
        assert turns.rows() == {} and 'another transaction of' in turns.state().remark
        conn.rollback()
    turns.take('a', 'b')
    assert set(turns.rows()) == {'a', 'b'}


BAD = [
    {'parameters': '{"a":'}, {'parameters': '[' * 100000}, {'parameters': '"\\u0000"'},
    {'parameters': '1e1000000'}, {'timeout': '99999999999 years'}, {'timeout': 'soon'},
    {'priority': '1.5'}, {'priority': '9' * 20}, {'due_at': '2026-13-01'},
    {'due_at': '2026-01-01 00:00 Nowhere/Zone'}, {'is_active': 'perhaps'},
    {'notify_on_failure': '[{'}, {'notify_on_failure': '{"a": 1}'}, {'inputs': '7'},
    {'checks': '{"$": [[]]}'}, {'output_options': '{"a": {"b": ["\\ud800"]}}'},
    {'run_after': '[[1], [2, 3]]', 'trigger_type': 'AFTER'}, {'output_format': 'CSV\t'},
    {'time_zone': 'x' * 100000}, {'nonsense': '1'}, {'owner': 'postgres'}]


def test_each_cell_that_cannot_be_converted_refuses_its_row_alone(turns):
    turns.take(*({'id': f'bad {i}', 'row': row} for i, row in enumerate(BAD)), 'good')
    rows = turns.rows()
    assert rows.pop('good').status == 'PROCESSING'
    assert turns.state().remark is None
    told = {r['id']: r['message'] for r in turns.next['tell']}
    for i, row in enumerate(BAD):
        # A submitter cannot set an owner: the column does not stand in the settings.
        assert rows[f'bad {i}'].status == 'FAILED', row
        assert 0 < len(told[f'bad {i}']) <= 1000, row
    assert turns.state().refused == len(BAD)


def test_what_is_kept_of_a_fault_has_a_limit(turns):
    turns.take({'id': 'a', 'fault': 'x' * 100000}, {'id': 'b', 'row': {'source': 'y' * 100000}})
    assert [len(r.error_message) <= 1000 for r in turns.rows().values()] == [True, True]


def test_a_turn_reads_a_hundred_pages_and_the_next_goes_on(turns):
    turns.begin()
    assert turns.read('a', more=True)['after'] == 'a'
    turns.db.execute('update reportd.report_inbox set pages = 99 where inbox = %s', turns.name)
    assert 'tell' in turns.read('b', more=True), 'it writes back, and reads no more'
    turns.tell()
    assert turns.state().held_by is None
    assert turns.value("select next_at <= began_at + interval '1 minute' "
                       'from reportd.report_inbox where inbox = %s', turns.name)
    assert turns.begin()['after'] == 'b'
    turns.read('c')
    assert turns.begin()['after'] == ''


def test_refused_rows_are_forgotten_after_a_day(turns):
    turns.take({'id': 'a', 'fault': 'no'}, {'id': 'b', 'fault': 'no'}, 'c')
    turns.tell()
    turns.db.execute("update reportd.report_inbox_row set changed_at = now() - interval '2 days' "
                     "where inbox = %s and external_id <> 'b'", turns.name)
    turns.db.execute("update reportd.report_inbox set purge_at = now() where inbox = %s",
                     turns.name)
    turns.take()
    assert set(turns.rows()) == {'b', 'c'}


def test_a_row_cancels_no_report_that_others_own_by_now(turns):
    turns.take('a', 'b')
    turns.tell()
    turns.db.execute("select reportd.change(config_id, '{\"owner\": \"reportd_operator\"}') "
                     "from reportd.report_inbox_row where inbox = %s and external_id = 'a'",
                     turns.name)
    turns.take({'id': 'a', 'status': 'CANCELLED'}, {'id': 'b', 'status': 'CANCELLED'})
    told = turns.tell()
    assert {i: (r['status'], r['stoppable']) for i, r in told.items()} == {
        'a': ('PROCESSING', False), 'b': ('CANCELLED', False)}
    assert turns.db.query(
        'select c.status from reportd.report_config c join reportd.report_inbox_row r '
        'using (config_id) where inbox = %s order by r.external_id', turns.name) == [
            ('PENDING',), ('CANCELLED',)]


def test_rows_that_share_an_id_are_told_apart_from_its_report(turns):
    turns.take('a')
    assert turns.tell()['a']['shared'] is None
    turns.take({'id': 'a', 'same': '3'}, {'id': 'b', 'same': '2'})
    told = turns.tell()
    report = turns.rows()['a'].config_id
    assert told['a']['shared'] == ('3 rows have the ID a: give each row one of its own; '
                                   f'one of them is report {report}')
    assert told['b']['shared'] == '2 rows have the ID b: give each row one of its own'
    # The first was told nothing of its report this time.
    rows = turns.rows()
    assert rows['a'].shared is None and rows['a'].told < rows['a'].revision
    assert rows['b'].shared is None and rows['b'].told == rows['b'].revision
    turns.take()
    assert turns.tell()['a']['shared'] is None
    assert turns.next is None


def test_what_the_other_database_refuses_is_tried_again_an_hour_later(turns):
    turns.take('a', 'b')
    turns.tell(aside={'a': 'not written back: no'})
    assert turns.db.query('select external_id, told, refusal from reportd.v_inbox_rows '
                          'where inbox = %s order by 1', turns.name) == [
                              ('a', False, 'not written back: no'), ('b', True, None)]
    assert turns.take('a', 'b') and set(turns.tell()) == {'b'}
    turns.db.execute("update reportd.report_inbox_row "
                     "set refused_at = now() - interval '2 hours' where inbox = %s", turns.name)
    turns.take('a')
    assert set(turns.tell()) == {'a'}
    assert turns.rows()['a'].refusal is None


def test_metrics_tell_of_each_inbox(turns):
    turns.take('a', {'id': 'b', 'fault': 'no'}, {'id': 'c', 'fault': 'no'})

    def samples():
        return {name: value for name, labels, value in turns.db.value('select reportd.metrics()')
                if labels.get('inbox') == turns.name}
    found = samples()
    assert found.pop('inbox_last_success_timestamp_seconds') == pytest.approx(
        turns.state().read_at.timestamp(), abs=1)
    assert 0 < found.pop('inbox_untold_age_seconds') < 60
    assert found == {'inbox_taken_total': 1, 'inbox_refused_total': 2, 'inbox_untold': 3,
                     'inbox_aside': 0}
    turns.tell(aside={'b': 'no'})
    found = samples()
    assert found['inbox_untold'] == found['inbox_untold_age_seconds'] == 0
    assert found['inbox_aside'] == 1


def test_the_view_and_the_daemons_know_one_time_of_the_next_turn(turns):
    turns.take('a')
    turns.tell()
    due = ('select v.next_at = d.due_at, v.next_at from reportd.v_inboxes v '
           'join reportd.inbox_due d using (inbox) where inbox = %s')
    same, before = turns.db.row(due, turns.name)
    turns.db.value('select reportd.wake_inboxes()')
    again, after = turns.db.row(due, turns.name)
    assert same and again and after < before
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        with turns.db.connect() as conn:
            conn.execute(f'set role {turns.owner}')
            conn.execute('select * from reportd.inbox_due')


def test_a_wish_stays_until_the_turn_that_took_it_has_ended(turns):
    """Its daemon may be killed; meanwhile there may be another wish, for newer rows."""
    wishes = 'select count(*) from reportd.report_inbox_wake where inbox = %s'
    turns.take('a')
    turns.tell()
    turns.db.execute("update reportd.report_inbox set began_at = now() - interval '1 hour' "
                     'where inbox = %s', turns.name)
    turns.db.value('select reportd.wake_inboxes()')
    turns.begin()
    assert turns.db.value(wishes, turns.name) == 1
    turns.db.value('select reportd.wake_inboxes()')
    assert turns.db.value(wishes, turns.name) == 2
    turns.step(over=True)
    assert turns.db.value(wishes, turns.name) == 1
