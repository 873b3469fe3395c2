"""Writes that are killed at random moments: a layout or archive is the old one or the new one, whole.

``LAZYIMG_KILLS=200 pytest tests/write/test_killed_writes.py`` kills more often than every run does.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import lazyimg as li

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KILLS = int(os.environ.get("LAZYIMG_KILLS", "12"))
LONGEST = 0.25
"""Seconds after which a writer is killed at the latest: some writes fit in."""

RECIPES = """
import lazyimg as li

def image(which):
    large = li.Layer.from_files({"/large": bytes(range(256)) * (1 << 13), "/which": which.encode()})
    return li.Image.empty().append(li.Layer.from_files({"/shared": b"s"}), large).configure(user=which)

def targets(directory):
    return {
        "layout": li.OCILayout(f"{directory}/layout", tag="v1", replace=True, collect=True),
        "oci": li.Archive(f"{directory}/oci.tar", tag="app:1"),
        "docker": li.Archive(f"{directory}/docker.tar", tag="app:1", format="docker"),
    }
"""

# Forks a writer for each line it reads, which writes one image after the other until it is killed.
FORKING = (
    RECIPES
    + """
import os, signal, sys, time
import lazyimg.write.writing, lazyimg.write.archive_target, lazyimg.thunk.scheduler

directory, which = sys.argv[1:]
images = [image(name) for name in "ab"]
for line in sys.stdin:
    child = os.fork()
    while not child:
        for one in images:
            one.write(targets(directory)[which])
    time.sleep(float(line))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print("killed", flush=True)
"""
)


def recipes() -> dict[str, object]:
    namespace: dict[str, object] = {}
    exec(RECIPES, namespace)  # noqa: S102 - the very text that the writers run
    return namespace


@pytest.fixture
def killed(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Iterator[None]]:
    """Give an iterator that kills a writer of the parameter's target before each item."""
    command = [sys.executable, "-c", FORKING, str(tmp_path), request.param]
    moments = random.Random(request.param)  # noqa: S311 - the same each time
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def kills() -> Iterator[None]:
            assert process.stdin is not None
            assert process.stdout is not None
            for _ in range(KILLS):
                print(moments.uniform(0, LONGEST), file=process.stdin, flush=True)
                assert process.stdout.readline() == "killed\n"
                yield

        yield kills()
        process.stdin.close()


def whole(layout: Path) -> str:
    """Check what a layout names, to the last byte, without lazyimg; return the manifest's digest."""

    def blob(digest: str) -> bytes:
        data = (layout / "blobs" / digest.replace(":", "/")).read_bytes()
        assert f"sha256:{hashlib.sha256(data).hexdigest()}" == digest
        return data

    assert json.loads((layout / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    [entry] = json.loads((layout / "index.json").read_bytes())["manifests"]
    assert entry["annotations"] == {"org.opencontainers.image.ref.name": "v1"}
    manifest = json.loads(blob(entry["digest"]))
    for one in (manifest["config"], *manifest["layers"]):
        assert len(blob(one["digest"])) == one["size"]
    return str(entry["digest"])


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("killed", ["layout"], indirect=True)
def test_a_layout(tmp_path: Path, killed: Iterator[None]) -> None:
    """Also while the old image's blobs are collected; what is left over goes with the next collection."""
    made: dict[str, object] = recipes()
    image = made["image"]
    assert callable(image)
    wanted = {image(which).digest() for which in "ab"}
    layout, found = tmp_path / "layout", set[str]()
    for _ in killed:
        if (layout / "index.json").exists():
            digest = whole(layout)
            assert li.Image.from_layout(layout, "v1").digest() == digest
            found.add(digest)
    assert found <= wanted
    assert found

    li.OCILayout(layout).collect_garbage()
    assert whole(layout) in found
    assert len(list((layout / "blobs/sha256").iterdir())) == 4
    assert {path.name for path in (layout / "blobs").iterdir()} == {"sha256"}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("killed", ["oci", "docker"], indirect=True)
def test_an_archive(tmp_path: Path, killed: Iterator[None], request: pytest.FixtureRequest) -> None:
    """To the byte."""
    which = request.node.callspec.params["killed"]
    made: dict[str, object] = recipes()
    image, targets = made["image"], made["targets"]
    assert callable(image)
    assert callable(targets)
    wanted = set()
    for name in "ab":
        (tmp_path / name).mkdir()
        image(name).write(targets(tmp_path / name)[which])
        wanted.add((tmp_path / name / f"{which}.tar").read_bytes())
    archive, found = tmp_path / f"{which}.tar", set[bytes]()
    for _ in killed:
        if archive.exists():
            found.add(archive.read_bytes())
    assert found <= wanted
    assert found
    assert li.Image.from_archive(archive).config().user in ("a", "b")
