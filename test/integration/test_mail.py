# SPDX-License-Identifier: MIT
"""Mail, from the settings to the mailbox: by a real Postfix, and by a server that
fails on demand."""

import calendar
import hashlib
import html
import json
import pathlib
import random
import re
import smtplib
import socket
import time
import unicodedata
import urllib.request

import pytest

from lib.report import runs, submit
from lib.wait import wait_for
from test_mail_shared import (  # noqa: F401: fixtures
    QUICK, TABLE, address, attachments, bodies, certificate, defects, delivery_worker,
    last_error, postfix, published, quoted, report, sections, sink, wait_notices)
from test_s3_shared import ENVIRONMENT, bucket  # noqa: F401, F811: a fixture


# ---- what arrives ----

def test_the_file_is_attached_byte_for_byte(db, daemon, postfix, address):
    """Through STARTTLS, a password and a Maildir."""
    to = address()
    daemon(sections(postfix))
    config_id = report(db, f'mailto:{to}', rows=5000)
    assert wait_notices(db, config_id)[to].state == 'SENT'
    message = postfix.wait_mail(to)
    data = published(db, config_id).read_bytes()
    assert attachments(message) == {
        published(db, config_id).name: data}
    assert hashlib.sha256(data).hexdigest() == runs(db, config_id)[0].sha256
    assert re.fullmatch(r'sales, \d+ [A-Z][a-z]+ 20\d\d, \d\d:\d\d: 5,000 rows',
                        message['Subject'])
    assert message['From'] == 'Reports <reports@example.com>'
    assert message['To'] == to
    assert message['Auto-Submitted'] == 'auto-generated'
    assert not defects(message)
    plain, html = bodies(message)
    for body in plain, html:
        assert 'sales' in body and '5,000' in body and 'attached' in body


def test_tls_from_the_first_byte(db, daemon, postfix, address):
    to = address()
    daemon(sections(postfix, port=postfix.tls_port, tls='implicit'))
    config_id = report(db, f'mailto:{to}')
    assert wait_notices(db, config_id)[to].state == 'SENT'
    assert attachments(postfix.wait_mail(to))


def test_every_byte_of_a_binary_file_arrives(db, daemon, postfix, address):
    to = address()
    daemon(sections(postfix))
    config_id = report(db, f'mailto:{to}', rows=20000, output_format='XLSX,CSV',
                       output_options={'CSV': {'compress': 'gzip'}})
    wait_notices(db, config_id)
    files = attachments(postfix.wait_mail(to))
    outputs = runs(db, config_id)[0].outputs
    assert len(files) == len(outputs) == 2
    for output in outputs:
        name = output['url'].rpartition('/')[2]
        assert hashlib.sha256(files[name]).hexdigest() == output['sha256']
    types = {part.get_content_type()
             for part in postfix.wait_mail(to).iter_attachments()}
    assert types == {'application/gzip', 'application/vnd.openxmlformats-'
                     'officedocument.spreadsheetml.sheet'}


def test_bcc_is_seen_by_nobody(db, daemon, postfix, address):
    ann, bob, eve = address('ann'), address('bob'), address('eve')
    daemon(sections(postfix, reply_to='Help Desk <help@example.com>'))
    config_id = report(db, f'mailto:{ann}?cc={bob}&bcc={eve}')
    assert {n.state for n in wait_notices(db, config_id).values()} == {'SENT'}
    ids = set()
    for to in ann, bob, eve:
        message = postfix.wait_mail(to)
        assert (message['To'], message['Cc']) == (ann, bob)
        assert message['Bcc'] is None
        assert message['Reply-To'] == 'Help Desk <help@example.com>'
        ids.add(message['Message-ID'])
    assert len(ids) == 3
    for to, _, raw in postfix.mails():
        if to in (ann, bob):
            assert eve.encode() not in raw


def test_with_bcc_alone_no_recipient_is_named(db, daemon, sink, address):
    server, eve = sink(), address('eve')
    daemon(sections(server))
    wait_notices(db, report(db, f'mailto:?bcc={eve}'))
    mail, = server.mails
    assert mail.recipient == eve
    assert b'\r\nTo: undisclosed-recipients:;\r\n' in mail.content
    assert eve.encode() not in mail.content


