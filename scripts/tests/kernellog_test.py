#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel log scanner: what is a complaint, what is not, and what belongs together."""

import re
import unittest

import testing  # noqa: F401
from kernellog import panicked, scan

COMPLAINTS = """\
WARNING: CPU: 0 PID: 101 at mm/memory.c:2056 vm_insert_page+0x1a/0x2b [ptelab]
WARNING: possible circular locking dependency detected
WARNING: suspicious RCU usage
WARNING: bad unlock balance detected!
BUG: kernel NULL pointer dereference, address: 0000000000000008
BUG: unable to handle page fault for address: ffffc90000010000
BUG: KASAN: slab-use-after-free in ptelab_fault+0x12/0x40 [ptelab]
BUG: sleeping function called from invalid context at mm/page_alloc.c:5166
BUG: scheduling while atomic: ptelab-tests/101/0x00000002
BUG: Bad page state in process ptelab-tests  pfn:0a1b2
BUG: Bad page map in process ptelab-tests  pte:8000000012345067 pmd:01234067
BUG: Bad rss-counter state mm:00000000deadbeef type:MM_FILEPAGES val:4
BUG: non-zero pgtables_bytes on freeing mm: 4096
BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 30s!
BUG kmalloc-64 (Tainted: G           OE     ): Right Redzone overwritten
kernel BUG at mm/memory.c:1860!
invalid opcode: 0000 [#1] PREEMPT SMP
CFI failure at call_any+0x1c/0x30 [ptelab] (target: port_zap+0x0/0x40 [ptelab]; expected type: 0x5e4d06a0)
Oops: 0000 [#1] PREEMPT SMP KASAN
Oops: Oops: 0002 [#1] PREEMPT SMP KASAN NOPTI
Internal error: Oops: 0000000096000004 [#1] PREEMPT SMP
Unable to handle kernel paging request at virtual address dead000000000108
SError Interrupt on CPU1, code 0x00000000be000000 -- SError
general protection fault, probably for non-canonical address 0xdffffc0000000000: 0000 [#1]
KASAN: null-ptr-deref in range [0x0000000000000000-0x0000000000000007]
UBSAN: array-index-out-of-bounds in /src/kmod/glue/main.c:12:3
Kernel panic - not syncing: Fatal exception
watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [ptelab-tests:101]
INFO: task ptelab-tests:101 blocked for more than 120 seconds.
INFO: possible recursive locking detected
INFO: trying to register non-static key.
rcu: INFO: rcu_preempt self-detected stall on CPU
rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
rcu: rcu_preempt kthread starved for 5250 jiffies! g1129 f0x0 RCU_GP_WAIT_FQS(5)
DEBUG_LOCKS_WARN_ON(lock->magic != lock)
mm/pgtable-generic.c:50: bad pmd 0000000012345678(0000000000000001)
get_swap_device: Bad swap file entry 3ffffffffffff
pagealloc: memory corruption
refcount_t: underflow; use-after-free.
list_del corruption. prev->next should be ffff88800a, but was ffff88800b
ODEBUG: free active (active state 0) object: 00000000a hint: timer_fn+0x0/0x10 [ptelab]
usercopy: Kernel memory exposure attempt detected from vmalloc 'no area' (offset 0, size 4096)!
x86/PAT: ptelab-tests:101 freeing invalid memtype [mem 0xfd000000-0xfd000fff]
Trying to vfree() nonexistent vm area (00000000deadbeef)
sysfs: cannot create duplicate filename '/class/misc/ptelab'
kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
unreferenced object 0xffff888012345678 (size 64):
ptelab: leak: 3 pages of insert_page were never freed
"""

