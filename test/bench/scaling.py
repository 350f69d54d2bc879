# SPDX-License-Identifier: MIT
"""Prints the table of docs/scaling.md: a day of daemons that come and go, in simulated time,
by the decisions of the program. With --write it puts the table into the page."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'test'))

from lib import fleet  # noqa: E402
from lib.cluster import Cluster, make_template  # noqa: E402


def main():
    cluster = Cluster()
    try:
        with cluster.create(make_template(cluster)).connect(row_factory=None) as conn:
            table = fleet.table(conn)
    finally:
        cluster.remove()
    if '--write' not in sys.argv:
        print(table, end='')
        return
    page = ROOT / 'docs/scaling.md'
    page.write_text(re.sub(r'\| load \|.*?\n(?=\n)', lambda _: table, page.read_text(),
                           count=1, flags=re.S))


main()
