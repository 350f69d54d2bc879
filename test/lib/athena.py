# SPDX-License-Identifier: MIT
"""Athena for the AWS stand-in: statements that go on by themselves, executed by a real
PostgreSQL; their results are real objects in a real S3.

`Aws` calls the operations. An object of class `Athena` holds executions, workgroups and the
faults of one test. What PostgreSQL writes becomes what Athena writes: every value in double
quotes, NULL as nothing, times with three digits, varbinary as pairs of hex digits, years
before Christ with a minus."""

import contextlib
import csv
import io
import re
import subprocess
import threading
import time
import uuid
import zoneinfo
from datetime import datetime, timedelta, timezone

import psycopg

from lib.paths import BIN, environ

# pg_type.oid -> ColumnInfo.Type
TYPES = {16: 'boolean', 21: 'smallint', 23: 'integer', 20: 'bigint', 700: 'float',
         701: 'double', 1700: 'decimal', 1082: 'date', 1083: 'time', 1266: 'time with time zone',
         1114: 'timestamp', 1184: 'timestamp with time zone', 25: 'varchar', 1043: 'varchar',
         1042: 'char', 17: 'varbinary', 114: 'json', 3802: 'json', 2950: 'uuid',
         1186: 'interval day to second', 705: 'varchar', 869: 'ipaddress'}
UTILITY = re.compile(r'\s*(show|describe|desc|explain)\b', re.I)
DDL = re.compile(r'\s*(alter|create|drop|msck)\b', re.I)
CTAS = re.compile(r'\s*create\s+table\s+(\S+)\s+(with\s*\(.*?\)\s+)?as\b(.*)', re.I | re.S)
UNLOAD = re.compile(r"\s*unload\s*\((.*)\)\s*to\s*'(s3://[^']+/)'\s*with\s*\((.*)\)\s*$",
                    re.I | re.S)
FINAL = {'SUCCEEDED', 'FAILED', 'CANCELLED'}


class Refused(Exception):
    """A statement that Athena fails: its reason and AthenaError."""

    def __init__(self, reason, category=2, kind=1006, retryable=False):
        super().__init__(reason)
        self.reason = reason
        self.error = {'ErrorCategory': category, 'ErrorType': kind, 'Retryable': retryable,
                      'ErrorMessage': reason}


# ---- texts ----

def java_double(text, size=8):
    """A float as Java writes it: 1.0E10, 0.1, 100.0."""
    if text in ('NaN', 'Infinity', '-Infinity'):
        return text
    sign, text = ('-', text[1:]) if text.startswith('-') else ('', text)
    mantissa, _, power = text.partition('e')
    whole, _, fraction = mantissa.partition('.')
    digits = (whole + fraction).lstrip('0') or '0'
    point = len(whole) + int(power or 0) - (len(whole + fraction) - len(digits)
                                            if digits != '0' else len(whole) - 1)
    digits = digits.rstrip('0') or '0'
    if digits == '0':
        return sign + '0.0'
    if -3 <= point - 1 < 7:
        if point <= 0:
            return f'{sign}0.{"0" * -point}{digits}'
        digits = digits.ljust(point + 1, '0')
        return f'{sign}{digits[:point]}.{digits[point:]}'
    return f'{sign}{digits[0]}.{digits[1:] or "0"}E{point - 1}'


def at_least_millis(text):
    """09:30:00.25 -> 09:30:00.250; six digits when three are not enough."""
    clock, _, fraction = text.partition('.')
    return f'{clock}.{fraction.ljust(3, "0") if len(fraction) <= 3 else fraction.ljust(6, "0")}'


def proleptic(text):
    """0044-03-15 BC -> -0043-03-15; also in front of a time."""
    if not text.endswith(' BC'):
        year = text.partition('-')[0]
        return text if len(year) == 4 else '+' + text if len(year) > 4 else text
    year, _, rest = text[:-3].partition('-')
    return f'{"-" if int(year) > 1 else ""}{int(year) - 1:04}-{rest}'


def moment(text):
    bc = ' BC' if text.endswith(' BC') else ''
    day, _, clock = text.removesuffix(' BC').partition(' ')
    return f'{proleptic(day + bc)} {at_least_millis(clock)}'


