# SPDX-License-Identifier: MIT
"""What the manual says is what the programs know."""

import base64
import datetime
import json
import re
import shlex
import shutil
import subprocess
from email.utils import parsedate_to_datetime

import pytest
from cryptography.hazmat.primitives import serialization
from psycopg.conninfo import make_conninfo

from lib import process
from lib.cluster import Cluster, apply_schema
from lib.paths import REPORTD, ROOT
from lib.report import wait_done

pytestmark = pytest.mark.shipped

MANUAL = [*sorted(ROOT.glob('*.md')), *sorted((ROOT / 'docs').glob('*.md'))]


def known_settings():
    """{(section, key): default} of the program."""
    lines = process.run(REPORTD, '--list-settings').stdout.splitlines()
    return {tuple(fields[:2]): fields[2]
            for fields in (line.split('\t') for line in lines)}


def section(text, title, level='##'):
    """The part of a page below a heading, to the next one of that level."""
    return re.search(rf'^{level} {re.escape(title)}\n(.*?)(?=^{level} |\Z)',
                     text, re.M | re.S)[1]


def table_rows(text):
    """The cells of each row of the tables in text, without their headings."""
    rows = [[cell.strip() for cell in re.split(r'(?<!\\)\|', line)[1:-1]]
            for line in text.splitlines() if line.startswith('|')]
    return [row for i, row in enumerate(rows)
            if not set(row[0]) <= set('- ')
            and not (i + 1 < len(rows) and set(rows[i + 1][0]) <= set('- '))]


def names(text):
    """What stands in backquotes."""
    return re.findall(r'`([^`]+)`', text)


def test_settings_page_has_every_key_with_its_default():
    page = (ROOT / 'docs/settings.md').read_text()
    documented = {}
    for title in re.findall(r'^## (\[\S+\])$', page, re.M):
        name = title.strip('[]').removesuffix('.NAME')
        for key, default, *_ in table_rows(section(page, title)):
            documented[name, key.strip('`')] = (
                '' if default.startswith('none') else default.strip('`'))
    assert documented == known_settings()


def test_example_settings_have_every_key_with_its_default():
    known = known_settings()
    found = {}
    name = None
    for line in (ROOT / 'etc/reportd.conf').read_text().splitlines():
        if match := re.fullmatch(r'\[(\w+)(\.\w+)?\]', line):
            name = match[1]
        elif match := re.fullmatch(r'#(\w+) = (.*)', line):
            found[name, match[1]] = match[2]
    assert found.keys() == known.keys()
    for key, default in known.items():
        # One without a default shows an example.
        assert found[key] == default or not default, key


