# SPDX-License-Identifier: MIT
"""JSONL: 5,000,000 rows x 10 columns, beside psql's \\copy of row_to_json."""

import formats
import large
import rig

PEER = f'select row_to_json(t) from ({large.SQL}) t'


def pair(conn, compare=False):
    out = rig.folder('jsonl')
    path = out / 'peer.jsonl'
    both = (formats.report(conn, out, large.SQL, 'JSONL'),
            formats.command(path, 'psql', '-qX', '-c',
                            f"\\copy ({PEER}) to '{path}'", 'bench'))
    if compare:
        check(*(one['path'] for one in both))
    return formats.show(['reportd', 'psql'], both)


def check(ours, peer):
    """The same lines, but for COPY's doubled backslashes."""
    with open(ours, 'rb') as one, open(peer, 'rb') as other:
        count = 0
        for count, (line, theirs) in enumerate(zip(one, other, strict=True), 1):
            if line != theirs.replace(b'\\\\', b'\\'):
                raise SystemExit(f'bench: line {count} differs: {line} {theirs}')
    if count != large.ROWS:
        raise SystemExit(f'bench: {count} lines')


def run(conn, count):
    formats.setup(conn)
    pair(conn, compare=True)  # not counted: warms up, compares
    return formats.rows(f'JSONL, {large.ROWS:,} rows x 10; psql row_to_json',
                        [pair(conn) for _ in range(count)])