def test_a_failure_tells_the_support_list_alone(db, daemon, sink, address):
    server, ann, support = sink(), address('ann'), address('support')
    daemon(sections(server))
    config_id = submit(db, report_name='broken', max_retries=0,
                       export_sql='select no_such_column\nfrom pg_class',
                       notify_on_completion=[f'mailto:{ann}'],
                       notify_on_failure=[f'mailto:{support}'])
    assert list(wait_notices(db, config_id)) == [support]
    message = server.messages()[support]
    run, = runs(db, config_id)
    assert message['Subject'].startswith('Failed: broken, ')
    assert not attachments(message)
    for body in bodies(message):
        assert 'no_such_column' in body and '42703' in body
        assert f'{run.run_id}' in body and 'reportctl retry' in body
        assert body.index('Its export failed') < body.index('no_such_column') < (
            body.index('It is not tried again by itself')) < body.index('What to do')


def test_checks_are_named_without_their_samples(db, daemon, sink, address):
    server, ann, support = sink(), address('ann'), address('support')
    daemon(sections(server))
    odd = {'name': 'odd', 'sql': 'select 1', 'severity': 'warn'}
    bad = {'name': 'bad', 'sql': "select 'hidden' as s", 'sample': 1}
    for checks in [odd], [odd, bad]:
        wait_notices(db, submit(db, checks=json.dumps(checks),
                                notify_on_completion=[f'mailto:{ann}'],
                                notify_on_failure=[f'mailto:{support}']))
    for body in bodies(server.messages()[ann]):
        assert 'checks warned: "odd" (1 row); score 0' in html.unescape(body)
    for body in bodies(server.messages()[support]):
        body = html.unescape(body)
        assert 'Its checks of the data let it not pass' in body and 'lists the checks' in body
        assert '1 of 2 checks failed: "bad" (1 row); warned: "odd" (1 row); score 0' in body
        assert 'hidden' not in body


# ---- texts ----

def test_templates_in_subject_and_body(db, daemon, sink, address):
    server, to = sink(), address()
    daemon(sections(server))
    subject = quoted('{report_name}: {rows} rows, {status}, run {run_id}')
    body = quoted('Dear all,\r\n\r\n{report_name} of {scheduled_for}\r\n'
                  '<b>{bytes}</b> & more')
    config_id = report(db, f'mailto:{to}?subject={subject}&body={body}')
    wait_notices(db, config_id)
    message = server.messages()[to]
    run, = runs(db, config_id)
    assert message['Subject'] == \
        f'sales: 3 rows, COMPLETED, run {run.run_id}'
    plain, html = bodies(message)
    assert plain.startswith('Dear all,\n\nsales of 20')
    assert f'\n<b>{run.byte_count}</b> & more\n' in plain
    assert f'&lt;b&gt;{run.byte_count}&lt;/b&gt; &amp; more' in html


def test_a_subject_that_is_too_long_is_cut_and_the_mail_goes(db, daemon, sink, address):
    """At a character; the text has all of it."""
    server = sink()
    daemon(sections(server))
    error = "select repeat('ü x ', 1500)::int"
    wanted = {}
    for subject in '{error_message}', 'ERR {error_message}', 'Ä{error_message}{error_message}':
        to = address()
        wanted[to] = submit(db, max_retries=0, export_sql=error,
                            notify_on_failure=[f'mailto:{to}?subject={quoted(subject)}'])
    for to, config_id in wanted.items():
        notice, = wait_notices(db, config_id).values()
        assert notice.state == 'SENT', notice
        message = server.messages()[to]
        assert 1900 < len(message['Subject'].encode()) <= 2000
        assert message['Subject'].endswith('…') and '\ufffd' not in message['Subject']
        assert bodies(message)[0].count('ü x ') > 350
        assert not defects(message)


