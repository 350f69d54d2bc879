# SPDX-License-Identifier: MIT
"""Money under the lc_monetary of the source, which is not that of the daemon."""

import json
import re
import subprocess
import tempfile

import pytest

from lib import npm, pdf, process, shown, workbook
from lib.cluster import Cluster

LOCALES = {'de_DE': ('1.234,50 €', '-0,99 €', '1.233,51 €'),
           'ja_JP': ('￥123,450', '￥-99', '￥123,351'),
           'en_IN': ('₹1,234.50', '-₹0.99', '₹1,233.51'),
           'en_US': ('$1,234.50', '-$0.99', '$1,233.51')}


@pytest.fixture(scope='module')
def locales():
    """A folder with locales, for a server's LOCPATH; the server is another user's."""
    with tempfile.TemporaryDirectory(prefix='reportd-locales-', dir='/tmp') as folder:
        for name in LOCALES:
            subprocess.run(['localedef', '-i', name, '-f', 'UTF-8',
                            f'{folder}/{name}.UTF-8'], check=True)
        subprocess.run(['chmod', '-R', 'a+rX', folder], check=True)
        yield folder


@pytest.fixture(scope='module')
def source(locales):
    """A database with money, on a server that knows the locales."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('LOCPATH', locales)
        cluster = Cluster()
    db = cluster.create(encoding='UTF8')
    db.execute('create table paid as select 1 as n, null::money as m')
    db.execute("insert into paid values (2, 1234.50), (3, -0.99)")
    yield db
    cluster.remove()


@pytest.fixture
def export(source, tmp_path):
    conf = process.write_conf(tmp_path / 'reportd.conf', source)

    def export(kind, query='select n, m from paid order by n', **options):
        path = tmp_path / f'paid.{kind}'
        words = [f'--option={key}={json.dumps(value)}' for key, value in options.items()]
        return path, process.reportctl(conf, 'export', '--sql', query, '-o', path, *words)
    return export


@pytest.fixture(params=LOCALES)
def locale(source, request):
    source.execute(f"alter database {source.name} set lc_monetary = '{request.param}.UTF-8'")
    return LOCALES[request.param]


TOTAL = {'columns': {'m': {'total': 'sum'}}}


def test_it_looks_as_the_source_shows_it(export, locale):
    for kind in 'html', 'pdf':
        path, done = export(kind, **TOTAL)
        assert done.returncode == 0, done.stderr
        if kind == 'html':
            text = re.sub('<[^>]*>', ' ', path.read_text())
        else:
            text = pdf.pages(path, '-layout')[0]
        text = re.sub(r'\s+', ' ', text)
        for amount in locale:
            assert amount.replace('\u202f', ' ') in text, text


@pytest.mark.skipif(not (npm.available() and workbook.available()),
                    reason='npm or LibreOffice is missing')
def test_it_is_a_number_in_a_workbook(export, locale):
    path, done = export('xlsx', **TOTAL)
    assert done.returncode == 0, done.stderr
    got = [row[1] for row in shown.sheetjs(path).popitem()[1]]
    plain, negative, total = locale
    if '€' in plain:
        # A spreadsheet shows the separators of its reader.
        plain, negative, total = '1,234.50 €', '-0.99 €', '1,233.51 €'
    assert got[1:] == [None, plain, negative, total]
    # A database stores cents, or whole yen.
    cents = 1 if '￥' in plain else 100
    cells = workbook.raw(path)
    for place, amount in ('B3', 123450), ('B4', -99), ('B5', 123351):
        kind, text = cells[place]
        assert (kind, float(text.rpartition(')')[2])) == ('n', amount / cents)


@pytest.mark.parametrize('kind', ['html', 'pdf', 'xlsx', 'json', 'jsonl', 'parquet'])
def test_a_query_that_changes_it_while_it_runs_fails(export, source, kind):
    source.execute(f"alter database {source.name} set lc_monetary = 'en_US.UTF-8'")
    query = ("select n, set_config('lc_monetary', 'ja_JP.UTF-8', false), m from paid")
    path, done = export(kind, query)
    assert done.returncode != 0 and not path.exists()
    assert 'the query changed lc_monetary while it ran' in done.stderr
    # Where there is no money, nothing could be written in two ways.
    _, done = export(kind, query.replace(', m from', ', 1 from'))
    assert done.returncode == 0, done.stderr
