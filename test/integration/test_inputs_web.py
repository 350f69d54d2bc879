# SPDX-License-Identifier: MIT
"""Files and JSON answers of web servers that reports read."""

import gzip
import json
import types

import pytest
from psycopg import errors

from lib import duckdb, process, report
from lib.manual import says
from lib.receiver import certificate
from lib.site import Site
from lib.wait import wait_for
from test_engine_shared import file_of
from test_inputs import FAST

CSV = {'format': 'csv', 'columns': [['id', 'bigint']]}
SECRET = 'token-of-the-api'


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory):
    path = tmp_path_factory.mktemp('web')
    pem, ca = certificate(path)
    site, other = Site(pem), Site(pem)
    db = cluster.create(template)
    conf = process.write_conf(path / 'reportd.conf', db, {
        'source.files': {'type': 'duckdb', 'library': duckdb.library()},
        'http': {'ca_file': ca},
        'inputs': {'rescan': '1s', 'allow': '127.0.0.0/8, ::1/128',
                   'urls': f'{site.url("/")}, {other.url("/open/")}, https://127.0.0.2/',
                   'headers': f'{site.url("/api/")}=Authorization: Bearer ${{API_TOKEN}}',
                   'max_pages': 20, 'max_bytes': '4MB'}}, **FAST)
    # As an EnvironmentFile= of the unit, or a secret of the task, gives it.
    daemon = process.Daemon(db, conf, env={'API_TOKEN': SECRET})
    daemon.wait_ready()
    yield types.SimpleNamespace(db=db, daemon=daemon, conf=conf, site=site, other=other, ca=ca)
    daemon.end()
    db.drop()
    site.close()
    other.close()


@pytest.fixture
def db(engine, request, cluster, template):
    """The engine's; a database apart for a test with a daemon of its own settings, or the
    engine's daemon would do its work."""
    if 'daemon' not in request.fixturenames:
        yield engine.db
        return
    db = cluster.create(template)
    yield db
    db.drop()


@pytest.fixture
def site(engine):
    for one in engine.site, engine.other:
        one.files, one.answers, one.headers = {}, {}, {}
        one.no_head = one.no_match = False
        one.asked.clear()
    yield engine.site
    engine.db.execute('update reportd.report_config set is_active = false where is_active '
                      "and trigger_type = 'FILE'")


def submit(db, url, trigger='FILE', spec=CSV, **columns):
    columns = {'export_sql': 'select * from f', 'source': 'files',
               'output_path': 'web_{request_id}.csv', **columns}
    return report.submit(db, trigger_type=trigger, inputs={'f': {**spec, 'path': url}}, **columns)


def lines(db, config_id):
    return [file_of(run.output_url).read_text().split('\n')[1:-1]
            for run in report.runs(db, config_id) if run.status == 'COMPLETED' and run.output_url]


def wait_lines(db, config_id, count):
    try:
        return wait_for(lambda: len(found := lines(db, config_id)) >= count and found)
    except AssertionError:
        raise AssertionError(f'{reason(db, config_id)}; {report.runs(db, config_id)}') from None


def reason(db, config_id):
    """Why its place cannot be listed, or its file is not taken."""
    return db.value('select error from reportd.v_zones where config_id = %s', config_id) or \
        db.value('select reason from reportd.v_inputs where config_id = %s', config_id)


def wait_reason(db, config_id, text):
    wait_for(lambda: text in (reason(db, config_id) or ''), 30, lambda: reason(db, config_id))


# ---- a file ----

def test_each_version_of_a_file_is_read_once(db, site):
    site.files['/a.csv'] = b'id\n1\n'
    config_id = submit(db, site.url('/a.csv'))
    assert wait_lines(db, config_id, 1) == [['1']]
    site.files['/a.csv'] = b'id\n2\n'
    assert wait_lines(db, config_id, 2) == [['1'], ['2']]
    listed = db.value('select now()')
    wait_for(lambda: db.value('select listed_at from reportd.v_zones where config_id = %s',
                              config_id) > listed)
    assert lines(db, config_id) == [['1'], ['2']]
    version = db.value('select version from reportd.v_inputs where config_id = %s '
                       'order by file_id limit 1', config_id)
    gets = [one for one in site.asked if one.method == 'GET']
    assert len(gets) == 2 and gets[0].headers['If-Match'] == version


