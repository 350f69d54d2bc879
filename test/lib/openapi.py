# SPDX-License-Identifier: MIT
"""Holds answers against docs/openapi.json."""

import datetime
import json
import re

import jsonschema

from lib.paths import ROOT

FORMATS = jsonschema.FormatChecker([])


@FORMATS.checks('date-time', ValueError)
def is_date_time(value):
    return not isinstance(value, str) or (
        datetime.datetime.fromisoformat(value).tzinfo is not None)


SPEC = json.loads((ROOT / 'docs/openapi.json').read_text())


def plain(schema):
    """The JSON Schema of a schema of OpenAPI 3.0, which says `nullable` instead of a type
    null and points into the whole file."""
    if isinstance(schema, list):
        return [plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if '$ref' in schema:
        name = schema['$ref'].rpartition('/')[2]
        return plain(SPEC['components']['schemas'][name])
    result = {key: plain(value) for key, value in schema.items() if key != 'nullable'}
    return {'anyOf': [result, {'type': 'null'}]} if schema.get('nullable') else result


def template_of(path):
    """The path of the file that a request's path belongs to."""
    path = path.partition('?')[0]
    for template in sorted(SPEC['paths'], key=lambda t: '{' in t):
        if re.fullmatch(re.sub(r'\{\w+\}', '[^/]+', template), path):
            return template
    return None


def check(method, path, answer):
    """Fails when an answer is not what the file says of its path, method and status."""
    operation = SPEC['paths'][template_of(path)][method.lower()]
    said = operation['responses'].get(str(answer.status)) or operation['responses']['default']
    assert answer.status >= 400 or str(answer.status) in operation['responses'], answer
    if 'content' not in said:
        assert answer.body == b'', answer
        return
    assert answer.headers['Content-Type'] == 'application/json', answer.headers
    schema = plain(said['content']['application/json']['schema'])
    jsonschema.Draft7Validator(schema, format_checker=FORMATS).validate(answer.json())
