# SPDX-License-Identifier: MIT
"""Results that Redshift writes into S3 itself: UNLOAD, by the stand-in."""

import gzip
import json
import os
import re
import signal
import types

import psycopg
import pytest

from lib import process, report
from lib.objects import Objects
from lib.paths import ROOT
from lib.redshift import Redshift
from lib.swift import KEY, REGION, SECRET, Shelf
from lib.wait import wait_for
from test_engine_shared import done, failure, file_of

ROLE = 'arn:aws:iam::123456789012:role/unload'
QUERY = """select n, 'it''s \\\\ text ' || n as text -- a comment
    from generate_series(1, 10) n order by n"""
KEYS = {'AWS_ACCESS_KEY_ID': 'AKIDTEST', 'AWS_SECRET_ACCESS_KEY': 'testsecret'}


@pytest.fixture(scope='module')
def objects():
    objects = Objects()
    yield objects
    objects.remove()


@pytest.fixture(scope='module')
def redshift(cluster, objects):
    redshift = Redshift(cluster, objects)
    yield redshift
    redshift.remove()


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory, redshift, objects):
    db, dwh = cluster.create(template), cluster.create()
    source = {'type': 'redshift', 'conninfo': redshift.conninfo(dwh)}
    conf = process.write_conf(tmp_path_factory.mktemp('unload') / 'reportd.conf', db, {
        's3': {'endpoint': objects.url, 'region': 'eu-central-1'},
        'source.dwh': {**source, 'unload_to': 's3://lake/unloaded', 'unload_role': ROLE},
        'source.roleless': source})
    daemon = process.Daemon(db, conf, env=KEYS)
    try:
        daemon.wait_ready()
        yield types.SimpleNamespace(db=db, dwh=dwh, conf=conf, daemon=daemon)
    finally:
        try:
            daemon.end()
        finally:
            db.drop()
            dwh.drop()


@pytest.fixture(autouse=True)
def shelf(objects, redshift):
    objects.kept.clear()
    objects.asked.clear()
    redshift.statements.clear()
    redshift.parts = 2
    yield objects
    objects.fails.clear()
    redshift.faults.clear()


def unload(engine, within=30, **columns):
    options = {'unload': True, **columns.pop('output_options', {})}
    columns.setdefault('export_sql', QUERY)
    return done(engine.db, within=within, source='dwh', output_options=options, **columns)


def refusal(engine, **columns):
    options = {'unload': True, **columns.pop('output_options', {})}
    columns = {'source': 'dwh', 'export_sql': QUERY, 'max_retries': 3, **columns}
    return failure(engine.db, output_options=options, **columns).error_message


def begun(engine, redshift):
    """A run whose UNLOAD goes on until it is stopped."""
    config_id = report.submit(engine.db, source='dwh', export_sql='select pg_sleep(60)',
                              max_retries=0, output_options={'unload': True})
    wait_for(lambda: redshift.unloading)
    return wait_for(lambda: [r for r in report.runs(engine.db, config_id) if r.leftovers])[0]


def left_behind(engine, objects, bucket):
    """A run that could neither write its manifest nor remove its objects."""
    objects.fails += [('PUT', 'denied', 403), ('DELETE', '', 403)]
    return failure(engine.db, source='dwh', export_sql=QUERY, max_retries=0,
                   output_path=f's3://{bucket}/denied.{{ext}}', output_options={'unload': True})


def parts_of(manifest, objects):
    return b''.join(objects.kept[tuple(e['url'].removeprefix('s3://').split('/', 1))]
                    for e in manifest['entries'])


