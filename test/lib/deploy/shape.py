# SPDX-License-Identifier: MIT
"""Values held against a shape. A shape is written in YAML:

    string, number, boolean, any
    count, port     an integer, of 0 or more; of 1 to 65535
    5..300          an integer of this range
    word            a text or an integer
    a | b           one of these words
    /expression/    a text, all of which the expression matches
    [shape]         a list
    {name: shape}   an object with these names; `name!` must be there, `*` stands for
                    each name that is not listed
"""

import re

import yaml

SCALARS = {'string': str, 'count': int, 'port': int, 'word': (str, int), 'number': (int, float),
           'boolean': bool}
LEAST = {'count': 0, 'port': 1}
MOST = {'port': 65535}


def table(path):
    """The shapes of a file, by name. `&name` and `*name` share one."""
    return yaml.safe_load(path.read_text())


class Shapes:
    """`skip(value)` tells values that nobody knows before they are used, such as a
    function of CloudFormation. With `lax` a scalar may be written as a text."""

    def __init__(self, faults, skip=lambda value: False, lax=False):
        self.faults, self.skip, self.lax = faults, skip, lax

    def hold(self, shape, value, at):
        if self.skip(value) or shape == 'any':
            return
        if isinstance(shape, list):
            self.hold_list(shape[0], value, at)
        elif isinstance(shape, dict):
            self.hold_object(shape, value, at)
        elif not self.fits(shape, value):
            self.faults.append(f'{at}: {value!r} is not {self.wanted(shape)}')

    def hold_list(self, shape, value, at):
        if not isinstance(value, list):
            self.faults.append(f'{at}: must be a list')
            return
        for number, one in enumerate(value):
            self.hold(shape, one, f'{at}[{number}]')

    def hold_object(self, shape, value, at):
        if not isinstance(value, dict):
            self.faults.append(f'{at}: must be an object')
            return
        members = {name.rstrip('!'): one for name, one in shape.items()}
        for name, one in value.items():
            inner = members.get(name, members.get('*'))
            if inner is None:
                self.faults.append(f'{at}.{name}: unknown; there are: '
                                   + ', '.join(sorted(members)))
            else:
                self.hold(inner, one, f'{at}.{name}')
        for name in shape:
            if name.endswith('!') and name.rstrip('!') not in value:
                self.faults.append(f'{at}: {name.rstrip("!")} is missing')

    def fits(self, shape, value):
        if limits := re.fullmatch(r'(\d+)\.\.(\d+)', shape):
            return self.fits('count', value) and \
                int(limits[1]) <= int(value) <= int(limits[2])
        if shape.startswith('/'):
            return isinstance(value, str) and bool(re.fullmatch(shape[1:-1], value))
        if shape not in SCALARS:
            return str(value) in shape.split(' | ')
        if isinstance(value, bool) and shape != 'boolean':
            return self.lax and shape == 'string'
        if isinstance(value, SCALARS[shape]):
            return not isinstance(value, int) or \
                LEAST.get(shape, value) <= value <= MOST.get(shape, value)
        if not self.lax:
            return False
        if shape == 'string':
            return isinstance(value, (int, float))
        if shape == 'boolean':
            return value in ('true', 'false')
        if not isinstance(value, str) or not re.fullmatch(r'-?\d+(\.\d+)?', value):
            return False
        return shape == 'number' or '.' not in value and self.fits(shape, int(value))

    def wanted(self, shape):
        if shape.startswith('/'):
            return 'as ' + shape
        if shape in SCALARS or '..' in shape:
            return 'a ' + shape
        return 'one of ' + shape
