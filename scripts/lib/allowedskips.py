# SPDX-License-Identifier: GPL-2.0-or-later
"""ci/allowed-skips.toml: what may be skipped whole."""

import re
import tomllib

from common import CHECKOUT, USAGE, Failure

TABLE = CHECKOUT / "ci" / "allowed-skips.toml"
_KEYS = {"step", "reason", "why"}


class AllowedSkips:
    def __init__(self, table=TABLE):
        try:
            with open(table, "rb") as file:
                entries = tomllib.load(file).get("skip", [])
        except OSError as error:
            raise Failure(f"cannot read {table}: {error.strerror}", USAGE) from error
        except tomllib.TOMLDecodeError as error:
            raise Failure(f"{table} is not valid TOML: {error}", USAGE) from error
        self._table = table
        self._entries = [self._checked(entry) for entry in entries]

    def _checked(self, entry):
        if set(entry) != _KEYS or not all(isinstance(value, str) and value for value in entry.values()):
            raise Failure(f"{self._table}: each skip has {', '.join(sorted(_KEYS))}, and nothing else: not {entry}", USAGE)
        try:
            return re.compile(entry["step"]), re.compile(entry["reason"])
        except re.error as error:
            raise Failure(f"{self._table}: '{error.pattern}' is no regular expression: {error}", USAGE) from error

    def allows(self, step, reason):
        return any(name.fullmatch(step) and why.search(reason) for name, why in self._entries)
