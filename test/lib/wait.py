# SPDX-License-Identifier: MIT
import time


def wait_for(condition, timeout=30, what=None, interval=0.02):
    """Calls condition() until it returns a true value; returns that value. `what` says what
    was waited for, or is a function that says what is there in its place."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            what = what() if callable(what) else what or getattr(condition, '__name__', condition)
            raise AssertionError(f'waited {timeout} s for {what}; last: {result!r}')
        time.sleep(interval)
