"""Debian's podman, as a command and as the service that speaks the docker daemon's API."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING, Self

import pytest

from support.programs import need

if TYPE_CHECKING:
    from pathlib import Path


class Podman:
    """A podman with its storage in a directory, listening on a Unix socket there.

    Args:
        directory: for its storage and socket; a short path, as sockets want.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.socket = directory / "podman.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        """The service as DOCKER_HOST names it."""
        return f"unix://{self.socket}"

    def command(self, *arguments: str) -> tuple[str, ...]:
        """Return the command that works on this storage, in no network and with no daemon's help."""
        storage = ("--root", str(self.directory / "root"), "--runroot", str(self.directory / "run"))
        return (need("podman", "podman"), *storage, "--storage-driver", "vfs", *arguments)

    def __call__(self, *arguments: str) -> str:
        """Run a command; its words stand in the failure."""
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, check=False, timeout=100
        )
        assert done.returncode == 0, f"podman {arguments}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def __enter__(self) -> Self:
        command = self.command("system", "service", "--time=0", self.host)
        if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0:
            pytest.skip("podman needs to mount, which this user may not: run as root, or in `podman unshare`")
        with (self.directory / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        for _ in range(600):
            if self.socket.exists():
                return self
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        self.__exit__()
        raise RuntimeError((self.directory / "log").read_text())

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