def test_a_body_that_is_too_long_is_cut_and_the_mail_goes(db, daemon, sink, address):
    server, to = sink(), address()
    daemon(sections(server))
    body = '%7Berror_message%7D' * 420 + '%7Berror_message%7D%20'
    config_id = submit(db, max_retries=0, export_sql="select repeat('ü<&>', 3000)::int",
                       prep_sql="do $$ begin raise exception '%', repeat('ü<&>', 3000); end $$",
                       notify_on_failure=[f'mailto:{to}?body={body}'[:7990]])
    notice, = wait_notices(db, config_id).values()
    assert notice.state == 'SENT', notice
    assert 'ü<&>' in bodies(server.messages()[to])[0]


NAME = 'a\u202ecod.exe'
SHOWN = 'a<U+202E>cod.exe'


@pytest.mark.parametrize('how', ['attach', 'inline', 'link', 'none'])
def test_text_that_turns_round_is_seen_as_such(db, daemon, sink, address, how):
    server = sink()
    daemon(sections(server))
    for columns in ({'output_path': '{report_name}.{ext}'},
                    {'export_sql': f"select '{NAME}'::int", 'max_retries': 0,
                     'output_path': '{report_name}.csv'}):
        to = address()
        url = f'mailto:{to}?report={how}'
        config_id = submit(db, report_name=NAME, **columns, notify_on_completion=[url],
                           notify_on_failure=[url])
        wait_notices(db, config_id)
        message = server.messages()[to]
        assert SHOWN in message['Subject']
        for body in bodies(message):
            assert '\u202e' not in body
            assert 'U+202E' in body


def test_what_a_terminal_obeys_is_seen_as_such(db, daemon, sink, address):
    """Programs show mails in terminals, which obey escape sequences."""
    server, ann = sink(), address()
    daemon(sections(server))
    wait_notices(db, submit(
        db, report_name='log', export_sql="select E'a\\x1b[2Jb\\x07c\\x7f\\rd'::int", max_retries=0,
        notify_on_failure=[f'mailto:{ann}?subject={{error_message}}']))
    message = server.messages()[ann]
    shown = 'a<U+001B>[2Jb<U+0007>c<U+007F><U+000D>d'
    assert shown in message['Subject']
    plain, page = bodies(message)
    assert shown in plain and html.escape(shown) in page
    assert not re.search('[\x00-\x08\x0b-\x1f\x7f]', plain + page)


def test_no_header_of_a_mail_turns_text_round(db, daemon, sink, address):
    """Neither the name of a file nor one's own subject."""
    server = sink()
    daemon(sections(server))
    joined = 'می\u200cخ'
    for name, shown, file in (NAME, SHOWN, 'a_cod.exe'), (joined, joined, joined):
        to = address()
        config_id = submit(
            db, report_name=name, export_sql='select 1 as a', output_path='{report_name}.{ext}',
            notify_on_completion=[
                f'mailto:{to}?subject={quoted(name + " {report_name}")}&body=%7Boutput_url%7D'])
        wait_notices(db, config_id)
        message = server.messages()[to]
        assert message['Subject'] == f'{shown} {shown}'
        assert [*attachments(message)] == [f'{file}.csv']
        assert '\u202e' not in message.as_string() and '%E2%80%AE' not in message.as_string()
        assert published(db, config_id).name == f'{file}.csv'


def hidden():
    """Characters that nobody sees, but joiners: controls, separators of lines, format
    characters."""
    return [c for c in map(chr, range(0x80, 0x110000))
            if unicodedata.category(c) in ('Cc', 'Cf', 'Zl', 'Zp') and c not in '\u200c\u200d'
            # Signs of Arabic, Syriac, Kaithi and Egyptian that are seen.
            and ord(c) not in (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD,
                               0x110CD, *range(0x13430, 0x13440))]


def test_an_output_path_holds_nothing_that_nobody_sees(db):
    assert len(hidden()) > 150
    for c in hidden():
        with pytest.raises(Exception, match='output_path holds an invisible character'):
            submit(db, export_sql='select 1', output_path=f'a{c}b.csv')
    for c in 'ü\u200c\u200d日\u0600🎉':
        submit(db, export_sql='select 1', output_path=f'a{c}b.csv')