def test_a_version_without_an_etag_is_its_time_and_length(db, site):
    site.files['/a.csv'] = b'id\n1\n'
    site.headers = {'ETag': None, 'Last-Modified': 'Sun, 06 Nov 1994 08:49:37 GMT'}
    config_id = submit(db, site.url('/a.csv'))
    assert wait_lines(db, config_id, 1) == [['1']]
    row = db.row('select * from reportd.v_inputs where config_id = %s', config_id)
    assert row.version == 'Sun, 06 Nov 1994 08:49:37 GMT 5'
    assert row.modified_at.year == 1994
    site.files['/a.csv'] = b'id\n22\n'
    assert wait_lines(db, config_id, 2) == [['1'], ['22']]


@pytest.mark.parametrize('headers, why', [
    ({'ETag': None, 'Last-Modified': None}, 'its server tells neither its ETag nor its time'),
    ({'Content-Encoding': 'gzip'}, 'its server encodes it for the way'),
    ({'Content-Length': None}, 'its server does not tell its length'),
])
def test_a_file_whose_version_is_not_known_waits(db, site, headers, why):
    site.files['/a.csv'] = b'id\n1\n'
    site.headers = headers
    config_id = submit(db, site.url('/a.csv'))
    wait_for(lambda: why in (reason(db, config_id) or ''), 30, lambda: reason(db, config_id))
    site.headers = {}
    assert wait_lines(db, config_id, 1) == [['1']]


def test_a_server_without_head(db, site):
    site.files['/a.csv'] = b'id\n1\n'
    site.no_head = True
    assert wait_lines(db, submit(db, site.url('/a.csv')), 1) == [['1']]


@pytest.mark.parametrize('knows', [True, False])
def test_what_is_replaced_before_it_is_read_comes_as_new(db, site, knows):
    """The file changes as the run asks for it; servers need not know If-Match."""
    site.no_match = not knows
    site.files['/a.csv'] = b'id\n1\n'

    def answer(request):
        if request.method == 'GET' and site.files['/a.csv'] == b'id\n1\n':
            site.files['/a.csv'] = b'id\n2\n'
    site.answers['/a.csv'] = answer
    config_id = submit(db, site.url('/a.csv'))
    assert wait_for(lambda: ['2'] in (found := lines(db, config_id)) and found) == [['2']]
    states = {row.state for row in db.query(
        'select state from reportd.v_inputs where config_id = %s', config_id)}
    assert states == {'GONE', 'DONE'}


@pytest.mark.parametrize('length', ['7', None])
def test_a_file_that_ends_early_is_read_again(db, site, length):
    site.files['/a.csv'] = b'id\n1\n2\n'
    cut = []

    def answer(request):
        if request.method == 'GET' and not cut:
            cut.append(request)
            return 200, {**site.file(request, '/a.csv')[1], 'Content-Length': length}, b'id\n1'
    site.answers['/a.csv'] = answer
    assert wait_lines(db, submit(db, site.url('/a.csv')), 1) == [['1', '2']]
    assert cut


def test_a_file_that_is_not_there_is_awaited(db, site):
    config_id = submit(db, site.url('/later.csv?day=1'))
    wait_for(lambda: db.value('select listed_at from reportd.v_zones where config_id = %s', config_id))
    assert reason(db, config_id) is None
    site.files['/later.csv'] = b'id\n7\n'
    assert wait_lines(db, config_id, 1) == [['7']]


def test_a_query_is_no_part_of_the_name(db, site):
    site.files['/a.csv.gz'] = gzip.compress(b'id\n8\n')
    assert wait_lines(db, submit(db, site.url('/a.csv.gz?of=[1]*')), 1) == [['8']]


def test_a_file_with_more_bytes_than_the_settings_allow(db, site):
    site.files['/big.csv'] = b'id\n' + b'1\n' * 3_000_000
    config_id = submit(db, site.url('/big.csv'), 'ADHOC', max_retries=0)
    row = report.wait_done(db, config_id)
    assert row.status == 'FAILED' and 'max_bytes in [inputs]' in row.error_message


