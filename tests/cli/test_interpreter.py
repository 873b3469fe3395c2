"""Code that is shown as it runs."""

from __future__ import annotations

from typing import Any

import pytest

import lazyimg as li
from lazyimg.cli.interpreter import Interpreter
from lazyimg.cli.screen import Screen


@pytest.fixture
def interpreter(capsys: pytest.CaptureFixture[str]) -> Interpreter:  # noqa: ARG001 - its output is what counts
    """Give an interpreter with one name defined."""
    return Interpreter(Screen(), {"seven": 7, "li": li})


def test_statements_are_shown_and_expressions_give_their_value(interpreter: Any, capsys: Any) -> None:
    """Lines are numbered through; what is None says nothing."""
    interpreter.run("x = (\n    seven\n)\n\nx + 1\nNone\n")
    interpreter.run("print('x is', x)\n'a text'\n")
    shown = capsys.readouterr().out.splitlines()
    assert shown == [
        "   1  x = (",
        "   2      seven",
        "   3  )",
        "   4",
        "   5  x + 1",
        "      8",
        "",
        "   6  None",
        "   7  print('x is', x)",
        "      x is 7",
        "   8  'a text'",
        "      a text",
        "",
    ]


def test_thunks_know_the_line_that_composed_them(interpreter: Any) -> None:
    """The number is that of the line as it was shown."""
    interpreter.run("first = 1\n")
    interpreter.run("image = li.Image.empty()\nother = image.annotate(\n    {'a': 'b'}\n)\n")
    assert str(interpreter.names["image"].origin) == "demo.py:2"
    assert str(interpreter.names["other"].origin) == "demo.py:3"


def test_what_a_statement_raises_comes_out(interpreter: Any, capsys: Any) -> None:
    """It was shown before it ran, and the one after it is not reached."""
    with pytest.raises(ZeroDivisionError):
        interpreter.run("1 / 0\nnever = 1\n")
    assert capsys.readouterr().out == "   1  1 / 0\n"
    assert "never" not in interpreter.names
