# SPDX-License-Identifier: MIT
"""What Snowflake's published description of the SQL API, version 2, says of requests and
answers, and what beside it accounts are known to send. The stand-in holds both sides to it."""

import json
import re

import jsonschema

TEXT, LONG, COUNT = {'type': 'string'}, {'type': 'integer'}, {'type': 'integer', 'minimum': 0}
NAME = {'type': 'string', 'minLength': 1}
UUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
HANDLE = {'type': 'string', 'pattern': f'^{UUID}$'}


def thing(*required, **members):
    """An object with these members and no others."""
    return {'type': 'object', 'properties': members, 'required': list(required),
            'additionalProperties': False}


FORMATS = ('binary', 'date', 'time', 'timestamp', 'timestamp_ltz', 'timestamp_ntz',
           'timestamp_tz')
# A value of a placeholder, `?`, which has a number.
BINDING = thing('type', 'value', type={'enum': [
    'FIXED', 'REAL', 'DECFLOAT', 'TEXT', 'BINARY', 'BOOLEAN', 'DATE', 'TIME', 'TIMESTAMP_TZ',
    'TIMESTAMP_LTZ', 'TIMESTAMP_NTZ']}, value={'type': ['string', 'null']})
# Parameters have small letters in the description and capitals in the manual's examples.
SUBMISSION = thing(
    'statement', statement={'type': 'string', 'pattern': r'\S'},
    timeout={'type': 'integer', 'minimum': 0, 'maximum': 604800}, database=NAME, schema=NAME,
    warehouse=NAME, role=NAME,
    bindings={'type': 'object', 'patternProperties': {'^[1-9][0-9]*$': BINDING},
              'additionalProperties': False},
    parameters=thing(TIMEZONE=TEXT, QUERY_TAG=TEXT, MULTI_STATEMENT_COUNT=COUNT,
                     **{f'{name}_output_format'.upper(): TEXT for name in FORMATS}))
# Query parameters of each operation; the manual alone knows `retry`.
BOOLEAN = 'true|false'
QUERIES = {'post': {'requestId': UUID, 'async': BOOLEAN, 'nullable': BOOLEAN, 'retry': BOOLEAN},
           'get': {'partition': r'\d+', 'requestId': UUID}, 'cancel': {'requestId': UUID}}
TOKEN_TYPES = {'KEYPAIR_JWT', 'OAUTH', 'PROGRAMMATIC_ACCESS_TOKEN',
               'WORKLOAD_IDENTITY_FEDERATION'}

STATUS = {'code': TEXT, 'sqlState': TEXT, 'message': TEXT, 'statementHandle': HANDLE,
          'createdOn': LONG, 'statementStatusUrl': {'type': 'string', 'pattern': '^/api/v2/'}}
META = thing(
    format={'enum': ['jsonv2']}, numRows=LONG, nullable={'type': 'boolean'},
    parameters={'type': 'object'},
    rowType={'type': 'array', 'minItems': 1, 'items': thing(
        name=TEXT, type=TEXT, length=COUNT, precision=COUNT, scale=COUNT,
        nullable={'type': 'boolean'})},
    partitionInfo={'type': 'array', 'items': thing(
        rowCount=COUNT, compressedSize=COUNT, uncompressedSize=COUNT)})
STATS = thing(**dict.fromkeys(('numRowsInserted', 'numRowsUpdated', 'numRowsDeleted',
                               'numDuplicateRowsUpdated'), COUNT))
RESULT = thing(**STATUS, resultSetMetaData=META, data={'type': 'array'}, stats=STATS)
RUNNING = thing('statementHandle', **STATUS)
FAILURE = thing('message', 'statementHandle', **STATUS)
ANSWERS = {
    'post': {200: RESULT, 202: RUNNING, 408: RUNNING, 422: FAILURE},
    'get': {200: RESULT, 202: RUNNING, 422: FAILURE},
    'cancel': {200: RUNNING, 422: RUNNING},
}
# The description gives these a status and no schema; 307 and 502 are of a balancer before the
# account.
REFUSALS = {307, 400, 401, 403, 404, 405, 415, 429, 500, 502, 503, 504}
# Sent by accounts, and not described.
MORE = {'requestId', 'statementHandles'}
MORE_OF_COLUMN = {'database', 'schema', 'table', 'byteLength', 'collation'}


def wrong(value, schema):
    """What is wrong with the value; '' when nothing is."""
    error = jsonschema.exceptions.best_match(
        jsonschema.Draft7Validator(schema).iter_errors(value))
    return f'{"/".join(map(str, error.absolute_path))}: {error.message}' if error else ''


def wrong_head(kind, query, headers):
    """What is wrong with the query and the headers of a request."""
    if headers.get('Accept') != 'application/json':
        return 'Accept is not application/json'
    if not re.fullmatch(r'[\w.-]+/[\w.-]+', headers.get('User-Agent', '')):
        return 'User-Agent names no product and version'
    for name, values in query.items():
        form = QUERIES[kind].get(name)
        if form is None or len(values) != 1 or not re.fullmatch(form, values[0]):
            return f'query parameter {name}: {", ".join(values)}'
    # The description asks for none; without one a repetition runs the statement again.
    if kind == 'post' and 'requestId' not in query:
        return 'a submission without requestId'
    return ''


def once(pairs):
    """An object of JSON, whose names are there once."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError('a name twice')
    return dict(pairs)


def read_body(text):
    """The body of a submission; raises ValueError."""
    return json.loads(text.decode(), object_pairs_hook=once)


def wrong_body(kind, text, submission):
    """What is wrong with the body of a request."""
    if kind != 'post':
        return 'a body that nobody asks for' if text else ''
    found = wrong(submission, SUBMISSION)
    if not found and 'bindings' in submission and \
            submission.get('parameters', {}).get('MULTI_STATEMENT_COUNT', 1) != 1:
        found = 'bindings of several statements'
    return found


def described(answer):
    """The answer without what accounts send beside the description, which has no null for
    the digits of a column either."""
    plain = {name: value for name, value in answer.items() if name not in MORE}
    if 'resultSetMetaData' in plain:
        columns = [{name: value for name, value in column.items()
                    if name not in MORE_OF_COLUMN and value is not None}
                   for column in plain['resultSetMetaData']['rowType']]
        plain['resultSetMetaData'] = {**plain['resultSetMetaData'], 'rowType': columns}
    return plain


def wrong_answer(kind, status, answer, strict=False):
    """What is wrong with an answer. strict: it has nothing but what is described."""
    schema = ANSWERS[kind].get(status)
    if schema is None:
        return '' if status in REFUSALS else f'status {status} of {kind}'
    rows = answer.get('data', [])
    if not all(isinstance(row, list) and all(v is None or isinstance(v, str) for v in row)
               for row in rows):
        return 'data: a row that is no array of texts and nulls'
    answer = {**answer, 'data': []} if 'data' in answer else answer
    return wrong(answer if strict else described(answer), schema)
