# SPDX-License-Identifier: MIT
"""Mail that meets faults: of addresses, servers, passwords and host names, and when it is killed."""

import ipaddress
import os
import pathlib
import random
import re
import signal
import socket

import pytest

from lib import process
from lib.manual import says
from lib.ports import free_ports
from lib.report import config
from lib.wait import wait_for
from test_mail_shared import (  # noqa: F401: fixtures
    QUICK, address, attachments, certificate, delivery_worker, last_error, notices, postfix,
    published, report, sections, sink, wait_notices)


# ---- faults ----

def test_one_bad_address_of_three(db, daemon, sink, address):
    server = sink()
    daemon(sections(server))
    good, bad, other = address(), 'rcpt550.' + address(), address()
    config_id = report(db, f'mailto:{good},{bad},{other}')
    rows = wait_notices(db, config_id)
    assert [rows[a].state for a in (good, bad, other)] == [
        'SENT', 'FAILED', 'SENT']
    assert rows[bad].attempts == 1
    assert f'550 injected refusal of <{bad}>' in rows[bad].last_error
    assert sorted(m.recipient for m in server.mails) == sorted([good, other])
    assert config(db, config_id).status == 'COMPLETED'


def test_later_means_later(db, daemon, sink, address):
    """Refused for now, three times; then taken, once."""
    server, to = sink(), 'later3.' + address()
    daemon(sections(server))
    row = wait_notices(db, report(db, f'mailto:{to}'))[to]
    assert (row.state, row.attempts) == ('SENT', 4)
    assert [m.recipient for m in server.mails] == [to]


@pytest.mark.parametrize('word, code, attempts', [
    ('rcpt451', '451', 5), ('rcpt421', '421', 5), ('data451', '451', 5),
    ('data554', '554', 1)])
def test_the_code_decides(db, daemon, sink, address, word, code, attempts):
    server, to = sink(), f'{word}.' + address()
    daemon(sections(server))
    row = wait_notices(db, report(db, f'mailto:{to}'))[to]
    assert (row.state, row.attempts) == ('FAILED', attempts)
    assert f'{code} injected refusal' in row.last_error
    assert f'mail server localhost:{server.port}' in row.last_error


def test_a_mail_that_is_too_large_for_the_server(db, daemon, postfix, address):
    """It hears the size before the mail, and refuses it."""
    to = address()
    daemon(sections(postfix, attach_max='20MB'))
    row = wait_notices(db, report(db, f'mailto:{to}', export_sql=(
        "select repeat('x', 999) from generate_series(1, 10000)")))[to]
    assert (row.state, row.attempts) == ('FAILED', 1)
    assert '552' in row.last_error and 'attach_max' in row.last_error


@pytest.mark.parametrize('word', ['hangrcpt', 'hangdata'])
def test_a_server_that_hangs(db, daemon, sink, address, word):
    """Has its time limit; others get their mails meanwhile or after it."""
    server, to, other = sink(), f'{word}.' + address(), address()
    daemon({**sections(server, timeout='1s'),
            'notify': {**QUICK, 'attempts': 2}})
    rows = wait_notices(db, report(db, f'mailto:{to},{other}'))
    assert rows[other].state == 'SENT'
    assert (rows[to].state, rows[to].attempts) == ('FAILED', 2)
    assert 'imed out' in rows[to].last_error or 'imeout' in rows[to].last_error
    assert ('may arrive twice' in rows[to].last_error) == (word == 'hangdata')


def test_a_cut_before_the_mail_is_no_doubt(db, daemon, sink, address):
    server, to = sink(), 'cutrcpt.' + address()
    daemon(sections(server))
    row = wait_notices(db, report(db, f'mailto:{to}'))[to]
    assert row.state == 'FAILED' and 'twice' not in row.last_error


def test_a_cut_instead_of_the_answer_says_so(db, daemon, sink, address):
    """The one moment in which SMTP cannot tell: each try has the same
    Message-ID, and the error names it."""
    server, to = sink(), 'cutdata.' + address()
    daemon({**sections(server), 'notify': {**QUICK, 'attempts': 3}})
    row = wait_notices(db, report(db, f'mailto:{to}'))[to]
    assert (row.state, row.attempts) == ('FAILED', 3)
    ids = {re.search(rb'(?m)^Message-ID: <(.*)>\r$', m.content)[1].decode()
           for m in server.unanswered}
    assert len(server.unanswered) == 3 and len(ids) == 1
    assert 'may arrive twice' in row.last_error
    assert ids.pop() in row.last_error


