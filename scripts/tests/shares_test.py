#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A cell's rules in several machines: who runs what, and one result out of theirs."""

import argparse
import contextlib
import io
import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from testing import script
import readmetable
import shares
from cells import Cells
from common import CHECKOUT, USAGE, Failure


def rule(name, status="pass"):
    return {"id": name, "status": status, "reason": ""}


def result(*rules, verdict="pass", exit=0, **more):
    return {"verdict": verdict, "reason": "" if verdict == "pass" else f"it is {verdict}", "exit": exit, "rules": list(rules),
            "splats": [], "tainted": {"before": 0, "after": 0}, "machine": {"qemu": "7", "boots": 1}, "build": {"verdict": "pass"},
            "load": {"verdict": "pass"}, "features": {}, "gup": {}, "kinds": {}, "reached": {},
            "kernel": {"release": "6.1", "cell": Cells().default, "arch": "x86_64", "flavour": "cloud"}} | more


class Merged(unittest.TestCase):
    def test_the_rules_of_all_are_in_it_once(self):
        document = shares.merged([result(rule("a"), rule("both")), result(rule("b"), rule("both"))], "all")
        self.assertEqual([each["id"] for each in document["rules"]], ["a", "both", "b"])
        self.assertEqual((document["verdict"], document["exit"]), ("pass", 0))

    def test_of_a_rule_that_two_judged_the_telling_status_counts(self):
        for one, other, wanted in (("skip", "pass", "pass"), ("pass", "fail", "fail"), ("fail", "skip", "fail"), ("pass", "skip", "pass")):
            rules = shares.merged([result(rule("a", one)), result(rule("a", other))], "all")["rules"]
            self.assertEqual([each["status"] for each in rules], [wanted])

    def test_the_worst_verdict_is_the_verdict(self):
        for worst, status in (("fail", 1), ("panic", 255), ("broken", 125), ("timeout", 124)):
            bad = result(rule("b"), verdict=worst, exit=status, splats=[{"line": "BUG"}], tainted={"before": 0, "after": 512})
            for pair in ([result(rule("a")), bad], [bad, result(rule("a"))]):
                document = shares.merged(pair, "all")
                self.assertEqual((document["verdict"], document["exit"], document["reason"]), (worst, status, f"it is {worst}"))
                self.assertEqual((document["splats"], document["tainted"]["after"]), ([{"line": "BUG"}], 512))

    def test_tables_come_from_the_machine_that_made_them(self):
        document = shares.merged([result(rule("a")), result(rule("b"), gup={"rows": 1}, features={"x": True})], "all")
        self.assertEqual((document["gup"], document["features"], document["kinds"]), ({"rows": 1}, {"x": True}, {}))

    def test_what_differs_between_the_machines_is_told_of_each(self):
        document = shares.merged([result(), result(machine={"qemu": "7", "boots": 2})], "all")
        self.assertEqual(document["machine"], {"qemu": "7", "boots": [1, 2]})

    def test_it_says_that_it_is_of_a_part_and_README_does_not_take_it_for_the_whole(self):
        document = shares.merged([result(rule("a")), result(rule("b"))], "one-of-each")
        self.assertEqual(document["partial"], {"nodes": "one-of-each", "machines": 2})
        self.assertIsNone(readmetable.row_of(document, Cells()))
        del document["partial"]
        self.assertIsNotNone(readmetable.row_of(document, Cells()))


# What each machine does: writes its share as a rule, or what its number says.
MACHINE = """
import json, sys
number = sys.argv[sys.argv.index("--share") + 1].partition("/")[0]
print("machine", number)
content = json.loads({content!r})
content["rules"] = [{{"id": number, "status": "pass"}}]
{what}
open(sys.argv[sys.argv.index("-o") + 1], "w").write(json.dumps(content))
sys.exit(content["exit"])
"""


class Machines(unittest.TestCase):
    def run_machines(self, what=""):
        given = argparse.Namespace(cell="x", machines=2, nodes="one-of-each")
        written = []
        with tempfile.TemporaryDirectory() as place, contextlib.redirect_stdout(io.StringIO()) as said:
            program = Path(place, "machine.py")
            program.write_text(MACHINE.format(content=json.dumps(result()), what=what))
            status = shares.run(given, [sys.executable, program], written.append)
        return status, written[0], said.getvalue()

    def test_each_gets_its_share_and_their_output_follows_each_other(self):
        status, document, said = self.run_machines()
        self.assertEqual((status, [each["id"] for each in document["rules"]]), (0, ["1", "2"]))
        self.assertEqual(said, "machine 1\nmachine 2\n")

    def test_the_status_of_the_worst_is_that_of_all(self):
        self.assertEqual(self.run_machines("if number == '2': content |= {'verdict': 'panic', 'exit': 255}")[0], 255)

    def test_one_that_leaves_nothing_breaks_all(self):
        with self.assertRaisesRegex(Failure, "machine 2 of 2 left no result"):
            self.run_machines("if number == '2': sys.exit(3)")


class Program(unittest.TestCase):
    """ptelab-tests itself, which needs no module to tell what it would run."""

    def names(self, *options):
        program = CHECKOUT / "build" / "userspace" / "bin" / "ptelab-tests"
        done = subprocess.run([program, *options, "-ltc", "-r=console"], capture_output=True, text=True, check=True)
        return {line for line in done.stdout.splitlines() if re.fullmatch(r"\w+\.\S+", line)}

    def test_two_shares_of_one_node_of_each_kind_are_all_its_rules(self):
        chosen = self.names("--nodes=one-of-each")
        parts = [self.names("--nodes=one-of-each", f"--share={number}/2") for number in (1, 2)]
        self.assertEqual(parts[0] | parts[1], chosen)
        self.assertLessEqual(len(parts[0] & parts[1]), 1)  # what answers the host
        self.assertLess(abs(len(parts[0]) - len(parts[1])), 3)
        self.assertFalse({name.partition(".")[0] for name in chosen} & {"map_pages", "map_pages_zero", "prepare_ioremap"})
        self.assertLess(chosen, self.names())

    def test_nonsense_is_a_usage_error(self):
        program = CHECKOUT / "build" / "userspace" / "bin" / "ptelab-tests"
        done = subprocess.run([program, "--share=3/2"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (USAGE, "--share=3/2: give I/N, from 1/N to N/N\n"))

    def test_no_machine_at_all_is_a_usage_error(self):
        done = script("run-cell", Cells().default, "--machines", "0")
        self.assertEqual((done.returncode, done.stderr), (USAGE, "run-cell: --machines 0: give one or more\n"))

    def test_a_part_has_a_folder_of_results_and_logs_of_its_own(self):
        parser = argparse.ArgumentParser()
        shares.add_arguments(parser.add_argument)
        for words, folder, logs, told in (
            ([], "", "", ""),
            (["--machines", "2"], "partial", "", ""),
            (["--nodes", "one-of-each"], "partial", "", " --nodes=one-of-each"),
            (["--share", "1/2"], "partial", "-1-of-2", " --share=1/2"),
            (["--misuse"], "misuse", "-misuse", ""),
        ):
            given = parser.parse_args(words)
            self.assertEqual((shares.subfolder(given), shares.suffix(given), shares.options(given)), (folder, logs, told))


if __name__ == "__main__":
    unittest.main()
