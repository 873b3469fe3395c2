"""Programs that tests drive but that may be missing."""

from __future__ import annotations

import os
import shutil

import pytest


def need(program: str, package: str) -> str:
    """Return the path of a program, or skip the test that needs it; in CI, where nothing is skipped, fail.

    Args:
        program: its name on PATH.
        package: the Debian package that has it.
    """
    path = shutil.which(program)
    if path is not None:
        return path
    reason = f"{program} is missing: apt-get install {package}"
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