def test_a_certificate_that_is_not_trusted(db, daemon, sink, postfix, address):
    """Nothing is said to such a server, the password least of all."""
    to = address()
    server = sink()
    daemon({**sections(server, ca_file=postfix.cert),
            'notify': {**QUICK, 'attempts': 2}})
    row = wait_notices(db, report(db, f'mailto:{to}'))[to]
    assert row.state == 'FAILED'
    assert 'certificate' in row.last_error and 'ca_file' in row.last_error
    assert not server.logins and not server.mails


def test_a_name_that_is_not_in_the_certificate(db, daemon, sink, address):
    to = address()
    server = sink()
    daemon({**sections(server, host='127.0.0.1'),
            'notify': {**QUICK, 'attempts': 1}})
    row = wait_notices(db, report(db, f'mailto:{to}'))[to]
    assert row.state == 'FAILED' and '127.0.0.1' in row.last_error
    assert not server.logins


def test_a_server_without_tls_gets_no_mail(db, daemon, sink, address):
    server = sink(tls=False)
    daemon({**sections(server), 'notify': {**QUICK, 'attempts': 1}})
    to = address()
    row = wait_notices(db, report(db, f'mailto:{to}'))[to]
    assert row.state == 'FAILED' and 'TLS' in row.last_error
    assert not server.mails


def test_without_tls_by_choice(db, daemon, sink, address):
    """A relay on the same host; but never with a password."""
    server, to = sink(tls=False), address()
    plain = {'tls': 'none', 'ca_file': None}
    first = daemon(sections(server, user=None, password=None, **plain))
    assert wait_notices(db, report(db, f'mailto:{to}'))[to].state == 'SENT'
    first.stop()
    two = daemon(sections(server, **plain), ready=False)
    assert two.wait() != 0
    assert 'would send the password in the clear' in two.log()
    two.expected_code = two.process.returncode


def test_a_wrong_password(db, daemon, sink, address):
    server, to = sink(), address()
    one = daemon({**sections(server, password='hunter2'),
                  'notify': {**QUICK, 'attempts': 2}})
    row = wait_notices(db, report(db, f'mailto:{to}'))[to]
    assert (row.state, row.attempts) == ('FAILED', 2)
    assert '535' in row.last_error and 'login' in row.last_error
    assert 'hunter2' not in row.last_error + one.log()


def test_no_server_there(db, daemon, sink, address):
    port, = free_ports(1)
    to = address()
    daemon({**sections(sink(), port=port), 'notify': {**QUICK, 'attempts': 2}})
    row = wait_notices(db, report(db, f'mailto:{to}'))[to]
    assert (row.state, row.attempts) == ('FAILED', 2)
    assert f'localhost:{port}' in row.last_error


@says('Empty lists allow nothing.')
def test_without_a_list_of_domains_no_mail_goes_anywhere(db, daemon, sink, address):
    server, to = sink(), address()
    daemon({**sections(server, domains=None), 'notify': QUICK})
    row = wait_notices(db, report(db, f'mailto:{to}'))[to]
    assert (row.state, row.attempts) == ('FAILED', 1)
    assert '[smtp] domains is not set' in row.last_error
    assert server.mails == []


def test_without_a_mail_server_it_is_told_how_to_name_one(db, daemon, address):
    to = address()
    daemon()
    row = wait_notices(db, report(db, f'mailto:{to}'))[to]
    assert (row.state, row.attempts) == ('FAILED', 1)
    assert '[smtp] host is not set; write' in row.last_error


def test_domains_that_are_not_allowed(db, daemon, sink):
    server = sink()
    daemon(sections(server, domains='example.com, *.example.org'))
    wanted = {'a@example.com': 'SENT', 'b@EXAMPLE.com': 'SENT',
              'c@mail.example.org': 'SENT', 'd@example.net': 'FAILED',
              'e@example.com.evil.org': 'FAILED', 'f@example.org': 'FAILED'}
    rows = wait_notices(db, report(db, 'mailto:' + ','.join(wanted)))
    assert {r: row.state for r, row in rows.items()} == wanted
    assert '[smtp] domains' in rows['d@example.net'].last_error
    assert len(server.mails) == 3


def test_one_connection_for_many_mails(db, daemon, sink, address):
    server = sink()
    daemon(sections(server))
    to = [address() for _ in range(20)]
    wait_notices(db, report(db, 'mailto:' + ','.join(to)))
    assert len(server.mails) == 20
    assert len({m.session for m in server.mails}) <= 2
    # The idle check and the first login; not one for each.
    assert len(server.logins) <= 2