def zoned(text, zone):
    """A timestamptz in UTC as Athena writes it in a zone."""
    plain = text.removesuffix(' BC').removesuffix('+00') + (' BC' if text.endswith(' BC') else '')
    if zone == 'UTC' or text.endswith(' BC') or len(plain.partition('-')[0]) > 4:
        return f'{moment(plain)} UTC'
    whole, _, fraction = plain.partition('.')
    if re.fullmatch(r'[+-]\d\d:\d\d', zone):
        sign = -1 if zone[0] == '-' else 1
        place = timezone(sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[4:])))
    else:
        place = zoneinfo.ZoneInfo(zone)
    local = datetime.strptime(whole, '%Y-%m-%d %H:%M:%S').replace(
        tzinfo=timezone.utc).astimezone(place)
    return at_least_millis(f'{local:%Y-%m-%d %H:%M:%S}'.rjust(19, '0') + (
        '.' + fraction if fraction else '')) + ' ' + zone


def days_interval(text):
    """PostgreSQL's interval of days and a time, which have one sign, as Athena's."""
    days = re.search(r'(-?\d+) days?', text)
    clock = re.search(r'-?\d+:\d\d:\d\d(\.\d+)?', text)
    days, clock = days[1] if days else '0', clock[0] if clock else '00:00:00'
    sign = '-' if '-' in days + clock else ''
    return f'{sign}{days.lstrip("-")} {at_least_millis(clock.lstrip("-"))}'


def months_interval(text):
    years, months = (re.search(rf'(-?\d+) {word}', text) for word in ('year', 'mon'))
    years, months = (int(found[1]) if found else 0 for found in (years, months))
    total = years * 12 + months
    return f'{"-" if total < 0 else ""}{abs(total) // 12}-{abs(total) % 12}'


def array(text):
    """{1,NULL,"a b"} -> [1, null, a b], which tells no two texts apart."""
    inner = next(csv.reader(io.StringIO(text[1:-1]), escapechar='\\')) if text != '{}' else []
    return f'[{", ".join("null" if word == "NULL" else word for word in inner)}]'


def athena_text(kind, text, zone):
    if kind == 'boolean':
        return {'t': 'true', 'f': 'false'}[text]
    if kind in ('float', 'double'):
        return java_double(text)
    if kind == 'varbinary':
        digits = text.removeprefix('\\x')
        return ' '.join(digits[i:i + 2] for i in range(0, len(digits), 2))
    if kind == 'date':
        return proleptic(text)
    if kind == 'timestamp':
        return moment(text)
    if kind == 'timestamp with time zone':
        return zoned(text, zone)
    if kind == 'time':
        return at_least_millis(text)
    if kind == 'time with time zone':
        clock, sign, offset = re.fullmatch(r'([\d:.]+)([+-])(.*)', text).groups()
        return at_least_millis(clock) + sign + (offset if ':' in offset else offset + ':00')
    if kind == 'interval day to second':
        return days_interval(text)
    if kind == 'interval year to month':
        return months_interval(text)
    return array(text) if kind == 'array' else text


def column_info(name, kind, precision=0, scale=0):
    return {'CatalogName': 'hive', 'SchemaName': '', 'TableName': '', 'Name': name,
            'Label': name, 'Type': kind, 'Precision': precision, 'Scale': scale,
            'Nullable': 'UNKNOWN', 'CaseSensitive': kind == 'varchar'}


def csv_file(names, rows):
    def line(values):
        return ','.join('' if v is None else '"' + v.replace('"', '""') + '"' for v in values)
    return ''.join(line(values) + '\n' for values in [names, *rows]).encode()


class Execution:
    """A statement. `state` is what GetQueryExecution tells."""

    def __init__(self, args):
        self.id = str(uuid.uuid4())
        self.args = args
        self.text = args['QueryString']
        self.sql = re.sub(r'\A(\s*--[^\n]*\n)+', '', self.text)
        self.state, self.reason, self.error = 'QUEUED', None, None
        self.submitted = time.time()
        self.columns, self.rows, self.location = [], [], None
        self.manifest = None
        self.managed = False
        self.backend = None
        self.stopped = threading.Event()
        self.looks = 0
        self.stops = 0
        self.kind = 'UTILITY' if UTILITY.match(self.sql) else \
            'DDL' if DDL.match(self.sql) else 'DML'


