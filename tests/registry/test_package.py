"""The package costs nothing until it is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import lazyimg.registry

DOCS = Path(__file__).parents[2] / "docs"
HEAVY = ("httpx", "httpcore", "ssl", "asyncio", "networkx", "structlog", "isal")


def loaded_by(statement: str) -> set[str]:
    """Return which of the heavy modules a fresh interpreter has loaded after a statement."""
    program = f"import sys\n{statement}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_package_loads_nothing_heavy() -> None:
    """The package and its keychains know no HTTP library."""
    assert loaded_by("import lazyimg.registry; dir(lazyimg.registry)") == set()
    asked = "from lazyimg.registry.keychains.keychain import DefaultKeychain; DefaultKeychain()"
    assert loaded_by(asked) == set()


def test_client_is_loaded_when_named() -> None:
    """``lazyimg.registry.Client`` is there without being imported first."""
    assert "httpx" in loaded_by("import lazyimg.registry; lazyimg.registry.Client")
    assert lazyimg.registry.Client("ghcr.io").registry == "ghcr.io"


def test_names_for_users() -> None:
    """What users need is named by the package, wherever it is written."""
    named = set(lazyimg.registry._HOMES)
    assert {"Client", "Credentials", "Retries", "Timeouts"} <= named <= set(dir(lazyimg.registry))


@pytest.mark.parametrize("name", sorted(lazyimg.registry._HOMES))
def test_names_resolve(name: str) -> None:
    """Every name that it lists can be had from it, and is described on a page."""
    assert getattr(lazyimg.registry, name).__name__ == name
    assert any(f"\n::: lazyimg.registry.{name}\n" in page.read_text() for page in DOCS.rglob("*.md"))


def test_settings_load_nothing_heavy() -> None:
    """What one sets and writes of one's own is to be had without the client."""
    assert loaded_by("from lazyimg.registry import Credentials, Keychain, Retries, Timeouts") == set()


def test_unknown_names() -> None:
    """Any other name is missing as usual, and said of whom, so that Python can advise."""
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'") as caught:
        lazyimg.registry.nonsense  # noqa: B018
    assert (caught.value.name, caught.value.obj) == ("nonsense", lazyimg.registry)
