# SPDX-License-Identifier: GPL-2.0-or-later
"""Find in a kernel log what the kernel complains about."""

import re

_CONTEXT_LINES = 30

# A line that any of these matches is a complaint. What the kernel says about user programs
# (segfault, traps) and about the machine (Firmware Bug, taint notices) is none.
_COMPLAINT = re.compile(
    "|".join(
        (
            r"^WARNING: ",
            r"^BUG: ",
            r"^BUG \S+ \(",
            r"^kernel BUG at ",
            r": [0-9a-f]{4,16} \[#\d+\]",
            r"^Oops\b",
            r"^CFI failure at ",
            r"^Unable to handle kernel ",
            r"^SError Interrupt on CPU",
            r"^general protection fault",
            r"^Kernel panic - not syncing",
            r"^watchdog: BUG: ",
            r"\b(?:KASAN|UBSAN|KFENCE|KCSAN): ",
            r"^INFO: (?:possible|suspicious|inconsistent) ",
            r"^INFO: trying to register non-static key",
            r"^INFO: task .* blocked for more than",
            r"\brcu\S* .*(?:detected (?:expedited )?stall|kthread (?:timer wakeup|starved))",
            r"\bDEBUG_LOCKS_WARN_ON\b",
            r"\bBad (?:page|swap|rss-counter)\b",
            r": bad (?:pgd|p4d|pud|pmd) ",
            r"^pagealloc: (?:memory corruption|single bit error)",
            r"^refcount_t: ",
            r"\blist_(?:add|del) corruption",
            r"^ODEBUG: ",
            r"\bscheduling while atomic\b",
            r"\bstack-protector: ",
            r"^usercopy: ",
            r"^x86/PAT: .*freeing invalid memtype",
            r"^Trying to (?:free|vfree\(\)) ",
            r"^sysfs: cannot create duplicate filename",
            r"^kmemleak: \d+ new suspected memory leak",
            r"^unreferenced object 0x",
            r"^ptelab: leak",
        )
    )
)
# A time stamp, with PRINTK_CALLER also the thread or CPU.
_STAMP = re.compile(r"^\[\s*\d+\.\d+\](?:\[\s*[TC]\d+\])? ?")
_REPORT_START = re.compile(r"^-+\[ cut here \]-+$")
_REPORT_END = re.compile(r"^---\[ end trace ")
_PANIC = re.compile(r"^Kernel panic - not syncing")
# x86: "RIP: 0010:enqueue_timer+0x6e/0xd0"; arm64: "pc : enqueue_timer+0x6e/0xd0".
_PLACE = re.compile(r"^(?:RIP: [0-9a-f]{4}:|pc : )(?P<symbol>[A-Za-z_][\w.]*)")
# What a rule writes when it begins and ends (userspace/rules/rule.cpp).
_RULE = re.compile(r"^ptelab-rule: (?:begin (?P<name>.+)|end .+)$")


class Splat:
    """One complaint, and the lines after it as its context.

    All that stands between 'cut here' and 'end trace' is one complaint, though several lines
    of it would count alone. rule is the one that was running when it began, None if none was.
    """

    def __init__(self, rule=None):
        self.rule = rule
        self.line = ""
        self.context = []
        self._own = []

    def add(self, line, own):
        if own:
            self._own.append(line)
        if not self.line and _COMPLAINT.search(line):
            self.line = line
        elif len(self.context) < _CONTEXT_LINES:
            self.context.append(line)

    def is_declared(self, declarations):
        """declarations are pairs of a rule, None for the whole run, and a pattern."""
        return any(
            rule in (None, self.rule) and pattern.search(line)
            for rule, pattern in declarations
            for line in self._own
        )

    def as_json(self):
        return {"line": self.line, "context": self.context}


def _lines(text):
    return [_STAMP.sub("", line.rstrip("\r")) for line in text.split("\n")]


def death(text):
    """What the kernel died of, in a line: its first complaint, and where it ran then; "" if it complained of nothing."""
    splats = scan(text)
    if not splats:
        return ""
    places = (_PLACE.match(line) for line in splats[0].context)
    place = next((found["symbol"] for found in places if found), "")
    return f"{splats[0].line} in {place}" if place else splats[0].line


def panicked(text):
    return any(_PANIC.match(line) for line in _lines(text))


def scan(text):
    """Every complaint, in the order of the log."""
    splats = []
    in_report = False
    rule = None
    for line in _lines(text):
        if mark := _RULE.match(line):
            rule = mark["name"]
            continue
        complains = _COMPLAINT.search(line)
        if _REPORT_START.match(line):
            in_report = True
            splats.append(Splat(rule))
        elif complains and (not in_report or _PANIC.match(line)):
            in_report = False
            splats.append(Splat(rule))
            splats[-1].add(line, own=True)
        elif splats:
            splats[-1].add(line, own=in_report)
            in_report = in_report and not _REPORT_END.match(line)
    return [splat for splat in splats if splat.line]
