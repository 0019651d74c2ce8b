# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of a cell in parts: of one node of each kind, in several machines at once, and one result out of theirs.

Such a result says of what it is, under "partial": the counts of calls need every rule in one machine, and rules may be missing.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import START, Failure
from progress import FILE, Progress

# From good to bad, as scripts/lib/verdict.py gives them.
_VERDICTS = ("pass", "skip", "fail", "timeout", "panic", "broken")
# The status of a rule that more than one machine has judged.
_STATUSES = ("skip", "expected_fail", "pass", "fail")


def add_arguments(add):
    add("--nodes", choices=("all", "one-of-each"), default="all", help="the rules of all nodes, or of one node of each kind of mapping")
    add("--machines", type=int, default=1, metavar="N", help="in so many machines at once, each a part of the rules (%(default)s)")
    add("--misuse", action="store_true", help="with ptelab_misuse.ko loaded from the start, not only for the rules that need it")
    add("--share", metavar="I/N", help="the I-th of N parts of the rules alone")


def options(given):
    """What the rules' program is to be told."""
    words = [f"--nodes={given.nodes}"] if given.nodes != "all" else []
    return "".join(f" {word}" for word in [*words, *([f"--share={given.share}"] if given.share else [])])


def partial(given):
    """What the result says of itself; None of a whole one."""
    if given.nodes == "all" and not given.share:
        return None
    return {"nodes": given.nodes, "share": given.share or "1/1"}


def subfolder(given):
    """Of the folder of results: a part never takes the place of the whole, nor does a run with ptelab_misuse.ko."""
    if given.misuse:
        return "misuse"
    return "partial" if given.machines > 1 or partial(given) else ""


def suffix(given):
    """Of the folder of logs, so that machines that run at once have their own."""
    return ("-misuse" if given.misuse else "") + (f"-{given.share.replace('/', '-of-')}" if given.share else "")


def run(given, words, write):
    """Run `words` once for each machine and write(document) what came of them; returns the exit status."""
    with tempfile.TemporaryDirectory(prefix="ptelab-shares-") as place:
        outputs = [Path(place, f"{number}.json") for number in range(1, given.machines + 1)]
        _run_all(given, words, outputs)
        missing = [output.stem for output in outputs if not output.exists()]
        if missing:
            raise Failure(f"machine {missing[0]} of {given.machines} left no result: what it said is above")
        document = merged([json.loads(output.read_text()) for output in outputs], given.nodes)
    document["duration_s"] = round(time.monotonic() - START, 2)
    write(document)
    return document["exit"]


def _run_all(given, words, outputs):
    processes = []
    progress = Progress(given.cell)
    try:
        for number, output in enumerate(outputs, 1):
            command = [*words, "--machines", "1", "--share", f"{number}/{given.machines}", "-o", output]
            with open(output.with_suffix(".log"), "wb") as log:
                processes.append(subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                    env=os.environ | {FILE: str(output.with_suffix(".progress"))}))
        while any(process.poll() is None for process in processes):
            progress.show("; ".join(f"{output.stem}: {_told(output)}" for output in outputs))
            time.sleep(0.1)
    finally:
        for process in processes:
            if process.poll() is None:
                process.terminate()
        for process in processes:
            process.wait()
        progress.end()
        for output in outputs:
            if output.with_suffix(".log").exists():
                sys.stdout.write(output.with_suffix(".log").read_text(errors="replace"))
                sys.stdout.flush()


def _told(output):
    try:
        return output.with_suffix(".progress").read_text() or "..."
    except OSError:
        return "..."


def merged(results, nodes):
    """One document out of those of the machines, which ran one part of the rules each."""
    worst = max(results, key=lambda result: (_VERDICTS.index(result["verdict"]), bool(result["exit"])))
    document = dict(worst)
    document["partial"] = {"nodes": nodes, "machines": len(results)}
    document["rules"] = _rules(results)
    document["splats"] = [splat for result in results for splat in result["splats"]]
    document["machine"] = _common([result["machine"] or {} for result in results])
    document["tainted"] = next((result["tainted"] for result in results if result["tainted"] and result["tainted"].get("after")),
                               worst["tainted"])
    for verdict in ("build", "load"):
        document[verdict] = max((result[verdict] for result in results), key=lambda each: _VERDICTS.index(each["verdict"]))
    for table in ("features", "gup", "kinds", "reached"):
        document[table] = next((result[table] for result in results if result.get(table)), worst.get(table, {}))
    return document


def _rules(results):
    """Each once, in the order of the first machine's, then the second's."""
    rules = {}
    for result in results:
        for rule in result["rules"]:
            before = rules.get(rule["id"])
            if not before or _STATUSES.index(rule["status"]) > _STATUSES.index(before["status"]):
                rules[rule["id"]] = rule
    return list(rules.values())


def _common(machines):
    """What is the same in all, and of the rest each one's."""
    names = {name: None for machine in machines for name in machine}
    values = {name: [machine.get(name) for machine in machines] for name in names}
    return {name: each[0] if all(value == each[0] for value in each) else each for name, each in values.items()}
