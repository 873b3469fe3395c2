"""What the tests of pages share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.docker_socket import chunked, listening

import lazyimg as li


@pytest.fixture
def page_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty directory, and work in it; whoever runs the tests has no credentials there."""
    for name in ("DOCKER_CONFIG", "DOCKER_AUTH_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    directory = tmp_path / "page"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


@pytest.fixture
def _docker_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let DOCKER_HOST name what answers as a docker daemon, which has one image and loads any."""
    saved = tmp_path / "saved.tar"
    image = li.Image.empty().append(li.Layer.from_files({"/etc/motd": b"hello\n"}))
    image.write(li.Archive(saved, tag="app:latest", format="docker"))

    def answer(request: bytes) -> Iterator[bytes]:
        return chunked(saved.read_bytes() if request.startswith(b"GET /images/") else b"OK")

    with listening(answer) as path:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        yield
