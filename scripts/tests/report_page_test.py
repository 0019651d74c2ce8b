#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The page of `ptelab report` in a real browser, where there is one: a headless Chromium uses every view of it."""

import html
import json
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import testing  # noqa: F401
from common import CHECKOUT

PTELAB = CHECKOUT / "build" / "userspace" / "bin" / "ptelab"
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
EVIL = "<img src=x onerror=alert(1)> & </script>"


def rule(name, observed, because=None, **more):
    return {"id": name, "status": "pass", "reason": "", "observed": observed, "expected": {}, "expected_because": because or {},
            "statement": f"Says {EVIL}", "source": "mm/memory.c:some_function", "file": "userspace/rules/sample.cpp", "line": 3} | more


def judged(pages):
    """Each way in which a difference is foreseen, or is not."""
    old = pages == 1
    seen = {"errno": "ENOSYS"} if old else {"errno": "ok", "then": 1}
    known = {"status": "expected_fail", "reason": "CVE"} if old else {}
    return [
        rule("way.silently", {"x": pages + 6}, expected={"x": pages + 6}),
        rule("way.page_size", {"kB": 12 * pages}, expected={"kB": 12 * pages}),
        rule("way.follows", seen | {"also": pages}, {"errno": "no such call"}, expected=seen | {"also": pages}),
        rule("way.observed", seen | {"also": pages}, {"errno": "no such call"}),
        rule("way.known", {"left": pages}, expected={"left": 2}, **known),
        rule("way.glob", {"look: a": pages, "look [b]": pages}, {"look: *": "another look"}),
        rule("way.varies", {"pfn": pages}, varies=["p?n"]),
        rule("way.some", {}, status="skip" if old else "pass", reason="not here" if old else ""),
    ]


def results(cell, release, pages, reached):
    gup = {"title": "Pins", "columns": [{"key": f"way.{n}", "meaning": "a way"} for n in range(20)],
           "nodes": {node: {f"way.{n}": {"verdict": "no", "text": release} for n in range(20)} for node in ("iomap", "bare")}}
    rules = [rule("fault_page.zap", {"pages": pages, "same": 1}, {"pages": "it was mended"}), rule("iomap.odd", {"seen": pages}),
             rule("zap.failing", {"x": 1}, status="fail", reason="broke", expected={"x": 2})]
    rules += judged(pages)
    rules += [rule(f"zap.number_{n}", {"n": 1}) for n in range(30)]
    return {"kernel": {"cell": cell, "release": release, "arch": "x86_64", "flavour": "test", "page_size": 4096 * pages}, "verdict": "pass", "reason": "",
            "features": {"probe": pages > 1}, "rules": rules, "gup": gup, "kinds": gup, "reached": {"zap_page_range": reached}}


# What a reader does, in the page itself; the answers go to the frame's parent.
READER = """
<script>
const answers = {errors: []};
window.addEventListener('error', event => answers.errors.push(event.message));
const all = selector => [...document.querySelectorAll(selector)];
const set = (element, value) => {
	if (element.type === 'checkbox') element.checked = value; else element.value = value;
	element.dispatchEvent(new Event(element.type === 'search' ? 'input' : 'change'));
};
const count = () => document.querySelector('#rules [role=status]').textContent;
const fits = () => document.documentElement.scrollWidth <= innerWidth;
try {
	answers.fits = [fits()];
	answers.closed = all('.matrix tbody tr:not(.group)').length;
	all('#rules button').find(each => each.textContent === 'Open all').click();
	answers.opened = all('.matrix tbody tr:not(.group)').length;
	answers.fits.push(fits());
	set(document.querySelector('#rules input[type=search]'), 'number_7');
	answers.searched = count();
	set(document.querySelector('#rules input[type=search]'), '');
	set(document.querySelector('#rules input[type=checkbox]'), true);
	answers.differing = count();
	set(document.querySelector('#rules input[type=checkbox]'), false);
	set(all('#rules select')[2], 'fail');
	answers.failing = count();
	set(all('#rules select')[2], '');
	const first = document.querySelector('.matrix tbody button');
	first.focus();
	first.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowDown', bubbles: true}));
	answers.focus = document.activeElement.closest('tr').textContent;
	answers.stops = all('.matrix button[tabindex="0"]').length;
	all('.matrix button').find(each => (each.getAttribute('aria-label') || '').startsWith('fault_page.zap on')).click();
	answers.detail = document.getElementById('detail').textContent;
	document.getElementById('detail').close();
	answers.views = {};
	for (const name of ['porting', 'calls', 'gup', 'kinds']) {
		document.getElementById(`tab-${name}`).click();
		answers.views[name] = document.getElementById(name).textContent;
		answers.fits.push(fits());
	}
	answers.images = all('img').length;
} catch (error) { answers.errors.push(String(error)); }
parent.postMessage(JSON.stringify(answers), '*');
</script>
"""

