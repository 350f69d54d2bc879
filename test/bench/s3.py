# SPDX-License-Identifier: MIT
"""Reports into S3: a large CSV beside `psql | aws s3 cp -`, and many small ones
beside boto3. The S3 is Swift on the same machine, which takes its share of it."""

import concurrent.futures
import hashlib
import os
import pathlib
import statistics
import sys
import time

import psycopg

import large
import rig
from rig import Row

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import swift  # noqa: E402

BUCKET = 'bench'
COPY = f'copy ({large.SQL}) to stdout (format csv, header)'
SMALL = 1000
SMALL_SQL = 'select * from bench.few'
THREADS = 8


def prepare(server):
    os.environ.update(
        REPORTD_S3_ENDPOINT=server.endpoint, REPORTD_S3_BUCKETS='*', AWS_ACCESS_KEY_ID=swift.KEY,
        AWS_SECRET_ACCESS_KEY=swift.SECRET, AWS_REGION=swift.REGION,
        AWS_DEFAULT_REGION=swift.REGION, AWS_CONFIG_FILE='/nonexistent',
        AWS_EC2_METADATA_DISABLED='true', no_proxy='127.0.0.1')
    server.client.create_bucket(Bucket=BUCKET)


def ours(conn):
    """From just before COMMIT to the word that the object is there."""
    conn.execute('truncate reportd.report_config, reportd.report_run')
    with rig.running(rig.Ours, conn, rig.folder('s3'), workers=1) as side, \
            rig.Listener() as listener:
        before = sum(map(rig.cpu, side.clients()))
        config_id, begun = rig.insert(
            conn, f"'large', %s, 's3://{BUCKET}/ours.csv'", [large.SQL])
        ended = listener.wait(config_id, 600)
        used = sum(map(rig.cpu, side.clients())) - before
        worker, = rig.children(side.pid)
        return {'wall': ended - begun, 'cpu': used / 1000,
                'hwm': rig.memory(worker, 'VmHWM')}


def peer(server):
    return rig.peer(
        'bash', '-o', 'pipefail', '-c',
        f'psql -qX -c "{COPY}" bench | aws --endpoint-url {server.endpoint} '
        f's3 cp --no-progress - s3://{BUCKET}/peer.csv')


def digest(server, key):
    body = server.client.get_object(Bucket=BUCKET, Key=key)['Body']
    sum = hashlib.sha256()
    for chunk in body.iter_chunks(1 << 20):
        sum.update(chunk)
    return sum.digest()


def pair(conn, server, compare=False):
    mine, theirs = ours(conn), peer(server)
    if compare and digest(server, 'ours.csv') != digest(server, 'peer.csv'):
        raise SystemExit('bench: the two objects differ')
    print(f'  reportd {mine["wall"]:.2f} s, CPU {mine["cpu"]:.2f}, RSS '
          f'{mine["hwm"]:.1f} MiB; psql | aws {theirs["wall"]:.2f} s, CPU '
          f'{theirs["cpu"]:.2f}, RSS {theirs["hwm"]:.1f} MiB'
          + (', equal' if compare else ''), flush=True)
    return mine, theirs


def rows(name, runs):
    def row(what, key):
        one, two = ([run[side][key] for run in runs] for side in (0, 1))
        return Row(f'{name}: {what}', f'{statistics.median(one):.2f}',
                   f'{statistics.median(two):.2f}', rig.ratio(one, two))

    yield row('INSERT to COMPLETED, s', 'wall')._replace(
        memory='; '.join(f'{max(run[side]["hwm"] for run in runs):.1f}'
                         for side in (0, 1)))
    yield row('client CPU, s', 'cpu')


def small_ours(conn):
    """Reports a second."""
    conn.execute('truncate reportd.report_config, reportd.report_run')
    with rig.running(rig.Ours, conn, rig.folder('s3'), workers=THREADS):
        begun = time.time()
        conn.execute(
            'insert into reportd.report_config (report_name, export_sql, output_path) '
            f"select 'r' || i, %s, 's3://{BUCKET}/ours/{{report_name}}.csv' "
            'from generate_series(1, %s::int) i', [SMALL_SQL, SMALL])
        rig.wait_for(lambda: conn.execute(
            "select count(*) = %s from reportd.report_config "
            "where status = 'COMPLETED'", [SMALL]).fetchone()[0],
            'the small reports', timeout=600)
        return SMALL / (time.time() - begun)


def small_peer(server):
    """A query and a put_object each, in as many threads as there are workers."""
    def work(first):
        client = swift.make_client(server.endpoint)
        with psycopg.connect(rig.CONNINFO, autocommit=True) as conn:
            for i in range(first, SMALL, THREADS):
                with conn.cursor().copy(
                        f'copy ({SMALL_SQL}) to stdout (format csv, header)') as copy:
                    body = b''.join(copy)
                client.put_object(Bucket=BUCKET, Key=f'peer/{i}.csv', Body=body)

    begun = time.time()
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    return SMALL / (time.time() - begun)


def run(conn, count):
    large.setup(conn)
    conn.execute('drop table if exists bench.few')
    conn.execute('create table bench.few as select * from bench.wide limit 100')
    server = swift.Swift(encrypts=False)
    try:
        prepare(server)
        pair(conn, server, compare=True)  # not counted: warms up, compares
        yield from rows(f'CSV into S3, {large.ROWS:,} rows x 10',
                        [pair(conn, server) for _ in range(count)])
        rates = [(small_ours(conn), small_peer(server)) for _ in range(count)]
        for mine, theirs in rates:
            print(f'  small: reportd {mine:.0f}/s, boto3 {theirs:.0f}/s', flush=True)
        one, two = zip(*rates)
        yield Row(f'{SMALL:,} small reports into S3, a second',
                  f'{statistics.median(one):.0f}', f'{statistics.median(two):.0f}',
                  rig.ratio(one, two))
    finally:
        server.remove()