def test_rows_that_are_left_out_are_told(db, daemon, sink, address):
    """Whatever the body is, and once."""
    server = sink()
    daemon(sections(server))
    for body, lead in [(None, 'Note: '), ('Hello', 'Note: '),
                       ('<{remark}>', '<')]:
        to = address()
        config_id = report(
            db, f'mailto:{to}' + (f'?body={quoted(body)}' if body else ''),
            rows=9, output_options={'max_rows': 2})
        wait_notices(db, config_id)
        remark = runs(db, config_id)[0].remark
        plain, _ = bodies(server.messages()[to])
        assert '2' in remark and plain.count(remark) == 1
        assert re.search(rf'(?m)^{lead} *{re.escape(remark)}', plain)


@pytest.mark.parametrize('field', ['subject={0}', 'subject=%7Breport%7D',
                                   'subject=fine&body=%7Brows%7D%20of%20{all}',
                                   'body={}', 'subject={Rows}'])
def test_an_unknown_name_in_a_template_is_refused(db, field):
    with pytest.raises(Exception, match='unknown name') as error:
        report(db, f'mailto:ann@example.com?{field}')
    assert '{report_name}' in error.value.diag.message_hint


def test_insert_and_program_know_the_same_names(db, daemon, sink, address):
    """What the INSERT lists is sent; and the program refuses the rest, were it in
    a row, with the same list."""
    to, server = address(), sink()
    with pytest.raises(Exception) as error:
        report(db, f'mailto:{to}?subject=%7Bnope%7D')
    known = re.findall(r'\{(\w+)\}', error.value.diag.message_hint)
    assert len(known) > 15
    daemon(sections(server))
    body = quoted(' '.join(f'{name}={{{name}}};' for name in known))
    config_id = report(db, f'mailto:{to}?body={body}')
    assert wait_notices(db, config_id)[to].state == 'SENT'
    assert 'report_name=sales; ' in bodies(server.messages()[to])[0]
    db.execute("update reportd.report_notification set url = %s, "
               "state = 'PENDING', due_at = now() where config_id = %s",
               f'mailto:{to}?subject=%7Bnope%7D', config_id)
    db.execute('notify reportd_pending')
    row = wait_notices(db, config_id)[to]
    assert row.state == 'FAILED' and 'unknown name "{nope}"' in row.last_error
    assert re.findall(r'\{(\w+)\}', row.last_error)[1:] == known


ALPHABETS = ['abc xyz', 'äöüßéñ ', 'Ελληνικά', 'Русский', '日本語中文字', 'العربية',
             '😀📈🎉', '"\\<>@,;:()[]', '=?UTF-8?Q?x?=', "%20'&#+", '  ', '.-_~']


def random_text(rng, most):
    words = [''.join(rng.choices(rng.choice(ALPHABETS), k=rng.randint(1, 12)))
             for _ in range(rng.randint(1, 8))]
    text = rng.choice(['', ' ']).join(words)
    while len(text.encode()) > most:
        text = text[:-1]
    return text.strip() or 'x'


def test_any_unicode_survives_the_way(db, daemon, sink):
    """Names of reports, subjects, bodies, senders and files, as Python's email
    package reads them."""
    rng = random.Random(20260131)
    server = sink()
    sender = 'Berichte "Größe", 日本語 😀'
    escaped = sender.replace('"', '\\"')
    daemon(sections(server, **{'from': f'"{escaped}" <r@example.com>'}),
           workers=4)
    wanted = {}
    for i in range(120):
        to = f'u{i}@example.com'
        subject, body = random_text(rng, 600), random_text(rng, 2000)
        name = random_text(rng, 150).replace('/', '|').strip('.') or 'x'
        body = body.replace('{', '(')
        url = f'mailto:{to}?subject={quoted(subject)}&body={quoted(body)}'
        wanted[to] = subject, body, f'{name}.csv'
        db.execute('insert into reportd.report_config (report_name, export_sql, '
                   'output_path, output_format, notify_on_completion) '
                   "values (%s, 'select 1', %s, 'CSV', %s)", f'r{i}',
                   f'{i}/' + name.replace('%', '%%') + '.csv', [url])
    wait_for(lambda: len(server.mails) >= len(wanted) or db.value(
        "select count(*) from reportd.report_notification where state = 'FAILED'"
        ), 60, 'the mails')
    assert not db.query("select recipient, last_error from "
                        "reportd.report_notification where state = 'FAILED'")
    messages = server.messages()
    for to, (subject, body, name) in wanted.items():
        message = messages[to]
        assert message['Subject'] == subject
        assert message['From'].addresses[0].display_name == sender
        assert bodies(message)[0].startswith(body + '\n')
        assert list(attachments(message)) == [name]
        assert not defects(message)
    for mail in server.mails:
        for line in mail.content.split(b'\r\n'):
            assert len(line) <= 78 and line.isascii() and b'\n' not in line


