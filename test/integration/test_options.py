# SPDX-License-Identifier: MIT
"""Options that no run can use are refused by the INSERT and by `reportctl export`
alike, whatever the query is."""

import json

import psycopg
import pytest

from lib import process, report

pytestmark = pytest.mark.shipped


@pytest.fixture(scope='module')
def queue(cluster, template):
    """One database for all: what is refused leaves nothing."""
    db = cluster.create(template)
    yield db
    db.drop()


@pytest.fixture(scope='module')
def export(queue, tmp_path_factory):
    """Runs `reportctl export` with a format and options."""
    path = tmp_path_factory.mktemp('options')
    conf = process.write_conf(path / 'reportd.conf', queue)

    def run(format, options):
        words = [f'--option={key}={json.dumps(value)}'
                 for key, value in options.items()]
        return process.reportctl(
            conf, 'export', '--sql', "select 'k' as k, 1 as v, 1.5::numeric as n",
            '--format', format, '-o', str(path / 'file'), *words)
    return run


def wrong_values(rule):
    """Values that a rule of reportd.output_format forbids."""
    kind, allowed = rule['type'], rule.get('allowed')
    yield None
    yield {'string': 5, 'boolean': 'yes', 'integer': 'many', 'number': 'wide',
           'array': {}, 'object': []}[kind]
    if kind == 'integer':
        yield from (1.5, 1e30, -1, 9223372036854775807, 9223372036854775808)
    if kind == 'number':
        yield from (-1, 1e300)
    if kind in ('integer', 'number') and '..' in (allowed or ''):
        least, most = map(int, allowed.split('..'))
        yield from (least - 1, most + 1)
    if kind == 'string' and allowed:
        yield from ('',) if allowed == '1..' else ('', 'no such', '*', allowed)
    if kind == 'array' and allowed:
        yield []
    inside = rule.get('inside') or []
    if kind == 'object' and not (inside and inside[0]['option'] == '*'):
        yield {'no such': 1}
    if kind == 'object' and inside and inside[0]['option'] == '*':
        yield {'': {} if inside[0]['type'] == 'object' else 'x'}
    for below in inside:
        for value in wrong_values(below):
            if kind == 'array':
                yield [value]
            else:
                yield {'k' if below['option'] == '*' else below['option']: value}


def refused_by_insert(db, format, options):
    path = 's3://bucket/key' if 's3' in options else '{partition}/x' \
        if 'partition_by' in options else None
    try:
        report.submit(db, output_format=format, output_options=options, output_path=path,
                      export_sql='select 1 as k')
    except psycopg.Error as e:
        assert e.sqlstate == '22023', e
        return e.diag.message_primary
    return None


def test_every_option_refuses_what_its_rule_forbids(queue):
    """The rules are data: each is tried with values that it forbids."""
    tried = 0
    for format, rules in queue.query(
            'select format, options from reportd.output_format where alias_of is null'):
        for rule in rules:
            for value in wrong_values(rule):
                message = refused_by_insert(queue, format, {rule['option']: value})
                assert message, (format, rule['option'], value)
                assert message.startswith('output_options: '), message
                tried += 1
    assert tried > 700


