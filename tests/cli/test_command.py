"""The command: verbs, help, and how it ends."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lazyimg as li
from lazyimg import cli
from lazyimg.cli import main
from lazyimg.errors import LazyImgError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Callable

HEAVY = {
    "asyncio",
    "attrs",
    "httpx",
    "importlib.metadata",
    "isal",
    "networkx",
    "rich",
    "ssl",
    "starlette",
    "structlog",
    "uvicorn",
}


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_is_one_line(command: Any, flag: str) -> None:
    """As a flag it is the name and the version, and nothing else."""
    ended = command(flag)
    assert (ended.code, ended.out, ended.err) == (0, f"lazyimg {li.__version__}\n", "")


def test_the_version_verb_tells_what_runs_here(command: Any) -> None:
    """It names Python, the machine, and every library with its version or as missing."""
    first, second, third = command("version").out.splitlines()
    assert first == f"lazyimg {li.__version__}"
    assert second.startswith(f"CPython {sys.version.split()[0]} on ")
    assert "attrs " in third
    assert "click " in third


def test_a_library_that_is_not_there_is_called_missing(command: Any, monkeypatch: Any) -> None:
    """What is not installed is said, and is no error."""
    monkeypatch.setattr("lazyimg.cli.version.LIBRARIES", ("no-such-library-at-all",))
    ended = command("version")
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "no-such-library-at-all missing")


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_names_the_verbs_and_the_exit_codes(command: Any, flag: str) -> None:
    """The help says what there is, and what the exit codes mean."""
    ended = command(flag)
    assert ended.code == 0
    for word in ("demo", "registry", "version", "Exit codes: 0", "130"):
        assert word in ended.out


def test_the_registry_is_served_by_a_verb(command: Any) -> None:
    """``lazyimg registry serve`` is there."""
    assert "--address" in command("registry", "serve", "--help").out


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["registry", "serve", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    """Help is there at once: no client, no graph library, no server, no terminal library."""
    text = (
        "import json, sys\n"
        "before = set(sys.modules)\n"
        "from lazyimg.cli import main\n"
        f"main({arguments!r})\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))\n"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["demo", "--nonsense"], "--nonsense"),
        (["demo", "nonsense"], "unexpected extra argument"),
        (["registry", "serve", "--address", "nonsense:x"], "HOST:PORT"),
    ],
)
def test_a_wrong_call_ends_with_2(command: Any, arguments: list[str], said: str) -> None:
    """It says what was wrong on standard error."""
    ended = command(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_what_cannot_be_done_ends_with_1(command: Any, tmp_path: Any) -> None:
    """A directory that another registry holds is told without a traceback."""
    with li.Registry(tmp_path):
        ended = command("registry", "serve", "--disk", str(tmp_path), "--address", "127.0.0.1:0")
    assert (ended.code, ended.out) == (1, "")
    assert str(tmp_path) in ended.err
    assert "Traceback" not in ended.err


def test_our_errors_are_told_with_their_notes(command: Any, verb: Any) -> None:
    """The message is the first line, each note one below; there is no traceback."""

    def work() -> None:
        error = LazyImgError("cannot push to app")
        error.add_note("while forcing OpenSession")
        raise error

    verb(work)
    ended = command("work")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "lazyimg: cannot push to app\n  while forcing OpenSession\n"


def test_a_password_is_never_told(command: Any, verb: Any) -> None:
    """A push that is refused although, or because, a password was given says nothing of it."""
    secret = "hunter2-and-more"
    with li.Registry(users={"me": "another"}) as registry:
        keychain = li.StaticKeychain({registry.host: ("me", secret)})

        def work() -> None:
            with li.Engine(keychain=keychain):
                li.Image.empty().write(f"{registry.host}/app:1")

        verb(work)
        ended = command("work")
    assert ended.code == 1
    assert f"{registry!r}" not in ended.err
    assert "401" in ended.err
    assert secret not in ended.err + ended.out


def test_a_missing_extra_of_the_library_ends_with_2(command: Any, verb: Any) -> None:
    """What only needs an installation is a wrong call, not a failure."""

    def work() -> None:
        raise MissingExtra("zstd needs a library: pip install 'lazyimg[zstd]'")

    verb(work)
    ended = command("work")
    assert ended.code == 2
    assert ended.err == "lazyimg: zstd needs a library: pip install 'lazyimg[zstd]'\n"


def test_an_interrupted_verb_ends_with_130(command: Any, verb: Any) -> None:
    """Ctrl-C is told in a word."""

    def work() -> None:
        raise KeyboardInterrupt

    verb(work)
    ended = command("work")
    assert ended.code == 130
    assert ended.err.strip() == "lazyimg: interrupted"


def test_an_interrupt_while_libraries_load_ends_with_130(monkeypatch: Any) -> None:
    """Nothing is half done then, and nothing is said."""

    class Interrupting:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "lazyimg.cli.command":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "lazyimg.cli.command")
    monkeypatch.setattr(sys, "meta_path", [Interrupting(), *sys.meta_path])
    assert main(["--version"]) == 130


@pytest.mark.parametrize(
    ("library", "loaded", "arguments"),
    [
        ("click", "lazyimg.cli.command", ["--help"]),
        ("rich", "lazyimg.cli.screen", ["demo"]),
        ("starlette", "lazyimg.server", ["registry", "serve", "--address", "127.0.0.1:0"]),
        ("uvicorn", "lazyimg.server", ["registry", "serve", "--address", "127.0.0.1:0"]),
    ],
)
def test_a_missing_library_is_one_line(
    command: Any, monkeypatch: Any, library: str, loaded: str, arguments: list[str]
) -> None:
    """It says what is missing and what installs it, and ends with 2."""
    for name in [name for name in sys.modules if name.startswith((loaded, f"{library}."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    ended = command(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"lazyimg: {library} is not installed: pip install 'lazyimg[cli,server]'\n"


def test_another_missing_module_is_a_bug_and_seen_as_one(verb: Any) -> None:
    """Only our own extras are spoken of so."""

    def work() -> None:
        raise ModuleNotFoundError("No module named 'nonsense'", name="nonsense")

    verb(work)
    with pytest.raises(ModuleNotFoundError, match="nonsense"):
        main(["work"])


def test_a_bug_is_not_hidden(verb: Any) -> None:
    """What is none of our errors comes out as it is."""

    def work() -> None:
        raise ZeroDivisionError

    verb(work)
    with pytest.raises(ZeroDivisionError):
        main(["work"])


def test_a_verb_may_choose_its_exit_code(command: Any, verb: Callable[..., None]) -> None:
    """An exit code that click was told of is the command's."""

    def work() -> None:
        raise click_exit(3)

    from click.exceptions import Exit as click_exit  # noqa: N813, PLC0415 - used above

    verb(work)
    assert command("work").code == 3


def test_the_package_runs_as_a_module(program: Any) -> None:
    """``python -m lazyimg.cli`` is the command, its exit code included."""
    assert program("--version").out == f"lazyimg {li.__version__}\n"
    assert program("nonsense").code == 2


def test_the_module_s_exit_code_is_the_command_s(monkeypatch: Any, capsys: Any) -> None:
    """In this process too."""
    monkeypatch.setattr(sys, "argv", ["lazyimg", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(Path(cli.__file__).with_name("__main__.py")), run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"lazyimg {li.__version__}\n"
