"""Debian's ``docker-registry``, the reference implementation, on a free loopback port."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any, Self

from support.ports import free_port, wait_for_port
from support.programs import need

if TYPE_CHECKING:
    from pathlib import Path


class DockerRegistry:
    """A running ``docker-registry`` with its storage in a directory.

    Args:
        directory: for its config, log and storage.
        auth: the ``auth`` section of its config; None is open to everybody.
        delete: whether it deletes manifests and blobs.
        tls: the files of a certificate and its key; with them it speaks HTTP/2 to who can.
    """

    def __init__(
        self,
        directory: Path,
        *,
        auth: dict[str, Any] | None = None,
        delete: bool = True,
        tls: tuple[Path, Path] | None = None,
    ) -> None:
        self.directory = directory
        self.port = free_port()
        self._auth = auth
        self._delete = delete
        self._tls = tls
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        """The registry as references name it."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Start it, and wait until it listens."""
        program = need("docker-registry", "docker-registry")
        self.directory.mkdir(parents=True, exist_ok=True)
        config = self.directory / "config.json"  # JSON is YAML
        config.write_text(json.dumps(self._config()))
        with (self.directory / "log").open("wb") as log:
            self._process = subprocess.Popen([program, "serve", str(config)], stdout=log, stderr=log)
        try:
            wait_for_port(self.port)
        except OSError:
            self.stop()
            raise RuntimeError((self.directory / "log").read_text()) from None
        return self

    def stop(self) -> None:
        """Stop it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def begun_uploads(self, repository: str) -> list[str]:
        """Return the uploads that are begun and neither finished nor cancelled."""
        uploads = self.directory / "storage/docker/registry/v2/repositories" / repository / "_uploads"
        return sorted(path.parent.name for path in uploads.glob("*/startedat"))

    def _config(self) -> dict[str, Any]:
        config: dict[str, Any] = {
            "version": 0.1,
            "log": {"level": "warn"},
            "storage": {
                "filesystem": {"rootdirectory": str(self.directory / "storage")},
                "delete": {"enabled": self._delete},
            },
            "http": {"addr": self.host, "secret": "not secret"},
        }
        if self._tls is not None:
            certificate, key = map(str, self._tls)
            config["http"]["tls"] = {"certificate": certificate, "key": key}
        if self._auth is not None:
            config["auth"] = self._auth
        return config


def htpasswd_auth(directory: Path, users: dict[str, str]) -> dict[str, Any]:
    """Return the ``auth`` section for basic authentication, with a file of bcrypt hashes."""
    program = need("htpasswd", "apache2-utils")
    lines = [
        subprocess.run(
            [program, "-i", "-n", "-B", "-C", "4", user],
            input=password,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for user, password in users.items()
    ]
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "htpasswd"
    path.write_text("".join(lines))
    return {"htpasswd": {"realm": "lazyimg tests", "path": str(path)}}
