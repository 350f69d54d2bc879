# SPDX-License-Identifier: MIT
"""What the test_snowflake* files share: an account, and a daemon that reads from it."""

import pathlib

import pytest

from lib.snowflake import Snowflake
from test_engine_shared import failure, output, running_engine

FAKETIME = next(pathlib.Path('/usr/lib').glob('*/faketime/libfaketime.so.1'))


@pytest.fixture(scope='module')
def dwh(warehouses):
    """The database that does the work of the account."""
    dwh = warehouses.create()
    dwh.execute("create function to_varchar(anyelement) returns text language sql "
                "as 'select $1::text'")
    dwh.execute("create table roles(name text); insert into roles values ('REPORT_READER')")
    dwh.execute("create function current_available_roles() returns text language sql "
                "as 'select json_agg(name)::text from roles'")
    yield dwh
    dwh.drop()


@pytest.fixture(scope='module')
def account(dwh):
    account = Snowflake(dwh.conninfo)
    yield account
    account.close()


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory, account, dwh):
    home = tmp_path_factory.mktemp('snowflake')
    token = home / 'token'
    source = account.settings(home)
    by_token = {k: source[k] for k in ('type', 'account', 'endpoint')}
    with running_engine(cluster, template, home, {
            'source.default': {'conninfo': dwh.conninfo, 'trusted': 'on'},
            'source.snow': source,
            'source.fresh': {**source, 'max_age': '1ms'},  # a login for each report
            'source.hasty': {**source, 'statement_timeout': '1s'},
            'source.token': {**by_token, 'token_file': str(token)},
            'source.pat': {**by_token, 'token_file': str(token), 'token_type': 'pat'}},
            lease='4s', retry_backoff='50ms', retry_backoff_max='50ms') as engine:
        engine.home, engine.token, engine.dwh = home, token, dwh
        yield engine


@pytest.fixture
def snow(account):
    """The account, as if no request had been made yet. Each request must be right, and no
    statement may be left."""
    account.reset()
    yield account
    assert account.wrong == []
    assert [s.sql for s in account.running()] == []


def csv(engine, sql, source='snow', **columns):
    return output(engine.db, source=source, export_sql=sql, **columns).decode()


def fails(engine, sql='select 1 as one', source='snow', **columns):
    """The run of a report that fails for good."""
    return failure(engine.db, source=source, export_sql=sql, **columns)
