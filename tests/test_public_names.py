"""The public names, loaded on first use."""

import subprocess
import sys

import pytest

import lazyimg

WRITE = """
import lazyimg.write.asking
from lazyimg import write
assert write is lazyimg.write
print(write({}))
"""


@pytest.mark.parametrize("name", lazyimg.__all__)
def test_names_resolve(name: str) -> None:
    """Every public name can be had from the package, and is listed by it."""
    assert getattr(lazyimg, name) is not None
    assert name in dir(lazyimg)


def test_write_is_the_function() -> None:
    """`lazyimg.write` is the function, though a module of the package of that name was imported before."""
    called = subprocess.run([sys.executable, "-c", WRITE], capture_output=True, check=True)
    assert called.stdout.strip() == b"{}"


def test_unknown_names_are_refused() -> None:
    """A name that is not public raises as any module's does."""
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        _ = lazyimg.absent
