#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""From results and kernel log to the verdict, without a guest."""

import unittest

import testing  # noqa: F401
from common import FAILED, HARNESS, PANIC, PASSED, TIMEOUT
from verdict import judge

WARN = "[ 2.0] WARNING: CPU: 0 PID: 1 at mm/memory.c:1 x+0x1/0x2\n"
PANICKED = "[ 2.0] Kernel panic - not syncing: x\n"


def results(status=0, before=0, after=0, **more):
    files = {"exit-status": b"%d\n" % status, "tainted-before": b"%d\n" % before, "tainted-after": b"%d\n" % after}
    return files | {name: content.encode() for name, content in more.items()}


def during(rule, log=WARN):
    return f"[ 1.9] ptelab-rule: begin {rule}\r\n{log}[ 2.1] ptelab-rule: end {rule}\r\n"


class Verdict(unittest.TestCase):
    def assert_judged(self, verdict, exit_status, files, log="", timed_out=False, left=False):
        judged = judge(files, log, timed_out, left, 5)
        self.assertEqual((judged.verdict, judged.exit), (verdict, exit_status), judged.reason)
        if verdict != "pass":
            self.assertTrue(judged.reason)
        return judged

    def test_all_well(self):
        self.assert_judged("pass", PASSED, results())

    def test_the_command_s_status_passes_through_and_is_named(self):
        for status in (1, 2, 77, 124, 125, 255):
            judged = self.assert_judged("fail", status, results(status))
            self.assertEqual(judged.reason, f"the command exited with status {status}")

    def test_no_results(self):
        self.assert_judged("broken", HARNESS, None)
        self.assert_judged("timeout", TIMEOUT, None, timed_out=True)
        self.assert_judged("panic", PANIC, None, PANICKED)
        self.assert_judged("pass", PASSED, None, left=True)

    def test_a_panic_that_then_hangs_is_a_panic(self):
        self.assert_judged("panic", PANIC, None, PANICKED, timed_out=True)

    def test_results_without_a_status_or_a_taint_are_broken(self):
        for name in ("exit-status", "tainted-before", "tainted-after"):
            files = results()
            del files[name]
            self.assert_judged("broken", HARNESS, files)

    def test_a_module_that_did_not_load(self):
        judged = self.assert_judged("broken", HARNESS, results(broken="ptelab.ko did not load: why"))
        self.assertIn("why", judged.reason)

    def test_a_complaint_that_nobody_declared_fails(self):
        judged = self.assert_judged("fail", FAILED, results(), WARN)
        self.assertEqual(len(judged.splats), 1)

    def test_a_declared_complaint_and_its_taint_pass(self):
        judged = self.assert_judged("pass", PASSED, results(after=1 << 9, declared="WARNING: .*mm/memory"), WARN)
        self.assertEqual(judged.splats, [])

    def test_one_declaration_does_not_excuse_another_complaint(self):
        log = WARN + "[ 2.1] BUG: Bad page state in process x\n"
        judged = self.assert_judged("fail", FAILED, results(declared="WARNING: "), log)
        self.assertEqual(judged.splats[0].line, "BUG: Bad page state in process x")

    def test_a_rule_s_declaration_holds_while_the_rule_runs(self):
        declared = results(after=1 << 9, declared="zap.one\tWARNING: ")
        self.assert_judged("pass", PASSED, declared, during("zap.one"))
        self.assert_judged("pass", PASSED, declared, during("zap.two", "") + during("zap.one") * 2)
        self.assert_judged("pass", PASSED, declared, "[ 1.9] ptelab-rule: begin zap.one\n" + WARN)
        for log in (WARN, during("zap.two"), during("zap.one", "") + WARN, WARN + during("zap.one", "")):
            judged = self.assert_judged("fail", FAILED, declared, during("zap.one") + log)
            self.assertEqual(len(judged.splats), 1)

    def test_a_declaration_of_no_rule_holds_for_the_whole_run(self):
        self.assert_judged("pass", PASSED, results(after=1 << 9, declared="WARNING: "), WARN + during("zap.one") + WARN)

    def test_a_declaration_that_is_no_expression_is_broken(self):
        self.assert_judged("broken", HARNESS, results(declared="(unclosed"))
        self.assert_judged("broken", HARNESS, results(declared="zap.one\t(unclosed"))

    def test_taint_of_an_out_of_tree_unsigned_test_module_is_expected(self):
        self.assert_judged("pass", PASSED, results(after=1 << 12 | 1 << 13 | 1 << 18))

    def test_any_other_new_taint_fails_and_is_named(self):
        for bit, letter in ((0, "P"), (5, "B"), (7, "D"), (9, "W"), (14, "L")):
            judged = self.assert_judged("fail", FAILED, results(after=1 << bit))
            self.assertTrue(judged.reason.endswith(letter), judged.reason)

    def test_taint_from_before_is_not_blamed_on_the_run(self):
        self.assert_judged("pass", PASSED, results(before=1 << 9, after=1 << 9))

    def test_a_leak_found_by_kmemleak_is_a_complaint(self):
        self.assert_judged("fail", FAILED, results(kmemleak="unreferenced object 0xffff (size 64):\n  comm x\n"))


if __name__ == "__main__":
    unittest.main()
