"""Python in a process of its own, with the lazyimg that is being tested."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from support import guard

import lazyimg

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(lazyimg.__file__).parents[1]
TESTS = Path(__file__).parents[1]


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of such a process."""
    return {**os.environ, "PYTHONPATH": guard.python_path(ROOT, TESTS), **(changes or {})}


def run(
    code: str,
    *arguments: object,
    before: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    timeout: float = 60.0,
) -> str:
    """Run code to its end and return what it printed; that it fails, fails the test.

    Args:
        code: what to run.
        arguments: ``sys.argv[1:]``.
        before: a command that runs the interpreter, such as strace.
        env: changes of the environment.
        timeout: seconds after which it hangs.
    """
    done = subprocess.run(
        [*before, sys.executable, "-c", code, *map(str, arguments)],
        env=environment(env),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def start(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run code that goes on, for as long as the block does; what still runs then is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()
