# SPDX-License-Identifier: GPL-2.0-or-later
"""Carry bytes between the guest's command line and the caller."""

import os
import select
import sys
import time
from contextlib import contextmanager
from late import Late

termios = Late("termios")
tty = Late("tty")

_ESCAPE = b"\x01"  # Ctrl-A
_END_OF_INPUT = b"\x04"  # Ctrl-D
_CHUNK = 65536
_PLAIN_SIZE = (80, 24)


class Left(Exception):
    """The caller typed Ctrl-A X."""


class DeadlinePassed(Exception):
    pass


def size():
    """Columns and lines of the terminal that stdout is, or of a plain one."""
    try:
        return os.get_terminal_size(sys.__stdout__.fileno())
    except (AttributeError, ValueError, OSError):
        return _PLAIN_SIZE


def kind():
    """TERM for the guest: what is written to a file or a pipe carries no colour."""
    return os.environ.get("TERM", "dumb") if sys.stdout.isatty() else "dumb"


def locale():
    """The guest has no locales, but its programs look at the name to know what can be shown."""
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    return next((name for name in names if name), "C")


@contextmanager
def raw_mode(descriptor):
    """The caller's terminal hands on every key; as it was afterwards."""
    if not os.isatty(descriptor):
        yield
        return
    before = termios.tcgetattr(descriptor)
    tty.setraw(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _write_all(descriptor, data):
    while data:
        data = data[os.write(descriptor, data) :]


class _Keys:
    """Takes Ctrl-A X (leave) and Ctrl-A A (a plain Ctrl-A) out of what is typed."""

    def __init__(self):
        self._escaped = False

    def pass_on(self, data):
        passed = bytearray()
        for key in data:
            byte = bytes([key])
            if self._escaped:
                self._escaped = False
                if byte in b"xX":
                    raise Left
                passed += _ESCAPE if byte in b"aA" else _ESCAPE + byte
            elif byte == _ESCAPE:
                self._escaped = True
            else:
                passed += byte
        return bytes(passed)


def relay(guest, deadline=None, keyboard=None, results=None):
    """Copy what the guest sends to stdout, and what is typed to the guest, until it hangs up or its results are complete.

    results, if given, has fileno(), and take(), which says whether there is nothing more to come.
    """
    keys = _Keys() if keyboard is not None and os.isatty(keyboard) else None
    sources = [guest] + ([results] if results else [])
    # The guest loses what arrives before its shell has opened the line and sent a prompt.
    unheard = keyboard
    while True:
        remaining = None if deadline is None else deadline - time.monotonic()
        if remaining is not None and remaining <= 0:
            raise DeadlinePassed
        readable = select.select(sources, [], [], remaining)[0]
        if guest in readable:
            data = guest.recv(_CHUNK)
            if not data:
                return
            _write_all(sys.stdout.fileno(), data)
            if unheard is not None:
                sources.append(unheard)
                unheard = None
        if results in readable and results.take():
            _copy_the_rest(guest)
            return
        if keyboard in readable:
            data = os.read(keyboard, _CHUNK)
            if not data:
                sources.remove(keyboard)
                data = _END_OF_INPUT
            guest.sendall(keys.pass_on(data) if keys else data)


def _copy_the_rest(guest):
    """What the guest's command wrote went out before the results did."""
    guest.setblocking(False)
    try:
        while data := guest.recv(_CHUNK):
            _write_all(sys.stdout.fileno(), data)
    except BlockingIOError:
        return