def test_the_manifest_is_the_output(engine, objects, redshift):
    run = unload(engine, output_path='sales.{ext}')
    path = file_of(run.output_url)
    assert path.name == 'sales.manifest'
    manifest = json.loads(path.read_text())
    prefix = f'unloaded/{run.config_id}/{run.run_id}/'
    assert [e['url'] for e in manifest['entries']] == [
        f's3://lake/{prefix}0000_part_00', f's3://lake/{prefix}0001_part_00']
    lines = parts_of(manifest, objects).decode().splitlines()
    assert lines.count('n,text') == 2
    assert sorted(set(lines) - {'n,text'}) == sorted(
        f"{n},it's \\ text {n}" for n in range(1, 11))
    assert run.row_count == 10
    assert run.byte_count == path.stat().st_size
    size = sum(e['meta']['content_length'] for e in manifest['entries'])
    assert run.remark == f'CSV: unloaded {size} bytes into 2 objects below s3://lake/{prefix}'
    statement = [s for s in redshift.statements if s.startswith('unload')][0]
    assert statement.endswith(
        f"to 's3://lake/{prefix}' iam_role '{ROLE}' region 'eu-central-1' "
        'format as csv header  manifest verbose')


@pytest.mark.parametrize('format, options, clause', [
    ('CSV', {'delimiter': ';', 'header': False, 'null': 'NULL'},
     "format as csv delimiter as ';' null as 'NULL'"),
    ('CSV', {'compress': 'gzip'}, 'format as csv header gzip'),
    ('JSONL', {'compress': 'zstd'}, 'format as json zstd'),
    ('JSONL', {}, 'format as json'),
    ('PARQUET', {}, 'format as parquet'),
])
def test_options_become_clauses(engine, redshift, format, options, clause):
    run = unload(engine, output_format=format, output_options=options)
    statement = [s for s in redshift.statements if s.startswith('unload')][0]
    assert re.search(re.escape(clause) + r'\s+manifest verbose$', statement)
    assert file_of(run.output_url).suffix == '.manifest'
    json.loads(file_of(run.output_url).read_bytes())


def test_compressed_parts_and_a_plain_manifest(engine, objects):
    run = unload(engine, output_options={'compress': 'gzip'})
    manifest = json.loads(file_of(run.output_url).read_bytes())
    assert b'n,text' in gzip.decompress(parts_of(manifest, objects))


def test_parameters_are_quoted_twice(engine, objects):
    nasty = "it's \\'; drop table x; -- \\"
    run = unload(engine, export_sql="select :'p' as p", parameters={'p': nasty},
                 output_format='JSONL')
    manifest = json.loads(file_of(run.output_url).read_bytes())
    assert json.loads(parts_of(manifest, objects)) == {'p': nasty}


def test_many_objects_come_in_pages(engine, objects, redshift):
    redshift.parts = 9
    run = unload(engine)
    assert len(json.loads(file_of(run.output_url).read_bytes())['entries']) == 9
    assert sum('list-type=2' in a for a in objects.asked) == 5


def test_each_run_has_a_prefix_of_its_own(engine, objects):
    one = unload(engine, output_path='same.{ext}')
    two = unload(engine, output_path='same.{ext}')
    assert one.output_url == two.output_url
    assert f'/{two.run_id}/' in file_of(two.output_url).read_text()
    assert len([k for k in objects.keys() if k.endswith('manifest')]) == 2


def test_no_rows(engine, objects):
    empty = 'select 1 as a where false'
    run = unload(engine, export_sql=empty)
    assert run.row_count == 0 and run.output_url
    run = unload(engine, export_sql=empty, output_options={'skip_if_empty': True})
    assert run.output_url is None and run.remark == 'no rows: no output was made'
    wait_for(lambda: not [k for k in objects.keys() if f'/{run.run_id}/' in k])


# Unloads that fail leave nothing.

@pytest.mark.parametrize('spoil, says', [
    (lambda m: m['entries'][0]['meta'].update(content_length=1), 'its manifest'),
    (lambda m: m['entries'].pop(), 'sums'),
    (lambda m: m['meta'].update(record_count=11), 'sums'),
    (lambda m: m['entries'][1].update(url='s3://other/x'), 'not below'),
])
def test_a_manifest_that_does_not_hold_fails_the_run(
        engine, objects, redshift, monkeypatch, spoil, says):
    honest = Redshift.manifest

    def spoiled(self, *args):
        manifest = json.loads(honest(self, *args))
        spoil(manifest)
        if says == 'its manifest':
            manifest['meta'].pop('content_length')
        return json.dumps(manifest)
    monkeypatch.setattr(Redshift, 'manifest', spoiled)
    run = failure(engine.db, source='dwh', export_sql=QUERY, output_options={'unload': True})
    assert says in run.error_message, run.error_message
    wait_for(lambda: objects.keys() == [])


