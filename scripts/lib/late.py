# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules that not every run needs: a third of the front end's time would be spent on loading them."""


class Late:
    """Stands for a module, which is imported when something of it is asked for."""

    def __init__(self, name):
        self._name = name

    def __getattr__(self, attribute):
        return getattr(__import__(self._name), attribute)


def load(*modules):
    """Now, while there is something else to wait for."""
    for module in modules:
        __import__(module._name)
