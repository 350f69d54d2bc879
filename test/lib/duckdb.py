# SPDX-License-Identifier: MIT
"""DuckDB, from npm, as a process that answers queries."""

import fcntl
import json
import os
import pathlib
import shutil
import subprocess

from lib.paths import environ

PACKAGE = '@duckdb/node-api@1.5.6-r.1'
HERE = pathlib.Path(__file__).resolve().parent


def available():
    return shutil.which('npm') is not None and shutil.which('node') is not None


def folder():
    """Where the package is kept, from one run of the tests to the next."""
    cache = pathlib.Path(os.environ.get('XDG_CACHE_HOME')
                         or pathlib.Path.home() / '.cache')
    return cache / 'reportd-test' / PACKAGE.rpartition('@')[2]


def install(path):
    """Puts the package there, once, whoever else tries at the same time."""
    path.mkdir(parents=True, exist_ok=True)
    with open(path / 'lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (path / 'done').exists():
            subprocess.run(
                ['npm', 'install', '--prefix', path, '--no-audit', '--no-fund',
                 '--no-save', PACKAGE], check=True, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL)
            (path / 'done').touch()


class DuckDB:
    """`query` for rows, `row` for one, `value` for one field: numbers beyond
    2^53 and whatever JSON lacks come as text."""

    def __init__(self):
        path = folder()
        install(path)
        self.process = subprocess.Popen(
            ['node', HERE / 'duckdb.js'], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environ(NODE_PATH=path / 'node_modules'))

    def query(self, sql):
        self.process.stdin.write(json.dumps(sql) + '\n')
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert 'error' not in answer, f'{sql}\n{answer["error"]}'
        return [tuple(row) for row in answer['rows']]

    def row(self, sql):
        return self.query(sql)[0]

    def value(self, sql):
        return self.row(sql)[0]

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