@pytest.mark.parametrize('which', ['required', 'all', 'duckdb', 'snowflake', 'athena'])
def test_example_settings_are_sound_once_uncommented(tmp_path, which):
    # A login has only one of several ways to a password; some belong to Redshift alone.
    others = ('password|cluster = analytics|workgroup|database_user|unload_to|unload_role|'
              'copy_from|copy_role|copy_part_size')
    duckdb = 'library|folders|database|memory_limit|temp_directory|max_temp_directory_size|threads'
    pattern = {'required': r'^#(conninfo|output_root)\b',
               'all': rf'^#(?!{others}|{duckdb})(\w+) =',
               'duckdb': rf'^#({duckdb}|output_root) =',
               'snowflake': r'^#(unload_to|output_root) =',
               'athena': r'^#(workgroup|unload_to|output_root) ='}
    text = (ROOT / 'etc/reportd.conf').read_text()
    # Snowflake's keys are together, and each source has one way to log in.
    warehouse = re.search(r'(?s)# Snowflake account.*?\n(?=\n# The databases)', text)[0]
    text = text.replace(warehouse, re.sub(
        r'(?m)^#(?!token_file|workload_identity|private_key_passphrase)(\w+ =)', r'\1', warehouse)
        if which == 'snowflake' else '')
    lake = re.search(r'(?s)# AWS region of Athena.*?\n(?=\n# Snowflake|\n# The databases)', text)[0]
    text = text.replace(lake, re.sub(r'(?m)^#(\w+ =)', r'\1', lake) if which == 'athena' else '')
    # Keys of one type are those of the source; the target stays a PostgreSQL.
    head, mark, target = text.partition('[target.dwh]')
    others = pattern['required' if which in ('duckdb', 'snowflake', 'athena') else which]
    text = ''.join(re.sub(p, lambda m: m[0][1:], part, flags=re.M) for p, part in (
        (pattern[which], head), (others, mark + target)))
    if which in ('duckdb', 'snowflake', 'athena'):
        text = text.replace('#type = postgres', f'type = {which}', 1).replace(
            '[queue]\n', '[queue]\nconninfo = dbname=reports\n')
    conf = tmp_path / 'reportd.conf'
    # The inbox has a source of its own.
    conf.write_text(text + '[source.inbox]\nconninfo = dbname=reports user=inbox\n')
    done = process.reportd(conf, '--check-config', env={'API_TOKEN': 'token'})
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('table', ['report_config', 'report_run'])
def test_sql_page_has_every_column(db, table):
    columns = {row[0] for row in db.query(
        'select attname from pg_attribute where attrelid = %s::regclass '
        'and attnum > 0 and not attisdropped', f'reportd.{table}')}
    page = (ROOT / 'docs/sql.md').read_text()
    found = {name for row in table_rows(section(page, table))
             for name in names(row[0])}
    assert found == columns


def test_sql_page_has_defaults_of_report_config(db):
    defaults = dict(db.query(
        "select column_name, replace(trim(both '''' from regexp_replace("
        "column_default, '::.*', '')), '''', '') from information_schema.columns "
        "where table_schema = 'reportd' and table_name = 'report_config'"))
    page = (ROOT / 'docs/sql.md').read_text()
    rows = [row for row in table_rows(section(page, 'report_config'))
            if len(row) == 3]
    for column, default, _ in rows:
        for name in names(column):
            if default == 'null':
                assert defaults[name] is None, name
            elif default.startswith('`'):
                assert defaults[name] == default.strip('`'), name


def test_sql_page_has_the_functions_and_views_for_people(db):
    page = (ROOT / 'docs/sql.md').read_text()
    functions = {row[0].split('(')[0].strip('`')
                 for row in table_rows(section(page, 'Functions'))}
    known = {row[0] for row in db.query(
        "select proname from pg_proc where pronamespace = 'reportd'::regnamespace")}
    assert functions <= known
    views = {row[0].strip('`') for row in table_rows(section(page, 'Views'))}
    assert views == {row[0] for row in db.query(
        "select viewname from pg_views where schemaname = 'reportd' "
        "and viewname like 'v\\_%%'")}


def test_schedules_in_the_sql_page_are_understood(db):
    page = (ROOT / 'docs/sql.md').read_text()
    table, _, _ = section(page, 'Schedules').partition('Names are')
    expressions = [name for row in table_rows(table) for name in names(row[0])]
    assert len(expressions) > 10
    for expression in expressions:
        assert db.value("select reportd.next_run(%s, 'UTC', now())", expression)


def test_csv_page_has_every_option(db):
    page = (ROOT / 'docs/csv.md').read_text()
    found = {row[0].strip('`') for row in table_rows(section(page, 'Options'))}
    assert found == {option['option'] for option in db.value(
        "select options from reportd.output_format where format = 'CSV'")}


def test_formats_page_names_every_format(db):
    """With its extension and whether it holds several results."""
    rows = table_rows((ROOT / 'docs/formats.md').read_text().split('## Options')[0])
    found = {re.match(r'\[?(\w+)', row[0])[1]: (row[1], row[2] == 'one a file')
             for row in rows}
    assert found == {f.format: (f.extension, f.one_section) for f in db.query(
        'select * from reportd.output_format where alias_of is null')}


