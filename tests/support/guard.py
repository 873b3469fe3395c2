"""The guard of this process, and of the Pythons that it starts (`support.guarded.loopback_guard`)."""

from __future__ import annotations

import os
from pathlib import Path

from support.guarded.loopback_guard import ForeignAddress, attempts, is_local

__all__ = ["DIRECTORY", "ForeignAddress", "attempts", "install", "is_local", "python_path"]

DIRECTORY = Path(__file__).with_name("guarded")


def install() -> None:
    """Install the guard, once for the process, and for those that it starts with its environment."""
    from support.guarded import loopback_guard  # noqa: PLC0415 - the name says whose `install` it is

    loopback_guard.install()
    os.environ["PYTHONPATH"] = python_path(*filter(None, [os.environ.get("PYTHONPATH", "")]))


def python_path(*others: object) -> str:
    """Give a ``PYTHONPATH`` that has the guard first, once."""
    parts = [part for other in others for part in str(other).split(os.pathsep) if part != str(DIRECTORY)]
    return os.pathsep.join([str(DIRECTORY), *parts])
