# SPDX-License-Identifier: GPL-2.0-or-later
"""ci/kernels.toml: the cells, checked."""


import host
from arches import ARCHES
from common import CHECKOUT, USAGE, Failure, remembered, state_of
from late import Late
from records import Record, replace

tomllib = Late("tomllib")

TABLE = CHECKOUT / "ci" / "kernels.toml"

_REQUIRED = {"line": str, "arch": str, "flavour": str, "archives": list, "compiler": str, "memory": int}
_OPTIONAL = {"headers": str, "source": str, "config": list, "compiler_of": str, "append": str, "without": list, "also": list,
             "modules": list, "check": bool, "cxx": str, "missing": list}
# The default on a machine whose suite has no kernel of ours.
OTHER = "other"


class Cell(Record):
    name: str
    line: str
    arch: str
    flavour: str
    archives: tuple
    compiler: str
    memory: int
    headers: str = ""
    source: str = ""
    config: tuple = ()
    compiler_of: str = ""
    append: str = ""
    without: tuple = ()
    also: tuple = ()
    modules: tuple = ()
    check: bool = False
    cxx: str = ""
    missing: tuple = ()  # its line's, too
    own: bool = False  # whether this machine's own headers and compilers serve

    @property
    def suite(self):
        """Whose compiler builds what is built."""
        return self.compiler_of or self.archives[0]

    @property
    def compilers(self):
        """What builds the module, in words."""
        return f"{self.compiler}, {self.cxx} for C++" if self.cxx else self.compiler


def _parsed(table):
    try:
        with open(table, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise Failure(f"cannot read {table}: {error.strerror}", USAGE) from error
    except tomllib.TOMLDecodeError as error:
        raise Failure(f"{table} is not valid TOML: {error}", USAGE) from error


class Cells:
    def __init__(self, table=TABLE):
        # A table that is read by every run is parsed when it changes.
        content = remembered("tables", (str(table), state_of(table)), lambda: _parsed(table)) if table == TABLE else _parsed(table)
        self._table = table
        self._lines = {name: self._checked_line(name, entry) for name, entry in content.get("line", {}).items()}
        cells = {name: self._checked(name, entry) for name, entry in content.get("cell", {}).items()}
        self.default = self._checked_default(content.get("default"), cells)
        self._cells = {name: replace(cell, own=_own(cell, cells[self.default])) for name, cell in cells.items()}

    def _checked_default(self, entry, cells):
        if not isinstance(entry, dict) or OTHER not in entry or not all(name in cells for name in entry.values()):
            raise Failure(f"{self._table}: default.SUITE must name one of the cells, and default.{OTHER} another suite's", USAGE)
        return entry.get(host.suite(), entry[OTHER])

    def _checked(self, name, entry):
        def wrong(what):
            return Failure(f"{self._table}: cell {name}: {what}", USAGE)

        kinds = _REQUIRED | _OPTIONAL
        for key, value in entry.items():
            if key not in kinds:
                raise wrong(f"unknown key '{key}'; known are {', '.join(sorted(kinds))}")
            if not isinstance(value, kinds[key]):
                raise wrong(f"'{key}' must be of type {kinds[key].__name__}")
        for key in _REQUIRED:
            if key not in entry:
                raise wrong(f"'{key}' is missing")
        if ("headers" in entry) == ("source" in entry):
            raise wrong("give either 'headers' (a packaged kernel) or 'source' (one to build)")
        if ("config" in entry) != ("source" in entry):
            raise wrong("'source' and 'config' go together")
        if "modules" in entry and "source" in entry:
            raise wrong("'modules' are those of a packaged kernel; what is built has them built in")
        if entry["compiler"].startswith("clang") and "headers" in entry:
            raise wrong("clang builds a module only for a kernel that it built: give 'source'")
        if entry["arch"] not in ARCHES:
            raise wrong(f"arch '{entry['arch']}' is none of {', '.join(ARCHES)}")
        if ("compiler_of" in entry) != ("source" in entry):
            raise wrong("'source' and 'compiler_of' go together: a packaged kernel's compiler is its own suite's")
        if "cxx" in entry and ARCHES[entry["arch"]].cross:
            raise wrong("'cxx' is a compiler of this machine's architecture")
        if not entry["archives"]:
            raise wrong("'archives' is empty: name the suite first")
        for key, value in entry.items():
            if isinstance(value, list) and not all(isinstance(each, str) for each in value):
                raise wrong(f"'{key}' must be a list of names")
        if entry["line"] not in self._lines:
            raise wrong(f"line '{entry['line']}' is none of {', '.join(self._lines) or 'those in the table, which has none'}")
        lists = {key: tuple(value) for key, value in entry.items() if isinstance(value, list)}
        lists["missing"] = (*self._lines[entry["line"]], *lists.get("missing", ()))
        return Cell(name=name, **(entry | lists))

    def _checked_line(self, name, entry):
        missing = entry.get("missing")
        if set(entry) != {"missing"} or not isinstance(missing, list) or not all(isinstance(each, str) for each in missing):
            raise Failure(f"{self._table}: line {name}: give 'missing', a list of names, and nothing else", USAGE)
        return tuple(missing)

    def names(self):
        return list(self._cells)

    def checked(self):
        """The cells that `make check` runs."""
        return [name for name, cell in self._cells.items() if cell.check or name == self.default]

    def named(self, words):
        """The cells that the words name, each once: cells' own names, and all, packaged, built for groups of them."""
        groups = {
            "all": self.names(),
            "packaged": [name for name, cell in self._cells.items() if cell.headers],
            "built": [name for name, cell in self._cells.items() if cell.source],
        }
        names = [name for word in words for name in groups.get(word, [word])]
        return list(dict.fromkeys(self.get(name).name for name in names))

    def get(self, name):
        if name not in self._cells:
            raise Failure(
                f"no cell '{name}' in {self._table}; there are {', '.join(self._cells)}", USAGE
            )
        return self._cells[name]


def _own(cell, default):
    """Only one package of headers is installed here, that of the default cell; compilers are, of any version."""
    if cell.suite != host.suite():
        return False
    return bool(cell.source) or (cell.archives, cell.headers) == (default.archives, default.headers)