@pytest.mark.parametrize('word', ['subject', 'to', 'cc'])
@pytest.mark.parametrize('ending', ['%0D%0A', '%0A', '%0D'])
def test_a_line_break_in_a_header_goes_nowhere(db, daemon, sink, word, ending):
    """The INSERT refuses it; and so does the program, were it in a row."""
    server = sink()
    evil = f'x{ending}Bcc:%20eve@example.com'
    url = {'subject': f'mailto:ann@example.com?subject={evil}',
           'to': f'mailto:ann@example.com{ending}Bcc:%20eve@example.com',
           'cc': f'mailto:ann@example.com?cc={evil}'}[word]
    with pytest.raises(Exception, match='line break|mail address'):
        report(db, url)
    daemon(sections(server))
    config_id = report(db, 'mailto:ann@example.com?subject=fine')
    wait_notices(db, config_id)
    del server.mails[:]
    db.execute("update reportd.report_notification set url = %s, "
               "state = 'PENDING', due_at = now() where config_id = %s", url,
               config_id)
    db.execute('notify reportd_pending')
    row = wait_notices(db, config_id)['ann@example.com']
    assert row.state == 'FAILED' and 'line break' in row.last_error
    assert not server.mails


# ---- the report: attached, linked, shown ----

def test_a_large_report_is_not_attached(db, daemon, sink, address, out):
    """Its path and host are told instead, and why."""
    server, to = sink(), address()
    daemon(sections(server, attach_max='64kB'))
    # 48 kB and a little are 64 kB of base64 and its line breaks.
    small = report(db, f'mailto:small{to}', output_path='small.csv',
                   export_sql="select repeat('x', 47000) as t")
    large = report(db, f'mailto:large{to}', output_path='large.csv',
                   export_sql="select repeat('x', 49000) as t")
    wait_notices(db, small)
    wait_notices(db, large)
    messages = server.messages()
    assert len(attachments(messages[f'small{to}'])['small.csv']) > 47000
    message = messages[f'large{to}']
    assert not attachments(message)
    for body in bodies(message):
        text = re.sub(r'\s+', ' ', body)
        assert f'{out}/large.csv on {socket.gethostname()}' in text
        assert 'is not attached' in text and '64.0 kB' in text


@pytest.mark.shipped
def test_what_is_attached_is_not_in_memory(db, daemon, sink, address):
    server, small, large = sink(largest=1 << 30), address(), address()
    one = daemon(sections(server, attach_max='100MB'))

    def peak():
        """Of the worker that delivers, in bytes."""
        pid = delivery_worker(one, server)
        status = pathlib.Path(f'/proc/{pid}/status').read_text()
        return int(re.search(r'VmHWM:\s+(\d+)', status)[1]) << 10

    assert wait_notices(db, report(db, f'mailto:{small}'))[small].state == 'SENT'
    before = peak()
    config_id = report(db, f'mailto:{large}', export_sql=(
        "select repeat('x', 999) from generate_series(1, 24000)"))
    assert wait_notices(db, config_id)[large].state == 'SENT'
    assert peak() - before < 2 << 20
    data, = attachments(server.messages()[large]).values()
    assert data == published(db, config_id).read_bytes()


