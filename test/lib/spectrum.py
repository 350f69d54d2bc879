# SPDX-License-Identifier: MIT
"""What redshift.py has not: procedures that load an object of S3 by COPY, and external
schemas and tables over objects (Redshift Spectrum).

Objects are files of a folder that the PostgreSQL server can read, such as buckets.py
writes them. An external table is a foreign one over all files of its location. EXECUTE in
a procedure goes through a function that knows COPY. Only what the examples write is
understood; all else is refused."""

import json
import re

import psycopg

from lib.redshift import LOAD_FAILED, Link, Redshift, error

IAM_ROLE = r"iam_role\s+(?:default|'[^']+')"
PROCEDURE = re.compile(r'create\s+(or\s+replace\s+)?procedure\b', re.I)
EXECUTE = re.compile(r'\bexecute\s+(.*?);', re.I | re.S)
EXTERNAL = re.compile(r'create\s+external\s+(schema|table)\b', re.I)
SCHEMA = re.compile(rf"create\s+external\s+schema\s+(\w+)\s+from\s+data\s+catalog\s+"
                    rf"database\s+'\w+'\s+{IAM_ROLE}"
                    r"(\s+create\s+external\s+database\s+if\s+not\s+exists)?$", re.I)
TABLE = re.compile(
    r"create\s+external\s+table\s+(\w+\.\w+)\s*(\(.*\))\s*row\s+format\s+delimited\s+"
    r"fields\s+terminated\s+by\s+'(.)'\s+stored\s+as\s+textfile\s+location\s+"
    r"'s3://([\w./-]+/)'(?:\s+table\s+properties\s*\('skip.header.line.count'='(\d+)'\))?$",
    re.I | re.S)
# The detail of stand_in.copy().
LOAD_DETAIL = re.compile(rb'\0CXX000\0.*\0D(\[.*\])\0', re.S)
# The files of a location, of which there is one at least; Spectrum reads none that begins
# with one of . _ #
PROGRAM = "cd '{}' && exec tail -q -n +{} -- [!._#]*"
STAND_IN = r"""
    create extension if not exists file_fdw;
    create schema if not exists stand_in;
    grant usage on schema stand_in to public;
    do $do$ begin
        if not exists (select from pg_foreign_server where srvname = 'stand_in') then
            create server stand_in foreign data wrapper file_fdw;
        end if;
    end $do$;

    -- The form of EXECUTE in a procedure.
    create or replace function stand_in.execute(statement text) returns void
    language plpgsql set standard_conforming_strings = on as $f$
    begin
        if statement ~* '^\s*copy\s' then
            perform stand_in.copy(statement);
        else
            execute statement;
        end if;
    end $f$;

    create or replace function stand_in.copy(statement text) returns void
    language plpgsql security definer
    set standard_conforming_strings = on set search_path = pg_catalog, pg_temp as $f$
    declare
        part text[] := regexp_match(statement, '^\s*copy\s+([\w.]+)\s+from\s+''s3://([\w./-]+)'''
            '\s+(?:{iam})\s+(?:format\s+as\s+)?csv(?:\s+ignoreheader\s+([01]))?'
            '(?:\s+dateformat\s+''(?:auto|YYYY-MM-DD)'')?\s*;?\s*$', 'i');
        wrong text;
    begin
        if part is null then
            raise exception using errcode = '42601', message = 'syntax error in COPY';
        end if;
        if not has_table_privilege(session_user, part[1], 'insert') then
            raise exception using errcode = '42501',
                message = 'permission denied for relation ' || part[1];
        end if;
        if part[2] ~ '\.\.' or pg_stat_file('{folder}/' || part[2], true) is null then
            raise exception using errcode = 'XX000', message = 'S3ServiceException:'
                'The specified key does not exist.,Status 404,Error NoSuchKey';
        end if;
        execute format('copy %s from %L with (format csv, header %s)', part[1],
            '{folder}/' || part[2], case part[3] when '1' then 'true' else 'false' end);
    exception when data_exception or integrity_constraint_violation then
        get stacked diagnostics wrong = pg_exception_context;
        raise exception using errcode = 'XX000', message = replace('{failed}', '{{}}', part[1]),
            detail = jsonb_build_array(sqlerrm, part[2], split_part(wrong, E'\n', 1))::text;
    end $f$;
    """


class SpectrumLink(Link):
    def translated(self, one):
        """Keeps the row that COPY has refused for Redshift's tables of errors."""
        detail = LOAD_DETAIL.search(one) if one[:1] == b'E' else None
        if detail:
            reason, name, where = json.loads(detail[1])
            at = re.search(r'line (\d+)(?:, column ([^:]+))?(?:: "(.*)")?', where)
            self.load_error = (reason, at[1], at[2] or '', at[3] or '', 's3://' + name)
            return error(re.search(rb'\0M([^\0]*)', one)[1].decode(), 'XX000')
        return super().translated(one)

    def query(self, text):
        statement = text.strip().rstrip(';').rstrip()
        if PROCEDURE.match(statement) and self.wrong(statement) is None:
            self.redshift.prepare(self.database)
            statement = EXECUTE.sub(r'perform stand_in.execute(\1);', statement)
            return super().query(statement)
        external = EXTERNAL.match(statement)
        if not external:
            return super().query(text)
        self.redshift.statements.append(statement)
        what = external[1].upper()
        if self.state != b'I':
            return self.fail(f'CREATE EXTERNAL {what} cannot run inside a transaction block',
                             '25001')
        found = (SCHEMA if what == 'SCHEMA' else TABLE).match(statement)
        if not found:
            return self.fail(f'syntax error in CREATE EXTERNAL {what}', '42601')
        self.redshift.prepare(self.database)
        return self.pass_on(f'create schema {found[1]}' if what == 'SCHEMA' else
                            self.redshift.foreign_table(*found.groups()))


class Spectrum(Redshift):
    """`folder` holds the buckets."""

    link = SpectrumLink

    def __init__(self, cluster, folder):
        super().__init__(cluster, own=True)
        self.folder = folder
        self.prepared = set()

    def prepare(self, database):
        """Makes the functions that Redshift's statements become."""
        with self.lock:
            if database in self.prepared:
                return
            with psycopg.connect(self.cluster.conninfo(database)) as conn:
                conn.execute(STAND_IN.format(
                    iam=IAM_ROLE.replace("'", "''"), folder=self.folder,
                    failed=LOAD_FAILED.replace("'", "''")))
            self.prepared.add(database)

    def foreign_table(self, name, columns, delimiter, location, skipped):
        program = PROGRAM.format(self.folder / location, int(skipped or 0) + 1)
        program = program.replace("'", "''")
        # Roles that may use an external schema may read its tables.
        return (f"create foreign table {name} {columns} server stand_in options "
                f"(program '{program}', format 'csv', delimiter '{delimiter}'); "
                f'grant select on {name} to public')
