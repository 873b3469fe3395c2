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


ERRORS = """
import lazyimg
try:
    lazyimg.Reference.parse("")
except lazyimg.errors.InvalidReference:
    print("caught")
"""

BARE = """
import sys
sys.modules["starlette"] = None  # as if it were not installed
import lazyimg
try:
    lazyimg.Registry
except lazyimg.errors.MissingExtra as error:
    print(error)
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


@pytest.mark.parametrize(
    ("program", "printed"),
    [
        (ERRORS, "caught"),
        ("import lazyimg as li; print(li.errors.__name__)", "lazyimg.errors"),
        (BARE, "lazyimg.Registry needs starlette, which is not installed: pip install 'lazyimg[server]'"),
    ],
    ids=["errors of a failure", "errors of none", "without the extra"],
)
def test_errors_are_there_unasked(program: str, printed: str) -> None:
    """Errors can be caught by their names in the package, whose own is told when an extra is missing."""
    called = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert called.stdout.strip() == printed


def test_unknown_names_are_refused() -> None:
    """A name that is not public raises as any module's does, and says of whom, so that Python can advise."""
    with pytest.raises(AttributeError, match="no attribute 'absent'") as caught:
        _ = lazyimg.absent
    assert (caught.value.name, caught.value.obj) == ("absent", lazyimg)
