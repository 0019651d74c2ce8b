# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the scripts share. Importing it makes scripts/lib importable."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SCRIPTS / "lib"))
# A check that runs these tests is told of them by a file; what they start tells its own terminal.
os.environ.pop("PTELAB_PROGRESS", None)


def script(name, *arguments, **changed):
    """Run one of the scripts; `changed` are environment variables, None to unset one."""
    environment = {key: value for key, value in (os.environ | changed).items() if value is not None}
    return subprocess.run(
        [SCRIPTS / name, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=120,
        check=False,
    )


def stand_in(folder, name, content):
    """A program of that name in the folder, to be put in front in PATH."""
    path = Path(folder, name)
    path.write_text(content)
    path.chmod(0o755)
