"""Compressions as values."""

import pickle
import subprocess
import sys
from typing import Any

import pytest

from lazyimg.content.compression import Gzip, Uncompressed, Zstd
from lazyimg.errors import MissingExtra
from lazyimg.thunk.key import digest_of


@pytest.mark.parametrize("level", [0, 1, 2])
def test_gzip_has_the_levels_that_are_the_same_everywhere(level: Any) -> None:
    """Levels 0 to 2 give the same bytes on every CPU."""
    assert Gzip(level).level == level


@pytest.mark.parametrize("level", [-1, 3, 9, "1", None])
def test_other_gzip_levels_are_refused_with_the_reason(level: Any) -> None:
    """Level 3 and above would make digests depend on the machine, and the error says so."""
    with pytest.raises(ValueError, match=r"only 0, 1 and 2.*isal.*digest would depend on the machine.*Zstd"):
        Gzip(level)


@pytest.mark.parametrize("level", [0, 23, "3"])
def test_zstd_levels_that_do_not_exist_are_refused(level: Any) -> None:
    """zstd has levels 1 to 22."""
    with pytest.raises(ValueError, match="use 1"):
        Zstd(level)


def test_versions_name_all_that_the_bytes_depend_on() -> None:
    """Facts hold as long as the version stays the same."""
    assert Gzip().version().endswith("level 1 block 2097152")
    assert "isal 1." in Gzip().version()
    assert Zstd().version().endswith("level 3 block 2097152")
    assert Uncompressed().version() == "none"
    assert Gzip(0).version() != Gzip(1).version()


def test_compressions_are_values() -> None:
    """Equal ones are equal, have the same key, and survive a pickle."""
    assert Gzip() == Gzip(level=1) != Gzip(2)
    assert (
        digest_of("x", [("c", Gzip())])
        == digest_of("x", [("c", Gzip(1))])
        != digest_of("x", [("c", Zstd(1))])
    )
    assert pickle.loads(pickle.dumps(Zstd(7))) == Zstd(7)  # noqa: S301 - written one call before
    assert [one.name for one in (Gzip(), Zstd(), Uncompressed())] == ["gzip", "zstd", "none"]


def test_zstd_needs_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without zstandard the error names the extra; composing does not need it."""
    monkeypatch.setitem(sys.modules, "zstandard", None)
    monkeypatch.delitem(sys.modules, "lazyimg.content.zstd", raising=False)
    compression = Zstd()
    with pytest.raises(MissingExtra, match=r"lazyimg\[zstd\]"):
        compression.codec()


def test_composing_loads_no_codec() -> None:
    """Sources and compressions can be made without any compressor, matcher or network library loaded."""
    program = (
        "import sys; import lazyimg.content.compression, lazyimg.content.source, lazyimg.content.directory, "
        "lazyimg.content.filemap, lazyimg.content.blob_file, lazyimg.content.stream; "
        "heavy = {'isal', 'zstandard', 'pathspec', 'httpx', 'networkx', 'structlog', 'asyncio', 'ssl'}; "
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
