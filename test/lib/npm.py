# SPDX-License-Identifier: MIT
"""Packages of npm that tests use, each kept in a folder of its own from one run
to the next."""

import fcntl
import os
import pathlib
import shutil
import subprocess


def available():
    return shutil.which('npm') is not None and shutil.which('node') is not None


def install(package):
    """Puts `name@version` there, once, whoever else tries at the same time; the
    folder node_modules that has it."""
    cache = pathlib.Path(os.environ.get('XDG_CACHE_HOME')
                         or pathlib.Path.home() / '.cache')
    path = cache / 'reportd-test' / package.lstrip('@').replace('/', '-')
    path.mkdir(parents=True, exist_ok=True)
    with open(path / 'lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (path / 'done').exists():
            subprocess.run(
                ['npm', 'install', '--prefix', path, '--no-audit', '--no-fund',
                 '--no-save', package], check=True, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL)
            (path / 'done').touch()
    return path / 'node_modules'