def test_an_object_that_is_not_there_fails_the_run(engine, objects, monkeypatch):
    monkeypatch.setattr(objects, 'put', lambda bucket, key, data: None if '0001' in key
                        else objects.kept.update({(bucket, key): data}))
    run = failure(engine.db, source='dwh', export_sql=QUERY, output_options={'unload': True})
    assert '1 of the 2 objects in the manifest are there' in run.error_message
    wait_for(lambda: objects.keys() == [])


def test_a_cancel_ends_the_unload(engine, objects, redshift):
    """What an UNLOAD that is stopped has written so far is removed."""
    run = begun(engine, redshift)
    objects.put('lake', f'unloaded/{run.config_id}/{run.run_id}/0000_part_00', b'half')
    engine.db.execute('select reportd.cancel(%s)', run.config_id)
    assert report.wait_done(engine.db, run.config_id).status == 'CANCELLED'
    wait_for(lambda: objects.keys() == [])


def test_an_error_of_redshift_is_the_run_s(engine, objects, redshift):
    run = failure(engine.db, source='dwh', output_options={'unload': True}, max_retries=3,
                  export_sql='select nothing')
    assert run.error_sqlstate == '42703' and 'nothing' in run.error_message
    redshift.fail_at('^unload', 'S3ServiceException:Access Denied,Status 403,Error AccessDenied',
                     'XX000')
    assert 'Access Denied' in failure(
        engine.db, source='dwh', export_sql=QUERY,
        output_options={'unload': True}).error_message


def test_who_may_not_read_the_manifest_is_told(engine, objects):
    objects.fails.append(('GET', 'manifest', 403))
    message = refusal(engine)
    assert 'AccessDenied' in message and '/manifest' in message


# Reports that are refused before anything runs.

def test_other_sources_cannot_unload(engine, redshift):
    with pytest.raises(psycopg.errors.InvalidParameterValue,
                       match='unload: source "default" is of type postgres'):
        refusal(engine, source='default')


def test_without_a_role(engine, redshift):
    assert '[source.roleless] unload_role is missing' in refusal(engine, source='roleless')
    assert not [s for s in redshift.statements if s.startswith('unload')]


@pytest.mark.parametrize('columns, says', [
    ({'output_format': 'JSON'}, 'JSON has no option "unload"'),
    ({'output_options': {'quote': 'all'}},
     'source "dwh" is of type redshift, which cannot do "quote" when it writes CSV'),
    ({'output_format': 'JSONL', 'output_options': {'header': False}}, 'JSONL has no option'),
    ({'output_format': 'PARQUET', 'output_options': {'codec': 'zstd'}}, 'cannot do "codec"'),
    ({'output_options': {'max_rows': 5}}, 'cannot do "max_rows"'),
    ({'output_format': 'CSV,JSONL', 'output_path': 'x.{ext}'}, 'one statement and one format'),
    ({'output_format': 'CSV,JSONL', 'output_path': 'x.{ext}',
      'output_options': {'unload': False, 'CSV': {'unload': True}}}, 'one statement and one format'),
    ({'export_sql': 'select 1; select 2', 'output_path': '{part}.{ext}'}, 'one statement'),
], ids=str)
def test_what_unload_cannot_do_is_refused_at_once(engine, columns, says):
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=re.escape(says)):
        refusal(engine, **columns)


def test_options_beside_no_unload_are_as_ever(engine):
    options = {'unload': False, 'quote': 'all', 'max_rows': 5}
    assert done(engine.db, source='dwh', export_sql=QUERY, output_options=options).row_count == 5


def test_a_change_of_the_options_is_checked_as_well(engine):
    config_id = report.submit(engine.db, source='dwh', export_sql=QUERY, output_path='x.{ext}',
                              output_options={'unload': True}, due_at='2999-01-01')
    with pytest.raises(psycopg.errors.InvalidParameterValue, match='cannot do "quote"'):
        engine.db.execute("""update reportd.report_config
            set output_options = output_options || '{"quote": "all"}' where config_id = %s""",
                          config_id)


