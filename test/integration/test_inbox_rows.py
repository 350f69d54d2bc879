# SPDX-License-Identifier: MIT
"""Rows of an inbox that somebody has made to stop the others: each of them costs itself alone."""

import pytest

from lib.wait import wait_for
from test_inbox_shared import account, dwh, inbox, merges, opened, plain, snow  # noqa: F401


def test_rows_of_one_id_are_refused_and_rows_without_one_are_told_of(inbox):
    inbox.insert(1)
    inbox.insert(1)
    inbox.insert(None)
    inbox.insert(2)
    inbox.start()
    inbox.becomes(2, 'COMPLETED')
    assert inbox.statuses() == {'FAILED': 2, 'COMPLETED': 1, 'PENDING': 1}
    assert '2 rows have the ID 1' in inbox.row(1).message
    assert 'without an ID' in inbox.state().remark


def test_a_value_that_cannot_be_read_stops_its_row_alone(inbox, snow):
    """A text of Snowflake may hold a zero byte, which PostgreSQL has no place for."""
    for i in range(1, 6):
        inbox.insert(i, REPORT_NAME='poison' if i == 3 else 'sound')

    def poison(answer):
        for row in answer.get('data') or []:
            row[:] = ['a\0b' if cell == 'poison' else cell for cell in row]
        return answer
    for kind in 'post', 'get':
        snow.fault(kind, times=10**6, change=poison)
    inbox.start()
    for i in 1, 2, 4, 5:
        inbox.becomes(i, 'COMPLETED')
    assert 'zero byte' in inbox.becomes(3, 'FAILED').message


def test_a_value_of_a_postgres_that_cannot_be_read_stops_its_row_alone(
        warehouses, cluster, template, tmp_path):
    """A database without an encoding may hold bytes that are no UTF-8."""
    warehouse = warehouses.create(encoding='SQL_ASCII', locale='C')
    try:
        with opened(warehouse, cluster, template, tmp_path,
                    {'conninfo': warehouse.conninfo}) as inbox:
            for i in range(1, 5):
                inbox.insert(i)
            inbox.warehouse.execute("""update "PUBLIC"."REPORT_CONFIG"
                set "KEY" = convert_from('\\xff', 'SQL_ASCII') where "CONFIG_ID" = 2""")
            inbox.start()
            ends = {'1': 'COMPLETED', '2': 'FAILED', '3': 'COMPLETED', '4': 'COMPLETED'}
            rows = 'select external_id, status from reportd.v_inbox_rows where told'
            wait_for(lambda: dict(inbox.db.query(rows)) == ends, 60, lambda: str(inbox.state()))
            assert inbox.statuses() == {b'COMPLETED': 3, b'FAILED': 1}
            assert b'the text is not UTF-8' in inbox.row(2).message
    finally:
        warehouse.drop()


def test_any_number_of_rows_without_an_id_ends_the_turn(plain):
    plain.alter('alter "CONFIG_ID" type varchar')
    for config_id in None, '':
        plain.warehouse.execute('insert into "PUBLIC"."REPORT_CONFIG" ("CONFIG_ID") '
                                'select %s from generate_series(1, 101)', config_id)
    plain.insert('1')
    plain.start()
    plain.becomes('1', 'COMPLETED')
    wait_for(lambda: 'without an ID are not taken: at least 1' in (plain.state().remark or ''))


def test_an_id_of_megabytes_is_passed_by(plain):
    plain.alter('alter "CONFIG_ID" type varchar')
    plain.warehouse.execute('insert into "PUBLIC"."REPORT_CONFIG" ("CONFIG_ID") '
                            "select repeat('b', 5 << 20) || n from generate_series(1, 2) n")
    for config_id in 'a', 'c':
        plain.insert(config_id)
    plain.start()
    for config_id in 'a', 'c':
        plain.becomes(config_id, 'COMPLETED')
    assert plain.statuses() == {'COMPLETED': 2, 'PENDING': 2}


@pytest.mark.parametrize('places', [[2], [1, 2, 5]])
def test_an_id_that_cannot_be_read_is_passed_by(inbox, snow, places):
    """It has a zero byte."""
    inbox.alter('alter "CONFIG_ID" type varchar')
    for i in range(1, 6):
        inbox.insert(f'poison {i}' if i in places else f'p{i}')

    def poison(answer):
        for row in answer.get('data') or []:
            row[:] = ['a\0b' if cell and cell.startswith('poison') else cell for cell in row]
        return answer
    for kind in 'post', 'get':
        snow.fault(kind, times=10**6, change=poison)
    # The account must know, as a real one does, that a zero byte is none of these.
    inbox.warehouse.execute("update \"PUBLIC\".\"REPORT_CONFIG\" "
                            "set \"CONFIG_ID\" = \"CONFIG_ID\" || 'é' "
                            "where \"CONFIG_ID\" like 'poison%'")
    inbox.start()
    wait_for(lambda: inbox.statuses() == {'PENDING': len(places), 'COMPLETED': 5 - len(places)},
             60, lambda: f'{inbox.statuses()} {inbox.state()}')
    wait_for(lambda: 'whose ID cannot be read' in (inbox.state().remark or ''))
    assert inbox.state().error is None