class Athena:
    """Executes statements in `database` of the cluster and writes results by `s3`, a client
    of boto3. `zone` is the one of times with time zone. `stubborn` looks pass before a
    statement that was stopped ends."""

    def __init__(self, cluster, database, s3, location):
        self.cluster, self.database, self.s3 = cluster, database, s3
        self.workgroups = {'primary': {'location': location, 'enforce': False,
                                       'managed': False}}
        self.executions, self.tokens = {}, {}
        self.held = []        # (pattern, event): statements that match do not end before it
        self.failing = []     # (pattern, Refused, times)
        self.results = []     # (pattern, function of bytes -> bytes or None)
        self.canned = {}      # statement: (ColumnInfo, bytes or None), None: already in S3
        self.ddl = []         # statements of DDL and the like, in order
        self.zone = 'UTC'
        self.canned_at = None  # address of results of `canned` that are there
        self.stubborn = 0
        self.with_error = True
        self.lists = True     # False: DataManifestLocation is not told
        self.threads = []

    # For tests.

    def hold(self, pattern=''):
        """Keeps statements that match RUNNING until the returned event is set."""
        event = threading.Event()
        self.held.append((re.compile(pattern, re.I | re.S), event))
        return event

    def fail(self, pattern, refused, times=1):
        self.failing.append([re.compile(pattern, re.I | re.S), refused, times])

    def spoil(self, pattern, change):
        """Changes the result object of statements that match; None: it is missing."""
        self.results.append((re.compile(pattern, re.I | re.S), change))

    def running(self):
        return [x.sql for x in self.executions.values() if x.state not in FINAL]

    def states(self):
        return [x.state for x in self.executions.values()]

    def close(self):
        for _, event in self.held:
            event.set()
        for execution in list(self.executions.values()):
            self.stop(execution)
        for thread in self.threads:
            thread.join(30)

    # The operations. Aws calls them with its lock held; refusal is its exception.

    def answer(self, op, args, refusal):
        if op == 'CreateWorkGroup':
            return self.create_work_group(args, refusal)
        if op == 'StartQueryExecution':
            return self.start(args, refusal)
        if op == 'GetQueryExecution':
            return {'QueryExecution': self.describe(self.find(args, refusal))}
        if op == 'StopQueryExecution':
            self.stop(self.find(args, refusal))
            return {}
        if op == 'GetQueryResults':
            return self.results_of(args, refusal)
        if op == 'ListQueryExecutions':
            return self.list(args)
        if op == 'BatchGetQueryExecution':
            return {'QueryExecutions': [self.describe(self.executions[one])
                                        for one in args['QueryExecutionIds']
                                        if one in self.executions]}
        raise refusal(400, 'UnknownOperationException', op)

    def create_work_group(self, args, refusal):
        own = args.get('Configuration', {})
        if args['Name'] in self.workgroups:
            raise refusal(400, 'InvalidRequestException', 'WorkGroup is already created')
        self.workgroups[args['Name']] = {
            'location': own.get('ResultConfiguration', {}).get('OutputLocation'),
            'enforce': own.get('EnforceWorkGroupConfiguration', True), 'managed': False}
        return {}

    def start(self, args, refusal):
        token = args.get('ClientRequestToken')
        group = self.workgroups.get(args.get('WorkGroup', 'primary'))
        if group is None:
            raise refusal(400, 'InvalidRequestException',
                          f'WorkGroup {args["WorkGroup"]} is not found.')
        if token in self.tokens:
            before = self.tokens[token]
            if before.args != args:
                raise refusal(400, 'InvalidRequestException',
                              'Idempotent parameters do not match')
            return {'QueryExecutionId': before.id}
        execution = Execution(args)
        own = args.get('ResultConfiguration', {}).get('OutputLocation')
        location = group['location'] if group['enforce'] or not own else own
        execution.managed = group['managed']
        if not execution.managed and not location:
            raise refusal(400, 'InvalidRequestException',
                          'No output location provided. An output location is required either '
                          'through the Workgroup result configuration setting or as an API input.')
        if not execution.managed:
            execution.location = location + (
                f'tables/{execution.id}' if CTAS.match(execution.sql) else
                execution.id + ('.csv' if execution.kind == 'DML' else '.txt'))
        self.executions[execution.id] = self.tokens[token] = execution
        thread = threading.Thread(target=self.work, args=(execution,), daemon=True)
        self.threads.append(thread)
        thread.start()
        return {'QueryExecutionId': execution.id}

    def find(self, args, refusal):
        found = self.executions.get(args['QueryExecutionId'])
        if found is None:
            raise refusal(400, 'InvalidRequestException',
                          f'QueryExecution {args["QueryExecutionId"]} was not found')
        return found

    def describe(self, x):
        x.looks += 1
        if x.stops and x.state not in FINAL and x.looks > self.stubborn:
            x.state, x.reason = 'CANCELLED', 'Query cancelled by user'
        status = {'State': x.state, 'SubmissionDateTime': x.submitted}
        if x.reason:
            status['StateChangeReason'] = x.reason
        if x.error and self.with_error:
            status['AthenaError'] = x.error
        about = {'QueryExecutionId': x.id, 'Query': x.text, 'StatementType': x.kind,
                 'Status': status, 'WorkGroup': x.args.get('WorkGroup', 'primary'),
                 'Statistics': {'DataScannedInBytes': 1234, 'EngineExecutionTimeInMillis': 7},
                 'ManagedQueryResultsConfiguration': {'Enabled': x.managed},
                 'ResultConfiguration': {}}
        if x.location:
            about['ResultConfiguration']['OutputLocation'] = x.location
        if x.manifest and self.lists:
            about['Statistics']['DataManifestLocation'] = x.manifest
        return about

    def results_of(self, args, refusal):
        x = self.find(args, refusal)
        if x.state != 'SUCCEEDED':
            raise refusal(400, 'InvalidRequestException',
                          f'Query did not finish successfully. Final query state: {x.state}')
        if x.location and x.kind == 'DML' and not self.is_there(x.location):
            raise refusal(400, 'InvalidRequestException',
                          f'Could not find results at {x.location}')
        rows = ([[c['Name'] for c in x.columns]] if x.kind == 'DML' else []) + x.rows
        at = int(args.get('NextToken', 'page-0').removeprefix('page-'))
        most = args.get('MaxResults', 1000)
        answer = {'UpdateCount': 0, 'ResultSet': {
            'ResultSetMetadata': {'ColumnInfo': x.columns},
            'Rows': [{'Data': [{} if v is None else {'VarCharValue': v} for v in row]}
                     for row in rows[at:at + most]]}}
        if at + most < len(rows):
            answer['NextToken'] = f'page-{at + most}'
        return answer

    def stop(self, x):
        if x.state in FINAL:
            return
        x.stops += 1
        x.looks = 0
        x.stopped.set()
        if x.backend is not None:
            with contextlib.suppress(psycopg.Error):
                x.backend.cancel()

    def list(self, args):
        found = [x.id for x in reversed(self.executions.values())
                 if x.args.get('WorkGroup', 'primary') == args.get('WorkGroup', 'primary')]
        at, most = int(args.get('NextToken', 'list-0')[5:]), args.get('MaxResults') or 50
        answer = {'QueryExecutionIds': found[at:at + most]}
        if at + most < len(found):
            answer['NextToken'] = f'list-{at + most}'
        return answer

    # The work.

    def is_there(self, url):
        bucket, _, key = url.removeprefix('s3://').partition('/')
        return any(o['Key'] == key for o in self.s3.list_objects_v2(
            Bucket=bucket, Prefix=key).get('Contents', []))

    def put(self, url, data):
        bucket, _, key = url.removeprefix('s3://').partition('/')
        self.s3.put_object(Bucket=bucket, Key=key, Body=data)

    def work(self, x):
        try:
            x.state = 'RUNNING' if not x.stops else x.state
            for pattern, event in self.held:
                while pattern.search(x.sql) and not event.is_set() and not x.stops:
                    event.wait(0.02)
            for one in self.failing:
                if one[0].search(x.sql) and one[2] > 0:
                    one[2] -= 1
                    raise one[1]
            if not x.stops:
                self.execute(x)
            if not x.stops and x.state not in FINAL:
                x.state = 'SUCCEEDED'
        except Refused as e:
            x.state, x.reason, x.error = 'FAILED', e.reason, e.error
        except psycopg.Error as e:
            if not x.stops:
                x.state, x.reason = 'FAILED', self.reason_of(x, e)
                x.error = Refused(x.reason).error
        except Exception as e:  # noqa: BLE001
            x.state, x.reason = 'FAILED', f'stand-in: {e!r}'
        # A statement that was stopped ends when it is looked at.

    @staticmethod
    def reason_of(x, e):
        """As Trino says it, with the line in the whole text."""
        at = int(e.diag.statement_position or 1) - 1
        before = x.text[:len(x.text) - len(x.sql)] + x.sql[:at]
        return (f'SYNTAX_ERROR: line {before.count(chr(10)) + 1}:'
                f'{at - x.sql.rfind(chr(10), 0, at)}: {e.diag.message_primary}')

    def execute(self, x):
        if x.sql in self.canned:
            x.columns, data = self.canned[x.sql]
            if data is not None:
                self.put(x.location, data)
            else:
                x.location = self.canned_at
            return
        found = UNLOAD.match(x.sql)
        if found:
            self.unload(x, *found.groups())
            return
        if x.kind != 'DML':
            self.utility(x)
            return
        x.columns, x.rows = self.query(x, x.sql)
        if not x.managed:
            data = csv_file([c['Name'] for c in x.columns], x.rows)
            for pattern, change in self.results:
                if pattern.search(x.sql):
                    data = change(data)
            if data is not None:
                self.put(x.location, data)
                self.put(x.location + '.metadata', b'\x08\x01')

    def query(self, x, sql):
        with psycopg.connect(self.cluster.conninfo(self.database), autocommit=True, options=(
                '-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres')) as conn:
            x.backend = conn
            result = conn.execute(sql).pgresult
            x.backend = None
            columns = []
            for i in range(result.nfields):
                oid, modifier = result.ftype(i), result.fmod(i)
                kind = TYPES.get(oid, 'array' if conn.execute(
                    'select typcategory from pg_type where oid = %s', [oid]
                ).fetchone()[0] == 'A' else 'varchar')
                name = result.fname(i).decode()
                if kind.startswith('interval') and name.startswith('months'):
                    kind = 'interval year to month'
                digits = ((modifier - 4) >> 16, (modifier - 4) & 0xffff) \
                    if kind == 'decimal' and modifier >= 4 else \
                    (38, 10) if kind == 'decimal' else (0, 0)
                columns.append(column_info(name, kind, *digits))
            rows = []
            for r in range(result.ntuples):
                values = [result.get_value(r, c) for c in range(result.nfields)]
                rows.append([None if v is None else athena_text(
                    columns[c]['Type'], v.decode(), self.zone) for c, v in enumerate(values)])
        return columns, rows

    def utility(self, x):
        self.ddl.append(x.sql)
        found = CTAS.match(x.sql)
        if found:
            self.query(x, f'create table {found[1]} as {found[3]}; select 1')
        elif UTILITY.match(x.sql):
            x.columns = [column_info('tab_name', 'string')]
            x.rows = [['sales'], ['customers']]
        if found and x.location:
            self.put(x.location + '/data', b'')
        elif not x.managed:
            self.put(x.location, ''.join('\t'.join(r) + '\n' for r in x.rows).encode())

    def unload(self, x, query, to, options):
        if not re.search(r"format\s*=\s*'PARQUET'", options, re.I):
            raise Refused('NOT_SUPPORTED: format')
        bucket, _, prefix = to.removeprefix('s3://').partition('/')
        if self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get('KeyCount'):
            raise Refused('HIVE_PATH_ALREADY_EXISTS: Target directory for table already exists')
        columns, rows = self.query(x, query)
        for column in columns:
            if column['Type'] in ('time', 'timestamp with time zone', 'uuid') or \
                    column['Type'].startswith('interval'):
                raise Refused(f'NOT_SUPPORTED: Unsupported Hive type: {column["Type"]}')
        urls = []
        for n in range(2 if len(rows) > 1 else len(rows)):
            part = f'select * from (select *, row_number() over () % 2 as half_ from ({query}\n) q) p ' \
                   f'where half_ = {n}' if len(rows) > 1 else query
            made = subprocess.run(
                [BIN / 'reportctl', 'export', '--sql', part, '--format', 'PARQUET'],
                env=environ(REPORTD_SOURCE_DEFAULT_CONNINFO=self.cluster.conninfo(self.database)),
                stdout=subprocess.PIPE, check=True)
            urls.append(f'{to}{uuid.uuid4()}')
            self.put(urls[-1], made.stdout)
        x.manifest = x.location.removesuffix('.csv') + '-manifest.csv'
        self.put(x.manifest, ''.join(url + '\n' for url in urls).encode())
