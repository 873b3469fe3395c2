"""Where in the user's code a thunk was composed."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import pytest
from attrs import frozen

from lazyimg.thunk.origin import Origin, here
from lazyimg.thunk.run import inside
from lazyimg.thunk.thunk import Thunk


@frozen
class Leaf(Thunk[int]):
    number: int = 0


def line() -> int:
    frame: FrameType | None = sys._getframe(1)
    assert frame is not None
    return frame.f_lineno


def test_an_origin_is_the_line_that_composed_the_thunk() -> None:
    """File and line are those of the call, not of the generated initialiser."""
    thunk, expected = Leaf(), line()
    assert thunk.origin == Origin(__file__, expected)


def run(source: str, name: str, file: str, **names: Any) -> dict[str, Any]:
    """Run code as if it stood in a module called ``name``."""
    space = {"__name__": name, "Leaf": Leaf, "here": here, **names}
    exec(compile(source, file, "exec"), space)  # noqa: S102 - code of this test
    return space


def test_frames_of_the_package_are_passed_over() -> None:
    """A thunk that a method of the package makes is the user's who called the method."""
    space = run("def append():\n    return Leaf()", "lazyimg.image.append", "<append>")
    thunk, expected = space["append"](), line()
    assert thunk.origin == Origin(__file__, expected)


@pytest.mark.parametrize("name", ["lazyimg_plugin", "my.lazyimg", "__main__"])
def test_modules_that_only_sound_like_the_package_are_the_users(name: str) -> None:
    """Only the package itself and its modules are passed over."""
    space = run("\nthunk = Leaf()", name, "user.py")
    assert space["thunk"].origin == Origin("user.py", 2)


def test_a_thunk_that_an_evaluation_makes_has_none() -> None:
    """The user composed the thunk that is evaluated, not those that its evaluation makes."""
    with inside():
        assert here() is None
    assert here() is not None


def test_the_users_own_thread_has_a_line() -> None:
    """A user who composes in a thread of their own is told the line there."""
    found: list[Origin | None] = []
    thread = threading.Thread(target=lambda: found.append(Leaf().origin))
    thread.start()
    thread.join()
    assert str(found[0]).startswith(f"{os.path.relpath(__file__)}:")


def shell(cells: Any) -> Callable[[], Any]:
    return lambda: SimpleNamespace(compile=SimpleNamespace(_filename_map=cells))


def test_a_cell_of_a_notebook_is_told_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """IPython's file name is a temporary one; the number is what the user sees."""
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace())
    cells = {"/tmp/ipykernel_1/2.py": 7}  # noqa: S108 - a name that is never opened
    space = run("\n\nthunk = Leaf()", "__main__", "/tmp/ipykernel_1/2.py", get_ipython=shell(cells))  # noqa: S108
    assert space["thunk"].origin == Origin("cell 7", 3)
    assert str(space["thunk"].origin) == "cell 7, line 3"


@pytest.mark.parametrize(
    "get_ipython",
    [shell({}), shell({"a.py": "seven"}), lambda: None, "no function"],
    ids=["unknown file", "no number", "no shell", "no function"],
)
def test_what_is_no_notebook_is_a_file(get_ipython: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a shell that knows the file, the file is told."""
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace())
    space = run("thunk = Leaf()", "__main__", "a.py", get_ipython=get_ipython)
    assert str(space["thunk"].origin) == "a.py:1"


def test_without_ipython_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's own function that happens to be called get_ipython is not called."""
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    space = run("thunk = Leaf()", "__main__", "a.py", get_ipython=lambda: 1 / 0)
    assert space["thunk"].origin == Origin("a.py", 1)


def test_a_path_is_shown_relative_where_that_is_shorter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person reads the shorter of the two."""
    monkeypatch.chdir(tmp_path)
    assert str(Origin(str(tmp_path / "app.py"), 3)) == "app.py:3"
    assert str(Origin("/x.py", 3)) == "/x.py:3"


def test_an_origin_is_told_though_the_working_directory_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Telling where something was composed must not fail while an error is on its way."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert str(Origin("/some/where/app.py", 3)) == "/some/where/app.py:3"


def test_composing_reads_no_source(tmp_path: Path) -> None:
    """The file of an origin need not exist."""
    file = str(tmp_path / "nowhere.py")
    assert run("thunk = Leaf()", "__main__", file)["thunk"].origin == Origin(file, 1)
