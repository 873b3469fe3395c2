"""The fixture that is published: found by pytest, set by a mark, and free of charge where unused."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import guard
from support.pages import examples_of

from lazyimg.errors import MissingExtra
from lazyimg.server import pytest_plugin
from lazyimg.server.pytest_plugin import lazyimg_registry  # noqa: F401 - here too where it is not installed

if TYPE_CHECKING:
    from lazyimg.server.registry import Registry

ROOT = Path(__file__).parents[2]
PLUGIN = "lazyimg.server.pytest_plugin"
USERS_TESTS = """
import urllib.error
import urllib.request

import pytest

import lazyimg as li

pytestmark = pytest.mark.lazyimg_registry(users={"me": "secret"}, read_only=True)


def status(url):
    try:
        return urllib.request.urlopen(url).status
    except urllib.error.HTTPError as error:
        return error.code


def test_it_runs(lazyimg_registry):
    assert status(lazyimg_registry.url + "/v2/") == 401
    assert lazyimg_registry.read_only
    assert lazyimg_registry.traffic().requests == {"GET version": 1}


@pytest.mark.lazyimg_registry(users=None, read_only=False)
class TestOpen:
    def test_the_nearest_mark_wins(self, lazyimg_registry):
        li.Image.empty().write(f"{lazyimg_registry.host}/empty:1")
        assert not lazyimg_registry.read_only
        assert lazyimg_registry.requests[0].path == "/v2/empty/blobs/uploads/"

    def test_each_test_has_its_own(self, lazyimg_registry):
        assert lazyimg_registry.requests == []


def test_without_one():
    pass
"""


def run(
    directory: Path, *arguments: str, path: str = str(ROOT), tests: str = USERS_TESTS, **environment: str
) -> str:
    """Run pytest as a user does, in a directory of theirs, with this checkout on the path."""
    (directory / "test_users.py").write_text(tests)
    command = [sys.executable, "-m", "pytest", "--strict-markers", "-W", "error", "-p", "no:cacheprovider"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    done = subprocess.run(
        [*command, *arguments],
        cwd=directory,
        env=inherited | {"PYTHONPATH": guard.python_path(path)} | environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return done.stdout + done.stderr


def test_a_mark_gives_it_settings(tmp_path: Path) -> None:
    """Each test has a registry of its own, as its nearest mark says; strict markers know the mark."""
    out = run(tmp_path, "-p", PLUGIN, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert "4 passed" in out, out
    assert "lazyimg_registry(strict_faults=False, **settings)" in run(
        tmp_path, "-p", PLUGIN, "--markers", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"
    )


def test_pytest_finds_it_where_lazyimg_is_installed(tmp_path: Path) -> None:
    """By the entry point of pyproject.toml, without a word of the user."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    assert table == {"lazyimg": PLUGIN}
    installed = tmp_path / "site" / "lazyimg-0.0.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: lazyimg\nVersion: 0.0.0\n")
    entries = "\n".join(f"{name} = {module}" for name, module in table.items())
    (installed / "entry_points.txt").write_text(f"[pytest11]\n{entries}\n")
    out = run(tmp_path, "test_users.py", path=f"{installed.parent}{os.pathsep}{ROOT}")
    assert "4 passed" in out, out


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    """What the page shows of the fixture is a file of tests that run."""
    blocks = [block.code for block in examples_of(ROOT / "docs/embedded-registry.md")]
    tests = "\n".join(code for code in blocks if "def test_" in code)
    out = run(
        tmp_path, "-p", PLUGIN, tests=f"import lazyimg as li\n{tests}", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"
    )
    assert f"{tests.count('def test_')} passed in " in out, out
    assert "failed" not in out


def test_a_proxy_of_the_environment_is_not_asked(tmp_path: Path) -> None:
    """Where the machine reaches the world by a proxy, tests with the fixture run all the same."""
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:1")
    out = run(
        tmp_path, "-p", PLUGIN, "-k", "nearest", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", NO_PROXY="", **proxies
    )
    assert "1 passed" in out, out


STRICT_TESTS = """
import pytest

import lazyimg as li
from lazyimg.server.faults import Fault, rate_limit

pytestmark = pytest.mark.lazyimg_registry(strict_faults=True)


def push(registry, fault):
    registry.faults.add(fault)
    li.Image.empty().write(f"{registry.host}/empty:1")


def test_it_befell(lazyimg_registry):
    push(lazyimg_registry, Fault(rate_limit(0), "POST"))


def test_it_did_not(lazyimg_registry):
    push(lazyimg_registry, Fault(rate_limit(0), "PATCH"))


@pytest.mark.lazyimg_registry(strict_faults=False)
def test_nobody_minds(lazyimg_registry):
    push(lazyimg_registry, Fault(rate_limit(0), "PATCH"))
"""


def test_a_fault_that_befell_nothing_fails_a_strict_test(tmp_path: Path) -> None:
    """The mark says whether; the test fails at its end, by name, and the others do not."""
    out = run(tmp_path, "-p", PLUGIN, tests=STRICT_TESTS, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert "3 passed, 1 error" in out, out
    assert "ERROR at teardown of test_it_did_not" in out
    assert "befell no request: Fault(" in out


MISTAKEN_TESTS = """
import pytest


@pytest.mark.lazyimg_registry(user="anna", users={"anna": "secret"})
def test_no_such_setting(lazyimg_registry):
    pass


@pytest.mark.lazyimg_registry({"anna": "secret"})
def test_no_name(lazyimg_registry):
    pass
"""


def test_a_mark_that_says_no_setting_is_refused(tmp_path: Path) -> None:
    """By its name, with what there is; what it was given is not repeated."""
    out = run(tmp_path, "-p", PLUGIN, "--tb=line", tests=MISTAKEN_TESTS, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert "2 errors" in out, out
    assert "the mark lazyimg_registry: there is no user; its settings are strict_faults, directory" in out
    assert "the mark lazyimg_registry: settings are given by name; its settings are" in out
    assert "secret" not in out


def test_it_costs_nothing_where_it_is_not_used() -> None:
    """Loading the plugin imports nothing but itself and the two packages it stands in."""
    program = f"""
import sys, pytest
before = set(sys.modules)
import {PLUGIN}
print(*sorted(name for name in set(sys.modules) - before))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert set(done.stdout.split()) == {"lazyimg", "lazyimg.version", "lazyimg.server", PLUGIN}


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the test that asks fails, and is told what to install."""
    monkeypatch.delitem(sys.modules, "lazyimg.server.registry")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "lazyimg.server.serving")
    with pytest.raises(MissingExtra, match=r"lazyimg\[server\]"):
        pytest_plugin._registry()


def test_the_fixture_gives_a_running_registry(lazyimg_registry: Registry) -> None:  # noqa: F811 - it is asked for
    """In this process too."""
    assert lazyimg_registry.url.startswith("http://127.0.0.1:")
