# SPDX-License-Identifier: GPL-2.0-or-later
"""What one run brings into the guest: programs, modules, the request.

Two archives: what was built, which is kept, and what belongs to this run alone. A saved machine gets them by QEMU's fw_cfg, and
/vm/receive unpacks them; one that boots has them behind its initramfs.
"""

import os
import shlex
import time
from pathlib import Path

import terminal
from collect import Collector, kept
from common import cache_folder, digest, state_of
from cpio import Archive
from host import program
from initramfs import add_modules
from late import Late

subprocess = Late("subprocess")
tempfile = Late("tempfile")

_RECIPE = (__file__, Path(__file__).with_name("cpio.py"), Path(__file__).with_name("initramfs.py"))


def stripped(arch, module):
    """The module without its debug information, which is most of it and of no use in the guest; as it is where nothing can strip it."""
    tool = program(f"{arch.cross}strip")
    if not tool:
        return module
    inputs = repr((str(module), state_of(module), tool))
    folder = cache_folder() / "stripped" / digest(inputs)
    result = folder / module.name
    if not result.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="unfinished-", dir=folder.parent) as place:
            output = Path(place, module.name)
            done = subprocess.run([tool, "--strip-debug", "-o", output, module], capture_output=True, check=False)
            if done.returncode != 0:
                return module  # it may be no module at all, as in a test: the guest's kernel will say so
            folder.mkdir(exist_ok=True)
            output.rename(result)
    return result


def brought(request, base):
    """The kept archive of programs and modules, less what the base holds."""
    arch, release = request.machine.arch, request.kernel["release"]
    modules = tuple(stripped(arch, module) for module in request.modules)

    def fill():
        collector = Collector(arch, base.holds)
        if modules:
            add_modules(collector, release, modules, request.kernel_modules)
        for host, guest in request.taken:
            collector.add(host, guest)
        return collector

    return kept(("bundle", arch.debian, release, request.taken, modules, base.content), _RECIPE, fill)


def _command_script(command):
    """One word is a line for the shell; several are a program and its arguments."""
    if command is None:
        return 'cd /root; echo "Leave with exit, or with Ctrl-A X."\nexec sh -i\n'
    if len(command) == 1:
        return command[0] + "\n"
    return "exec " + shlex.join(command) + "\n"


def _request_script(request, token, start):
    columns, rows = terminal.size()
    values = {
        "token": token,
        "load": "yes" if request.load else "",
        "interactive": "yes" if request.command is None else "",
        "rows": rows,
        "columns": columns,
        "scan_leaks": "yes" if request.scan_leaks else "",
        "PTELAB_START": start,
        "TERM": terminal.kind(),
        "LC_ALL": terminal.locale(),
    }
    return "".join(f"{name}={shlex.quote(str(value))}\n" for name, value in values.items())


def write_own(request, token, start, path):
    """What belongs to this run alone. start, `boot` or `saved`, tells the guest's programs how their machine came to be."""
    archive = Archive()
    archive.text("vm/request", _request_script(request, token, start))
    archive.text("vm/command", _command_script(request.command))
    archive.text("vm/entropy", os.urandom(256).hex())
    now = time.time_ns()
    archive.text("vm/clock", f"{now // 10**9} {now % 10**9}")
    with open(path, "wb") as output:
        archive.write(output)