def test_the_query_of_a_url_is_not_told(db, site):
    """It often has a token, and errors go into logs and notices."""
    site.files['/a.csv'] = b'id\n1\n'

    def answer(request):
        status, headers, body = site.file(request, '/a.csv')
        if request.method == 'HEAD':
            return status, headers, body
        return status, {**headers, 'Content-Length': None}, body + b'2\n'
    site.answers['/a.csv'] = answer
    row = read(db, site.url('/a.csv?token=secret'), CSV)
    assert 'has more bytes than its server has said' in row.error_message
    assert '/a.csv' in row.error_message and 'token=secret' not in row.error_message


# ---- which servers ----

def redirect(url, status=302):
    return [(status, {'Location': url}, b'')]


@says('See the headers that the settings send to web servers, or have them sent elsewhere.')
def test_redirects_stay_on_the_list(db, engine, site):
    site.files['/real.csv'] = engine.other.files['/open/a.csv'] = b'id\n1\n'
    site.answers['/to.csv'] = redirect('/real.csv')
    assert wait_lines(db, submit(db, site.url('/to.csv')), 1) == [['1']]
    site.answers['/api/out.csv'] = redirect(engine.other.url('/open/a.csv'))
    assert wait_lines(db, submit(db, site.url('/api/out.csv')), 1) == [['1']]
    # The headers of a server are for that server alone.
    assert {one.headers.get('Authorization') for one in site.asked
            if one.path.startswith('/api/')} == {f'Bearer {SECRET}'}
    assert {one.headers.get('Authorization') for one in engine.other.asked} == {None}
    assert {one.headers.get('Authorization') for one in site.asked
            if not one.path.startswith('/api/')} == {None}


@pytest.mark.parametrize('to, why', [
    ('{other}/closed/a.csv', 'the settings do not allow to read {other}/closed/a.csv'),
    ('http://localhost/a.csv', 'it does not begin with https://'),
    ('{site}/api/../a.csv', 'its path has a part that is empty, begins with a dot'),
    ('{site}/api/%2E%2e/a.csv', 'its path has a part that is empty, begins with a dot'),
    ('https://user@localhost/a.csv', 'without a user'),
    ('/loop.csv', 'redirects more than 5 times'),
    ('/' + 'x' * 8192, '/a.csv redirects to a URL of more than 8192 bytes'),
])
def test_a_redirect_off_the_list_is_not_followed(db, engine, site, to, why):
    names = {'site': site.base, 'other': engine.other.base}
    site.answers['/a.csv'] = redirect(to.format(**names))
    site.answers['/loop.csv'] = redirect('/loop.csv')
    config_id = submit(db, site.url('/a.csv'))
    wait_reason(db, config_id, why.format(**names))
    assert engine.other.asked == []


def test_a_server_that_the_settings_do_not_name(db, site, engine):
    config_id = submit(db, engine.other.url('/closed/a.csv'))
    wait_reason(db, config_id, 'add its folder to urls in [inputs]')
    assert engine.other.asked == []


@says('Reach by an input a server that the settings do not name, or one with a private address.')
def test_a_private_address_is_refused_unless_allowed(db, daemon, conf, tmp_path):
    pem, ca = certificate(tmp_path)
    site = Site(pem)
    site.files['/a.csv'] = b'id\n1\n'
    daemon({'http': {'ca_file': ca}, 'inputs': {'rescan': '1s', 'urls': site.url('/')}})
    config_id = submit(db, site.url('/a.csv'), source='default')
    wait_reason(db, config_id, '[inputs] allow lists networks that are')
    assert site.asked == []
    site.close()


def test_a_certificate_that_is_not_trusted(db, daemon, tmp_path):
    pem, _ = certificate(tmp_path)
    site = Site(pem)
    daemon({'inputs': {'rescan': '1s', 'urls': site.url('/'), 'allow': '127.0.0.0/8, ::1/128'}})
    config_id = submit(db, site.url('/a.csv'), source='default')
    wait_reason(db, config_id, 'is not trusted')
    site.close()


