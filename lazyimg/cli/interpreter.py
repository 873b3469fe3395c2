"""Runs Python statement by statement, and shows each before it runs and what it gives after."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lazyimg.cli.screen import Screen

FILE = "demo.py"
"""What the script is called where thunks say where they were composed."""


class Interpreter:
    """An interactive Python whose input is a text of our own.

    Lines are numbered through all that is run, and thunks know the line that composed them.

    Args:
        screen: where everything is shown.
        names: what the code finds defined.
    """

    def __init__(self, screen: Screen, names: dict[str, Any]) -> None:
        self._screen = screen
        self._line = 1
        self.names = {"__name__": "__main__", "print": screen.say, **names}

    def run(self, code: str) -> None:
        """Show and run every statement.

        Raises:
            BaseException: what a statement raised.
        """
        lines = code.splitlines()
        shown = 0
        for statement in ast.parse(code).body:
            last = statement.end_lineno or statement.lineno
            self._screen.code("\n".join(lines[shown:last]), self._line + shown)
            self._run(ast.increment_lineno(statement, self._line - 1))
            shown = last
        self._line += len(lines)

    def _run(self, statement: ast.stmt) -> None:
        if not isinstance(statement, ast.Expr):
            module = ast.Module([statement], type_ignores=[])
            exec(compile(module, FILE, "exec"), self.names)  # noqa: S102 - a text of this package
            return
        expression = compile(ast.Expression(statement.value), FILE, "eval")
        value = eval(expression, self.names)  # noqa: S307 - a text of this package
        if value is not None:
            self._screen.value(value)
