# SPDX-License-Identifier: MIT
"""DuckDB from npm: a process that answers queries, and the library of a source."""

import json
import os
import pathlib
import subprocess

from lib import npm, process
from lib.npm import available  # noqa: F401
from lib.paths import environ

# Another one, for once: DUCKDB_PACKAGE.
PACKAGE = os.environ.get('DUCKDB_PACKAGE', '@duckdb/node-api@1.5.6-r.1')
OLDEST = '@duckdb/node-api@1.4.5-r.1'  # of the line that reportd takes
HERE = pathlib.Path(__file__).resolve().parent


def library(package=PACKAGE):
    """The path of DuckDB's shared library, which the package brings along."""
    found = list(pathlib.Path(npm.install(package)).glob(
        '@duckdb/node-bindings-linux-*/libduckdb.so'))
    return found[0]


def readers(daemon):
    """The processes that DuckDB is in, of a daemon's workers."""
    return [pid for worker in daemon.workers() for pid in process.children(worker)]


class DuckDB:
    """DuckDB: `query` returns rows, `row` one row, `value` one field. Numbers beyond 2^53
    and values that JSON lacks are returned as text."""

    def __init__(self):
        self.process = subprocess.Popen(
            ['node', HERE / 'duckdb.js'], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environ(NODE_PATH=npm.install(PACKAGE)))

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
