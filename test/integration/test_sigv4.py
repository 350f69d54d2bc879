# SPDX-License-Identifier: MIT
"""Our signatures against botocore's, for requests that nobody would think of."""

import datetime
import hashlib
import json
import random
import subprocess
import types
import urllib.parse

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lib.paths import BIN

CASES = 3000
SEGMENTS = ['a', 'A b', '.', '..', '', '~x', 'ü', '日本', '😀', '%41', '%', '+', 'a=b&c', '?', '#',
            "it's", '(1)', '*', '!', ':', '@', '$', ',', ';', '[x]', '-_.~', '"', '<>', '\\', '|',
            '\t', '\n', 'e\u0301', '\u00a0', '\x7f', 'x' * 300]
NAMES = ['a', 'A', 'b', 'a-b', 'a.b', 'uploads', 'partNumber', 'prefix', 'ü', '😀', 'x y', 'X-Amz-Foo',
         '', '+', '%20', 'a[]', '~', 'aa', 'a0', 'a=']
VALUES = ['', '1', 'a b', 'a+b', 'a/b', '%2F', 'ü', '😀', '~', '=', '&', 'z' * 200, '*', '\n', "'", '日本']
HEADERS = ['Content-Type', 'content-md5', 'X-Amz-Meta-A', 'x-amz-meta-a', 'X-Amz-Meta-AB', 'x-amz-acl',
           'X-Amz-Storage-Class', 'Range', 'If-None-Match', 'Cache-Control', 'My-Header1']
SPACED = ['plain', '', ' lead', 'trail ', 'two  blanks', '  a \t b   c  ', '"a   b   c"', 'a,b', 'ü', 'a;b',
          'text/plain; charset=utf-8', '*']


def quote(text):
    return urllib.parse.quote(text, safe='-_.~')


def make_case(rng):
    """One request, as test/unit/sign.c reads it."""
    path = '/' + '/'.join(rng.choice(SEGMENTS) for _ in range(rng.randrange(6)))
    return {
        'service': rng.choice(['s3', 'sns', 'sts', 'execute-api']),
        'region': rng.choice(['eu-west-1', 'us-east-1', 'cn-north-1']),
        'method': rng.choice(['GET', 'PUT', 'POST', 'DELETE', 'HEAD']),
        'host': rng.choice(['example.com', 'b.ucket.s3.amazonaws.com', '127.0.0.1:8080', 'h:444']),
        'path': path,
        'query': [[rng.choice(NAMES), rng.choice(VALUES)] for _ in range(rng.randrange(6))],
        'headers': [[rng.choice(HEADERS), rng.choice(SPACED)] for _ in range(rng.randrange(5))],
        'body': rng.choice(['', 'x', 'ü' * 100]),
        'now': rng.randrange(0, 4102444800),
        'key': 'AKID' + str(rng.randrange(1000)),
        'secret': rng.choice(['s', 'wJalr/XUt+nFEMI', 'ü']),
        'token': rng.choice([None, 'tok/en+=' * 20]),
    }


def ours(cases):
    for case in cases:
        case['s3'] = case['service'] == 's3'
        case.setdefault('sha256', hashlib.sha256(case['body'].encode()).hexdigest())
    done = subprocess.run([BIN / 'test/unit/sign'], capture_output=True, text=True, check=True,
                          input=''.join(json.dumps(case) + '\n' for case in cases))
    return [json.loads(line) for line in done.stdout.splitlines()]


def request_of(case):
    path = urllib.parse.quote(case['path'], safe='/-_.~')
    request = AWSRequest(case['method'], f'http://{case["host"]}{path}', data=case['body'].encode(),
                         params=[tuple(pair) for pair in case['query']])
    for name, value in case['headers']:
        request.headers.add_header(name, value)
    return request


@pytest.fixture
def at(monkeypatch):
    """at(seconds): botocore's clock."""
    def set_clock(seconds):
        def now():
            utc = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
            return utc.replace(tzinfo=None)
        # Its version decides which of the two it asks.
        monkeypatch.setattr(botocore.auth, 'get_current_datetime', now, raising=False)
        monkeypatch.setattr(botocore.auth, 'datetime', types.SimpleNamespace(
            datetime=types.SimpleNamespace(utcnow=now)))
    return set_clock


def test_signed_headers_are_those_of_botocore(at):
    rng = random.Random(20130524)
    cases = [make_case(rng) for _ in range(CASES)]
    for case, own in zip(cases, ours(cases), strict=True):
        at(case['now'])
        request = request_of(case)
        kind = botocore.auth.S3SigV4Auth if case['s3'] else botocore.auth.SigV4Auth
        kind(Credentials(case['key'], case['secret'], case['token']), case['service'],
             case['region']).add_auth(request)
        lines = dict(line.split(': ', 1) for line in own['lines'])
        assert lines['Authorization'] == request.headers['Authorization'], case
        assert lines['X-Amz-Date'] == request.headers['X-Amz-Date']
        assert lines['Host'] == case['host']
        assert lines.get('X-Amz-Security-Token') == case['token']
        # The form that is sent means the same, and needs no more quoting.
        sent = urllib.parse.urlsplit('http://h' + own['target'])
        assert own['target'].isascii() and ' ' not in own['target']
        assert urllib.parse.unquote(sent.path) == case['path']
        assert sorted(urllib.parse.parse_qsl(sent.query, keep_blank_values=True)) == \
            sorted(map(tuple, case['query']))


def test_presigned_urls_are_those_of_botocore(at):
    rng = random.Random(7)
    # The body is not known when the URL is made.
    cases = [dict(make_case(rng), headers=[], body='', service='s3', sha256='UNSIGNED-PAYLOAD',
                  expires=rng.randrange(1, 604801)) for _ in range(CASES // 3)]
    for case in cases:
        # botocore has one value a name here.
        case['query'] = list(dict(map(tuple, case['query'])).items())
    for case, own in zip(cases, ours(cases), strict=True):
        at(case['now'])
        request = request_of(case)
        botocore.auth.S3SigV4QueryAuth(
            Credentials(case['key'], case['secret'], case['token']), 's3', case['region'],
            expires=case['expires']).add_auth(request)
        theirs = urllib.parse.urlsplit(request.url)
        sent = urllib.parse.urlsplit(f'http://{case["host"]}' + own['target'])
        assert sent.path == theirs.path
        assert sorted(urllib.parse.parse_qsl(sent.query, keep_blank_values=True)) == \
            sorted(urllib.parse.parse_qsl(theirs.query, keep_blank_values=True)), case