def test_doctor_asks_each_server(ctl, engine, site):
    site.answers['/api/'] = [(401, {}, b'')]
    site.answers['/ill/'] = [(503, {}, b'')]
    urls = [site.url(path) for path in ('/', '/api/', '/ill/')]
    away = 'https://localhost:1/'

    def doctor(allow):
        done = ctl('doctor', '--json', sections={
            'http': {'ca_file': engine.ca}, 'inputs': {'urls': ', '.join([*urls, away]), **allow}})
        checks = {check['what']: check for check in json.loads(done.stdout)}
        return [checks[f'inputs {url}'] for url in (*urls, away)]
    plain, refused, ill, gone = doctor({'allow': '127.0.0.0/8, ::1/128'})
    assert plain['result'] == 'ok' and plain['detail'].endswith('with HTTP 404')
    assert refused['result'] == 'warn' and 'headers in [inputs]' in refused['mend']
    assert ill['result'] == 'warn' and 'HTTP 503' in ill['detail']
    assert gone['result'] == 'FAILED' and 'take it out of urls' in gone['mend']
    assert [one.method for one in site.asked] == ['HEAD'] * 3
    for one in doctor({}):
        assert one['result'] == 'FAILED' and '[inputs] allow' in one['detail']
    assert len(site.asked) == 3


@says('Read by an input a folder, a bucket or a web server that is not granted: neither as '
      'written, nor where a redirect or the next page of an answer leads.')
def test_an_owner_reads_what_is_granted(db, engine, site):
    db.execute('create role web_reader in role reportd_submitter')
    mine = {'owner': 'web_reader', 'output_path': 'web_reader/{request_id}.csv'}
    try:
        db.execute("select reportd.grant_source('files', 'web_reader'), "
                   "reportd.grant_path('web_reader', 'web_reader') as w, "
                   "reportd.grant_path(%s, 'web_reader', 'read')", site.url('/mine/'))
        with pytest.raises(errors.InvalidParameterValue, match='may not read'):
            submit(db, site.url('/yours/a.csv'), **mine)
        site.files['/mine/a.csv'] = site.files['/yours/a.csv'] = b'id\n1\n'
        config_id = submit(db, site.url('/mine/a.csv'), **mine)
        assert wait_lines(db, config_id, 1) == [['1']]
        # Neither a redirect nor a next page leads an owner to what others may read.
        site.answers['/mine/b.csv'] = redirect('/yours/a.csv')
        config_id = submit(db, site.url('/mine/b.csv'), **mine)
        wait_reason(db, config_id, 'the owner of the report may not read')
        site.answers['/mine/rows'] = [(200, {}, {'rows': [{'id': 1}], 'next': '/yours/rows'})]
        config_id = submit(db, site.url('/mine/rows'), 'ADHOC', ROWS, **mine)
        row = report.wait_done(db, config_id)
        assert 'the owner of the report may not read' in row.error_message
        assert site.queries('/yours/a.csv') == site.queries('/yours/rows') == []
    finally:
        db.execute('delete from reportd.report_config where owner = %s::regrole', 'web_reader')
        db.execute('drop owned by web_reader')
        db.execute('drop role web_reader')


# ---- JSON answers ----

ROWS = {'format': 'jsonl', 'columns': [['id', 'bigint'], ['name', 'varchar']],
        'items': '/rows', 'next': '/next'}


def read(db, url, spec=ROWS, **columns):
    """The row of the report after its run."""
    return report.wait_done(db, submit(db, url, 'ADHOC', spec, max_retries=0, **columns))


def rows_of(db, row):
    return lines(db, row.config_id)[-1]


def test_pages_become_a_relation(db, site):
    site.answers['/api/rows'] = [
        (200, {}, {'next': '/api/rows?page=2', 'rows': [{'id': 1, 'name': 'a"],["b'}, {'id': 2}]}),
        (200, {}, '{"rows": [\n {"name": "x\\u00e9\\\\",\n "id": 3 } ,{"id":4,"more":{"rows":[1]}}]'
                  ', "next": "?page=3", "total": 123456789012345678901234567890}'),
        (200, {}, {'rows': []})]
    row = read(db, site.url('/api/rows?page=1'),
               export_sql="select id, name, :'f__files' as files from f order by id")
    assert row.status == 'COMPLETED', row.error_message
    assert [line.split(',')[0] for line in rows_of(db, row)] == ['1', '2', '3', '4']
    assert 'xé\\' in rows_of(db, row)[2]
    assert site.url('/api/rows?page=1') in rows_of(db, row)[0]
    assert site.queries('/api/rows') == ['page=1', 'page=2', 'page=3']
    assert all(one.headers['Authorization'] == f'Bearer {SECRET}' for one in site.asked)