# format, options that fit their rules and that no run can use, what is said
WRONG = [
    *[(f, {'chart': chart}, says) for f in ('XLSX', 'PDF', 'HTML') for chart, says in [
        ({'type': 'bar'}, 'needs a "category"'),
        ({'category': 'k'}, 'needs a "category"'),
        ({'values': ['v']}, 'needs a "category"'),
        ({'category': 'k', 'values': []}, '"chart.values" must not be empty'),
        ({'category': '', 'values': ['v']}, '"chart.category" must not be empty'),
        ({'category': 'k', 'values': ['']}, '"chart.values[0]" must not be empty'),
        ({'category': 'k', 'values': ['v', 'n', 'v']}, 'has "v" twice'),
        ({'type': 'pie', 'category': 'k', 'values': ['v', 'n']}, 'a pie has room for one'),
        ({'category': 'k', 'values': ['v'], 'section': 'x'}, 'not one of "sections"')]],
    *[('PARQUET', {'decimal': value}, f'"PRECISION,SCALE" with at most 38 digits, such as '
       f'"38,20"; it is "{value}"') for value in (
        '39,2', '10,11', '10', 'a,b', 'TEXT', '', '0,0', '10,', ',2', '10, 2', '-1,2', '1,-1',
        '10,2x', '100,2', ' 10,2')],
    ('CSV', {'encoding': 'MULE_INTERNAL'}, 'encoding "MULE_INTERNAL" cannot be written'),
    ('CSV', {'encoding': 'UTF-16'}, 'encoding "UTF-16" cannot be written'),
    ('CSV', {'encoding': ''}, 'encoding "" cannot be written'),
    ('CSV', {'encoding': 'LATIN1//IGNORE'}, 'encoding "LATIN1//IGNORE" cannot be written'),
    ('CSV', {'bom': True, 'encoding': 'LATIN1'}, '"bom" belongs to UTF8'),
    ('CSV', {'delimiter': ''}, '"delimiter" must be'),
    ('CSV', {'delimiter': '"'}, '"delimiter" must be'),
    ('CSV', {'null': 'a,b'}, '"null" must not hold'),
    ('CSV', {'decimal_comma': True}, '"decimal_comma" needs'),
    ('PDF', {'group_by': ''}, '"group_by" must not be empty'),
    ('PDF', {'font': ''}, '"font" must not be empty'),
    *[(f, {'lang': value}, f'"lang" cannot be "{value}"') for f in ('PDF', 'HTML')
      for value in ('', 'xx yy', 'd', 'de_DE', 'de-', '1', 'deutsch')],
    *[(f, {'columns': {'': {}}}, '"columns" has an entry without a name')
      for f in ('CSV', 'HTML', 'JSON', 'JSONL', 'XLSX', 'PDF', 'PARQUET')],
    *[(f, {'max_rows': n}, '"max_rows" must be within 1..1000000000000')
      for f in ('CSV', 'XLSX') for n in (0, 1000000000001, 9223372036854775807)],
]


@pytest.mark.parametrize('format, options, says', WRONG, ids=lambda v: str(v)[:60])
def test_what_no_run_can_use_is_refused_early(queue, export, format, options, says):
    message = refused_by_insert(queue, format, options)
    assert says in (message or ''), message
    done = export(format, options)
    assert done.returncode != 0 and says in done.stderr, done.stderr


@pytest.mark.parametrize('format, options', [
    ('PARQUET', {'decimal': '38,37'}), ('PARQUET', {'decimal': '2,1'}),
    ('PARQUET', {'decimal': '05,02'}), ('PARQUET', {'decimal': 'text'}),
    ('PDF', {'lang': 'zh-Hans'}), ('HTML', {'lang': 'pt-BR'}), ('HTML', {'lang': 'sr-Latn-RS'}),
    ('CSV', {'max_rows': 1000000000000}), ('XLSX', {'columns': {'v': {'width': 255}}}),
    ('HTML', {'chart': {'type': 'pie', 'category': 'k', 'values': ['v']}}),
    ('CSV', {'encoding': 'windows-1252'}), ('CSV', {'encoding': 'iso-8859-15'})],
    ids=lambda v: str(v)[:60])
def test_what_a_run_can_use_is_taken(queue, export, format, options):
    assert refused_by_insert(queue, format, options) is None
    done = export(format, options)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('formats, path, options', [
    ('PARQUET,CSV', '{partition}/{ext}', {'partition_by': ['k']}),
    ('PARQUET', '{partition}/x', {}), ('CSV', '{partition}/x', {})])
def test_partition_in_a_path_is_for_outputs_that_have_some(queue, formats, path, options):
    with pytest.raises(psycopg.Error, match='makes no partitions') as error:
        report.submit(queue, output_format=formats, output_path=path, output_options=options)
    assert 'partition_by' in error.value.diag.message_hint