INNOCENT = """\
[Firmware Bug]: TSC not synchronous to P0
ACPI BIOS Error (bug): Could not resolve symbol [_SB.PCI0], AE_NOT_FOUND
ptelab: loading out-of-tree module taints kernel.
ptelab: module verification failed: signature and/or required key missing - tainting kernel
ptelab-tests[101]: segfault at 7f0000000000 ip 0000000000401000 sp 00007ffd error 6 in ptelab-tests
traps: ptelab-tests[101] general protection fault ip:401000 sp:7ffd error:0 in ptelab-tests
traps: ptelab-tests[101] trap invalid opcode ip:401000 sp:7ffd error:0 in ptelab-tests
x86/PAT: ptelab-tests:101 map pfn RAM range req write-combining for [mem 0x1000-0x1fff], got write-back
Kernel command line: console=ttyS0 panic=-1 cryptomgr.notests
kasan: KernelAddressSanitizer initialized (generic)
kmemleak: Kernel memory leak detector initialized (mem pool available: 35810)
rcu: Preemptible hierarchical RCU implementation.
rcu: \tRCU lockdep checking is enabled.
rcu: Adjusting geometry for rcu_fanout_leaf=16, nr_cpu_ids=2
Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar
x86/mm: Checked W+X mappings: passed, no W+X pages found.
clocksource: timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable because the skew is too large:
debug_vm_pgtable: [debug_vm_pgtable         ]: Validating architecture page table helpers
Memory failure: 0x1234: recovery action for dirty LRU page: Recovered
page_owner is disabled
FAULT_INJECTION: forcing a failure.
x86/fpu: Supporting XSAVE feature 0x001: 'x87 floating point registers'
Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on, data leaks possible
"""

WARNING_REPORT = """\
[    2.100000] ptelab: before
[    2.100001] ------------[ cut here ]------------
[    2.100002] refcount_t: underflow; use-after-free.
[    2.100003] WARNING: CPU: 0 PID: 101 at lib/refcount.c:28 refcount_warn_saturate+0xba/0x110
[    2.100004] Modules linked in: ptelab(OE)
[    2.100005] Call Trace:
[    2.100006]  <TASK>
[    2.100007]  ptelab_close+0x12/0x20 [ptelab]
[    2.100008]  </TASK>
[    2.100009] ---[ end trace 0000000000000000 ]---
"""


class Lines(unittest.TestCase):
    def test_every_kind_of_complaint_is_found(self):
        for line in COMPLAINTS.splitlines():
            for stamped in (f"[    1.234567] {line}", f"[    1.234567][  T101] {line}\r", line):
                with self.subTest(stamped):
                    self.assertEqual([splat.line for splat in scan(stamped)], [line])

    def test_what_only_looks_like_one_is_not(self):
        for line in INNOCENT.splitlines():
            with self.subTest(line):
                self.assertEqual(scan(f"[    1.234567] {line}\n"), [])


class Reports(unittest.TestCase):
    def test_a_report_is_one_complaint_with_its_trace(self):
        (splat,) = scan(WARNING_REPORT)
        self.assertEqual(splat.line, "refcount_t: underflow; use-after-free.")
        self.assertIn(" ptelab_close+0x12/0x20 [ptelab]", splat.context)
        self.assertNotIn("ptelab: before", splat.context)

    def test_two_reports_are_two_complaints(self):
        self.assertEqual(len(scan(WARNING_REPORT * 2)), 2)

    def test_a_panic_inside_a_report_counts_alone(self):
        cut = WARNING_REPORT.replace("Modules linked in: ptelab(OE)", "Kernel panic - not syncing: x")
        self.assertEqual(len(scan(cut)), 2)

    def test_the_context_is_limited(self):
        log = WARNING_REPORT + "[ 3.0] and so on\n" * 100
        (splat,) = scan(log)
        self.assertLessEqual(len(splat.context), 30)

    def test_a_declaration_may_name_any_line_of_the_report(self):
        (splat,) = scan(WARNING_REPORT)
        for pattern in ("refcount_t: underflow", r"lib/refcount\.c", "ptelab_close"):
            self.assertTrue(splat.is_declared([(None, re.compile(pattern))]), pattern)

    def test_a_declaration_does_not_reach_beyond_the_complaint(self):
        (splat,) = scan("BUG: Bad page state in process x\n[ 1.0] innocent\n")
        self.assertFalse(splat.is_declared([(None, re.compile("innocent"))]))

    def test_a_rule_s_marks_are_no_part_of_a_complaint_and_name_its_rule(self):
        before, inside, after = scan(
            "BUG: one\n[ 1.0] ptelab-rule: begin BUG: x # y\n[ 1.1] a line\nBUG: two\n"
            "[ 1.2] ptelab-rule: end BUG: x # y\n[ 1.3] BUG: three\n"
        )
        self.assertEqual([splat.rule for splat in (before, inside, after)], [None, "BUG: x # y", None])
        self.assertEqual((before.context, inside.context), (["a line"], []))

    def test_a_panic_is_seen_only_where_the_kernel_says_so(self):
        self.assertTrue(panicked("[    2.0] Kernel panic - not syncing: sysrq triggered crash\r\n"))
        self.assertFalse(panicked("[    2.0] vm: echo Kernel panic - not syncing\n"))


if __name__ == "__main__":
    unittest.main()
