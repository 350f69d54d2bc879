# SPDX-License-Identifier: MIT
"""Listings take turns by owner, and reports that share a zone do not disturb each other."""

import uuid

import pytest

from lib import report
from lib.manual import says


@pytest.fixture
def worker(db):
    """A daemon that lists nothing by itself."""
    worker_id = str(uuid.uuid4())
    db.execute("insert into reportd.report_worker (worker_id, host, pid, version, workers, lease, "
               "folders) values (%s, 'here', 1, '0', 1, '1 hour', '{/srv/}')", worker_id)
    return worker_id


def own(db, name):
    """A role that owns a FILE report; returns the role's name and the report."""
    role = f'{name}_{uuid.uuid4().hex[:8]}'
    db.execute(f'create role {role} in role reportd_operator')
    return role, report.submit(db, trigger_type='FILE', owner=role, is_active=False,
                               output_path='x_{request_id}.csv',
                               inputs={'f': f'/srv/{role}/*.csv'})


def zones(db, owner, count, due='1 hour'):
    """Zones of an owner's report that are due."""
    role, config_id = owner
    db.execute('update reportd.report_config set is_active = true where config_id = %s', config_id)
    db.execute('with made as (insert into reportd.report_zone (owner, path, list_at) '
               "select %s::regrole, '/srv/' || %s || '/' || n || '/*', now() - %s::interval "
               'from generate_series(1, %s) n returning zone_id) '
               'insert into reportd.report_input_use (config_id, input, zone_id, spec, since) '
               "select %s, 'f' || zone_id, zone_id, '{}', now() from made",
               role, role, due, count, config_id)


def claim(db, worker, wanted=4):
    """The owners of the zones that a daemon is given, in order."""
    return [row.owner for row in db.query(
        'select k.owner::regrole::text as owner from reportd.claim_zones(%s, %s, %s, '
        'array(select zone_id from reportd.report_zone where listing_by is not null)) z '
        'join reportd.report_zone k using (zone_id)', worker, wanted, '1 minute')]


@pytest.fixture
def owners(db):
    made = own(db, 'many'), own(db, 'few')
    yield made
    db.execute('delete from reportd.report_config')
    db.execute('delete from reportd.report_zone')
    for role, _ in made:
        db.execute(f'drop owned by {role}')
        db.execute(f'drop role {role}')


@says('Hold up the listings of others by the number of its own.')
def test_an_owner_with_many_zones_does_not_starve_another(db, worker, owners):
    many, few = owners
    zones(db, many, 3000, due='1 day')
    zones(db, few, 2, due='1 second')
    assert sorted(claim(db, worker)) == [few[0]] * 2 + [many[0]] * 2
    # The owner with the fewest files under way comes first.
    db.execute("update reportd.report_zone set listing_by = null, listing_until = null, "
               "list_at = now() - interval '1 second' where owner = %s::regrole", few[0])
    assert claim(db, worker, 2) == [few[0]] * 2


def test_a_look_reads_some_zones_of_each_owner(db, worker, owners):
    zones(db, owners[0], 3000)
    zones(db, owners[1], 3000)
    db.execute('analyze reportd.report_zone')
    assert db.value('select count(*) from reportd.due_zones(%s)', worker) == 40


def test_a_zone_whose_daemon_is_gone_is_given_once(db, worker, owners):
    zones(db, owners[0], 1)
    db.execute("update reportd.report_zone set listing_by = gen_random_uuid(), "
               "listing_until = now() - interval '1 hour'")
    assert claim(db, worker) == [owners[0][0]]
    assert claim(db, worker) == []


def sync(db, config_id):
    db.execute('select reportd.sync_inputs(c) from reportd.report_config c where config_id = %s',
               config_id)


