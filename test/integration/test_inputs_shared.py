# SPDX-License-Identifier: MIT
"""Two daemons on one landing zone, whose supervisors and workers are killed while files come
and are overwritten: each version is read once, and the last one of each file is. `make soak`
does the same with 10,000 files."""

import collections
import contextlib
import os
import random
import signal
import time

from lib import duckdb, process, report
from lib.wait import wait_for
from test_engine_shared import file_of
from test_inputs import put

FILES = int(os.environ.get('LANDED_FILES', 150))
BATCH = max(7, FILES // 100)
KILLS = 8 + FILES // 500


def read(db, config_id):
    """How often each line was read by runs that count."""
    seen = collections.Counter()
    for run in report.runs(db, config_id):
        if run.status == 'COMPLETED' and run.output_url:
            seen.update(file_of(run.output_url).read_text().split('\n')[1:-1])
    return seen


def kill_one(daemons, dice, db, conf):
    """Kills a supervisor, which is started again, or a worker."""
    number = dice.randrange(len(daemons))
    if dice.random() < 0.5:
        daemons[number].kill()
        daemons[number].end()
        daemons[number] = process.Daemon(db, conf)
    else:
        for pid in dice.sample(workers := daemons[number].workers(), min(1, len(workers))):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_each_version_is_read_once_whoever_dies(db, tmp_path):
    landing, old = tmp_path / 'in', tmp_path / 'old'
    for path in landing, old, tmp_path / 'copies':
        path.mkdir()
    conf = process.write_conf(tmp_path / 'reportd.conf', db, {
        'source.files': {'type': 'duckdb', 'library': duckdb.library()},
        'inputs': {'folders': f'{landing}, {old}', 'rescan': '1s',
                   'temp_directory': tmp_path / 'copies'}},
        poll_interval='200ms', lease='2s', retry_backoff='100ms', workers=2)
    dice = random.Random(7)
    daemons = [process.Daemon(db, conf) for _ in range(2)]
    for daemon in daemons:
        daemon.wait_ready()
    config_id = report.submit(
        db, trigger_type='FILE', source='files', export_sql='select id from f', max_retries=50,
        output_path='out_{request_id}.csv', inputs={'f': {
            'path': f'{landing}/*.csv', 'format': 'csv', 'columns': [['id', 'varchar']],
            'stable_for': '0 s', 'batch': BATCH, 'archive': f'{old}/'}})
    last, written = {}, set()
    try:
        for turn in range(FILES):
            for name in {turn, *(dice.randrange(turn + 1) for _ in range(turn % 2))}:
                last[name] = f'{name}.{turn}'
                written.add(last[name])
                put(landing, f'{name}.csv', f'id\n{last[name]}\n')
            if turn % (FILES // KILLS) == FILES // KILLS // 2:
                kill_one(daemons, dice, db, conf)
            time.sleep(dice.random() * 20 / FILES)
        wait_for(lambda: not any(landing.iterdir()), 120 + FILES // 10,
                 'the landing zone to be empty', interval=0.2)
        seen = read(db, config_id)
        assert [line for line, n in seen.items() if n > 1] == []
        assert set(last.values()) <= set(seen) <= written
        # The archive has what was read, each version once, but what was overwritten before
        # it was moved.
        kept = collections.Counter(path.read_text().split('\n')[1] for path in old.iterdir())
        assert [line for line, n in kept.items() if n > 1] == []
        assert set(last.values()) <= set(kept) <= set(seen)
        states = dict(db.query('select state, count(*) from reportd.report_input group by 1'))
        assert set(states) <= {'DONE', 'GONE'} and states['DONE'] == len(seen)
    finally:
        for daemon in daemons:
            daemon.end()
