"""Storage in memory, and the memory that either store takes."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazyimg.oci.digest import Digest
from lazyimg.server import memory
from lazyimg.server.memory import Content, MemoryStore

if TYPE_CHECKING:
    from pathlib import Path


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40)), st.integers(0, 400), st.integers(0, 400))
def test_any_part_of_any_chunks_is_read(chunks: list[bytes], start: int, length: int) -> None:
    """However bytes came in, every part of them reads as if they were one."""
    store, data = MemoryStore(), b"".join(chunks)
    staged = store.stage()
    for chunk in chunks:
        staged.write([chunk])
    assert staged.size == len(data)
    digest = Digest.of(data)
    store.keep(staged, digest)
    assert store.size(digest) == len(data)
    start = min(start, len(data))
    stop = min(start + length, len(data))
    assert b"".join(store.read(digest, start, stop)) == data[start:stop]


def test_blocks_have_a_limit_and_are_not_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read are views of the chunks as they came, at most a block each."""
    monkeypatch.setattr(memory, "BLOCK", 100)
    content = Content.of([bytes(250), bytes(30)])
    blocks = list(content.read(0, 280))
    assert [len(block) for block in blocks] == [100, 100, 50, 30]
    assert all(isinstance(block, memoryview) and block.obj in content.chunks for block in blocks)


def test_what_is_not_there_cannot_be_read() -> None:
    """A content that was removed is a LookupError; removing it again is harmless."""
    store = MemoryStore()
    with pytest.raises(LookupError):
        store.read(Digest.of(b""), 0, 0)
    store.remove(Digest.of(b""))
    assert not store.delete("group", "name")


PROGRAM = """
import hashlib, resource, sys, threading
import httpx
from lazyimg.server.registry import Registry

BLOCK, COUNT = bytes(range(256)) * 4096, int(sys.argv[2])
digest = hashlib.sha256()
for _ in range(COUNT):
    digest.update(BLOCK)
with Registry(sys.argv[1]) as registry, httpx.Client(base_url=registry.url, timeout=60) as http:
    location = http.post("/v2/a/blobs/uploads/").headers["location"]
    http.patch(location, content=(BLOCK for _ in range(COUNT)))
    made = http.put(location, params={"digest": "sha256:" + digest.hexdigest()})
    assert made.status_code == 201, made.text
    with http.stream("GET", made.headers["location"]) as answer:
        assert sum(len(chunk) for chunk in answer.iter_raw()) == COUNT * len(BLOCK)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_on_disk_memory_does_not_grow_with_the_blob(tmp_path: Path) -> None:
    """Pushing and pulling 512 MiB takes no more memory, in MiB, than 16 MiB does, within noise."""
    peaks = []
    for count in (16, 512):
        program = [sys.executable, "-c", PROGRAM, str(tmp_path / str(count)), str(count)]
        peaks.append(int(subprocess.run(program, capture_output=True, check=True, timeout=120).stdout))
    assert peaks[1] - peaks[0] < 32
