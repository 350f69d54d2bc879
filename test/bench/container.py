# SPDX-License-Identifier: MIT
"""Ten reports at once in 0.5 vCPU and 1 GiB: does it fit, and what does it take?

    python3 test/bench/container.py [--reports N] [--rows N]

Runs one daemon with ten workers in a control group with these limits, where the kernel lets
a group be made (cgroup version 1 or 2, as root), and prints one line for each format and one
for all of them together: the time, the processor time, and the most memory of the group. Without
a group it prints the proportional set size (PSS) of all processes of the daemon, and says so.
PostgreSQL is outside, as a database elsewhere is."""

import argparse
import contextlib
import os
import pathlib
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'test'))

from lib import process  # noqa: E402
from lib.cluster import Cluster, make_template  # noqa: E402

WORKERS, CPUS, MEMORY = 10, 0.5, 1 << 30
FORMATS = 'CSV', 'JSONL', 'XLSX', 'PARQUET', 'HTML', 'PDF'
SQL = ("select i as id, md5(i::text) as name, (i * 1.37)::numeric(12,2) as amount, "
       "timestamptz '2026-01-01 UTC' + i * interval '1 minute' as at "
       'from generate_series(1, {rows}) i')


class Group:
    """A control group with the limits; `what` says which kind it is."""

    def __init__(self):
        self.folders = {}
        name = f'reportd-bench-{os.getpid()}'
        base = pathlib.Path('/sys/fs/cgroup')
        try:
            if (base / 'cgroup.controllers').exists():
                self.what, folder = 'cgroup version 2', base / name
                folder.mkdir()
                self.folders = {'memory': folder, 'cpu': folder}
                (folder / 'memory.max').write_text(str(MEMORY))
                (folder / 'cpu.max').write_text(f'{int(CPUS * 100000)} 100000')
            else:
                self.what = 'cgroup version 1'
                for kind in 'memory', 'cpu', 'cpuacct':
                    (base / kind / name).mkdir()
                    self.folders[kind] = base / kind / name
                (self.folders['memory'] / 'memory.limit_in_bytes').write_text(str(MEMORY))
                (self.folders['cpu'] / 'cpu.cfs_quota_us').write_text(str(int(CPUS * 100000)))
        except OSError:
            self.remove()
            self.what = None

    def enter(self, pid):
        for folder in set(self.folders.values()):
            (folder / 'cgroup.procs').write_text(str(pid))

    def peak(self):
        """The most bytes that were in use, page cache included."""
        for name in 'memory.peak', 'memory.max_usage_in_bytes':
            with contextlib.suppress(OSError):
                return int((self.folders['memory'] / name).read_text())
        return 0

    def failures(self):
        """Whether the limit was hit by what could not be given back."""
        for name in 'memory.oom_control', 'memory.events':
            with contextlib.suppress(OSError):
                text = (self.folders['memory'] / name).read_text()
                return int(text.split('oom_kill ')[-1].split()[0])
        return 0

    def remove(self):
        for folder in set(self.folders.values()):
            with contextlib.suppress(OSError):
                folder.rmdir()


def figures(pids):
    """(PSS, private memory that cannot be given back, processor seconds) of processes."""
    pss = anonymous = ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines():
                if line.startswith('Pss:'):
                    pss += int(line.split()[1]) * 1024
                elif line.startswith('Anonymous:'):
                    anonymous += int(line.split()[1]) * 1024
            fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return pss, anonymous, ticks / os.sysconf('SC_CLK_TCK')


def run(db, one, formats, count, rows):
    """Runs `count` reports; returns (seconds, processor seconds, most PSS, most anonymous)."""
    most, stop = [0, 0], threading.Event()

    def watch():
        while not stop.wait(0.1):
            now = figures(one.group())
            most[:] = max(most[0], now[0]), max(most[1], now[1])
    before, began = figures(one.group())[2], time.monotonic()
    thread = threading.Thread(target=watch)
    thread.start()
    with db.connect() as conn, conn.transaction():
        for number in range(count):
            conn.execute('insert into reportd.report_config (report_name, export_sql, '
                         "output_format, timeout) values (%s, %s, %s, '1h')",
                         (f'r{number}', SQL.format(rows=rows), formats[number % len(formats)]))
    while db.value("select count(*) from reportd.report_config "
                   "where status in ('PENDING', 'PROCESSING')"):
        time.sleep(0.2)
    took = time.monotonic() - began
    stop.set()
    thread.join()
    failed = db.value("select count(*) from reportd.report_config where status <> 'COMPLETED'")
    if failed:
        sys.exit(f'{failed} reports failed: ' + db.value(
            'select min(error_message) from reportd.report_config'))
    db.execute('select reportd.delete(config_id) from reportd.report_config')
    return took, figures(one.group())[2] - before, *most


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--reports', type=int, default=20)
    options.add_argument('--rows', type=int, default=20000)
    o = options.parse_args()
    group, cluster = Group(), Cluster()
    try:
        db = cluster.create(make_template(cluster))
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / 'out').mkdir()
            conf = process.write_conf(pathlib.Path(folder) / 'r.conf', db, workers=WORKERS,
                                      worker_memory='64MB', fsync='off')
            one = process.Daemon(db, conf)
            group.enter(one.pid)
            for pid in one.group():
                group.enter(pid)
            one.wait_ready()
            print(f'{WORKERS} workers, limits: '
                  + (f'{CPUS} vCPU and {MEMORY >> 20} MiB by {group.what}' if group.what
                     else 'none (no control group can be made): PSS and processor time alone'))
            print(f'{"formats":>10} {"reports":>7} {"rows each":>9} {"seconds":>8} {"CPU s":>6} '
                  f'{"PSS MiB":>8} {"private":>8}')
            for formats in (*((one_format,) for one_format in FORMATS), FORMATS):
                took, cpu, pss, private = run(db, one, formats, o.reports, o.rows)
                name = formats[0] if len(formats) == 1 else 'all'
                print(f'{name:>10} {o.reports:7} {o.rows:9} {took:8.1f} {cpu:6.1f} '
                      f'{pss >> 20:8} {private >> 20:8}', flush=True)
            if group.what:
                print(f'most memory of the group, page cache included: {group.peak() >> 20} MiB; '
                      f'processes killed for memory: {group.failures()}')
            one.end()
    finally:
        cluster.remove()
        group.remove()


main()