def test_of_several_files_those_that_fit_are_attached(
        db, daemon, sink, address):
    server, to = sink(), address()
    daemon(sections(server, attach_max='32kB'))
    config_id = report(db, f'mailto:{to}', rows=1000, output_format='CSV,JSON',
                       output_path='all.{ext}')
    wait_notices(db, config_id)
    message = server.messages()[to]
    assert list(attachments(message)) == ['all.csv']
    assert 'all.json is not attached' in bodies(message)[0]


def test_only_where_it_is(db, daemon, sink, address, out):
    server, to, none = sink(), address(), address()
    daemon(sections(server))
    config_id = report(db, f'mailto:{to}?report=link',
                       f'mailto:{none}?report=none', output_path='x y.csv')
    wait_notices(db, config_id)
    messages = server.messages()
    assert not attachments(messages[to])
    assert f'is the file {out}/x y.csv on ' in bodies(messages[to])[0]
    assert not attachments(messages[none])
    assert ' on ' not in bodies(messages[none])[0]


def test_a_small_table_is_shown_in_the_mail(db, daemon, sink, address):
    server, to = sink(), address()
    daemon(sections(server))
    config_id = report(db, f'mailto:{to}?report=inline', name='Umsätze',
                       output_format='HTML', output_options={'interactive': True},
                       export_sql="select 'Größe <b>' as \"Spalte\", 42 as n")
    wait_notices(db, config_id)
    message = server.messages()[to]
    document = published(db, config_id).read_text()
    table = re.search('<table.*</table>', document, re.S)[0]
    plain, html = bodies(message)
    assert table in html and html.count('<body') == 1
    # No script is in a mail.
    assert '<script>' in document and 'script>' not in html
    assert 'For ' in html and 'HTML part' not in html
    assert 'in the HTML part of this mail' in plain
    assert not attachments(message)


@pytest.mark.parametrize('columns, why', [
    ({'output_format': 'CSV'}, 'only HTML can'),
    ({'output_format': 'HTML', 'rows': 11}, '10 rows at most')])
def test_what_cannot_be_shown_is_attached_with_a_word(
        db, daemon, sink, address, columns, why):
    server, to = sink(), address()
    daemon(sections(server, inline_rows=10))
    config_id = report(db, f'mailto:{to}?report=inline', **columns)
    wait_notices(db, config_id)
    message = server.messages()[to]
    assert list(attachments(message).values()) == [
        published(db, config_id).read_bytes()]
    assert why in bodies(message)[0]


def test_what_goes_along_with_a_shown_report_needs_no_excuse(
        db, daemon, sink, address):
    server, to = sink(), address()
    daemon(sections(server))
    config_id = report(db, f'mailto:{to}?report=inline', output_format='HTML,XLSX,CSV',
                       output_path='all.{ext}')
    wait_notices(db, config_id)
    message = server.messages()[to]
    assert sorted(attachments(message)) == ['all.csv', 'all.xlsx']
    plain, html = bodies(message)
    assert '<table' in html and 'row 3' in html
    for body in plain, html:
        assert 'cannot be shown' not in body and '2 files are attached:' in body


def test_no_data_is_said_as_such(db, daemon, sink, address):
    server, skipped, empty = sink(), address(), address()
    daemon(sections(server))
    for to, options in (skipped, {'skip_if_empty': True}), (empty, {}):
        wait_notices(db, report(db, f'mailto:{to}', rows=0, output_options=options))
    message = server.messages()[skipped]
    assert message['Subject'].endswith(': no data')
    plain, html = bodies(message)
    assert plain.startswith('There was no data for sales.\n')
    assert 'There was no data for sales.' in html
    assert '0 rows' not in plain + html and not attachments(message)
    message = server.messages()[empty]
    assert bodies(message)[0].startswith('sales is ready, but empty: there was no data.\n')
    assert attachments(message)


def test_what_people_read_has_no_url_of_a_file(db, daemon, sink, address, out):
    server = sink()
    daemon(sections(server))
    for how in 'attach', 'link', 'none', 'inline':
        to = address(how)
        wait_notices(db, report(db, f'mailto:{to}?report={how}', name='with blank',
                                output_format='HTML', output_path='with blank.html'))
        plain, html = bodies(server.messages()[to])
        assert 'file:' not in plain + html
        assert plain.count(f'{out}/with blank.html') == 1
        assert plain.startswith('with blank is ready: 3 rows.\n\nFor ')


