# SPDX-License-Identifier: MIT
"""Packages from npm that tests use. Each has a folder that is kept between test runs."""

import fcntl
import os
import pathlib
import shutil
import subprocess


def available():
    return shutil.which('npm') is not None and shutil.which('node') is not None


def install(package):
    """Installs `name@version` once, even when several processes try at the same time;
    returns the folder node_modules that holds it."""
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