# The worker checks again: the queue may not know the type of the source.

@pytest.mark.parametrize('columns, says', [
    ({'output_options': {'quote': 'all'}}, 'Redshift cannot do "quote" when it writes CSV'),
    ({'output_format': 'CSV,JSONL', 'output_path': 'x.{ext}'}, 'one statement and one format'),
    ({'export_sql': 'select 1; select 2', 'output_path': '{part}.{ext}'}, 'one statement'),
], ids=str)
def test_the_run_refuses_what_the_insert_could_not_know(engine, redshift, columns, says):
    known = "update reportd.report_source set type = %s where source = 'dwh'"
    engine.db.execute(known, 'of a later version')
    try:
        assert says in refusal(engine, **columns)
    finally:
        engine.db.execute(known, 'redshift')
    assert not [s for s in redshift.statements if s.startswith('unload')]


def test_a_format_that_redshift_does_not_write_is_refused_at_once(engine):
    with pytest.raises(psycopg.Error, match='XLSX has no option "unload"'):
        report.submit(engine.db, source='dwh', export_sql=QUERY, output_format='XLSX',
                      output_options={'unload': True})


def test_reportctl_export_does_not_unload(engine):
    told = process.reportctl(engine.conf, 'export', '--sql', QUERY, '--source', 'dwh',
                             '--option', 'unload=true', '-o', 'x.csv')
    assert told.returncode != 0 and 'unload' in told.stderr


# Into S3, where the manifest is an object, too.

def test_the_manifest_in_s3_stands_beside_its_objects(engine, objects):
    run = unload(engine, output_path='s3://reports/sales/%Y.{ext}', output_format='PARQUET')
    key = run.output_url.removeprefix('s3://reports/')
    assert key.startswith('sales/2') and key.endswith('.manifest')
    manifest = json.loads(objects.kept['reports', key])
    assert [e['url'] for e in manifest['entries']] == [
        f's3://reports/{key}.parts/{run.run_id}/{n:04}_part_00.parquet' for n in (0, 1)]
    assert run.row_count == 10


def test_a_manifest_that_cannot_be_written_is_not_there(engine, objects):
    objects.fails.append(('PUT', 'denied', 403))
    message = refusal(engine, output_path='s3://reports/denied.{ext}')
    assert 'AccessDenied' in message
    wait_for(lambda: objects.keys() == [])


def test_objects_that_cannot_be_removed_are_removed_later(engine, objects):
    run = left_behind(engine, objects, 'reports')
    assert [one['unload'] for one in run.leftovers] == [
        f's3://reports/denied.manifest.parts/{run.run_id}/']
    assert len(objects.keys()) == 3
    # Objects of others stay, also those that a record names.
    objects.put('reports', 'others/1', b'x')
    engine.db.execute("""update reportd.report_run set leftovers = leftovers ||
        '[{"unload": "s3://reports/", "at": 1}]' where run_id = %s""", run.run_id)
    objects.fails.clear()
    wait_for(lambda: objects.keys() == ['others/1'], 60)
    wait_for(lambda: report.runs(engine.db, run.config_id)[0].leftovers is None, 60)


def test_nothing_is_left_in_a_bucket_that_is_gone(engine, objects):
    run = left_behind(engine, objects, 'dropped')
    assert run.leftovers
    objects.fails.clear()
    objects.kept.clear()
    objects.gone.add('dropped')
    wait_for(lambda: report.runs(engine.db, run.config_id)[0].leftovers is None, 60)


def test_a_killed_worker_leaves_no_objects(engine, objects, redshift):
    run = begun(engine, redshift)
    objects.put('lake', f'unloaded/{run.config_id}/{run.run_id}/0000_part_00', b'half')
    for pid in engine.daemon.workers():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: objects.keys() == [], 60)
    assert report.wait_done(engine.db, run.config_id).status == 'FAILED'


