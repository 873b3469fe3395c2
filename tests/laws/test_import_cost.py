"""Importing lazyimg loads next to nothing and costs next to nothing; each library loads when first used."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys

import pytest
from laws import apart

LATER = ("attrs", "attr", "httpx", "httpcore", "networkx", "structlog", "asyncio", "ssl", "isal")
ROUNDS = 9

LOADED = "import sys; print(*sorted(sys.modules))"


def loaded_after(code: str) -> set[str]:
    """Return the names of the modules that are loaded once some code ran."""
    return set(apart.run(f"{code}\n{LOADED}").splitlines()[-1].split())


def test_importing_loads_none_of_the_heavy_libraries() -> None:
    """Neither attrs, httpx, networkx, structlog, asyncio, ssl nor isal; of lazyimg no package but itself."""
    loaded = loaded_after("import lazyimg") - loaded_after("")

    assert loaded.isdisjoint(LATER)
    assert {name for name in loaded if name.startswith("lazyimg")} <= {"lazyimg", "lazyimg.version"}


def test_a_name_is_loaded_when_it_is_used() -> None:
    """Each public name is there, in `dir` and by import, and using one loads what it needs."""
    code = "import lazyimg\nassert set(lazyimg.__all__) <= set(dir(lazyimg))\n"
    assert "attr" in loaded_after(f"{code}lazyimg.Image")
    code += "for name in lazyimg.__all__: getattr(lazyimg, name)\nfrom lazyimg import *"
    assert {"attr", "lazyimg.image.image", "lazyimg.registry.keychains.keychain"} <= loaded_after(code)


@pytest.mark.parametrize(
    ("code", "needless"),
    [
        ("li.Image.empty().configure(user='1').annotate({'a': 'b'}).key", LATER[2:]),
        (
            "li.Layer.from_files({'/a': b'b'}); li.Layer.from_tar('a.tar'); li.Layer.from_blob('b.tar')",
            LATER[2:],
        ),
        ("li.Image.from_registry('ghcr.io/me/app:1').append(li.Layer.from_directory('a')).key", LATER[2:]),
        ("li.Engine()", LATER[2:]),
        ("li.Image.empty().graph()", ("httpx", "httpcore", "asyncio", "isal")),
        ("li.Image.empty().plan('ghcr.io/me/app:1').steps", ("httpx", "httpcore", "asyncio", "isal")),
        ("li.Image.empty().digest()", ("httpx", "httpcore", "asyncio")),
    ],
)
def test_what_is_not_needed_yet_is_not_loaded(code: str, needless: tuple[str, ...]) -> None:
    """Composing needs attrs alone; graphs networkx; bytes isal; only a registry needs httpx."""
    loaded = loaded_after(f"import lazyimg as li\n{code}")
    assert loaded.isdisjoint(needless)


def test_writing_to_plain_http_loads_no_more_than_it_needs() -> None:
    """A write to a registry loads httpx and isal by then, and builds no TLS context for plain http."""
    code = """
import lazyimg as li, ssl
made = []
ssl.SSLContext.__new__, old = (lambda *a, **k: made.append(1) or old(*a, **k)), ssl.SSLContext.__new__
with li.Registry() as registry, li.Engine():
    li.Image.empty().append(li.Layer.from_files({"/a": b"b"})).write(f"{registry.host}/app:1")
assert not made
"""
    assert {"httpx", "isal", "networkx"} <= loaded_after(code)


def cpu(code: str) -> float:
    """Return the user and system seconds of an interpreter that runs some code."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], env=apart.environment(), check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def test_importing_costs_at_most_three_times_a_bare_interpreter() -> None:
    """Processor time, user and system: medians of runs that take turns, so that load slows both."""
    cpu("import lazyimg")
    rounds = [(cpu("pass"), cpu("import lazyimg")) for _ in range(ROUNDS)]
    bare, ours = (statistics.median(values) for values in zip(*rounds, strict=True))

    assert ours <= 3 * bare, f"bare {bare * 1000:.0f} ms, with lazyimg {ours * 1000:.0f} ms"
