# SPDX-License-Identifier: MIT
"""The stand-in for Snowflake refuses what its description does not have, and notes it: a
request of reportd that is wrong fails its test, whatever it was about."""

import json
import urllib.error
import urllib.request
import uuid

import pytest

from lib.snowflake import Snowflake

pytestmark = pytest.mark.shipped
PATH = '/api/v2/statements'
BODY = {'statement': 'select huge(1, 20, 1)'}
HEADERS = {'Authorization': 'Bearer token', 'Accept': 'application/json',
           'Content-Type': 'application/json', 'User-Agent': 'reportd/1',
           'X-Snowflake-Authorization-Token-Type': 'OAUTH'}


@pytest.fixture(scope='module')
def account():
    account = Snowflake(None)
    yield account
    account.close()


@pytest.fixture
def send(account):
    account.reset()
    account.tokens['token'] = 'OAUTH'

    def send(method='POST', path='', query='requestId={id}', body=BODY, **headers):
        """The status of the answer, and how many requests were noted as wrong."""
        query = query.format(id=uuid.uuid4())
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(
            f'{account.url}{PATH}{path}?{query}'.rstrip('?'), data, method=method,
            headers={k: v for k, v in (HEADERS | headers).items() if v is not None})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, len(account.wrong)
        except urllib.error.HTTPError as e:
            return e.code, len(account.wrong)
    return send


@pytest.mark.parametrize('more', [
    {}, {'query': 'requestId={id}&async=false&nullable=true&retry=true'},
    {'body': BODY | {'timeout': 604800, 'database': 'D', 'schema': 'S', 'warehouse': 'W', 'role': 'R',
                     'bindings': {'1': {'type': 'TEXT', 'value': 'x'}},
                     'parameters': {'TIMEZONE': 'UTC', 'QUERY_TAG': 'x', 'MULTI_STATEMENT_COUNT': 1}}},
])
def test_what_is_described_is_taken(send, more):
    assert send(**more) == (200, 0)


@pytest.mark.parametrize('more', [
    *({'query': query} for query in (
        '', 'requestId=1', 'requestId={id}&requestId={id}', 'requestId={id}&async=1',
        'requestId={id}&asynchronous=true', 'requestId={id}&partition=0', 'requestId={id}&retry=')),
    *({'body': body} for body in (
        b'', b'{', b'[]', b'{"statement": "select 1", "statement": "select 2"}',
        b'{"statement": "\xff"}', {}, {'statement': ' '}, {'statement': 1}, {'sqlText': 'select 1'})),
    *({'body': BODY | one} for one in (
        {'timeout': -1}, {'timeout': '10'}, {'timeout': True}, {'timeout': 604801}, {'role': None},
        {'warehouse': ''}, {'resultSetMetaData': {}}, {'async': True}, {'parameters': []},
        {'parameters': {'MULTI_STATEMENT_COUNT': '0'}}, {'parameters': {'MULTI_STATEMENT_COUNT': -1}},
        {'parameters': {'AUTOCOMMIT': 'true'}}, {'parameters': {'query_tag': 'x'}},
        {'bindings': ['x']}, {'bindings': {'0': {'type': 'TEXT', 'value': 'x'}}},
        {'bindings': {'1': {'type': 'TEXT', 'value': 1}}}, {'bindings': {'1': {'value': '1'}}},
        {'bindings': {'1': {'type': 'VARCHAR', 'value': '1'}}},
        {'parameters': {'MULTI_STATEMENT_COUNT': 0}, 'bindings': {}})),
    {'Accept': '*/*'}, {'Accept': None}, {'User-Agent': 'reportd'}, {'Content-Type': 'text/plain'},
    {'Authorization': 'Basic token'}, {'X-Snowflake-Authorization-Token-Type': None},
    {'X-Snowflake-Authorization-Token-Type': 'PAT'}, {'method': 'PUT'}, {'method': 'GET', 'body': None},
    {'path': '/'}, {'path': '/1'}, {'path': f'/{uuid.uuid4()}/stop'},
    {'method': 'GET', 'path': f'/{uuid.uuid4()}', 'query': 'partition=-1', 'body': None},
    {'method': 'GET', 'path': f'/{uuid.uuid4()}', 'query': 'partition=x', 'body': None},
    {'method': 'GET', 'path': f'/{uuid.uuid4()}', 'query': 'async=true', 'body': None},
    {'path': f'/{uuid.uuid4()}/cancel', 'body': BODY},
])
def test_what_is_not_described_is_refused_and_noted(send, account, more):
    status, noted = send(**more)
    assert 400 <= status < 500 and noted == 1, account.wrong
    assert account.statements == {}
