# SPDX-License-Identifier: MIT
"""Snowflake and Athena as sources: a result of 1 GB as CSV, beside curl that reads the same
answers from the same stand-ins and drops them (gunzip included). Each answer is made
before the clock starts, so that the stand-ins send as fast as they can."""

import gzip
import http.server
import json
import os
import pathlib
import re
import statistics
import sys
import threading
import urllib.request
import uuid

import rig
from rig import Row

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import snowflake  # noqa: E402
from lib.athena import Athena, column_info  # noqa: E402
from lib.awsserver import Aws  # noqa: E402

MB = int(os.environ.get('BENCH_WAREHOUSES_MB', 1000))
PART_ROWS = 100_000
COLUMNS = [('id', 'bigint', 'fixed'), ('store', 'integer', 'fixed'),
           ('product', 'varchar', 'text'), ('amount', 'decimal', 'fixed'),
           ('sold_on', 'date', 'date'), ('sold_at', 'timestamp', 'timestamp_ntz'),
           ('paid', 'boolean', 'boolean'), ('weight', 'double', 'real'),
           ('note', 'varchar', 'text')]


# Every statement is told under this handle, as its answer is made before it.
HANDLE = '00000000-0000-4000-8000-000000000000'


def cents(i):
    return f'{i * 104729 % 10000000 / 100:.2f}'


def snowflake_row(i):
    return [str(i), str(i * 7919 % 500), f'product {i * 31 % 2000:04}', cents(i),
            str(18262 + i * 17 % 2000), f'{1577836800 + i * 13}.570000000',
            'true' if i % 3 == 0 else 'false', repr(round(i * 0.37, 2)),
            'a "quoted", odd note' if i % 10 == 0 else 'plain' if i % 7 else None]


def athena_row(i):
    row = snowflake_row(i)
    row[4] = f'2020-{i % 12 + 1:02}-{i % 28 + 1:02}'
    row[5] = f'{row[4]} {i % 24:02}:{i % 60:02}:{i * 7 % 60:02}.570'
    return ','.join('' if v is None else '"' + v.replace('"', '""') + '"' for v in row)


class Account(snowflake.Snowflake):
    """The stand-in with one result: partitions of the same rows, which are made once."""

    def __init__(self, parts):
        self.parts = parts
        rows = json.dumps([snowflake_row(i) for i in range(PART_ROWS)],
                          separators=(',', ':'))
        self.part_bytes = len(rows)
        meta = {'format': 'jsonv2', 'numRows': parts * PART_ROWS,
                'partitionInfo': [{'rowCount': PART_ROWS, 'uncompressedSize': len(rows)}] * parts,
                'rowType': [{'name': name, 'type': kind, 'nullable': True, 'precision': 18,
                             'scale': 2 if name == 'amount' else 0 if kind == 'fixed' else 9}
                            for name, _, kind in COLUMNS]}
        head = json.dumps({'resultSetMetaData': meta, 'code': '090001',
                           'statementHandle': HANDLE})[:-1]
        self.bodies = [gzip.compress(f'{text}"data":{rows}}}'.encode(), 1)
                       for text in (head + ',', '{')]
        super().__init__(conninfo=None)
        outer = self

        class Handler(snowflake.RequestHandler):
            server_of = outer

            def send_huge(self, statement, part):
                outer.statements[HANDLE] = statement
                body = outer.bodies[part > 0]
                self.send_response(200)
                self.send_header('Content-Type', 'application/json')
                self.send_header('Content-Encoding', 'gzip')
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)
        self.http.RequestHandlerClass = Handler


class Shelf(http.server.BaseHTTPRequestHandler):
    """One object, whatever its name; whole or a range of it."""

    protocol_version = 'HTTP/1.1'
    path_of = None

    def log_message(self, *args):
        pass

    def do_GET(self):
        size = self.path_of.stat().st_size
        first, last = 0, size - 1
        if found := re.fullmatch(r'bytes=(\d+)-(\d+)', self.headers.get('Range', '')):
            first, last = int(found[1]), min(int(found[2]), size - 1)
        self.send_response(206 if found else 200)
        self.send_header('Content-Length', str(last - first + 1))
        self.send_header('Content-Range', f'bytes {first}-{last}/{size}')
        self.send_header('ETag', '"one"')
        self.end_headers()
        if self.command == 'HEAD':
            return
        with open(self.path_of, 'rb') as file:
            while first <= last:
                first += os.sendfile(self.connection.fileno(), file.fileno(), first,
                                     last - first + 1)

    do_HEAD = do_GET


def export(source, sql, wanted):
    """reportctl export of it, into nothing; the rows are counted once."""
    count = (f"| tail -n +2 | wc -l | grep -qx {wanted}" if wanted else '> /dev/null')
    return rig.peer('bash', '-o', 'pipefail', '-c',
                    f'{"" if wanted else "exec "}"$1" export --source {source} --sql "$2" -o - '
                    + count, 'bash', str(rig.BIN / 'reportctl'), sql)