def test_a_server_that_has_enough_of_a_connection(db, daemon, sink, address):
    """421 on one that was used before: the next is as good, in the same try."""
    server = sink()
    server.greedy = 3
    daemon(sections(server))
    to = [address() for _ in range(10)]
    rows = wait_notices(db, report(db, 'mailto:' + ','.join(to)))
    assert {r.state for r in rows.values()} == {'SENT'}
    assert {r.attempts for r in rows.values()} == {1}
    assert len(server.mails) == 10


def test_a_connection_that_died_meanwhile(db, daemon, sink, address):
    server = sink()
    daemon(sections(server))
    first, second = address(), address()
    wait_notices(db, report(db, f'mailto:{first}'))
    server.cut()
    row = wait_notices(db, report(db, f'mailto:{second}'))[second]
    assert (row.state, row.attempts) == ('SENT', 1)
    assert len(server.mails) == 2


# ---- the password as a secret ----

def by_secret(server, aws, value):
    arn = aws.put_secret('smtp', value)
    return {**sections(server, user=None, password=None, secret_arn=arn),
            **aws.settings()}


def test_a_secret_that_is_rotated(db, daemon, sink, address, aws):
    """The login is refused, the secret read again, and the mail has gone in the
    same try."""
    server = sink()
    one = daemon(by_secret(server, aws, {
        'username': 'reporter', 'password': 'secret'}), env=aws.environ())
    first, second, third = address(), address(), address()
    wait_notices(db, report(db, f'mailto:{first}'))
    server.password = 'n3w'
    aws.put_secret('smtp', {'username': 'reporter', 'password': 'n3w'})
    server.cut()
    for to in second, third:
        row = wait_notices(db, report(db, f'mailto:{to}'))[to]
        assert (row.state, row.attempts) == ('SENT', 1)
    assert server.logins == [b'secret', b'secret', b'n3w']
    assert len(aws.ops('GetSecretValue')) == 2
    assert 'n3w' not in one.log()


def test_a_secret_that_is_rotated_too_late(db, daemon, sink, address, aws):
    """Tries go on until it is right."""
    server, to = sink(password='n3w'), address()
    settings = by_secret(server, aws,
                         {'username': 'reporter', 'password': 'secret'})
    daemon({**settings, 'notify': {**QUICK, 'attempts': 50}},
           env=aws.environ())
    config_id = report(db, f'mailto:{to}')
    wait_for(lambda: '535' in last_error(db, config_id), 30, 'the refusal')
    assert 'the secret' in last_error(db, config_id)
    aws.put_secret('smtp', {'username': 'reporter', 'password': 'n3w'})
    assert wait_notices(db, config_id)[to].state == 'SENT'
    assert len(server.mails) == 1


def test_a_secret_that_may_not_be_read(db, daemon, sink, address, aws):
    server, to = sink(), address()
    settings = by_secret(server, aws, {'username': 'u', 'password': 'p'})
    aws.denied.add('secretsmanager:GetSecretValue')
    daemon(settings, env=aws.environ())
    row = wait_notices(db, report(db, f'mailto:{to}'))[to]
    assert row.state == 'FAILED' and '[smtp] secret_arn' in row.last_error
    assert 'GetSecretValue' in row.last_error
    assert not server.logins


# ---- killed ----

@pytest.mark.parametrize('how', ['worker', 'daemon', 'stop'])
def test_killed_in_mid_mail(db, daemon, sink, address, how):
    """No part of a mail is delivered: the dot that ends it is not sent. The
    next try brings the whole."""
    server, to = sink(), 'stall.' + address()
    settings = {**sections(server), 'reportd': {
        'lease': '3s' if how == 'daemon' else '60s', 'shutdown_grace': '0s',
        'cancel_grace': '2s'}}
    one = daemon(settings)
    config_id = report(db, f'mailto:{to}', export_sql=(
        "select repeat(md5(i::text), 100) as t "
        "from generate_series(1, 1500) i"))
    assert server.stalled.wait(30)
    pid = delivery_worker(one, server)
    assert pid
    if how == 'worker':
        os.kill(pid, signal.SIGKILL)
    elif how == 'daemon':
        one.kill()
    else:
        one.stop()
    wait_for(lambda: not pathlib.Path(f'/proc/{pid}').exists(), 20,
             'the worker to be gone')
    assert not server.mails
    server.go()
    if how != 'worker':
        daemon(settings)
    row = wait_notices(db, config_id)[to]
    assert row.state == 'SENT'
    mail, = server.mails
    assert list(attachments(server.messages()[to]).values()) == [
        published(db, config_id).read_bytes()]