def test_pointers_lead_through_objects(db, site):
    site.answers['/rows'] = [
        (200, {}, {'a/b': {'~x': [{'id': 1}]}, 'links': {'next': {'href': site.url('/rows?2')}},
                   'rows': [{'id': 9}]}),
        (200, {}, {'links': {'next': None}, 'a/b': {'~x': [{'id': 2}]}})]
    row = read(db, site.url('/rows'), {**ROWS, 'items': '/a~1b/~0x', 'next': '/links/next/href'},
               export_sql='select id from f order by id')
    assert rows_of(db, row) == ['1', '2']
    site.answers['/list'] = [(200, {}, ' [{"id": 5}, {"id": 6}] ')]
    spec = {key: value for key, value in ROWS.items() if key != 'next'}
    row = read(db, site.url('/list'), {**spec, 'items': ''}, export_sql='select id from f order by id')
    assert rows_of(db, row) == ['5', '6']


UNREADABLE = [
    ({'rows': [], 'next': '/bad0?token=secret'}, 'leads back to a page that was read before'),
    ({'error': 'quota exceeded'}, 'has no array where "items" of the input says'),
    ({'rows': None}, 'is no array'),
    ({'rows': {'0': 1}}, 'is no array'),
    ({}, 'has no array'),
    ('', 'is no JSON'),
    ('<html>log in</html>', 'is no JSON'),
    ('{"rows": [{"id": 1}', 'ends within its items'),
    ('{"rows": [{"id": 1}], "next": ', 'is no JSON'),
    ('{"rows": [{"id": 1}], "rows": []}', 'is no JSON'),
    ('{"rows": [{"id": 1},]}', 'is missing between two commas'),
    ('{"rows": [1, 2]}', 'is no object'),
    ('{"rows": [{"id": 01}]}', 'an item of the answer is no JSON'),
    ('{"rows": [{"id": 1} {"id": 2}]}', 'an item of the answer is no JSON'),
    (b'{"rows": [{"name": "\xff"}]}', 'is no UTF-8'),
    ({'rows': [], 'next': 5}, '"next" of the input leads to a value that is no text'),
    ({'rows': [], 'next': 'http://localhost/'}, '"next" leads to no https:// URL'),
    ({'rows': [], 'next': 'file:///etc/passwd'}, '"next" leads to no https:// URL'),
    ({'rows': [], 'next': 's3://bucket/key'}, '"next" leads to no https:// URL'),
    ({'rows': [], 'next': 'https://elsewhere.example.com/'}, 'do not allow to read https://elsewhere'),
    ('[' * 200, 'more than 100 levels'),
    ('{"x": "' + 'y' * (1 << 20) + '"}', 'has more than 1 MB around its items'),
    ({'rows': [{'name': 'y' * 2_100_000}, {'name': 'y' * 2_100_000}]}, 'max_bytes in [inputs]'),
]


def test_an_answer_that_cannot_be_read_is_an_error(db, site):
    """All at once, as some are asked for again after a pause."""
    said = {}
    for n, (answer, why) in enumerate(UNREADABLE):
        site.answers[f'/bad{n}'] = [(200, {}, answer)]
        config_id = submit(db, site.url(f'/bad{n}?token=secret'), 'ADHOC', ROWS, max_retries=0)
        said[config_id] = why
    for config_id, why in said.items():
        row = report.wait_done(db, config_id, 120)
        assert row.status == 'FAILED', why
        assert why in row.error_message and 'token=secret' not in row.error_message, row.error_message
        assert lines(db, config_id) == []


def test_pages_end_at_the_limit(db, site):
    site.answers['/rows'] = lambda request: (200, {}, {
        'rows': [{'id': 1}], 'next': f'/rows?{len(site.asked)}'})
    row = read(db, site.url('/rows'))
    assert 'it has more than 20 pages: max_pages in [inputs]' in row.error_message
    assert len(site.asked) == 20


