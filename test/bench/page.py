# SPDX-License-Identifier: MIT
"""The table, and docs/benchmarks.md around it."""

import datetime
import json
import os
import pathlib
import platform
import re
import subprocess

import claim
import idle
import latency
import rig
import web

ROOT = rig.HERE.parent.parent
PAGE = ROOT / 'docs/benchmarks.md'
# Written by hand, in the order in which they stand in the page.
PROFILES = ['profile-large.md', 'profile-small.md', 'profile-xlsx.md',
            'profile-parquet.md', 'profile-pdf.md']

INTRO = '''\
# Benchmarks

reportd beside programs that people use for the same work: `psql` for a large CSV, [graphile-worker](https://worker.graphile.org)
for many small reports. This page is written by `make bench`.

- [The table](#the-table), [how it is measured](#how-it-is-measured), [the machine](#the-machine)
- [Where the time goes](#where-the-time-goes)
'''

METHOD = '''\
`make bench`, or `test/bench/run [-d DIR] [-n PAIRS] [-t SECONDS] [PART...]`, with node and npm installed and the machine otherwise idle. It takes
about twenty minutes and 6 GB, builds reportd, installs the peers from npm into a folder of its own, starts a PostgreSQL server
in there, and leaves others alone. A PART (`large`, `small`, `latency`, `idle`, `claim`, `mail`, `duckdb`, `table`, `inputs`, `steps`, `html`, `jsonl`,
`parquet`, `pdf`, `s3`, `warehouses`, `xlsx`, `http`) alone prints its rows and does not touch
this page.

Everything runs on one machine, the server as well. Ours and the peer's runs take turns ({pairs} of each here); a figure is the median
of its runs, a ratio is the median of the pairs' ratios, with the least and the greatest. A ratio is ours divided by the peer's: of
jobs a second more is better, of times, CPU and memory less. CPU is user and system time of all processes of that side; client CPU
leaves out the server's. Peak memory is that of reportd's worker, and of the peer's processes together; for reportd with several
workers it is the sum of the proportional set sizes of all its processes.

- **Large CSV**: one report of a row inserted into `report_config`, one worker, against `psql -c '\\copy (…) to …'`. Fsync on: reportd as
  by default, and after psql an fsync of file and directory. The files are compared once, and are equal.
- **Small reports**: 5,000 are queued in one transaction; the time runs from its COMMIT to an empty queue. 8 workers, 8 concurrent jobs.
  The peer has its fastest settings (local queue of 500, batched completion, silent logger), runs the same SQL, once as a
  plain query with a parameter and once as a named prepared statement, and writes the same files the same way: temporary name, the same fsyncs, rename. reportd also computes a
  SHA-256 and keeps the history of runs, which the peer does not. pgbench runs the bare query with 8 clients and writes nothing.
- **Latency**: {samples} reports, each inserted while the daemon is idle; the peer's jobs in between. Its local queue is off here; on
  or off made no difference beyond the noise. A job's start is the claim with reportd, and the first line of the task with the peer; the first SQL is the time that the
  server saw in the job's own first statement.
- **Idle**: {intervals} poll intervals of {poll} s, two workers.
- **Mail**: 500 notices of five reports, each with the 10 kB report attached, through a Postfix on this machine over TLS with a password; the
  time runs from the reports' COMMIT to the last answer. The peer sends as many mails of that size over one connection with Python's smtplib, and
  keeps no outbox.
- **DuckDB**: a Parquet file of the rows of the large CSV, read by a source of type duckdb with one thread and written as CSV, and a sum, count and
  maximum by 100,000 customers over a Parquet file of 5,000,000 orders; against `psql -c '\\copy (…) to …'` of the same rows in PostgreSQL.
  No fsync. The files are compared once, and are equal. CPU of reportd is that of the worker and of the process that it reads by, memory
  the sum of their proportional set sizes.
- **Table**: the rows of the large CSV into a table of a second database, appended and replaced, against `psql -c '\\copy (…) to stdout' | psql -c
  '\\copy … from stdin'`. No fsync. CPU is that of both programs, without the servers'.
- **Inputs**: 10,000 files of one row in a folder, through the checks of a file, into the parameters of a run, and through a check of the rows into a
  table; with 100,000 files in the ledger against none.
- **Steps**: a report that 10,000 others run after: the server's time of the statement that ends its run, against that of a report without
  children; and the 10,000, trivial ones, that one run opens, against as many that wait for nobody.
- **HTML**: 500,000 of the same rows; the peer is reportd's own CSV of them. No fsync.
- **JSONL**: the rows of the large CSV, against `psql -c '\\copy (select row_to_json(t) …) to …'`. No fsync. The lines are compared once, and
  are equal (but for the backslashes, which COPY doubles).
- **Parquet**: the rows of the large CSV, against `psql -c '\\copy (…) to …'` to CSV and then DuckDB's `copy (from …csv) to …parquet`, from npm. No fsync. Sums over
  both files are compared once, with DuckDB.
- **PDF**: 20,000 of the same rows in seven points on A4 across; the peers are `test/bench/cairotable.c`, a C program on cairo and pango with one layout
  a cell, and, once, `test/bench/longtable.py`, reportlab's LongTable. No fsync. All rows are found in each file, with pdftotext.
- **XLSX**: 500,000 of the same rows; the peer is `test/bench/xlsxwriter.c`, a C program on libxlsxwriter's constant-memory mode, and, once,
  `test/bench/xlsxwriter.py`. They write the same cell types and formats. No fsync. The rows of each file are counted.
- **S3**: the rows of the large CSV, against `psql -c 'copy (…) to stdout' | aws s3 cp - s3://…`; both objects are read back once, and are equal.
  A thousand reports of 100 rows each, against eight threads that run the same COPY and boto3's `put_object`. The S3 is Swift on the same
  machine, without encryption; it needs more of the machine than either side.
- **Warehouses**: a result of 1 GB by `reportctl export` into nothing, from the stand-ins for Snowflake (compressed partitions of 100,000 rows) and
  Athena (a CSV file in S3), which send what was made before as fast as they can; against `curl` that fetches the same answers and
  drops them. So the ratio is the cost of reading rows and writing CSV beside that of the transfer alone. The rows are counted once.
- **HTTP**: wrk with {connections} connections from this machine asks each endpoint for {seconds} s (`-t`) while 8 workers always have reports to
  run, whose query waits 20 ms for its server. The queue holds 100,000 finished reports with a run each. Reports that ended a second, beside the requests and in as many seconds without any.
- **Claim**: `explain analyze` of the claim, prepared as in the daemon and rolled back, the least of {claims}. Candidates come from
  the partial index each time; with 10,000 pending no table of reports is scanned.
'''


