# SPDX-License-Identifier: MIT
"""Shared by the test_security* files: a queue for a company, set up by the manual's own
statements, and the people who use it."""

import json
import re

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import namedtuple_row, tuple_row

from lib.paths import ROOT

PAGE = (ROOT / 'docs/security.md').read_text()

TABLES = ('report_config', 'report_request', 'report_run', 'report_notification', 'report_check')
VIEWS = ('v_pending_reports', 'v_report_summary', 'v_report_metrics',
         'v_notifications', 'v_requests', 'v_inputs', 'v_zones', 'v_checks',
         'v_inboxes', 'v_inbox_rows',
         'v_sources', 'v_targets')
REFUSED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue)


def statements(title):
    """The SQL of a section of the manual."""
    text = re.search(rf'^### {re.escape(title)}\n(.*?)(?=^##|\Z)', PAGE, re.M | re.S)[1]
    return re.findall(r'```sql\n(.*?)```', text, re.S)


@pytest.fixture(scope='module')
def queue(cluster, template):
    """A queue for a company, as the manual sets it up."""
    queue = cluster.create(template)
    made = []
    for text in statements('For a company') + statements('Backup by somebody who is no superuser'):
        made += re.findall(r'create role (\w+)', text)
        queue.execute(text)
    # Before the grant: since PostgreSQL 16 each grant says whether it is inherited.
    for name, inherits in ('nobody', 'inherit'), ('mute', 'noinherit'):
        queue.execute(f'create role {name} login {inherits}')
        made.append(name)
    queue.execute('grant finance to mute; '
                  'grant create, temporary on database {} to ann, bob; '
                  'grant create on schema public to ann, bob'.format(queue.name))
    queue.others = []
    yield queue
    for one in queue.others:
        one.drop()
    name = queue.name
    queue.drop()
    for role in reversed(made):
        cluster.admin(sql.SQL('drop role {}').format(sql.Identifier(role)))


@pytest.fixture
def db(queue):
    """The queue, empty but for what was set up."""
    kept = {t: queue.query(f'select * from reportd.{t}')
            for t in ('report_grant', 'report_quota', 'report_source', 'report_target')}
    yield queue
    queue.execute('truncate ' + queue.value(
        "select string_agg(oid::regclass::text, ', ') from pg_class where relkind = 'r' "
        "and relnamespace = 'reportd'::regnamespace and relname like 'report\\_%%'"))
    for table, rows in kept.items():
        for row in rows:
            queue.execute(sql.SQL('insert into reportd.{} values ({})').format(
                sql.Identifier(table), sql.SQL(', ').join([sql.Placeholder()] * len(row))),
                *row)


class Person:
    def __init__(self, db, login, role=None):
        self.conn = psycopg.connect(
            make_conninfo(db.conninfo, user=login), autocommit=True,
            row_factory=namedtuple_row)
        if role:
            self.conn.execute(sql.SQL('set role {}').format(sql.Identifier(role)))

    def __call__(self, query, *params):
        """Runs it; the first field of the first row."""
        cursor = self.conn.execute(query, params or None)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def refused(self, query, *params, match=''):
        with pytest.raises(REFUSED, match=match) as caught:
            self.conn.execute(query, params or None)
        return caught.value


@pytest.fixture
def as_(db):
    """as_('ann', 'finance') is a session of ann after SET ROLE finance."""
    people = []

    def login(name, role=None):
        people.append(Person(db, name, role))
        return people[-1]
    yield login
    for one in people:
        one.conn.close()


def ask(person, name='report', text='select 1', **columns):
    """A report of this person, config_id."""
    columns = {'source': 'hr' if 'bob' in person.conn.info.user else 'finance',
               'report_name': name, 'export_sql': text, **columns}
    return person(
        sql.SQL('insert into reportd.report_config ({}) values ({}) returning config_id')
        .format(sql.SQL(', ').join(map(sql.Identifier, columns)),
                sql.SQL(', ').join([sql.Placeholder()] * len(columns))),
        *(json.dumps(v) if isinstance(v, dict) else v for v in columns.values()))


@pytest.fixture
def engine(db, daemon):
    """A daemon in the daemon's role, with the two sources."""
    def start(sections=None, **more):
        source = {'conninfo': db.conninfo}
        return daemon({'queue': {'conninfo': make_conninfo(db.conninfo, user='reportd')},
                       'source.finance': source, 'source.hr': source,
                       **(sections or {})}, **more)
    return start


def ran_by_hand(db, config_id, **run):
    """A finished run with a notice, without a daemon."""
    run_id = db.value("""insert into reportd.report_run (config_id, request_id, owner,
            report_name, attempt, scheduled_for, worker_id, status, output_url)
        select config_id, request_id, owner, report_name, 1, now(), gen_random_uuid(),
            'COMPLETED', 'file:///secret/place' from reportd.report_config
        where config_id = %s returning run_id""", config_id)
    db.execute("update reportd.report_config set status = 'PROCESSING', run_id = %s "
               'where config_id = %s', run_id, config_id)
    db.execute("update reportd.report_config set status = 'COMPLETED' "
               'where config_id = %s', config_id)
    notice = db.value("""insert into reportd.report_notification (run_id, config_id,
            owner, event, channel, recipient, url)
        select %s, config_id, owner, 'COMPLETED', 'mail', 'x@example.com',
            'mailto:x@example.com' from reportd.report_config
        where config_id = %s returning notification_id""", run_id, config_id)
    return run_id, notice


def set_quota(db, **limits):
    db.execute('delete from reportd.report_quota')
    db.execute(sql.SQL('insert into reportd.report_quota (role, {}) values (0, {})').format(
        sql.SQL(', ').join(map(sql.Identifier, limits)),
        sql.SQL(', ').join(map(sql.Literal, limits.values()))))


def waiting_of(db, owner):
    return db.value('select reportd.pending_count(%s::regrole, 1000000)', owner)


def run_statement(daemon, name, params):
    """As the daemon does, but for the transaction."""
    text = re.sub(r'--[^\n]*', '', (ROOT / f'sql/queue/{name}.sql').read_text())
    daemon.conn.cursor(row_factory=tuple_row).execute(re.sub(
        r'\$(\d+)', lambda m: sql.Literal(
            str(p) if hasattr(p := params[int(m[1]) - 1], 'hex') and not isinstance(p, int) else p)
        .as_string(daemon.conn), text))
