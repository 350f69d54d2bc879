# SPDX-License-Identifier: MIT
"""The variables that are settings of the program, from the tables in its source."""

import re

# KEY(section, name, ...) there; KEY(kind, name, ...) in the tables of sources and targets.
SECTIONS = re.compile(r'^KEY\((\w+), (\w+),', re.M)
OWN_NAMES = 'source', 'target'  # [source.NAME]


class Settings:
    def __init__(self, root):
        self.keys = {}
        for path in (root / 'common').rglob('*.keys'):
            for first, name in SECTIONS.findall(path.read_text()):
                sections = (first,) if path.name == 'settings.keys' else OWN_NAMES
                for section in sections:
                    self.keys.setdefault(section, set()).add(name)

    def fault(self, variable):
        """What is wrong with a variable's name; None when nothing is."""
        if not variable.startswith('REPORTD_'):
            return None
        if variable != variable.upper():
            return f'{variable}: capitals alone are read'
        section, _, rest = variable.removeprefix('REPORTD_').lower().partition('_')
        keys = self.keys.get(section)
        if keys is None:
            return f'{variable}: there is no section {section}'
        # The name of a source may hold underlines, so its key is what it ends in.
        good = rest in keys if section not in OWN_NAMES else any(
            rest.endswith('_' + key) for key in keys)
        return None if good else f'{variable}: [{section}] has no such key'
