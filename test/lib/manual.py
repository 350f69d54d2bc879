# SPDX-License-Identifier: MIT
"""Sentences of docs/security.md and the tests that hold them."""

import ast

from lib.paths import ROOT


def says(*_):
    """What the manual says and this test holds."""
    return lambda test: test


def said():
    """All sentences that tests hold."""
    found = set()
    for path in (ROOT / 'test/integration').glob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, 'id', '') == 'says':
                found |= {arg.value for arg in node.args}
    return found
