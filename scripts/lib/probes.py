# SPDX-License-Identifier: GPL-2.0-or-later
"""The probes of the module's build against what ci/kernels.toml says that the kernel lacks.

A probe that finds nothing where there is something would else be seen by nobody: the rules that need it are skipped.
"""

from hostrule import record

RULE = "probes.find_what_the_kernel_has"


def rule(cell, features):
    """The rule's record; features as `ptelab info` tells them, none if it did not come to that."""
    lacks = {name for name, there in features.items() if not there}
    observed = {
        "missing, not declared": sorted(lacks - set(cell.missing)),
        "declared missing, there": sorted(set(cell.missing) - lacks),
    }
    return record(
        RULE,
        says="The probes of the module's build find each call and hook that this kernel has, and none that it lacks",
        source="ci/kernels.toml",
        file="scripts/lib/probes.py",
        observed=observed,
        expected=dict.fromkeys(observed, []),
        broken="; ".join(f"{what}: {', '.join(names)}" for what, names in observed.items() if names)
        + f": mend the probe, or 'missing' of cell {cell.name}",
        not_run="" if features else "the guest's run ended before `ptelab info`",
    )
