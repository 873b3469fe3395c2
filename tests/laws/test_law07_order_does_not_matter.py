"""Law 7: the same graph gives the same bytes, whatever the jobs, chunks, hash seed and process."""

from __future__ import annotations

import gzip
import platform
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from laws import apart
from laws.readers import Counted, Openings, noise, sha256, tar_of

import lazyimg as li

if TYPE_CHECKING:
    from pathlib import Path

RECIPE = """
import sys
from pathlib import Path
import lazyimg as li
from datetime import datetime, UTC

def recipe(directory):
    annotations = {f"key-{n}": f"value {n}" for n in range(20)}
    labels = {f"label-{n}": str(n) for n in range(20)}
    return (li.Image.empty()
        .append(li.Layer.from_directory(directory / "tree", at="/app", exclude=("*.pyc",)),
                li.Layer.from_tar(directory / "rootfs.tar"),
                li.Layer.from_tar(directory / "rootfs.tar", compression=li.Zstd(level=3)))
        .append(li.Layer.from_files({"/etc/motd": b"hello", "/b": b"", "/usr/bin/tool": directory / "tool"}),
                li.Layer.from_blob(directory / "layer.tar.gz"),
                li.Layer.from_opener(lambda: (directory / "rootfs.tar.2").open("rb"), key="2"),
                annotations=annotations)
        .configure(env={f"E{n}": "x" for n in range(20)}, labels=labels,
                   exposed_ports={"80/tcp", "1/udp", "9/tcp"},
                   volumes={"/data", "/a", "/z"}, user="1", created=datetime(2024, 1, 1, tzinfo=UTC))
        .annotate(annotations))

if __name__ == "__main__":
    image = recipe(Path(sys.argv[1]))
    with li.Registry() as registry, li.Engine(jobs=int(sys.argv[2])):
        result = image.write(f"{registry.host}/app:1", li.OCILayout(sys.argv[3], tag="v1"))
    print(image.key, result.digest, *(layer.digest for layer in image.manifest().layers))
"""


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Give a directory with the recipe's files."""
    for number in range(200):
        path = tmp_path / f"tree/{number % 7}/{random.Random(number).randbytes(4).hex()}"  # noqa: S311 - same names
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(noise(number * 50, number))
    (tmp_path / "tree/large").write_bytes(noise(5 << 20) + bytes(3 << 20))
    (tmp_path / "rootfs.tar").write_bytes(tar_of({"a": noise(3 << 20), "b": bytes(5 << 20)}))
    (tmp_path / "rootfs.tar.2").write_bytes(tar_of({"c": b"d"}))
    (tmp_path / "layer.tar.gz").write_bytes(gzip.compress(tar_of({"e": b"f"}), mtime=0))
    (tmp_path / "tool").write_bytes(b"tool")
    return tmp_path


def test_two_processes_with_different_hash_seeds_and_jobs_agree(sources: Path, tmp_path: Path) -> None:
    """With 1 and 8 jobs, with two hash seeds: the same key, manifest digest, layers, and the same files."""
    ways = [("1", 1), ("2", 8), ("12345", 3)]
    printed = {
        apart.run(RECIPE, sources, jobs, tmp_path / f"out-{seed}", env={"PYTHONHASHSEED": seed})
        for seed, jobs in ways
    }

    assert len(printed) == 1
    assert len({files_below(tmp_path / f"out-{seed}") for seed, _ in ways}) == 1


def files_below(directory: Path) -> tuple[tuple[str, str], ...]:
    """Return the names and digests of all files below a directory."""
    files = (path for path in directory.rglob("*") if path.is_file())
    return tuple(sorted((str(path.relative_to(directory)), sha256(path.read_bytes())) for path in files))


@pytest.mark.parametrize(
    "compression", [li.Gzip(level=1), li.Gzip(level=0), li.Zstd(level=3), li.Uncompressed()]
)
def test_chunk_boundaries_do_not_matter(compression: Any) -> None:
    """However little or much each read gives, the layer is the same, also around the 2 MiB blocks."""
    tar = tar_of({"a": noise(2 << 20), "b": bytes(2 << 20), "c": noise(1000)})
    odd = random.Random(5)  # noqa: S311 - the same each time
    chunkings = [
        (1 << 30,),
        (2 << 20,),
        ((2 << 20) - 1, 1),
        (1, 4099, 65537),
        tuple(odd.randrange(1, 300_000) for _ in range(100)),
    ]
    identities = {
        li.Layer.from_opener(Openings(tar, steps=steps), compression=compression).identity()
        for steps in chunkings
    }

    assert len(identities) == 1


def test_single_bytes_make_the_same_layer() -> None:
    """A source that gives one byte a time is no other source."""
    tar = tar_of({"a": noise(60_000)})
    slow = li.Layer.from_opener(Openings(tar, steps=(1,)))
    assert slow.identity() == li.Layer.from_opener(Openings(tar)).identity()


@pytest.mark.parametrize("size", [0, 1, (2 << 20) - 1, 2 << 20, (2 << 20) + 1, 4 << 20])
def test_sizes_around_a_block_do_not_depend_on_reading(size: int) -> None:
    """At and around the ends of blocks the result is that of one large read."""
    data = noise(size, seed=size)
    whole = li.Layer.from_opener(Openings(data)).identity()
    pieces = li.Layer.from_opener(Openings(data, steps=(777_777, 3))).identity()
    assert whole == pieces
    assert whole.diff_id == sha256(data)


def test_a_file_a_stream_and_an_opener_of_the_same_bytes_are_the_same_layer(
    tmp_path: Path, registry: li.Registry
) -> None:
    """Where bytes come from leaves no trace in what they become."""
    tar = tar_of({"a": noise(3 << 20)})
    (tmp_path / "layer.tar").write_bytes(tar)
    stream = li.Layer.from_stream(Counted(tar, steps=(12345,)))
    li.Image.empty().append(stream).write(f"{registry.host}/app:1")

    assert stream.identity() == li.Layer.from_tar(tmp_path / "layer.tar").identity()
    assert stream.identity() == li.Layer.from_opener(Openings(tar)).identity()


def words(count: int) -> bytes:
    """Return something that compresses as text does, the same each time."""
    some = random.Random(7)  # noqa: S311 - the same each time
    return b" ".join(some.choices([b"%x" % (n * n) for n in range(5000)], k=count))


@pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="the law is of x86-64")
def test_a_known_image_has_its_known_digest() -> None:
    """The bytes that lazyimg makes today are the bytes it makes tomorrow, and on another machine."""
    image = (
        li.Image.empty("linux/amd64")
        .append(li.Layer.from_files({"/words": words(1 << 20), "/data": noise(3 << 20)}))
        .configure(env={"A": "b"}, entrypoint=["/data"], created=datetime(2024, 1, 1, tzinfo=UTC))
        .annotate({"org.opencontainers.image.title": "known"})
    )

    [layer] = image.layers()
    assert layer.diff_id() == "sha256:1edc26e4a87f3cef9318a92e88f16861cc5ac24a31b1815baee4f9889dc5d820"
    assert layer.digest() == "sha256:42818e96897b610785975d66b366e0a2cca8e7052a2fe81aa4443767db425aa8"
    assert image.digest() == "sha256:c4a6b3834c6626400cec6676c3809c67d3b42d324abc1a1a6964a90b5b798390"