def test_objects_are_no_leftovers_from_the_permission_to_publish_on(engine, objects, redshift):
    """The daemon may die before it stores the worker's record."""
    run = begun(engine, redshift)
    for horizons in ('[]',
                     f'[{{"run_id": {run.run_id}, "horizon": "2026-01-01 00:00:00+00"}}]'):
        with engine.db.connect() as conn, conn.transaction(force_rollback=True):
            conn.execute('prepare permission as '
                         + (ROOT / 'sql/queue/publish_horizon.sql').read_text())
            assert conn.execute(f"""execute permission (
                '{run.worker_id}', '{{{run.run_id}}}', '{horizons}')""").fetchall() == [
                    (run.run_id,)]
            assert conn.execute('select leftovers from reportd.report_run where run_id = %s',
                                (run.run_id,)).fetchone() == (None,)
    engine.db.execute('select reportd.cancel(%s)', run.config_id)
    assert report.wait_done(engine.db, run.config_id).status == 'CANCELLED'


def test_only_runs_with_an_unload_are_asked_for_by_the_statement_that_keeps_objects(engine):
    with engine.db.connect() as conn:
        conn.execute("""create table public.update_text (query text);
            create function public.keep_text() returns trigger language plpgsql
                security definer as $$ begin
                    insert into public.update_text values (current_query());
                    return null;
                end $$;
            create trigger keep_text after update on reportd.report_run
                for each statement execute function public.keep_text()""")

    def keeps():
        return [q for q, in engine.db.execute('delete from public.update_text returning query')
                if 'asked as materialized' in q]

    try:
        done(engine.db, source='dwh', export_sql=QUERY)
        assert not keeps()
        unload(engine)
        assert keeps()
    finally:
        engine.db.execute('drop function public.keep_text cascade')


def test_a_manifest_that_may_not_replace_another_leaves_no_objects(engine, objects):
    columns = {'output_path': 's3://reports/once.{ext}',
               'output_options': {'s3': {'create_only': True}}}
    unload(engine, **columns)
    kept = objects.keys()
    assert 'is there already' in refusal(engine, **columns)
    wait_for(lambda: objects.keys() == kept)


def test_where_nobody_knows_whether_the_manifest_is_there_the_objects_stay(engine, objects):
    objects.fails.append(('PUT', 'unheard', 500))
    refusal(engine, output_path='s3://reports/unheard.{ext}', max_retries=0)
    assert [k for k in objects.keys() if 'part_00' in k]


def test_with_an_s3_of_others(cluster, db, drain, swift):
    shelf = Shelf(swift.client)
    redshift = Redshift(cluster, shelf)
    redshift.parts = 3
    swift.client.create_bucket(Bucket='unload-lake')
    sections = {
        's3': {'endpoint': swift.endpoint, 'region': REGION},
        'source.dwh': {'type': 'redshift', 'conninfo': redshift.conninfo(db),
                       'unload_role': ROLE}}
    env = {'AWS_ACCESS_KEY_ID': KEY, 'AWS_SECRET_ACCESS_KEY': SECRET}
    good = report.submit(db, source='dwh', export_sql=QUERY, output_options={'unload': True},
                         output_path='s3://unload-lake/with spaces & ünicode/{ext}')
    bad = report.submit(db, source='dwh', export_sql='select 1 / (n - 5) from '
                        'generate_series(1, 9) n', output_options={'unload': True},
                        max_retries=0, output_path='s3://unload-lake/bad.{ext}')
    try:
        drain(sections, env=env)
        assert report.config(db, bad).status == 'FAILED'
        run = report.runs(db, good)[-1]
        assert run.status == 'COMPLETED', run.error_message
        key = 'with spaces & ünicode/manifest'
        manifest = json.loads(swift.client.get_object(
            Bucket='unload-lake', Key=key)['Body'].read())
        keys = [e['url'].removeprefix('s3://unload-lake/') for e in manifest['entries']]
        assert keys == [f'{key}.parts/{run.run_id}/{n:04}_part_00' for n in range(3)]
        assert sorted(shelf.keys('unload-lake')) == sorted(
            [key, f'{key}.parts/{run.run_id}/manifest', *keys])
    finally:
        redshift.remove()