FRAME = """<!doctype html><pre id="answer"></pre><iframe src="page.html" width="{width}" height="800"></iframe>
<script>addEventListener('message', event => {{ document.getElementById('answer').textContent = event.data; }});</script>
"""


@unittest.skipUnless(BROWSER, "there is no chromium")
@unittest.skipUnless(PTELAB.exists(), "build/userspace/bin/ptelab is not built")
class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        place = Path(folder.name)
        files = []
        for cell, release, pages, reached in (
            ("old", "5.10.1", 1, {"hits": 3, "symbol": "zap_page_range"}),
            ("new", "7.3.1", 2, {"hits": 4, "symbol": "zap_vma_range", "stands_for_it": "successor zap_vma_range"}),
        ):
            files.append(place / f"{cell}.json")
            files[-1].write_text(json.dumps(results(cell, release, pages, reached)))
        page = place / "page.html"
        subprocess.run([PTELAB, "report", *files, "-o", page], check=True, stdout=subprocess.DEVNULL)
        compared = subprocess.run([PTELAB, "compare", "--json", *files], capture_output=True, check=False)
        cls.compared = json.loads(compared.stdout)
        page.write_text(page.read_text().replace("</body>", READER + "</body>"))
        cls.narrow, cls.wide = (cls.read(place, width) for width in (390, 1600))

    @staticmethod
    def read(place, width):
        frame = place / f"frame-{width}.html"
        frame.write_text(FRAME.format(width=width))
        done = subprocess.run(
            [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={place}/profile", "--window-size=1700,1000",
             "--virtual-time-budget=10000", "--dump-dom", frame.as_uri()],
            capture_output=True, text=True, timeout=100, check=True)
        return json.loads(html.unescape(re.search(r'<pre id="answer">(.*?)</pre>', done.stdout, re.S).group(1)))

    def test_nothing_goes_wrong_and_nothing_is_wider_than_the_window(self):
        for answers in (self.narrow, self.wide):
            self.assertEqual(answers["errors"], [])
            self.assertEqual(answers["fits"], [True] * 6)
            self.assertEqual(answers["images"], 0)

    def test_areas_open_and_filters_filter(self):
        self.assertEqual((self.wide["closed"], self.wide["opened"]), (0, 41))
        self.assertEqual(self.wide["searched"], "1 of 41 rules")
        self.assertEqual(self.wide["differing"], "8 of 41 rules")
        self.assertEqual(self.wide["failing"], "1 of 41 rules")

    def test_arrow_keys_move_between_cells_with_one_stop_for_tab(self):
        self.assertTrue(self.wide["focus"].startswith("fault_page.zap"), self.wide["focus"])
        self.assertEqual(self.wide["stops"], 1)

    def test_a_cell_tells_statement_source_and_what_each_kernel_did(self):
        for part in (f"Says {EVIL}", "mm/memory.c:some_function", "≠ pages", "because it was mended", "old", "new", "✓ holds"):
            self.assertIn(part, self.wide["detail"])

    def test_porting_tells_calls_reasons_and_the_unexpected_first(self):
        text = self.wide["views"]["porting"]
        self.assertLess(text.index("No rule expected these"), text.index("because it was mended"))
        self.assertLess(text.index("iomap.odd"), text.index("because it was mended"))
        self.assertIn("as zap_vma_range", text)
        self.assertIn("it ran on into the mappings", text)
        self.assertIn("because the size of a page: as many pages", text)

    def test_porting_judges_as_compare_does(self):
        found = re.search(r"in (\d+) ways that the rules expect and (\d+) that none does", self.wide["views"]["porting"])
        expected = len(self.compared["foreseen"]), len(self.compared["unforeseen"])
        self.assertEqual(tuple(map(int, found.groups())), expected)
        self.assertGreater(min(expected), 2)

    def test_tables_show_cells(self):
        self.assertIn("zap_vma_range", self.wide["views"]["calls"])
        for view in ("gup", "kinds"):
            self.assertIn("✗ 7.3.1", self.wide["views"][view])


if __name__ == "__main__":
    unittest.main()