def test_a_file_that_is_not_here_is_waited_for(db, daemon, sink, address, out):
    """Another host's, perhaps."""
    server, to = sink(), address()
    late = 'later1.' + to
    daemon({**sections(server), 'notify': {**QUICK, 'attempts': 50}})
    config_id = report(db, f'mailto:{late}', output_path='gone.csv')
    wait_for(lambda: server.asked[late] == 1, 30, 'the first try')
    (out / 'gone.csv').rename(out / 'elsewhere.csv')
    wait_for(lambda: 'is not there on' in last_error(db, config_id), 30,
             'its error')
    (out / 'elsewhere.csv').rename(out / 'gone.csv')
    assert wait_notices(db, config_id)[late].state == 'SENT'
    assert len(server.mails) == 1


def test_a_file_that_was_replaced_is_not_sent(db, daemon, sink, address, out):
    """Of the same size, even: a part of the mail has gone when it shows."""
    server = sink()
    daemon(sections(server))
    for change in b'n,t\n9,row 9\n', b'longer than it was\n', b'':
        to = 'later1.' + address()
        config_id = report(db, f'mailto:{to}', rows=1, output_path='r.csv')
        wait_for(lambda: server.asked[to] == 1, 30, 'the first try')
        (out / 'r.csv').write_bytes(change)
        row = wait_notices(db, config_id)[to]
        assert row.state == 'FAILED', change
        assert 'no longer what the run has made' in row.last_error
    assert not server.mails


def test_no_file_outside_of_the_root_is_read(db, daemon, sink, address,
                                             tmp_path):
    server = sink()
    daemon(sections(server))
    # A sibling whose name is as long as the root's, too.
    (tmp_path / 'tuo').mkdir()
    for path in tmp_path / 'secret', tmp_path / 'tuo/secret':
        path.write_text('secret')
    for path in (tmp_path / 'secret', tmp_path / 'tuo/secret',
                 f'{tmp_path}/out/../secret', '/etc/passwd'):
        to = 'later1.' + address()
        config_id = report(db, f'mailto:{to}')
        wait_for(lambda: server.asked[to] == 1, 30, 'the first try')
        db.execute('update reportd.report_run set output_url = %s, '
                   'sha256 = null where config_id = %s', f'file://{path}',
                   config_id)
        row = wait_notices(db, config_id)[to]
        assert row.state == 'FAILED' and 'output_root' in row.last_error
    assert not server.mails


# ---- out of S3 ----

def in_s3(server, endpoint, **smtp):
    return {**sections(server, **smtp), 's3': {'endpoint': endpoint}}


def test_an_object_is_attached(db, daemon, sink, address, bucket, swift):
    """Read in pieces."""
    server, to = sink(), address()
    daemon(in_s3(server, swift.endpoint), env=ENVIRONMENT)
    config_id = report(db, f'mailto:{to}', output_path=bucket.url(
        'Größe +1/日本 %%.csv'), export_sql=TABLE.format(200_000))
    assert wait_notices(db, config_id)[to].state == 'SENT'
    (name, data), = attachments(server.messages()[to]).items()
    assert name == '日本 %.csv' and len(data) > 3 << 20
    assert data == bucket.get('Größe +1/日本 %.csv')
    assert hashlib.sha256(data).hexdigest() == runs(db, config_id)[0].sha256


def link_end(plain):
    """When its link ends, as it says, in seconds since 1970."""
    said = re.search(r'until (\d+ [A-Z]\w+ \d{4}, \d\d:\d\d) \(UTC\)', plain)[1]
    return calendar.timegm(time.strptime(said, '%d %B %Y, %H:%M'))


