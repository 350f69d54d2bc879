# SPDX-License-Identifier: MIT
"""What the test_inbox* files share: a table of a warehouse as an inbox, the queue, and the
daemons that a test starts."""

import contextlib
import threading

import pytest

from lib import process
from lib.wait import wait_for
from test_snowflake_shared import account, dwh, snow  # noqa: F401

COLUMNS = {
    'external_id': 'CONFIG_ID', 'status': 'STATUS', 'error_message': 'ERROR_MESSAGE',
    'output_url': 'OUTPUT_URL', 'report_name': 'REPORT_NAME', 'report_key': 'KEY',
    'trigger_type': 'TRIGGER_TYPE', 'schedule_expression': 'SCHEDULE', 'source': 'SOURCE',
    'export_sql': 'EXPORT_SQL', 'output_path': 'OUTPUT_PATH', 'priority': 'PRIORITY',
    'parameters': 'PARAMETERS', 'notify_on_failure': 'NOTIFY', 'timeout': 'Time limit'}
TABLE = """create schema if not exists "PUBLIC"; create table "PUBLIC"."REPORT_CONFIG" (
    "CONFIG_ID" bigint, "STATUS" varchar default 'PENDING', "ERROR_MESSAGE" varchar,
    "OUTPUT_URL" varchar, "REPORT_NAME" varchar default 'from the inbox', "KEY" varchar,
    "TRIGGER_TYPE" varchar, "SCHEDULE" varchar, "SOURCE" varchar,
    "EXPORT_SQL" varchar default 'select 1 as one', "OUTPUT_PATH" varchar,
    "PRIORITY" int, "PARAMETERS" varchar, "NOTIFY" varchar, "Time limit" varchar,
    "OWNER" varchar, "OTHER" int)"""
READ = 'with p as (select'  # begins the statement that reads a page


class Inbox:
    """The table in the warehouse, the queue, and the daemons that a test starts."""

    def __init__(self, warehouse, db, folder, sections, daemons):
        self.warehouse, self.db, self.folder = warehouse, db, folder
        self.sections, self.daemons = sections, daemons

    def settings(self, name='reportd', inbox=None, **reportd):
        return process.write_conf(self.folder / f'{name}.conf', self.db, {
            **self.sections, 'inbox': {**self.sections['inbox'], **(inbox or {})}}, **reportd)

    def start(self, name='reportd', args=(), inbox=None, program=process.REPORTD, **reportd):
        daemon = process.Daemon(self.db, self.settings(name, inbox, **reportd), args,
                                program=program)
        self.daemons.append(daemon)
        return daemon

    def alter(self, sql):
        """Changes the table; the kept connection has plans of what it was."""
        self.warehouse.execute(f'alter table "PUBLIC"."REPORT_CONFIG" {sql}')
        self.warehouse.conn.close()

    def insert(self, config_id, **columns):
        columns = {'CONFIG_ID': config_id, **columns}
        names = ', '.join(f'"{name}"' for name in columns)
        self.warehouse.execute(
            f'insert into "PUBLIC"."REPORT_CONFIG" ({names}) values '
            f'({", ".join(["%s"] * len(columns))})', *columns.values())

    def set(self, config_id, **columns):
        for name, value in columns.items():
            self.warehouse.execute(f'update "PUBLIC"."REPORT_CONFIG" set "{name}" = %s '
                                   'where "CONFIG_ID" = %s', value, config_id)

    def row(self, config_id):
        return self.warehouse.row(
            'select "STATUS" as status, "ERROR_MESSAGE" as message, "OUTPUT_URL" as url '
            'from "PUBLIC"."REPORT_CONFIG" where "CONFIG_ID" = %s', config_id)

    def statuses(self):
        return dict(self.warehouse.query(
            'select coalesce("STATUS", \'-\'), count(*)::int from "PUBLIC"."REPORT_CONFIG" '
            'group by 1'))

    def becomes(self, config_id, status, timeout=60):
        wait_for(lambda: self.row(config_id).status == status or not self.daemons[-1].running(),
                 timeout, lambda: f'{status}: {self.row(config_id)} {self.state()}')
        row = self.row(config_id)
        assert row.status == status, f'{row}: {self.daemons[-1].log()}'
        return row

    def report(self, config_id):
        return self.db.row('select * from reportd.report_config where external_id = %s',
                           str(config_id))

    def state(self):
        return self.db.row('select * from reportd.report_inbox')


def sections_of(source):
    return {'source.warehouse': source,
            'inbox': {'source': 'warehouse', 'table': 'PUBLIC.REPORT_CONFIG',
                      'owner': 'inbox_sales', 'interval': '1s', 'write_back': '100ms',
                      'timeout': '2s',
                      'columns': ', '.join(f'{k}={v}' for k, v in COLUMNS.items())}}


@contextlib.contextmanager
def opened(warehouse, cluster, template, folder, source):
    db, daemons = cluster.create(template), []
    db.execute("""do $$ begin
        if to_regrole('inbox_sales') is null then create role inbox_sales; end if; end $$;
        grant reportd_submitter to inbox_sales;
        select reportd.register_source('default', 'postgres');
        select reportd.register_source('forbidden', 'postgres');
        select reportd.grant_source('default', 'inbox_sales');
        select reportd.grant_path('sales/', 'inbox_sales')""")
    warehouse.execute('drop table if exists "PUBLIC"."REPORT_CONFIG"')
    warehouse.execute(TABLE)
    try:
        yield Inbox(warehouse, db, folder, sections_of(source), daemons)
    finally:
        for daemon in daemons:
            daemon.end()
        db.drop()


@pytest.fixture
def inbox(dwh, cluster, template, tmp_path, snow):
    """An inbox in Snowflake."""
    with opened(dwh, cluster, template, tmp_path, snow.settings(tmp_path)) as inbox:
        yield inbox


@pytest.fixture
def plain(dwh, cluster, template, tmp_path):
    """An inbox in a PostgreSQL."""
    with opened(dwh, cluster, template, tmp_path, {'conninfo': dwh.conninfo}) as inbox:
        yield inbox


def merges(snow, text=''):
    return [r for r in snow.sent('post') if 'merge into' in r[3]['statement']
            and text in r[3]['statement']]


def reads(snow):
    return [r for r in snow.sent('post') if READ in r[3]['statement']]


@contextlib.contextmanager
def held(snow, match=READ):
    """A statement whose answer does not come: yields an event that lets it come."""
    event = threading.Event()
    snow.fault('post', hold=event, match=match)
    try:
        yield event
    finally:
        event.set()