def test_rows_of_a_postgres_whose_ids_are_no_utf8_are_passed_by(
        warehouses, cluster, template, tmp_path):
    warehouse = warehouses.create(encoding='SQL_ASCII', locale='C')
    try:
        with opened(warehouse, cluster, template, tmp_path,
                    {'conninfo': warehouse.conninfo}) as inbox:
            inbox.warehouse.execute("""
                alter table "PUBLIC"."REPORT_CONFIG" alter "CONFIG_ID" type varchar;
                insert into "PUBLIC"."REPORT_CONFIG" ("CONFIG_ID") values ('a'),
                    (convert_from('\\x62ff', 'SQL_ASCII')), (convert_from('\\x62fe', 'SQL_ASCII')),
                    ('c'), (convert_from('\\xff', 'SQL_ASCII'))""")
            inbox.start()
            wait_for(lambda: inbox.statuses() == {b'PENDING': 3, b'COMPLETED': 2}, 60,
                     lambda: f'{inbox.statuses()} {inbox.state()}')
            wait_for(lambda: 'whose ID cannot be read' in (inbox.state().remark or ''))
    finally:
        warehouse.drop()


def test_a_row_with_the_id_of_one_that_was_taken_is_refused(inbox):
    inbox.insert(1, OUTPUT_PATH='sales/one.csv')
    inbox.start()
    inbox.becomes(1, 'COMPLETED')
    inbox.insert(1, REPORT_NAME='second')
    rows = ('select "STATUS" as status, "ERROR_MESSAGE" as message, "OUTPUT_URL" as url '
            'from "PUBLIC"."REPORT_CONFIG" order by "REPORT_NAME"')
    wait_for(lambda: inbox.statuses() == {'COMPLETED': 1, 'FAILED': 1})
    first, second = inbox.warehouse.query(rows)
    assert first.url.endswith('one.csv') and first.message is None
    report = inbox.report(1).config_id
    assert second.message == ('2 rows have the ID 1: give each row one of its own; '
                              f'one of them is report {report}')
    # The outcome of the report is not told to a row that is not its own.
    wait_for(lambda: not inbox.db.value('select count(*) from reportd.v_inbox_rows '
                                        'where not told'))
    assert inbox.warehouse.query(rows) == [first, second]


@pytest.mark.parametrize('name,count', [('inbox', 5), ('plain', 39)])
def test_a_message_that_does_not_fit_costs_its_row_alone(request, name, count):
    inbox = request.getfixturevalue(name)
    inbox.alter('alter "ERROR_MESSAGE" type varchar(40)')
    bad = list(range(4, count + 1, 13))
    for i in range(1, count + 1):
        inbox.insert(i, **({'PRIORITY': 7} if i in bad else {}))
    daemon = inbox.start()
    wait_for(lambda: inbox.statuses() == {'COMPLETED': count - len(bad), 'FAILED': len(bad)}, 60,
             lambda: f'{inbox.statuses()} {inbox.state()}')
    assert inbox.row(4).message == 'see reportd'
    assert inbox.row(5).url
    wait_for(lambda: inbox.state().error is None and not inbox.state().held_by)
    rows = inbox.db.query('select * from reportd.v_inbox_rows where refusal is not null')
    assert {r.external_id for r in rows} == {str(i) for i in bad}
    assert all(not r.told and r.refusal.startswith('written back without its texts: ')
               and 'too long' in r.refusal for r in rows)
    assert 'a row of the inbox cannot be written back' in daemon.log()
    assert inbox.db.value('select aside from reportd.v_inboxes') == len(bad)


def test_a_row_that_cannot_be_written_at_all_is_set_aside(plain):
    plain.alter("""add constraint never check ("CONFIG_ID" <> 3 or "STATUS" = 'PENDING')""")
    for i in range(1, 6):
        plain.insert(i)
    plain.start()
    wait_for(lambda: plain.statuses() == {'COMPLETED': 4, 'PENDING': 1}, 60,
             lambda: f'{plain.statuses()} {plain.state()}')
    wait_for(lambda: plain.report(3).status == 'COMPLETED')
    refusal = wait_for(lambda: plain.db.value(
        "select refusal from reportd.v_inbox_rows where external_id = '3' and not told"))
    assert refusal.startswith('not written back: ') and 'never' in refusal
    # The row still says PENDING, but is left alone now.
    told = plain.state().told
    turn = plain.state().turn
    wait_for(lambda: plain.state().turn > turn + 2)
    assert plain.state().told <= told + 1 and plain.state().error is None


def test_a_cell_of_hundreds_of_megabytes_is_not_read(plain):
    """The worker would have to have more memory than it gets."""
    plain.insert(1)
    plain.insert(2)
    plain.warehouse.execute('update "PUBLIC"."REPORT_CONFIG" '
                            "set \"EXPORT_SQL\" = repeat('x', 200 << 20) "
                            'where "CONFIG_ID" = 1')
    plain.start(worker_memory='128MB')
    plain.becomes(2, 'COMPLETED')
    assert 'more than 1.25 MiB' in plain.becomes(1, 'FAILED').message


def test_large_rows_come_a_few_at_a_time(plain):
    """Each of them is a third of a page."""
    for i in range(10):
        plain.insert(i, EXPORT_SQL=f"select {i} as one -- {'x' * 90000}")
    plain.start(inbox={'interval': '1d', 'write_back': '1h'})
    wait_for(lambda: 'PENDING' not in plain.statuses(), 60,
             lambda: f'{plain.statuses()} {plain.state()}')
    assert (plain.state().turn, plain.state().pages, plain.state().taken) == (1, 5, 10)
