# SPDX-License-Identifier: MIT
"""HTTP: wrk on every endpoint while reports run: what it answers, and whether the reports
are slowed down."""

import contextlib
import hashlib
import json
import os
import re
import secrets
import socket
import subprocess
import threading
import urllib.request

import psycopg

import rig
import small
from rig import Row

# s of each measurement.
SECONDS = int(os.environ.get('BENCH_SECONDS', 10))
CONNECTIONS = 8
WAITING = 500
LOGIN, ROLE, KEY = 'bench_http', 'bench_web', 'bench_idle'
# A report's query waits for its server, as if that were another machine: with 8 workers some
# of the processors are free, and what takes them away shows as fewer reports.
SQL = small.QUERY.format('sale_100', ":'store'").replace(
    'from bench.', 'from pg_sleep(0.02), bench.')
# Finished reports, each with its run.
HISTORY = 100_000
FILL = """
set session_replication_role = replica;
insert into reportd.report_config (report_name, export_sql, owner, status, attempt, request_id,
	run_id)
select 'old ' || i, 'select 1', current_user::regrole, 'COMPLETED', 1,
	nextval('reportd.report_request_request_id_seq'), -1 from generate_series(1, {0}) i;
insert into reportd.report_run (config_id, request_id, report_name, owner, attempt, status,
	scheduled_for, started_at, finished_at, row_count, byte_count, worker_id)
select config_id, request_id, report_name, owner, 1, 'COMPLETED', now(),
	now() - ({0} - config_id) * interval '8 s', now(), 1, 10, gen_random_uuid()
from reportd.report_config where run_id = -1 order by config_id;
update reportd.report_config c set run_id = r.run_id
from reportd.report_run r where r.config_id = c.config_id and c.run_id = -1;
reset session_replication_role;
vacuum analyze reportd.report_config;
vacuum analyze reportd.report_run
""".format(HISTORY)
# Requests that change something, and can be sent again and again.
CHANGES = [('POST', '/trigger', {}), ('POST', f'/api/v1/reports/{KEY}/pause', {}),
           ('POST', f'/api/v1/reports/{KEY}/resume', {}),
           ('PATCH', f'/api/v1/reports/{KEY}', {'priority': 3})]


def setup(conn):
    small.setup(conn)
    for statement in FILL.split(';'):
        conn.execute(statement)
    for _ in range(HISTORY // 20_000):
        conn.execute('select reportd.tally_runs()')
    for name, options in (LOGIN, 'login noinherit'), (ROLE, 'nologin in role reportd_operator'):
        conn.execute(f'drop role if exists {name}')
        conn.execute(f'create role {name} {options}')
    conn.execute(f'grant {ROLE} to {LOGIN}')
    conn.execute('insert into reportd.report_config (report_name, report_key, export_sql, '
                 "trigger_type, schedule_expression) values ('idle', %s, 'select 1', "
                 "'SCHEDULED', '0 0 1 1 *')", [KEY])


def paths(conn):
    """(method, path, body) of every endpoint."""
    run, request = rig.wait_for(lambda: conn.execute(
        'select r.run_id, r.request_id from reportd.report_run r '
        "where r.status = 'COMPLETED' order by r.run_id limit 1").fetchone(), 'a report')
    api = json.loads((rig.HERE.parents[1] / 'docs/openapi.json').read_text())
    for path in ['/', '/metrics', *(p for p, how in api['paths'].items() if 'get' in how)]:
        yield 'GET', path.format(report=KEY, run=run, request=request), None
    yield from CHANGES


class Web:
    """A daemon with its HTTP server, and a token for that."""

    def __init__(self):
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            self.address = '127.0.0.1:%d' % s.getsockname()[1]
        self.token = secrets.token_hex(16)
        self.file = rig.WORK / 'tokens'
        self.file.write_text(f'{ROLE} {hashlib.sha256(self.token.encode()).hexdigest()}\n')
        self.file.chmod(0o600)
        self.environ = {
            'REPORTD_SERVER_LISTEN': self.address, 'REPORTD_SERVER_TOKEN_FILE': self.file,
            'REPORTD_SERVER_UNLIMITED': '127.0.0.0/8',
            'REPORTD_SERVER_CONNINFO': psycopg.conninfo.make_conninfo(rig.CONNINFO, user=LOGIN)}

    def is_ready(self):
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f'http://{self.address}/readyz').status == 200