def curl(*words):
    return rig.peer('curl', '-sf', *words, '-o', '/dev/null')


def rows(name, size, ours, peer, count, wanted):
    ours(wanted)  # not counted: warms up, counts the rows
    runs = []
    for _ in range(count):
        mine, theirs = ours(0), peer()
        print(f'  {name}: reportctl {mine["wall"]:.2f} s, CPU {mine["cpu"]:.2f}, RSS '
              f'{mine["hwm"]:.1f} MiB; curl {theirs["wall"]:.2f} s, CPU {theirs["cpu"]:.2f}, '
              f'RSS {theirs["hwm"]:.1f} MiB', flush=True)
        runs.append((mine, theirs))
    rates = [[size / 1e6 / one[side]['wall'] for one in runs] for side in (0, 1)]
    cpu = [[one[side]['cpu'] for one in runs] for side in (0, 1)]
    title = f'{name}, result of {size / 1e6:,.0f} MB to CSV; curl'
    yield Row(f'{title}: MB/s', *(f'{statistics.median(one):.0f}' for one in rates),
              rig.ratio(*rates), '; '.join(
                  f'{max(one[side]["hwm"] for one in runs):.1f}' for side in (0, 1)))
    yield Row(f'{title}: client CPU, s', *(f'{statistics.median(one):.2f}' for one in cpu),
              rig.ratio(*cpu))


def from_snowflake(count):
    account = Account(1)
    account.parts = parts = max(1, round(MB * 1e6 / account.part_bytes))
    account.close()
    account = Account(parts)
    account.tokens['bench'] = 'OAUTH'
    token = rig.folder('snowflake') / 'token'
    token.write_text('bench')
    os.environ.update(
        REPORTD_SOURCE_SNOW_TYPE='snowflake', REPORTD_SOURCE_SNOW_ACCOUNT='bench',
        REPORTD_SOURCE_SNOW_ENDPOINT=account.url, REPORTD_SOURCE_SNOW_TOKEN_FILE=str(token),
        REPORTD_SOURCE_SNOW_TRUSTED='on')
    sql = f'select huge({parts * PART_ROWS}, 10, {PART_ROWS})'
    headers = {'Authorization': 'Bearer bench', 'Accept': 'application/json',
               'X-Snowflake-Authorization-Token-Type': 'OAUTH', 'User-Agent': 'curl/1',
               'Content-Type': 'application/json'}
    request = urllib.request.Request(f'{account.url}/api/v2/statements?requestId={uuid.uuid4()}',
                                     json.dumps({'statement': sql}).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        answer.read()
    words = [word for item in headers.items() for word in ('-H', ': '.join(item))]
    try:
        yield from rows(
            'Snowflake', parts * account.part_bytes,
            lambda wanted: export('snow', sql, wanted),
            lambda: curl('--compressed', *words,
                         f'{account.url}/api/v2/statements/{HANDLE}?partition=[0-{parts - 1}]'),
            count, parts * PART_ROWS)
    finally:
        account.close()


def from_athena(count):
    block = ''.join(athena_row(i) + '\n' for i in range(PART_ROWS)).encode()
    blocks = max(1, round(MB * 1e6 / len(block)))
    path = rig.folder('athena') / 'result.csv'
    with open(path, 'wb') as file:
        file.write((','.join(f'"{name}"' for name, *_ in COLUMNS) + '\n').encode())
        for _ in range(blocks):
            file.write(block)
    shelf = http.server.ThreadingHTTPServer(
        ('127.0.0.1', 0), type('Handler', (Shelf,), {'path_of': path}))
    threading.Thread(target=shelf.serve_forever, daemon=True).start()
    url = f'http://127.0.0.1:{shelf.server_port}'
    aws = Aws().start()
    aws.reset()
    aws.athena = athena = Athena(None, None, None, 's3://lake/')
    athena.is_there = lambda location: True
    athena.canned['select 1'] = ([column_info(name, kind, 12, 2) for name, kind, _ in COLUMNS],
                                 None)
    athena.canned_at = 's3://lake/result.csv'
    os.environ.update(
        **aws.environ(), REPORTD_AWS_REGION=aws.region, REPORTD_AWS_ENDPOINT=aws.url,
        REPORTD_S3_ENDPOINT=url, REPORTD_S3_BUCKETS='*',
        REPORTD_SOURCE_ATHENA_TYPE='athena')
    try:
        yield from rows('Athena', path.stat().st_size,
                        lambda wanted: export('athena', 'select 1', wanted),
                        lambda: curl(f'{url}/lake/result.csv'), count, blocks * PART_ROWS)
    finally:
        athena.close()
        aws.stop()
        shelf.shutdown()
        path.unlink()


def run(conn, count):
    yield from from_snowflake(count)
    yield from from_athena(count)