def test_killed_before_and_after_each_mail(db, daemon, sink):
    """The daemon and its workers are killed again and again while 60 mails go
    out: all arrive; what arrives twice has the same Message-ID, and that are at most those
    that were sent while the database recorded those before them."""
    server = sink()
    rng = random.Random(7)
    settings = {**sections(server), 'reportd': {'lease': '4s'}}
    to = [f'k{i}@example.com' for i in range(60)]
    one = daemon(settings)
    config_id = report(db, 'mailto:' + ','.join(to))
    kills = 0
    while kills < 6:
        target = len(server.mails) + rng.randint(1, 6)
        wait_for(lambda: len(server.mails) >= min(target, 60), 60, 'mails')
        if len(server.mails) >= 60:
            break
        if rng.random() < 0.5 and one.workers():
            os.kill(rng.choice(one.workers()), signal.SIGKILL)
        else:
            one.kill()
            one = daemon(settings)
        kills += 1
    rows = wait_notices(db, config_id, timeout=120)
    assert {r.state for r in rows.values()} == {'SENT'}
    seen = {}
    for mail in server.mails:
        message_id = re.search(rb'(?m)^Message-ID: (.*)\r$', mail.content)[1]
        seen.setdefault(mail.recipient, []).append(message_id)
    assert sorted(seen) == sorted(to)
    assert all(len(set(ids)) == 1 for ids in seen.values())
    # Each kill meets at most what one lane has in hand, of which a claim brings 16.
    assert len(server.mails) - 60 <= kills * 16


# ---- the name that this host tells of itself ----

def test_it_tells_a_full_name_or_an_address(db, daemon, sink, address):
    server, to = sink(strict=True), address()
    daemon(sections(server))
    assert wait_notices(db, report(db, f'mailto:{to}'))[to].state == 'SENT'
    for name in server.names:
        literal = re.fullmatch(r'\[(IPv6:)?(.*)\]', name)
        if literal:
            ipaddress.ip_address(literal[2])
        else:
            assert name == socket.getfqdn() and '.' in name


@pytest.mark.parametrize('name', ['reports.example.com', '[192.0.2.7]', '[IPv6:2001:db8::7]'])
def test_it_tells_the_name_of_the_settings(db, daemon, sink, address, name):
    server, to = sink(), address()
    daemon(sections(server, helo=name))
    assert wait_notices(db, report(db, f'mailto:{to}'))[to].state == 'SENT'
    assert set(server.names) == {name}


@pytest.mark.parametrize('tls', [True, False])
def test_a_name_that_is_refused_loses_no_mail(db, daemon, sink, address, ctl, tls):
    server, to = sink(strict=True, tls=tls), address()
    login = {} if tls else {'tls': 'none', 'user': None, 'password': None}
    one = daemon({**sections(server, helo='reporthost', **login),
                  'notify': {'attempts': 100, 'backoff': '300ms', 'backoff_max': '1s'}})
    config_id = report(db, f'mailto:{to}')
    wait_for(lambda: 'reporthost' in last_error(db, config_id))
    assert '[smtp] helo' in last_error(db, config_id)
    assert notices(db, config_id)[0].state != 'FAILED'
    said = ctl('doctor', sections={
        'smtp': server.settings(helo='reporthost', **login)}).stdout
    assert re.search(r'FAILED +smtp: .*reporthost.*504', said), said
    assert 'to mend it: set [smtp] helo' in said
    one.conf.write_text(one.conf.read_text().replace('= reporthost', '= reports.example.com'))
    one.signal(signal.SIGHUP)
    assert wait_notices(db, config_id)[to].state == 'SENT'


def test_a_real_server_that_wants_a_full_name(db, daemon, postfix, address):
    """It refuses not before the recipient is named."""
    to = address()
    daemon(sections(postfix, helo='reporthost'))
    config_id = report(db, f'mailto:{to}')
    wait_for(lambda: '504' in last_error(db, config_id))
    assert 'reporthost' in last_error(db, config_id)
    assert '[smtp] helo' in last_error(db, config_id)
    row = wait_notices(db, config_id)[to]
    assert row.attempts == QUICK['attempts'], 'it is tried again'


@pytest.mark.parametrize('name', ['two words', 'a/b', '[192.0.2.7', 'x;quit', '[]'])
def test_a_name_that_cannot_be_one(db, conf, name):
    done = process.reportd(conf({'smtp': {'helo': name}}), '--check-config')
    assert done.returncode == 3
    assert f'[smtp] helo = {name}: must be' in done.stderr
