# SPDX-License-Identifier: MIT
"""HTML: 500,000 rows x 10 columns, beside reportd's own CSV of them."""

import formats
import rig


def pair(conn):
    out = rig.folder('html')
    both = (formats.report(conn, out, formats.MEDIUM_SQL, 'HTML'),
            formats.report(conn, out, formats.MEDIUM_SQL, 'CSV'))
    return formats.show(['HTML', 'CSV'], both)


def run(conn, count):
    formats.setup(conn)
    pair(conn)  # not counted: warms up
    return formats.rows(f'HTML, {formats.MEDIUM:,} rows x 10; our own CSV',
                        [pair(conn) for _ in range(count)])
