# SPDX-License-Identifier: MIT
"""Files of which the queue believes that a daemon lists or moves them, and it does not."""

import contextlib

import pytest

from lib.wait import wait_for
from test_engine_shared import running_engine
from test_inputs import FAST, put, submit, wait_taken

# s: far less than the minutes for which the queue leaves files to the daemon that has them.
SOON = 60


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory):
    path = tmp_path_factory.mktemp('lost')
    (path / 'in').mkdir()
    with running_engine(cluster, template, path, {
            'inputs': {'folders': f'{path}/in, {path}/old', 'rescan': '1s'}}, **FAST) as engine:
        engine.path = path
        (path / 'old').mkdir()
        yield engine


@pytest.fixture
def db(engine):
    yield engine.db
    engine.db.execute('delete from reportd.report_config')


@contextlib.contextmanager
def refused(engine, when, message):
    """The queue refuses such changes of its files until the daemon has complained of it."""
    db, said = engine.db, engine.daemon.log().count(message)
    db.execute('create function refuse() returns trigger language plpgsql as '
               "$$begin raise exception 'not now'; end$$")
    db.execute(f'create trigger refuse before {when} execute function refuse()')
    try:
        yield
        wait_for(lambda: engine.daemon.log().count(message) > said)
    finally:
        db.execute('drop function refuse cascade')


def test_a_listing_that_was_not_recorded_is_repeated(db, engine):
    with refused(engine, 'insert on reportd.report_input for each row',
                 'recording a listing failed'):
        put(engine.path / 'in/recorded', 'a.csv')
        config_id = submit(db, engine.path / 'in/recorded')
    wait_taken(db, config_id, 1, SOON)


def test_a_listing_whose_claim_was_lost_is_repeated(db, engine):
    (engine.path / 'in/claimed').mkdir()
    config_id = submit(db, engine.path / 'in/claimed')
    wait_for(lambda: db.value('select listed_at from reportd.v_zones where config_id = %s',
                              config_id))
    # So is the row when the connection breaks between COMMIT and the answer.
    db.execute("""update reportd.report_zone set listing_by = (select worker_id
        from reportd.report_worker), listing_number = listing_number + 1,
        listing_until = now() + interval '1 hour', list_at = now() + interval '1 hour'""")
    put(engine.path / 'in/claimed', 'a.csv')
    db.execute("select pg_terminate_backend(pid) from pg_stat_activity "
               "where datname = current_database() and pid <> pg_backend_pid() "
               "and application_name ~ 'reportd'")
    wait_taken(db, config_id, 1, SOON)


def test_a_move_that_was_not_recorded_is_repeated(db, engine):
    with refused(engine, 'update on reportd.report_input for each row '
                 'when (new.move_by is null and old.move_by is not null)',
                 'recording moved files failed'):
        put(engine.path / 'in/moved', 'a.csv')
        config_id = submit(db, engine.path / 'in/moved',
                           more={'archive': f'{engine.path}/old/'})
    wait_for(lambda: db.value('select moved_to from reportd.report_input where config_id = %s',
                              config_id), SOON)
    assert (engine.path / 'old/a.csv').exists()