@contextlib.contextmanager
def full_queue():
    """Some reports always wait for a worker."""
    ended = threading.Event()

    def feed():
        with rig.connect() as conn:
            while not ended.wait(0.1):
                waiting, = conn.execute("select count(*) from reportd.report_config "
                                        "where status = 'PENDING' and due_at <= now()").fetchone()
                if waiting < WAITING:
                    conn.execute(small.OURS['insert'], {
                        'sql': SQL, 'stores': small.STORES, 'jobs': WAITING, 'prefix': 'h'})
    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def jobs(conn, work):
    """Reports that ended in each second of work(), and what that returned."""
    clock = 'select clock_timestamp()'
    begun, = conn.execute(clock).fetchone()
    result = work()
    ended, = conn.execute(clock).fetchone()
    count, = conn.execute("select count(*) from reportd.report_run where status = 'COMPLETED' "
                          'and finished_at between %s and %s', [begun, ended]).fetchone()
    return count / (ended - begun).total_seconds(), result


def wrk(web, method, path, body):
    """Requests a second, and the time in ms within which 99 % were answered."""
    script = rig.WORK / 'wrk.lua'
    script.write_text(f'wrk.method = "{method}"\n' + (
        '' if body is None else f"wrk.body = '{json.dumps(body)}'\n"))
    text = subprocess.run(
        ['wrk', '--latency', '-t1', f'-c{CONNECTIONS}', f'-d{SECONDS}', '-s', script,
         '-H', f'Authorization: Bearer {web.token}', f'http://{web.address}{path}'],
        capture_output=True, text=True, check=True).stdout
    if 'Non-2xx' in text or 'Socket errors' in text:
        raise SystemExit(f'bench: {method} {path}\n{text}')
    most, unit = re.search(r'99%\s+([\d.]+)(us|ms|s)\b', text).groups()
    return (float(re.search(r'Requests/sec:\s+([\d.]+)', text)[1]),
            float(most) * {'us': 1e-3, 'ms': 1, 's': 1e3}[unit])


def run(conn, count):
    setup(conn)
    web = Web()
    with rig.running(rig.Ours, conn, rig.folder('http'), more=web.environ) as side, \
            full_queue():
        rig.wait_for(web.is_ready, 'the HTTP server')
        jobs(conn, lambda: rig.time.sleep(SECONDS))  # not counted: warms up
        server, = (pid for pid in rig.children(side.pid)
                   if rig.pathlib.Path(f'/proc/{pid}/comm').read_text() == 'reportd-http\n')
        found = {}
        for method, path, body in list(paths(conn)):
            name = f'{method} {path}'
            alone, _ = jobs(conn, lambda: rig.time.sleep(SECONDS))
            beside, (rate, p99) = jobs(conn, lambda: wrk(web, method, path, body))
            print(f'  {name}: {rate:.0f} requests/s, 99 % in {p99:.2f} ms; '
                  f'{beside:.0f} jobs/s, alone {alone:.0f}', flush=True)
            yield Row(f'HTTP {name}: requests/s; 99 % in ms', f'{rate:.0f}; {p99:.2f}')
            yield Row(f'HTTP {name}: jobs/s beside it and alone', f'{beside:.0f}',
                      f'{alone:.0f}', rig.ratio([beside], [alone]))
            found[name] = beside / alone
        worst = min(found, key=found.get)
        yield Row('HTTP: what slows reports most; jobs/s beside it are this share', worst, '',
                  f'{found[worst]:.2f}', f'{rig.memory(server, "VmHWM"):.1f} (reportd-http)')
