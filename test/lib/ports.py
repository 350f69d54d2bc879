# SPDX-License-Identifier: MIT
"""Ports of loopback for servers that tests start. Between the choice and the start nobody else
may take them: they lie below those that the system gives to connections, and each process of
tests has blocks of its own."""

import pathlib
import random
import socket

FIRST, BLOCK = 10000, 100
RANGE = '/proc/sys/net/ipv4/ip_local_port_range'


def _blocks():
    """The ports of one block after another; a name that only one process can have stands for
    a block until the process ends."""
    end = int(pathlib.Path(RANGE).read_text().split()[0])
    starts = list(range(FIRST, end - BLOCK, BLOCK))
    random.shuffle(starts)
    for start in starts:
        lock = socket.socket(socket.AF_UNIX)
        try:
            lock.bind(f'\0reportd-test-ports-{start}')
        except OSError:
            lock.close()
            continue
        _locks.append(lock)
        yield from range(start, start + BLOCK)


_locks, _ports = [], _blocks()


def free_port():
    for port in _ports:
        try:
            socket.create_server(('127.0.0.1', port)).close()
            return port
        except OSError:
            continue
    raise AssertionError('no free port')


def free_ports(count):
    return [free_port() for _ in range(count)]
