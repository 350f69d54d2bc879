# SPDX-License-Identifier: MIT
"""./quickstart in a tree that is built, with DuckDB's library and without."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from lib import duckdb
from lib.paths import BIN, ROOT, environ

pytestmark = pytest.mark.shipped


@pytest.fixture
def tree():
    """Its scripts and SQL, and programs in it; `make` has nothing to do."""
    # As root, the server runs as another user, who needs access to the folder.
    path = pathlib.Path(tempfile.mkdtemp(prefix='reportd-quickstart-', dir='/tmp'))
    path.chmod(0o755)
    for name in 'quickstart', 'scripts', 'sql':
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, path / name)
    for name in os.listdir(BIN):
        if name.startswith('reportd') or name == 'reportctl':
            (path / name).symlink_to(BIN / name)
    (path / 'config.status').touch()
    (path / 'Makefile').write_text('all:\n')
    yield path
    quickstart(path, 'remove')
    shutil.rmtree(path)


def quickstart(tree, *args, **env):
    return subprocess.run([tree / 'quickstart', *args], text=True, timeout=120,
                          capture_output=True, env=environ(**env))


def test_it_shows_a_report_over_a_file_when_duckdb_is_there(tree):
    without = quickstart(tree, DUCKDB_LIBRARY='')
    assert without.returncode == 0, without.stdout
    assert 'quickstart: done' in without.stdout and 'by DuckDB, too: docs/duckdb.md' in without.stdout
    made = tree / 'quickstart.d/reports/sales/revenue_by_category.csv'
    assert not made.exists()
    # Run again, with the library.
    done = quickstart(tree, DUCKDB_LIBRARY=str(duckdb.library()))
    assert done.returncode == 0, done.stdout
    assert "revenue_by_category.csv is DuckDB's" in done.stdout
    lines = made.read_text().splitlines()
    assert lines[0] == 'year,month,category,units,revenue,largest_sale' and len(lines) > 10