@pytest.mark.parametrize('how', ['large', 'wanted'])
def test_an_object_is_linked_to(db, daemon, sink, address, bucket, swift, how):
    server, to = sink(), address()
    daemon(in_s3(server, swift.endpoint, link_expiry='1h',
                 attach_max='1kB' if how == 'large' else '1MB'),
           env=ENVIRONMENT)
    url = f'mailto:{to}' + ('?report=link' if how == 'wanted' else '')
    config_id = report(db, url, output_path=bucket.url('a b/ü+.csv'),
                       export_sql=TABLE.format(1000))
    before = time.time()
    assert wait_notices(db, config_id)[to].state == 'SENT'
    message = server.messages()[to]
    assert not attachments(message)
    plain, html = bodies(message)
    link, = re.findall(r'(?m)^http://.*$', plain)
    assert f'href="{link.replace("&", "&amp;")}"' in html
    with urllib.request.urlopen(link) as answer:
        assert answer.read() == bucket.get('a b/ü+.csv')
    ends = link_end(plain)
    assert before + 3500 < ends + 60 and ends <= time.time() + 3600


def test_a_link_ends_with_the_credentials(db, daemon, sink, address, aws):
    """Those of a container, which end before link_expiry does; the mail says
    when."""
    server, to = sink(), address()
    aws.ttl = 2 * 3600
    env = aws.environ(
        AWS_CONTAINER_CREDENTIALS_FULL_URI=aws.url + '/v2/credentials/task',
        AWS_CONTAINER_AUTHORIZATION_TOKEN=aws.container_token)
    del env['AWS_ACCESS_KEY_ID'], env['AWS_SECRET_ACCESS_KEY']
    daemon({**in_s3(server, aws.url, link_expiry='7d'), **aws.settings()},
           env=env)
    config_id = report(db, f'mailto:{to}?report=link',
                       output_path='s3://bucket/x.csv')
    assert wait_notices(db, config_id)[to].state == 'SENT'
    plain, _ = bodies(server.messages()[to])
    ends = link_end(plain)
    assert time.time() + 6000 < ends <= time.time() + 7205
    seconds = int(re.search(r'X-Amz-Expires=(\d+)', plain)[1])
    assert 6000 < seconds <= 7205


def test_an_object_that_is_gone_or_another(db, daemon, sink, address, bucket,
                                           swift):
    server = sink()
    daemon(in_s3(server, swift.endpoint) | {'notify': {'backoff': '2s', 'backoff_max': '2s'}},
           env=ENVIRONMENT)
    for change in None, b'n,t\n9,row 9\n', b'longer than it was\n':
        to = 'later1.' + address()
        config_id = report(db, f'mailto:{to}', rows=1,
                           output_path=bucket.url('r.csv'))
        wait_for(lambda: server.asked[to] == 1, 30, 'the first try')
        if change is None:
            bucket.client.delete_object(Bucket=bucket.name, Key='r.csv')
        else:
            bucket.put('r.csv', change)
        row = wait_notices(db, config_id)[to]
        assert row.state == 'FAILED', change
        assert ('NoSuchKey' if change is None else
                'no longer what the run has made') in row.last_error
    assert not server.mails


# ---- doctor ----

def test_doctor_logs_in(ctl, db, sink, postfix):
    said = ctl('doctor', sections={'smtp': postfix.settings()}).stdout
    assert re.search(r'ok +smtp: .*localhost', said), said
    said = ctl('doctor', sections={
        'smtp': postfix.settings(password='wrong')}).stdout
    assert re.search(r'FAILED +smtp: .*535', said), said
    assert 'to mend it' in said and 'wrong' not in said
    assert 'ok      smtp' not in said
    said = ctl('doctor', sections={
        'smtp': postfix.settings(ca_file=None)}).stdout
    assert re.search(r'FAILED +smtp: .*certificate', said), said
    server = sink()
    said = ctl('doctor', sections={'smtp': server.settings()}).stdout
    assert re.search(r'ok +smtp', said), said
    assert not server.mails
    said = ctl('doctor', sections={'smtp': server.settings(
        **{'from': 'Reports reports@example.com'})}).stdout
    assert re.search(r'FAILED +smtp from: .*Reports reports@', said), said


def test_a_real_server_answers_as_the_sink_does(postfix):
    """The stand-in's login and TLS are those of Postfix."""
    with smtplib.SMTP('localhost', postfix.port) as client:
        client.ehlo()
        assert client.has_extn('starttls') and not client.has_extn('auth')
