# SPDX-License-Identifier: MIT
"""Inserts rows of report_config and follows them."""

from psycopg import sql
from psycopg.types.json import Jsonb

from lib.wait import wait_for

ENDED = ('COMPLETED', 'FAILED', 'CANCELLED')


def submit(db, **columns):
    """Inserts a report and returns its config_id; a dict becomes jsonb."""
    columns.setdefault('report_name', 'report')
    if not {'prep_sql', 'export_sql'} & columns.keys():
        columns['export_sql'] = 'select 1 as one'
    return db.value(
        sql.SQL('insert into reportd.report_config ({}) values ({}) '
                'returning config_id').format(
            sql.SQL(', ').join(map(sql.Identifier, columns)),
            sql.SQL(', ').join(sql.Placeholder() * len(columns))),
        *(Jsonb(v) if isinstance(v, dict) else v for v in columns.values()))


def config(db, config_id):
    return db.row('select * from reportd.report_config where config_id = %s',
                  config_id)


def run_for(db, config_id, at):
    """Asks for a run that stands for this time."""
    with db.conn.transaction():
        db.value('select reportd.run_now(%s)', config_id)
        db.execute('update reportd.report_config set scheduled_for = %s '
                   'where config_id = %s', at, config_id)


def runs(db, config_id):
    """Returns the report's rows of report_run, oldest first."""
    return db.query('select * from reportd.report_run where config_id = %s '
                    'order by run_id', config_id)


def wait_status(db, config_id, *statuses, timeout=30):
    """Waits until the report has one of these statuses; returns its row."""
    def reached():
        row = config(db, config_id)
        return row if row.status in statuses else None
    try:
        return wait_for(reached, timeout)
    except AssertionError:
        raise AssertionError(
            f'waited {timeout} s for report {config_id} to be '
            f'{" or ".join(statuses)}: {config(db, config_id)}') from None


def wait_done(db, config_id, timeout=30):
    """Waits for the end of a report; returns its row."""
    return wait_status(db, config_id, *ENDED, timeout=timeout)
