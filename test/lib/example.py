# SPDX-License-Identifier: MIT
"""An example of examples/, run as a new user runs it, in a folder of the test's own."""

import subprocess

from lib.paths import BIN, ROOT, environ


class Example:
    """`home` is the folder; `more` goes into the environment of its script."""

    def __init__(self, name, home, **more):
        self.script, self.home = ROOT / 'examples' / name / 'run', home
        self.env = environ(REPORTD_BIN_DIR=str(BIN), **more)

    def run(self, *verb):
        return subprocess.run([self.script, *verb, self.home], env=self.env, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=600)

    def psql(self, database, query):
        """Rows as texts."""
        done = subprocess.run(
            ['psql', '-XAt', '-v', 'ON_ERROR_STOP=1', '-h', self.home / 'cluster', '-d', database,
             '-c', query], text=True, capture_output=True, check=True)
        return [line.split('|') for line in done.stdout.splitlines()]
