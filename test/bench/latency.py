# SPDX-License-Identifier: MIT
"""How soon a report is done, or a job is begun, on an idle machine."""

import json
import statistics
import time

import rig
from rig import Row

SAMPLES = 300
PAUSE = 0.02  # so that each finds both sides idle
NOW = 'select extract(epoch from clock_timestamp())::float8 as at'


def ours(conn, listener, out):
    """Seconds after COMMIT was sent: {what: when}."""
    config_id, begun = rig.insert(conn, "'latency', %s, %s",
                                  [NOW, '{config_id}.csv'])
    heard = listener.wait(config_id)
    # The list of runs is stamped by the server's clock: the same machine.
    claimed, finished = conn.execute(
        'select extract(epoch from started_at)::float8, '
        'extract(epoch from finished_at)::float8 '
        "from reportd.report_run where config_id = %s and status = 'COMPLETED'",
        [config_id]).fetchone()
    sql = float((out / f'{config_id}.csv').read_text().split()[1])
    return {'started': claimed - begun, 'sql': sql - begun,
            'finished': finished - begun, 'heard': heard - begun}


def peer(conn, side):
    with conn.transaction():
        conn.execute("select graphile_worker.add_job('stamp', '{}')")
        begun = time.time()
    started, sql = json.loads(side.process.stdout.readline())
    return {'started': started - begun, 'sql': sql - begun}


def quantiles(values):
    cut = statistics.quantiles(values, n=100)
    return cut[49] * 1000, cut[98] * 1000


def row(what, key, mine, theirs=None):
    one = [sample[key] for sample in mine]
    cells = ['{:.2f} / {:.2f}'.format(*quantiles(one)), '', '']
    if theirs:
        two = [sample[key] for sample in theirs]
        cells[1] = '{:.2f} / {:.2f}'.format(*quantiles(two))
        cells[2] = f'{quantiles(one)[0] / quantiles(two)[0]:.2f}'
    return Row(f'{what}, ms, p50 / p99', *cells)


def run(conn, _):
    out = rig.folder('latency')
    mine, theirs = [], []
    # The peer's local queue makes no difference to a lone job.
    with rig.running(rig.Ours, conn, out, workers=2) as daemon, \
            rig.running(rig.Peer, conn, out, concurrency=2,
                        sql=NOW, batch=False) as worker, \
            rig.Listener() as listener:
        for i in range(SAMPLES + 20):
            a = ours(conn, listener, out)
            time.sleep(PAUSE)
            b = peer(conn, worker)
            time.sleep(PAUSE)
            if i >= 20:
                mine.append(a)
                theirs.append(b)
        memory = f'{rig.pss(daemon):.0f}; {rig.pss(worker):.0f}'
    yield row('COMMIT of the INSERT to COMPLETED, as a listener hears it',
              'heard', mine)._replace(memory=memory)
    yield row('the same, by the stamp of the run', 'finished', mine)
    yield row("COMMIT to the job's start (claim; first line of the task)",
              'started', mine, theirs)
    yield row("COMMIT to the job's first SQL on the server", 'sql', mine, theirs)
