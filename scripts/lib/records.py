# SPDX-License-Identifier: GPL-2.0-or-later
"""Values under names, for what every run loads: `dataclasses` takes longer to import than the rest of the front end to work."""


class Record:
    """A subclass annotates its fields, in their order, and may give defaults. It cannot be changed, and equals one with the same values."""

    def __init_subclass__(cls):
        cls._fields = tuple(cls.__annotations__)

    def __init__(self, *values, **named):
        given = {**dict(zip(self._fields, values)), **named}
        missing = [name for name in self._fields if name not in given and not hasattr(type(self), name)]
        if missing or len(given) != len(values) + len(named) or not given.keys() <= set(self._fields):
            raise TypeError(f"{type(self).__name__} has {', '.join(self._fields)}, and needs {', '.join(missing) or 'each once'}")
        for name in self._fields:
            self.__dict__[name] = given[name] if name in given else getattr(type(self), name)

    def __setattr__(self, name, _):
        raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")

    def __eq__(self, other):
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self):
        return hash((type(self), *self.__dict__.values()))

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())})"


def replace(record, **named):
    """The same but for these."""
    return type(record)(**(record.__dict__ | named))
