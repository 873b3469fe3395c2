"""`lazyimg demo`: what it shows is what happened."""

from __future__ import annotations

import re
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lazyimg.cli import script
from lazyimg.cli.script import CHAPTERS, Chapter
from lazyimg.errors import LazyImgError

if TYPE_CHECKING:
    from collections.abc import Callable

DIGEST = re.compile(r"written: (sha256:[0-9a-f]{64})\n")
SIZE = 64 * (1 << 20) + 512 + 1024


@pytest.fixture
def shown(command: Callable[..., Any]) -> str:
    """Give what the demo shows in a pipe."""
    ended = command("demo")
    assert (ended.code, ended.err) == (0, "")
    out: str = ended.out
    return out


def test_it_tells_the_idea(shown: str, foreign_attempts: list[str]) -> None:
    """Composed, planned, written, edited, denied, allowed: each with what was measured; loopback alone."""
    assert [line for line in shown.splitlines() if re.match(r"\d  ", line)] == [
        f"{number}  {chapter.title}" for number, chapter in enumerate(CHAPTERS, 1)
    ]
    assert "Configure      entrypoint=('python3', '/app/main.py'), user='1000'" in shown
    assert re.search(r"1 +OpenSession +POST an upload to 127\.0\.0\.1:\d+/app: may we push", shown)
    assert re.search(r"/app:1@sha256:[0-9a-f]{64}\n", shown)
    assert len(DIGEST.findall(shown)) == 3
    assert re.search(r"mounted +layer +sha256:[0-9a-f]{12} +4,195,634", shown)
    assert re.search(r"in place +layer +sha256:[0-9a-f]{12} +4,195,634", shown)
    assert "1,294 bytes sent, 4,196,178 not sent; no local source was opened" in shown
    assert "len(registry.requests)\n      5\n" in shown
    assert not foreign_attempts


def test_a_proxy_of_the_environment_is_not_asked(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs where the world is reached by a proxy."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    ended = command("demo")
    assert (ended.code, ended.err) == (0, "")


def test_the_denied_push_read_nothing(shown: str) -> None:
    """The registry's words are told, one request was made, and of the source 0 bytes were read."""
    denied = shown[shown.index("A push that is denied") : shown.index("The same push, allowed")]
    assert re.search(
        r"\n      denied: cannot push to private: 127\.0\.0\.1:\d+ answered 403: DENIED: ", denied
    )
    assert f"\n      read 0 bytes of the source, of {SIZE:,}\n" in denied
    assert "POST /v2/private/blobs/uploads/  403" in denied
    assert "\n      1 request\n" in denied


def test_the_counter_counts(shown: str) -> None:
    """The same push, allowed, reads every byte once: so the 0 above was measured."""
    allowed = shown[shown.index("The same push, allowed") :]
    assert f"\n      read {SIZE:,} bytes of the source, of {SIZE:,}; opened it 1 time\n" in allowed


def test_every_line_that_runs_is_shown_with_its_number(shown: str) -> None:
    """The script, numbered through, is all there and in order."""
    lines = [line for chapter in CHAPTERS for line in chapter.code.splitlines()]
    place = 0
    for number, line in enumerate(lines, 1):
        place = shown.index(f"{number:>4}  {line}".rstrip() + "\n", place)


def test_a_pipe_gets_plain_text(shown: str) -> None:
    """No colour, no spaces at the ends of lines, and no two empty lines in a row."""
    assert "\x1b" not in shown
    assert not [line for line in shown.splitlines() if line != line.rstrip()]
    assert "\n\n\n" not in shown


def test_the_same_digests_each_time(command: Callable[..., Any], shown: str) -> None:
    """The same graphs come to the same bytes."""
    assert DIGEST.findall(command("demo").out) == DIGEST.findall(shown)


def test_nothing_is_left(command: Callable[..., Any], tmp_path: Path, monkeypatch: Any) -> None:
    """Its directory is gone, the registry's thread has ended, and this process is where it was."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = Path.cwd()
    command("demo")
    assert Path.cwd() == before
    assert not list(tmp_path.iterdir())
    for thread in threading.enumerate():
        if thread.name.startswith("lazyimg"):
            thread.join(10)
            assert not thread.is_alive(), thread.name


def test_a_terminal_gets_colours_and_lines_that_fit(command: Callable[..., Any], monkeypatch: Any) -> None:
    """Tables are folded to the width of the terminal; only code and names longer than a line go beyond."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    out = command("demo").out
    assert "\x1b[" in out
    plain = re.sub(r"\x1b\[[0-9;]*m", "", out)
    assert not [line for line in plain.splitlines() if len(line) > 80 and not re.match(r" *\d+  ", line)]


def test_a_terminal_of_few_characters_is_enough(program: Callable[..., Any]) -> None:
    """Where the drawing's characters cannot be written, question marks stand for them."""
    ended = program("demo", PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
    assert (ended.code, ended.err) == (0, "")
    assert "?      FromRegistry" in ended.out


def test_our_errors_end_it_in_a_word(command: Callable[..., Any], monkeypatch: Any) -> None:
    """A statement that fails ends the demo; the registry is stopped all the same."""
    threads = threading.active_count()
    broken = Chapter("Broken", "It fails.", "li.Image.from_registry('not a reference')\n")
    monkeypatch.setattr(script, "CHAPTERS", (CHAPTERS[0], broken))
    ended = command("demo")
    assert ended.code == 1
    assert ended.err.startswith("lazyimg: ")
    assert "Traceback" not in ended.err
    assert threading.active_count() == threads


def test_an_error_before_there_is_a_registry(command: Callable[..., Any], monkeypatch: Any) -> None:
    """Then there is none to stop."""
    monkeypatch.setattr(script, "CHAPTERS", (Chapter("Broken", "It fails.", "raise error\n"),))
    monkeypatch.setattr("builtins.error", LazyImgError("no luck"), raising=False)
    assert command("demo").err == "lazyimg: no luck\n"


def test_ctrl_c_ends_it(start: Callable[..., Any], tmp_path: Path) -> None:
    """It ends with 130, says so in a word, and leaves nothing."""
    with start("demo", TMPDIR=str(tmp_path)) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err.strip()) == (130, "lazyimg: interrupted")
    assert not list(tmp_path.iterdir())


def test_a_reader_that_goes_away_ends_it_quietly(start: Callable[..., Any], tmp_path: Path) -> None:
    """``lazyimg demo | head -1`` shows one line, and no traceback."""
    with start("demo", TMPDIR=str(tmp_path)) as process:
        assert process.stdout.readline().startswith("lazyimg ")
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1
    assert not list(tmp_path.iterdir())
