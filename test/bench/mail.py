# SPDX-License-Identifier: MIT
"""500 mails with a report attached, through a real Postfix: TLS, a password."""

import contextlib
import email.message
import os
import smtplib
import ssl
import statistics
import sys
import time

import rig
from rig import Row

sys.path.insert(0, str(rig.HERE.parent))
from lib import postfix  # noqa: E402

MAILS = 500
REPORTS = 5  # of 100 recipients each
QUERY = ("select i as n, md5(i::text) as t, now() as at "
         "from generate_series(1, 150) i")
WAITING = ("select count(*) from reportd.report_notification "
           "where state in ('PENDING', 'SENDING')")


@contextlib.contextmanager
def settings(server):
    """[smtp] in the environment."""
    names = {f'REPORTD_SMTP_{key.upper()}': str(value)
             for key, value in server.settings(domains='*').items()}
    os.environ.update(names)
    try:
        yield
    finally:
        for name in names:
            del os.environ[name]


def ours(conn, daemon):
    """Seconds from the COMMIT of the reports to the last mail's 250, and CPU."""
    conn.execute('truncate reportd.report_notification')
    before = sum(map(rig.cpu, daemon.clients()))
    conn.execute(
        '''insert into reportd.report_config
            (report_name, export_sql, output_path, notify_on_completion)
        select 'mail', %s, 'mail-' || r || '.csv', array['mailto:' ||
            (select string_agg('r' || r || '-' || i || '@example.com', ',')
            from generate_series(1, %s) i)]
        from generate_series(1, %s) r''', [QUERY, MAILS // REPORTS, REPORTS])
    start = time.time()
    rig.wait_for(lambda: conn.execute(
        'select count(*) from reportd.report_notification').fetchone()[0]
        == MAILS and conn.execute(WAITING).fetchone()[0] == 0, 'the mails')
    sent, end = conn.execute(
        "select count(*) filter (where state = 'SENT'), "
        "extract(epoch from max(sent_at))::float8 "
        "from reportd.report_notification").fetchone()
    if sent != MAILS:
        raise SystemExit(f'bench: {sent} of {MAILS} mails were sent')
    return end - start, sum(map(rig.cpu, daemon.clients())) - before


def peer(conn, server, data):
    """The same mails by Python's smtplib over one connection."""
    start, before = time.time(), time.process_time()
    context = ssl.create_default_context(cafile=server.cert)
    with smtplib.SMTP('localhost', server.port) as client:
        client.starttls(context=context)
        client.login(postfix.USER, postfix.PASSWORD)
        for i in range(MAILS):
            m = email.message.EmailMessage()
            m['From'], m['To'] = 'reports@example.com', f'p{i}@example.com'
            m['Subject'] = 'Report mail completed: 150 rows'
            m.set_content('Report mail completed: 150 rows\n' * 10)
            m.add_alternative('<p>Report mail completed: 150 rows</p>\n' * 10,
                              subtype='html')
            m.add_attachment(data, maintype='text', subtype='csv',
                             filename='mail.csv')
            client.send_message(m)
    return time.time() - start, (time.process_time() - before) * 1e3


def run(conn, pairs):
    if reason := postfix.why_not():
        print(f'left out: {reason}')
        return
    server = postfix.Postfix()
    try:
        with settings(server), rig.running(
                rig.Ours, conn, rig.folder('mail'), workers=2) as daemon:
            ours(conn, daemon)
            data = b'x' * conn.execute(
                'select max(byte_count) from reportd.report_run').fetchone()[0]
            mine, theirs = [], []
            for _ in range(pairs):
                mine.append(ours(conn, daemon))
                theirs.append(peer(conn, server, data))
            peak = max(rig.memory(pid, 'VmHWM')
                       for pid in rig.children(daemon.pid))
    finally:
        server.remove()
    for i, unit, what in [(0, MAILS, 'mails a second'),
                          (1, None, 'client CPU a mail')]:
        a, b = [m[i] for m in mine], [t[i] for t in theirs]
        if unit:
            a, b = [unit / x for x in a], [unit / x for x in b]
            text = '{:.0f}/s'
        else:
            a, b = [x / MAILS for x in a], [x / MAILS for x in b]
            text = '{:.2f} ms'
        yield Row(f'500 mails through Postfix: {what}',
                  text.format(statistics.median(a)),
                  'smtplib ' + text.format(statistics.median(b)),
                  rig.ratio(a, b), f'{peak:.0f};' if unit else '')