def table(rows):
    """Markdown, in columns that can be read on a terminal."""
    lines = [('work', 'ours', 'peer', 'ratio', 'peak memory, MiB: ours; peer'),
             *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = ['| ' + ' | '.join(cell.ljust(width) for cell, width
                              in zip(line, widths)) + ' |' for line in lines]
    text.insert(1, '| ' + ' | '.join('-' * width for width in widths) + ' |')
    return '\n'.join(text) + '\n'


def output(*command):
    return subprocess.run(command, capture_output=True, text=True,
                          check=True).stdout.strip()


def machine(conn):
    cpuinfo = pathlib.Path('/proc/cpuinfo').read_text()
    model = re.search(r'^model name\s*: (.*)$', cpuinfo, re.M)
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30
    filesystem = output('stat', '-f', '-c', '%T', rig.WORK)
    peer = json.loads((rig.WORK / 'peers/node_modules/graphile-worker'
                       / 'package.json').read_text())['version']
    settings = ', '.join(f'`{name} = {value}`' for name, value in conn.execute(
        "select name, current_setting(name) from pg_settings "
        "where source = 'command line' and name not in "
        "('data_directory', 'config_file') order by name"))
    version, = conn.execute("select current_setting('server_version')").fetchone()
    yield 'date', f'{datetime.date.today()}'
    yield 'processors', (f'{os.cpu_count()} x '
                         f'{model[1] if model else platform.machine()}')
    yield 'memory', f'{memory:.0f} GiB'
    yield 'system', (f'Linux {platform.release()}, '
                     f'{platform.freedesktop_os_release()["PRETTY_NAME"]}, '
                     f'file system {filesystem}')
    yield 'reportd', output(rig.BIN / 'reportd', '--version').split()[-1]
    yield 'PostgreSQL', version
    yield 'the server\'s settings', settings + '; the others as they come'
    yield 'graphile-worker', f'{peer}, node {output("node", "--version")}'
    yield 'load before the run', os.environ['BENCH_LOAD']


def write(conn, rows, pairs):
    profiles = [rig.HERE / name for name in PROFILES]
    PAGE.write_text('\n'.join([
        INTRO, '## The table\n', table(rows), '## How it is measured\n',
        METHOD.format(pairs=pairs, samples=latency.SAMPLES,
                      intervals=idle.INTERVALS, poll=idle.POLL,
                      claims=claim.TIMES, connections=web.CONNECTIONS,
                      seconds=web.SECONDS),
        '## The machine\n',
        '| | |\n| --- | --- |\n' + ''.join(
            f'| {name} | {value} |\n' for name, value in machine(conn)),
        '## Where the time goes\n',
        *(path.read_text() for path in profiles if path.exists())]))
    print(f'written: {PAGE.relative_to(ROOT)}')
