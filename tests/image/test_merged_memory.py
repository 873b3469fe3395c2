"""Memory grows neither with the size of merged layers nor with their number of entries."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import io, os, sys, tarfile
from pathlib import Path
import lazyimg as li

class Made:
    '''A tar that is made while it is read.'''
    def __init__(self, count, size):
        self.left, self.size, self.noise = iter(range(count)), size, os.urandom(1 << 20)
        self.pieces = self.made()
    def made(self):
        for number in self.left:
            info = tarfile.TarInfo(f"d{number % 97}/e{number % 7}/file-{number}")
            info.size = self.size
            yield info.tobuf()
            for _ in range(self.size >> 20):
                yield self.noise
        yield bytes(1024)
    def read(self, _):
        return next(self.pieces, b"")

what, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) << 20
image = li.Image.empty().append(
    li.Layer.from_opener(lambda: Made(count, size), key="lower"), li.Layer.from_files({"/a": b"1"})
)
with li.Engine(scratch=sys.argv[4]):
    if what == "flatten":
        image.flatten().write(li.OCILayout(sys.argv[4] + "/out"))
    elif what == "times":
        image.with_times(5).write(li.OCILayout(sys.argv[4] + "/out"))
    else:
        files = image.files()
        assert sum(1 for file in files.values() if file.kind == "file") == count + 1
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(int(status["VmHWM"].split()[0]) // 1024)
"""


def peak(directory: Path, what: str, count: int, size: int) -> int:
    """Give the peak memory, in MiB, of doing something with ``count`` files of ``size`` MiB."""
    command = [sys.executable, "-c", PROGRAM, what, str(count), str(size), str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("what", ["flatten", "times", "files"])
def test_memory_does_not_grow_with_layers(what: str, tmp_path: Path) -> None:
    """A layer ten times as large needs no more memory, up to noise."""
    small, large = peak(tmp_path, what, 2, 16), peak(tmp_path, what, 2, 160)
    assert large < small + 24
    assert large < 150


def test_memory_does_not_grow_with_entries(tmp_path: Path) -> None:
    """Ten times as many entries need no more memory than the index may have, and the rest is on disk."""
    few, many = peak(tmp_path, "files", 8_000, 0), peak(tmp_path, "files", 80_000, 0)
    assert many < few + 40
