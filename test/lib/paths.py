# SPDX-License-Identifier: MIT
"""Paths of the project and its programs, and the environment for programs under test."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get('REPORTD_BIN_DIR', ROOT / 'build')).resolve()
REPORTD = BIN / 'reportd'
REPORTCTL = BIN / 'reportctl'
# A build with --enable-sanitizers cannot run with a limit of memory.
SANITIZED = REPORTD.exists() and b'__asan_init' in REPORTD.read_bytes()


def environ(**extra):
    """Returns the caller's environment without settings of PostgreSQL, AWS and reportd.
    Programs do not ask the network for credentials."""
    own = {name: value for name, value in os.environ.items()
           if not name.startswith(('PG', 'AWS_', 'REPORTD_', 'LOG_'))
           and name not in ('NOTIFY_SOCKET', 'JOURNAL_STREAM', 'TZ')}
    # With sanitizers, too, SIGSEGV must kill and libfaketime may be loaded first.
    own['ASAN_OPTIONS'] = 'handle_segv=0:verify_asan_link_order=0'
    own['LSAN_OPTIONS'] = f'suppressions={ROOT}/test/lsan.supp:print_suppressions=0'
    own.update(AWS_EC2_METADATA_DISABLED='true', AWS_CONFIG_FILE='/nonexistent',
               AWS_SHARED_CREDENTIALS_FILE='/nonexistent')
    own.update({name: str(value) for name, value in extra.items()})
    return own
