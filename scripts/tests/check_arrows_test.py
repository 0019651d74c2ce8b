#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Plants one wrong arrow at a time in a copy of the module's sources, and sees check-arrows name it."""

import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPT = CHECKOUT / "scripts" / "check-arrows"


class ArrowsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for part in ("kmod", "uapi", "cxxrt"):
            shutil.copytree(CHECKOUT / part, self.root / part)

    def check(self):
        run = subprocess.run([sys.executable, SCRIPT, self.root], text=True, capture_output=True, check=False)
        return run.returncode, run.stderr

    def append(self, path, text):
        with open(self.root / path, "a", encoding="utf-8") as file:
            file.write(text)

    def assert_fault(self, path, *words):
        status, output = self.check()
        self.assertEqual(status, 1, output)
        lines = [line for line in output.splitlines() if line.startswith(path) and all(word in line for word in words)]
        self.assertEqual(len(lines), 1, f"not one line of {path} with {words} in:\n{output}")

    def test_the_module_has_no_arrow_up_and_no_circle(self):
        self.assertEqual(self.check(), (0, ""))

    def test_an_include_of_a_floor_above(self):
        self.append("kmod/glue/port/count.c", '#include "../driver/events.h"\n')
        self.assert_fault("kmod/glue/port/count.c:", "includes ../driver/events.h", "an arrow up", "kmod/glue/driver/")

    def test_a_call_of_a_floor_above_without_its_header(self):
        self.append("kmod/glue/direct/pin.c", "\nlong ptelab_ioctl(struct file *, unsigned int, unsigned long);\n"
                    "long ptelab_up(struct file *file)\n{\n\treturn ptelab_ioctl(file, 0, 0);\n}\n")
        self.assert_fault("kmod/glue/direct/pin.c:", "uses ptelab_ioctl", "an arrow up")

    def test_a_function_of_a_floor_above_in_a_table(self):
        self.append("kmod/glue/port/vma.c", "\nint ptelab_pci_init(void);\nstatic const struct {\n\tint (*init)(void);\n} "
                    "table = {\n\t.init = ptelab_pci_init,\n};\n")
        self.assert_fault("kmod/glue/port/vma.c:", "uses ptelab_pci_init", "an arrow up")

    def test_the_port_calls_the_core(self):
        self.append("kmod/glue/port/space.c", "\nvoid ptelab_up(void *node)\n{\n\tptelab_node_kill(node);\n}\n")
        self.assert_fault("kmod/glue/port/space.c:", "uses ptelab_node_kill", "kmod/core/")

    def test_a_circle_beside(self):
        self.append("kmod/glue/driver/events.c", "\nvoid ptelab_round(struct file *filp)\n{\n\tptelab_vma_setup_set(filp, 0);\n}\n")
        self.assert_fault("", "a circle", "kmod/glue/driver/events -> ")

    def test_a_circle_of_headers_of_the_core(self):
        self.append("kmod/core/pages.hpp", '#include "live.hpp"\n')
        self.assert_fault("kmod/core/", "a circle", "kmod/core/live", "kmod/core/pages")

    def test_a_file_on_no_floor(self):
        (self.root / "kmod" / "glue" / "stray.c").write_text("static int nothing;\n")
        self.assert_fault("kmod/glue/stray.c:", "stands on no floor")

    def test_a_function_that_other_files_can_call_without_its_prefix(self):
        self.append("kmod/glue/direct/pin.c", "\nint pinned(void)\n{\n\treturn 0;\n}\n")
        self.assert_fault("kmod/glue/direct/pin.c:", "pinned is neither static nor named")

    def test_an_include_that_is_nowhere(self):
        self.append("kmod/glue/direct/pin.c", '#include "nothing.h"\n')
        self.assert_fault("kmod/glue/direct/pin.c:", "nothing.h", "nowhere")

    def test_what_only_looks_like_an_arrow(self):
        self.append("kmod/glue/port/count.c", '\n/* ptelab_ioctl(filp); */\nvoid ptelab_ioctl_note(void);\n'
                    'static const char *name = "ptelab_ioctl(1)";\nvoid ptelab_same(struct ptelab_pin *pin)\n{\n}\n')
        self.assertEqual(self.check(), (0, ""))


if __name__ == "__main__":
    unittest.main()
