"""A write to a layout that is killed, and two writes at once."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.programs import need

import lazyimg as li

if TYPE_CHECKING:
    from pathlib import Path

HALF = """
import sys, threading
import lazyimg as li

class Stuck:
    given = 0
    def readinto(self, buffer):
        if self.given < 5 << 20:
            self.given += len(buffer)
            return len(buffer)
        print("in the middle", flush=True)
        threading.Event().wait()

image = li.Image.empty().append(li.Layer.from_stream(Stuck(), compression=li.Uncompressed()))
image.write(li.OCILayout(sys.argv[1], tag="v1"))
"""

TWO = """
import sys
import lazyimg as li

who = sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for number in range(8):
    layer = li.Layer.from_files({"/who": who.encode(), "/number": str(number).encode()})
    shared = li.Layer.from_files({"/shared": bytes(1 << 20)})
    image = li.Image.empty().append(shared, layer)
    image.write(li.OCILayout(sys.argv[1], tag=(f"{who}-{number}", "latest")))
"""


def start(text: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", text, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_in_the_middle(layout: Path) -> None:
    """Let a write read half of its layer, and kill it."""
    with start(HALF, str(layout)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in the middle\n"
        process.kill()


def index_of(layout: Path) -> dict[str, str]:
    found = json.loads((layout / "index.json").read_bytes())
    name = "org.opencontainers.image.ref.name"
    return {entry["annotations"][name]: entry["digest"] for entry in found["manifests"]}


def blobs_of(layout: Path) -> set[str]:
    return {path.name for path in (layout / "blobs" / "sha256").iterdir()}


@pytest.mark.parametrize("old", [True, False])
def test_a_killed_write_leaves_what_was_there(tmp_path: Path, *, old: bool) -> None:
    """The old image is untouched, no half blob has a name, and the next write goes well."""
    layout = tmp_path / "out"
    image = li.Image.empty().append(li.Layer.from_files({"/a": b"old"}))
    if old:
        image.write(li.OCILayout(layout, tag="v1"))
    blobs = blobs_of(layout) if old else set()
    kill_in_the_middle(layout)

    assert blobs_of(layout) == blobs
    assert (layout / "index.json").exists() == old
    left = [path.name for path in (layout / "blobs").iterdir() if path.name != "sha256"]
    assert all(name.startswith(".lazyimg-") for name in left)

    result = image.annotate({"a": "new"}).write(li.OCILayout(layout, tag="v1"))
    assert index_of(layout) == {"v1": result.digest}


@pytest.mark.peer
def test_after_a_kill_others_read_the_old_image(tmp_path: Path) -> None:
    """`skopeo` and `umoci` see the layout as it was."""
    skopeo, umoci = need("skopeo", "skopeo"), need("umoci", "umoci")
    layout = tmp_path / "out"
    result = (
        li.Image.empty().append(li.Layer.from_files({"/a": b"old"})).write(li.OCILayout(layout, tag="v1"))
    )
    kill_in_the_middle(layout)

    inspected = json.loads(subprocess.check_output([skopeo, "inspect", f"oci:{layout}:v1"]))
    assert inspected["Digest"] == result.digest
    assert subprocess.check_output([umoci, "ls", "--layout", layout], text=True) == "v1\n"


def test_two_processes_write_one_layout(tmp_path: Path) -> None:
    """All their tags are there, the shared tag is one of theirs, and every blob is what its name says."""
    layout = tmp_path / "out"
    processes = [start(TWO, str(layout), who) for who in ("a", "b")]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    ended = [(process.communicate(timeout=100), process.returncode) for process in processes]
    assert ended == [(("", ""), 0)] * 2

    found = index_of(layout)
    assert set(found) == {"latest", *(f"{who}-{number}" for who in "ab" for number in range(8))}
    assert found["latest"] in {found["a-7"], found["b-7"]}
    for name in blobs_of(layout):
        assert li.Digest.of((layout / "blobs" / "sha256" / name).read_bytes()).encoded == name
    assert {path.name for path in (layout / "blobs").iterdir()} == {"sha256"}
