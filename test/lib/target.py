# SPDX-License-Identifier: MIT
"""A target for tests: a database, and a login that writes its tables."""

import itertools
import os

from psycopg import sql
from psycopg.conninfo import make_conninfo

from lib.redshift import Redshift
from lib.report import submit, wait_done

NUMBERS = itertools.count(1)


class Target:
    """A database with a schema `s` that the login `user` owns."""

    def __init__(self, cluster, name='dwh', **options):
        self.cluster = cluster
        self.name = name
        self.db = cluster.create(**options)
        self.user = f'loader{next(NUMBERS)}_{os.getpid()}'
        self.db.execute(sql.SQL('create role {} login').format(sql.Identifier(self.user)))
        self.db.execute(sql.SQL('grant create on database {} to {}').format(
            sql.Identifier(self.db.name), sql.Identifier(self.user)))
        self.db.execute(sql.SQL('create schema s authorization {}').format(
            sql.Identifier(self.user)))
        self.conninfo = make_conninfo(self.db.conninfo, user=self.user)

    def sections(self, **keys):
        return {f'target.{self.name}': {'conninfo': self.conninfo} | keys}

    def table(self, ddl):
        """Creates a table as the login."""
        with self.db.connect() as conn:
            conn.execute(sql.SQL('set role {}').format(sql.Identifier(self.user)))
            conn.execute(ddl)

    def rows(self, query):
        return [tuple(row) for row in self.db.query(query)]

    def ledger(self):
        if self.db.value("select to_regclass('reportd_target.reportd_load')") is None:
            return []
        return self.rows('select request_id, target_table, rows '
                         'from reportd_target.reportd_load order by request_id')

    def drop(self):
        self.db.drop()
        self.cluster.admin(sql.SQL('drop role {}').format(sql.Identifier(self.user)))


class RedshiftTarget(Target):
    """A Target behind what behaves as Redshift, which reads from the S3 at `endpoint`."""

    def __init__(self, cluster, store, endpoint, region, name='dwh', bucket='lake'):
        super().__init__(cluster, name)
        self.redshift = Redshift(cluster, store, own=True)
        self.s3 = {'endpoint': endpoint, 'region': region}
        self.bucket = bucket
        self.conninfo = make_conninfo(self.conninfo, host=self.redshift.dir)

    def sections(self, **keys):
        return {'s3': self.s3, f'target.{self.name}': {
            'type': 'redshift', 'conninfo': self.conninfo,
            'copy_from': f's3://{self.bucket}/loads',
            'copy_role': 'arn:aws:iam::123456789012:role/copy'} | keys}

    def drop(self):
        try:
            self.redshift.remove()
        finally:
            super().drop()


def load(db, table, query, wait=True, **columns):
    """Submits a report that loads table (s.t) of the target dwh; returns its
    config_id, after its end unless wait is False."""
    options = columns.pop('options', None)
    if options is not None:
        columns['output_options'] = {'table': options}
    config_id = submit(db, **{
        'export_sql': query, 'output_format': 'TABLE',
        'output_path': f'table:dwh/{table}', 'max_retries': 0} | columns)
    if wait:
        wait_done(db, config_id)
    return config_id


def outcome(db, config_id):
    """(status, row_count, error_message or remark) of the last run."""
    return tuple(db.row(
        'select r.status, r.row_count, coalesce(r.error_message, r.remark) '
        'from reportd.report_run r join reportd.report_config c using (run_id) '
        'where c.config_id = %s', config_id))
