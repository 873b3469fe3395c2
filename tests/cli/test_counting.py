"""A source that counts."""

from __future__ import annotations

import tarfile

import lazyimg as li
from lazyimg.cli.counting import CountingTar


def test_it_is_a_tar_and_counts_what_is_read() -> None:
    """A tar of one file comes out, the same each time, and every byte is counted."""
    tar = CountingTar("model.bin", megabytes=2)
    assert (tar.opened, tar.bytes_read) == (0, 0)
    with tar.open() as reader, tarfile.open(fileobj=reader, mode="r|") as found:
        assert reader.readable()
        [member] = found
        assert (member.name, member.size) == ("model.bin", 2 << 20)
    with tar.open() as first, tar.open() as second:
        assert first.read(5000) == second.read(5000)
    assert tar.opened == 3
    assert 2 << 20 <= tar.bytes_read <= tar.size + 10_000


def test_a_layer_of_it_reads_all_of_it_once() -> None:
    """What the layer read is the size of the tar."""
    tar = CountingTar("model.bin", megabytes=1)
    layer = li.Layer.from_opener(tar.open)
    assert tar.bytes_read == 0
    assert layer.size() > 1 << 20
    assert (tar.opened, tar.bytes_read) == (1, tar.size)
