"""Programs we did not write, driven as a user drives them."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from attrs import frozen
from support.programs import need

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@frozen
class Skopeo:
    """The ``skopeo`` command, speaking plain http to loopback."""

    program: str

    def copy(self, source: str, target: str, *more: str) -> None:
        """Copy an image between any two places that skopeo knows."""
        flags = ["--src-tls-verify=false", "--dest-tls-verify=false", "--insecure-policy"]
        self._run(flags.pop(), "copy", *flags, *more, source, target)

    def inspect(self, source: str, *more: str) -> dict[str, Any]:
        """Read what skopeo says of an image."""
        found: dict[str, Any] = json.loads(self._run("inspect", "--tls-verify=false", *more, source))
        return found

    def _run(self, *arguments: str) -> str:
        return run(self.program, *arguments)


def run(*command: str) -> str:
    """Run a program; its words stand in the failure."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def skopeo() -> Skopeo:
    """Give skopeo."""
    return Skopeo(need("skopeo", "skopeo"))


@pytest.fixture
def umoci() -> Callable[..., str]:
    """Give a function that runs umoci."""
    program = need("umoci", "umoci")
    return lambda *arguments: run(program, *arguments)


@pytest.fixture
def unpack(umoci: Callable[..., str], tmp_path: Path) -> Callable[[str], Path]:
    """Give a function that unpacks ``layout:tag`` and returns the root filesystem."""

    def unpacked(image: str) -> Path:
        bundle = tmp_path / f"bundle-{len(list(tmp_path.iterdir()))}"
        rootless = [] if os.getuid() == 0 else ["--rootless"]
        umoci("unpack", *rootless, "--image", image, str(bundle))
        return bundle / "rootfs"

    return unpacked
