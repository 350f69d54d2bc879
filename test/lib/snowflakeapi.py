# SPDX-License-Identifier: MIT
"""What Snowflake's published description of the SQL API, version 2, says of requests and
answers, and what beside it accounts are known to send. The stand-in holds both sides to it."""

import re
import uuid

import jsonschema

TEXT, LONG, COUNT = {'type': 'string'}, {'type': 'integer'}, {'type': 'integer', 'minimum': 0}
HANDLE = {'type': 'string',
          'pattern': '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'}


def thing(*required, **members):
    """An object with these members and no others."""
    return {'type': 'object', 'properties': members, 'required': list(required),
            'additionalProperties': False}


FORMATS = ('binary', 'date', 'time', 'timestamp', 'timestamp_ltz', 'timestamp_ntz',
           'timestamp_tz')
# Parameters have small letters in the description and capitals in the manual's examples.
SUBMISSION = thing(
    'statement', statement={'type': 'string', 'pattern': r'\S'}, timeout=COUNT, database=TEXT,
    schema=TEXT, warehouse=TEXT, role=TEXT, bindings={'type': 'object'},
    parameters=thing(TIMEZONE=TEXT, QUERY_TAG=TEXT, MULTI_STATEMENT_COUNT=COUNT,
                     **{f'{name}_output_format'.upper(): TEXT for name in FORMATS}))
# Query parameters of each operation; the manual alone knows `retry`.
QUERIES = {'post': {'requestId', 'async', 'nullable', 'retry'},
           'get': {'partition', 'requestId'}, 'cancel': {'requestId'}}
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
# The description gives these a status and no schema; 502 is of a balancer before the account.
REFUSALS = {400, 401, 403, 404, 405, 415, 429, 500, 502, 503, 504}
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
        if name not in QUERIES[kind] or len(values) != 1:
            return f'query parameter {name}'
    for name in ('async', 'nullable', 'retry'):
        if query.get(name, ['true'])[0] not in ('true', 'false'):
            return f'{name} is no boolean'
    for name in query.keys() & {'requestId'}:
        uuid.UUID(query[name][0])
    return ''


def wrong_body(kind, text, submission):
    """What is wrong with the body of a request."""
    if kind == 'post':
        return wrong(submission, SUBMISSION)
    return 'a body that nobody asks for' if text else ''


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
