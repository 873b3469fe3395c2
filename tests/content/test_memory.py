"""Memory does not grow with the layer."""

import subprocess
import sys
from typing import Any

import pytest

PROGRAM = """
import os, sys, threading
from pathlib import Path
from lazyimg.content.compression import Gzip, Uncompressed, Zstd
from lazyimg.content.feed import Feed
from lazyimg.content.pipeline import Pass
from lazyimg.content.source import Opener

class Endless:
    def __init__(self, left):
        self.left, self.turn, self.noise = left, 0, os.urandom(1 << 20)
    def readinto(self, buffer):
        size = min(len(buffer), self.left, len(self.noise))
        self.turn += 1
        buffer[:size] = self.noise[:size]
        self.left -= size
        return size

size = int(sys.argv[1]) << 20
packing = {"gzip": Gzip(), "zstd": Zstd(), "none": Uncompressed()}[sys.argv[2]]
with Feed(lambda: Pass(Opener(lambda: Endless(size)), packing), sinks=2) as feed:
    def take(number):
        for _ in feed.body(number).chunks(0):
            pass
    threads = [threading.Thread(target=take, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    feed.pump()
    for thread in threads:
        thread.join()
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(int(status["VmHWM"].split()[0]) // 1024)
"""


def peak(size: int, name: str) -> Any:
    """Give the peak memory, in MiB, of feeding ``size`` MiB to two sinks."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(size), name], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.parametrize("name", ["gzip", "zstd", "none"])
def test_peak_memory_is_the_same_for_large_layers(name: str) -> None:
    """A layer eight times as large needs no more memory, up to noise."""
    small, large = peak(64, name), peak(512, name)
    assert large < small + 24
    assert large < 120