def test_another_report_of_a_zone_leaves_what_is_known_of_it(db):
    first = report.submit(db, trigger_type='FILE', inputs={'f': '/srv/in/*.csv'},
                          output_path='x_{request_id}.csv')
    sync(db, first)
    db.execute("update reportd.report_zone set listed_at = now() - interval '10 s', "
               "list_at = now() + interval '1 hour', took = '1 s'")
    listed = db.value('select listed_at from reportd.report_zone')
    second = report.submit(db, inputs={'f': {'path': '/srv/in/*.csv', 'use': 'all',
                                             'required': False}})
    sync(db, second)
    zone = db.row('select *, now() as now from reportd.report_zone')
    assert zone.listed_at == listed
    assert zone.list_at <= zone.now
    # The second one takes nothing before a listing that has begun after it came.
    takes = ("select reportd.take_inputs(c, r, '{}') from reportd.report_config c "
             "join reportd.report_request r using (config_id) where c.config_id = %s")
    assert db.value(takes, second) is False
    db.execute('update reportd.report_zone set listed_at = clock_timestamp()')
    assert db.value(takes, second) is True


def test_owners_of_the_same_path_have_zones_of_their_own(db, owners):
    for role, config_id in owners:
        db.execute("update reportd.report_config set inputs = '{\"f\": \"/srv/in/*.csv\"}' "
                   'where config_id = %s', config_id)
        sync(db, config_id)
    assert db.value("select count(*) from reportd.report_zone where path = '/srv/in/*.csv'") == 2
    # A report that changes hands takes its zone along.
    db.execute('update reportd.report_config set owner = %s::regrole where config_id = %s',
               owners[0][0], owners[1][1])
    sync(db, owners[1][1])
    assert db.value('select count(distinct zone_id) from reportd.report_input_use') == 1


def zones_seen(db, others, pattern, function):
    """How many rows the function looks at where a zone lies among a thousand others, and what
    it returns. The daemon's only connection waits for it."""
    db.execute('delete from reportd.report_zone')
    db.execute('insert into reportd.report_zone (owner, path, list_at) '
               "select 0, %s || n || '/*', now() + interval '1 day' "
               'from generate_series(1, 1000) n', others)
    db.execute('insert into reportd.report_zone (owner, path, list_at) '
               "values (0, %s, now() + interval '1 day')", pattern)
    # As the daemon's session has it.
    db.execute("select set_config('enable_' || n, 'off', false) "
               "from unnest('{seqscan,bitmapscan,hashjoin,mergejoin}'::text[]) n")
    with db.conn.transaction():
        answer = db.value(f'select reportd.{function}')
        return answer, db.value(
            'select sum(pg_stat_get_xact_tuples_returned(c)) from ('
            "select 'reportd.report_zone'::regclass::oid as c union all select indexrelid "
            "from pg_index where indrelid = 'reportd.report_zone'::regclass) r")


@pytest.mark.parametrize('others, pattern, function', [
    ('/srv/others/', '/srv/here/*.csv', """wake_paths('["/srv/here/*", "/srv/there/*"]')"""),
    ('s3://landing/others/', 's3://landing/he?e/*',
     """wake_objects('["s3://landing/here/a", "s3://landing/there/b"]')""")])
def test_what_arrives_reads_the_zones_that_it_wakes(db, others, pattern, function):
    held, seen = zones_seen(db, others, pattern, function)
    assert held == 0 and seen < 100
    assert db.query('select path from reportd.report_zone '
                    "where list_at < now() + interval '1 hour'") == [(pattern,)]


def test_looking_for_folders_reads_those_that_are_local(db, worker):
    watched, seen = zones_seen(db, 's3://landing/', '/srv/here/*.csv', f"watched_paths('{worker}')")
    assert watched == ['/srv/here/*.csv'] and seen < 100


def test_an_owner_with_many_folders_leaves_room_for_another(db, worker, owners):
    for (role, _), folder, count in zip(owners, 'az', (1000, 2)):
        db.execute('insert into reportd.report_zone (owner, path) '
                   "select %s::regrole, '/srv/' || %s || n || '/*' from generate_series(1, %s) n",
                   role, folder, count)
    watched = db.value('select reportd.watched_paths(%s)', worker)
    assert len(watched) == 500
    assert {'/srv/z1/*', '/srv/z2/*'} <= set(watched)