def test_man_page_has_every_option():
    usage = process.run(REPORTD, '--help').stdout
    page = (ROOT / 'docs/reportd.8').read_text()
    options = set(re.findall(r'(?<=--)[a-z-]+', usage))
    assert options
    assert options == set(re.findall(r'Fl -([a-z-]+)', page))


@pytest.mark.skipif(not shutil.which('groff'), reason='groff is not installed')
@pytest.mark.parametrize('page', ['reportd.8', 'reportctl.1'])
def test_man_page_has_no_mistakes(page):
    done = subprocess.run(
        ['groff', '-mandoc', '-ww', '-Tutf8', ROOT / 'docs' / page],
        capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, '')


def anchor(title):
    """As hosts of Markdown make it from a heading."""
    return re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-')


@pytest.mark.parametrize('page', MANUAL, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = re.sub(r'^```.*?^```', '', page.read_text(), flags=re.M | re.S)
    for target in re.findall(r'\]\(([^)\s]+)\)', text):
        if target.startswith('https://'):
            continue
        path, _, name = target.partition('#')
        to = (page.parent / path).resolve() if path else page
        assert to.exists(), target
        if name:
            titles = re.findall(r'^#+ (.*)', to.read_text(), re.M)
            assert name in map(anchor, titles), target


def test_the_tree_has_every_folder_and_stage():
    page = (ROOT / 'docs/architecture.md').read_text()
    tree = section(page, 'The tree')
    tops = ('common', 'daemon', 'ctl', 'sql')
    folders = {file.parent for top in tops for kind in ('*.[ch]', '*.sql')
               for file in (ROOT / top).glob(f'**/{kind}')}
    names = {folder.name for folder in folders if ROOT / 'sql/upgrade' not in folder.parents}
    names |= {*tops, 'docs', 'etc', 'systemd', 'deploy', 'debian', 'scripts', 'examples', 'test'}
    assert names - set(re.findall(r'([\w-]+)/', tree)) == set()
    table = (ROOT / 'daemon/worker/stage/stage.c').read_text()
    said = re.search(r'stage/ \(([\w, ]+)\)', tree)[1].split(', ')
    stages = re.findall(r'&stage_(\w+),', table)
    assert {stage.partition('_')[0] for stage in stages} <= set(said)


def test_install_page_names_the_packages_that_the_script_installs():
    page = (ROOT / 'docs/install.md').read_text().replace('\\\n', ' ')
    script = (ROOT / 'scripts/install-deps').read_text()
    build = re.search(r"\[build\]='([^']*)'", script)[1].split()
    assert re.search(r'^# apt-get install (.*)$', page, re.M)[1].split() == build


def test_the_first_page_does_what_it_shows(db, daemon, out):
    """Its statements as they stand, on the data that quickstart loads."""
    page = (ROOT / 'README.md').read_text()
    shown, schedule = re.findall(r'^```\n(reportd=> .*?)^```', page, re.S | re.M)
    insert, ask = ['\n'.join(re.findall(r'^reportd[-=$(]> (.*)', part, re.M))
                   for part in shown.split('\n\n')[:2]]
    db.psql('-f', ROOT / 'sql/sample/sales.sql')
    daemon()
    config_id = int(db.psql('-At', input=insert).stdout)
    assert wait_done(db, config_id).status == 'COMPLETED'
    answer = db.psql(input=ask.replace('config_id = 8', f'config_id = {config_id}')).stdout
    head, _, row = [[cell.strip() for cell in line.split('|')] for line in answer.splitlines()[:3]]
    assert ' | '.join(head) in re.sub(' +', ' ', shown)
    status, rows, _, url = row
    path, = out.glob('sales/2???/best_customers.csv')
    assert (status, rows, url) == ('COMPLETED', '3', f'file://{path}')
    command, _, text = shown.split('$ cat')[1].partition('\n')
    assert re.sub('2026', path.parent.name, command.strip()).endswith(str(path.relative_to(out)))
    assert path.read_text() == text
    db.psql(input='\n'.join(re.findall(r'^reportd[-=$(]> (.*)', schedule, re.M)))
    at = db.value("select next_run_time at time zone 'Europe/Berlin' from reportd.report_config "
                  "where report_name = 'products'")
    assert (at.hour, at.minute) == (6, 0) and at.isoweekday() < 6


def test_install_page_leads_to_a_first_report(db, daemon, ctl, out):
    """Its SQL, its logins, and the command that ends it."""
    page = (ROOT / 'docs/install.md').read_text()
    logins = re.findall(r'createuser (\w+)', page)
    setup, grants = re.findall(r'```sql\n(.*?)```', page, re.S)
    roles = [*logins, *re.findall(r'create role (\w+)', setup)]
    assert roles == ['reportd', 'report_reader', 'alice', 'carol']

    def queue(user):
        return {'queue': {'conninfo': make_conninfo(db.conninfo, user=user)}}
    try:
        for login in logins:
            db.execute(f'create role {login} login')
        db.execute(re.search(r"-c '(grant reportd_daemon [^']*)'", page)[1])
        db.execute('create schema sales')
        for statement in setup, grants:
            if statement == grants:
                daemon({**queue('reportd'), 'source.default': {
                    'trusted': 'off', 'conninfo': make_conninfo(db.conninfo, user='report_reader')}})
            with db.connect() as conn:
                conn.execute(statement)
        command = re.search(r'alice\$ reportctl (.*)', page)[1]
        done = ctl(*shlex.split(command), sections=queue('alice'))
        assert done.returncode == 0, done.stderr
        assert (out / 'sales/hello.csv').read_text() == 'one\n1\n'
        assert 'hello' in ctl('list', sections=queue('carol')).stdout
        assert 'keeps them apart' not in ctl('doctor').stdout
    finally:
        for role in reversed(roles):
            db.execute(f'drop owned by {role} cascade; drop role {role}')


def test_uninstall_page_leaves_nothing_in_the_server():
    page = (ROOT / 'docs/install.md').read_text()
    server = Cluster()
    try:
        db = server.create()
        apply_schema(db)
        with db.connect() as conn:
            for login in re.findall(r'createuser (\w+)', page):
                conn.execute(f'create role {login} login')
            conn.execute(re.search(r"-c '(grant reportd_daemon [^']*)'", page)[1])
            conn.execute("create schema sales; "
                         "select reportd.register_source('default', 'postgres')")
            for statement in blocks(ROOT / 'docs/install.md', 'sql'):
                conn.execute(statement)
            conn.execute('create schema reportd_target authorization reportd')
            users = {'alice', 'carol'}  # "if they have no other use"
            for text in blocks(ROOT / 'docs/uninstall.md', 'sql'):
                conn.execute(text)
            left = conn.execute("select rolname from pg_roles where rolname !~ '^pg_' "
                                'and not rolsuper').fetchall()
            assert {row[0] for row in left} == users
            left = conn.execute("select nspname from pg_namespace where nspname ~ 'report'")
            assert left.fetchall() == []
    finally:
        server.remove()


def test_manual_names_the_version_of_the_schema():
    version = max(int(path.name[:3]) for path in (ROOT / 'sql/upgrade').iterdir())
    page = (ROOT / 'docs/install.md').read_text()
    assert set(re.findall(r'(?:schema created,|queue schema:) version (\d+)', page)) == {
        str(version)}


def test_all_that_names_the_release_names_the_same():
    """configure.ac decides the version."""
    read = {path: (ROOT / path).read_text() for path in (
        'configure.ac', 'CHANGELOG.md', 'CONTRIBUTING.md', 'debian/changelog', 'docs/install.md',
        'docs/deployment.md', 'docs/reportd.8', 'docs/reportctl.1',
        'deploy/kubernetes/daemon/kustomization.yaml', 'deploy/kubernetes/keda/kustomization.yaml')}
    version = re.search(r'^AC_INIT\(\[reportd\], \[([0-9.]+)\]\)$', read['configure.ac'], re.M)[1]
    assert process.run(REPORTD, '--version').stdout == f'reportd {version}\n'
    first = re.search(r'^## \[([0-9].*)\] - (.*)$', read['CHANGELOG.md'], re.M)
    assert first[1] == version
    day = datetime.date.fromisoformat(first[2])
    packaged, signed = re.match(r'reportd \((.*)\) .*?^ -- .*?>  (.*?)$', read['debian/changelog'],
                                re.M | re.S).groups()
    assert (packaged, parsedate_to_datetime(signed).date()) == (version, day)
    for page in 'docs/reportd.8', 'docs/reportctl.1':
        assert re.search('^[.]Dd (.*)$', read[page], re.M)[1] == f'{day:%B} {day.day}, {day.year}'
    # Earlier releases stand in CHANGELOG.md, too.
    del read['CHANGELOG.md']
    named = {(path, found) for path, text in read.items() for found in re.findall(
        r'(?:\breportd[-_ ]|\breportctl_|\$REPOSITORY:|\bnewTag: "|\bv)(\d+\.[\d.]*\d)', text)}
    assert {path for path, _ in named} >= {
        path for path in read if path.endswith(('.md', '.yaml'))} and {
            found for _, found in named} == {version}, named


def test_every_page_of_the_manual_is_installed():
    listed = (ROOT / 'docs/Makefile.inc').read_text()
    for page in (ROOT / 'docs').glob('*.md'):
        assert f'docs/{page.name}' in listed


def test_log_table_has_every_line_that_is_logged():
    table = table_rows(section((ROOT / 'docs/operations.md').read_text(), 'The log'))
    known = [name for row in table for name in names(row[0])]
    for path in (ROOT / 'daemon').rglob('*.c'):
        text = re.sub(r'"\s*\n\s*"', '', path.read_text())
        for level, line in re.findall(
                r'LOG\(\s*[^,]+,\s*(\w+),\s*L_MSG\(\s*"((?:[^"\\]|\\.)*)"', text):
            assert level == 'LVL_DEBUG' or any(
                line == name or name.endswith('…') and line.startswith(name[:-1].rstrip())
                for name in known), (path.name, line)


WAREHOUSES = [ROOT / 'docs/snowflake.md', ROOT / 'docs/athena.md']


def blocks(page, kind):
    return re.findall(rf'```{kind}\n(.*?)```', page.read_text(), re.S)


@pytest.mark.parametrize('page', WAREHOUSES, ids=lambda page: page.stem)
def test_settings_of_a_warehouse_are_sound(db, tmp_path, page):
    found = blocks(page, 'ini')
    assert found
    for text in found:
        conf = tmp_path / 'r.conf'
        conf.write_text(f'[queue]\nconninfo = {db.conninfo}\n'
                        f'[reportd]\noutput_root = {tmp_path}/out\n{text}')
        conf.chmod(0o600)
        checked = process.reportd(conf, '--check-config')
        assert checked.returncode == 0, text + checked.stderr


def test_the_commands_for_a_key_of_snowflake_make_one(tmp_path):
    """With its public half in one line."""
    pem = tmp_path / 'snowflake.pem'
    commands = [line[2:] for text in blocks(WAREHOUSES[0], 'console') for line in
                text.replace('/etc/reportd/snowflake.pem', str(pem)).splitlines()
                if re.match(r'\$ openssl ', line)]
    assert len(commands) == 2
    _, shown = [subprocess.run(line, shell=True, check=True, capture_output=True).stdout
                for line in commands]
    key = serialization.load_pem_private_key(pem.read_bytes(), None)
    assert base64.b64decode(shown, validate=True) == key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def test_the_policy_for_athena_allows_what_is_asked():
    asked = set()
    for path in (ROOT / 'common/source/athena').glob('*.c'):
        asked |= set(re.findall(r'"((?:Start|Get|Stop|List|Batch)\w+)"', path.read_text()))
    allowed = {action for text in blocks(WAREHOUSES[1], 'json')
               for one in json.loads(text)['Statement'] for action in one['Action']}
    assert asked and {f'athena:{name}' for name in asked} == {
        name for name in allowed if name.startswith('athena:')}
