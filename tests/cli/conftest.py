"""The command, in this process and in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest
from attrs import frozen

from lazyimg.cli import main
from lazyimg.cli.command import lazyimg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@frozen
class Ended:
    """How a command ended: its exit code, and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Give a function that runs the command in this process."""

    def run(*arguments: str) -> Ended:
        code = main(arguments)
        return Ended(code, *capsys.readouterr())

    return run


@pytest.fixture
def start() -> Callable[..., subprocess.Popen[str]]:
    """Give a function that starts the command as a program."""

    def started(
        *arguments: str | bytes, stdin: int | None = None, **environment: str
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "lazyimg.cli", *arguments],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )

    return started


@pytest.fixture
def program(start: Callable[..., subprocess.Popen[str]]) -> Callable[..., Ended]:
    """Give a function that runs the command as a program, to its end."""

    def run(*arguments: str, **environment: str) -> Ended:
        with start(*arguments, **environment) as process:
            out, err = process.communicate(timeout=60)
            return Ended(process.returncode, out, err)

    return run


@pytest.fixture
def verb() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Give a function that adds a verb ``work`` which calls what it is given."""
    yield lambda work: lazyimg.add_command(click.command("work")(work))
    lazyimg.commands.pop("work", None)