def test_a_server_that_is_busy_is_asked_again(db, site):
    half = '{"rows": [' + 600 * ('{"id": 7, "name": "' + 'x' * 1000 + '"},')
    first = 200, {}, {'rows': [{'id': 0}], 'next': '/rows?2'}
    site.answers['/rows'] = [
        first, (429, {'Retry-After': '0'}, b''), (503, {}, b''),
        (200, {'Content-Length': '1000000'}, half), (200, {}, {'rows': [{'id': 1}]})]
    row = read(db, site.url('/rows'), export_sql='select id from f')
    assert row.status == 'COMPLETED', row.error_message
    # A try that broke has left nothing, and what came before is there.
    assert rows_of(db, row) == ['0', '1'] and len(site.asked) == 5


def test_a_server_that_wants_a_long_wait_is_not_awaited(db, site):
    site.answers['/rows'] = [(429, {'Retry-After': '3600'}, b'')]
    row = read(db, site.url('/rows'))
    assert 'answers with HTTP 429' in row.error_message and len(site.asked) == 1


def test_a_refusal_says_what_may_be_missing(db, site):
    site.answers['/rows'] = [(401, {}, b'')]
    row = read(db, site.url('/rows'))
    assert 'answers with HTTP 401; does it need one of headers in [inputs]' in row.error_message


def test_a_source_that_reads_no_files(db, site):
    row = read(db, site.url('/rows'), source='default', export_sql='select 1')
    assert 'only a source that reads files can read' in row.error_message


# ---- what may be written ----

@pytest.mark.parametrize('spec, message', [
    ({'path': 'http://a.example/x.csv'}, 'is no URL that can be read'),
    ({'path': 'https://a.example'}, 'is no URL'),
    ({'path': 'https://u:p@a.example/x'}, 'is no URL'),
    ({'path': 'https://A.example/x'}, 'is no URL'),
    ({'path': 'https://a.example/x/../y'}, 'is no URL'),
    ({'path': 'https://a.example/x/%2e%2E/y'}, 'is no URL'),
    ({'path': 'https://a.example/x*'}, 'is no URL'),
    ({'path': 'https://a.example/x#y'}, 'is no URL'),
    ({'path': 'https://a.example/x', 'archive': 's3://bucket/old/'}, 'has "archive", which is not for https'),
    ({'path': '/srv/in/x', 'archive': 'https://a.example/x/'}, 'is a URL, where no file can be put'),
    ({'path': '/srv/in/x', 'items': '/x', 'format': 'jsonl'}, 'which is for JSON answers of https'),
    ({'path': 'https://a.example/x', 'next': '/x', 'format': 'jsonl'}, 'has "next", which is for'),
    ({'path': 'https://a.example/x', 'items': 'x', 'format': 'jsonl'}, 'is no JSON pointer'),
    ({'path': 'https://a.example/x', 'items': '/x~2', 'format': 'jsonl'}, 'is no JSON pointer'),
    ({'path': 'https://a.example/x', 'items': '/x'}, 'without the format jsonl'),
    ({'path': 'https://a.example/x', 'items': '/x', 'format': 'jsonl', 'use': 'new'},
     'has "use", which is not for a JSON answer'),
])
def test_a_wrong_input_is_refused(db, spec, message):
    with pytest.raises(errors.InvalidParameterValue, match=message):
        report.submit(db, trigger_type='SCHEDULED', schedule_expression='@yearly', inputs={'f': spec})


def test_a_json_answer_alone_starts_no_run(db):
    with pytest.raises(errors.InvalidParameterValue, match='FILE without an input of new files'):
        submit(db, 'https://a.example/x', spec=ROWS)


def test_wrong_settings_are_named(ctl):
    for key, value, message in [
            ('urls', 'https://a.example', 'must be the beginning of URLs up to a slash'),
            ('urls', 'http://a.example/', 'must be the beginning of URLs up to a slash'),
            ('headers', 'https://a.example/=secret-value', 'number 1 must be PREFIX=Name: value'),
            ('queue_url', 'sqs', 'must be a URL')]:
        said = ctl('list', sections={'inputs': {key: value}}).stderr
        assert message in said and 'secret-value' not in said
