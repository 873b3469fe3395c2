"""``lazyimg demo``: the idea on one screen, run for real against the embedded registry."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, chdir
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lazyimg.version import __version__

if TYPE_CHECKING:
    from lazyimg.cli.interpreter import Interpreter


@click.command()
def demo() -> None:
    """Show the idea: compose, look, push, be denied.

    Starts the embedded registry on a free loopback port and stops it at the end; nothing else is dialled,
    and what is made in a temporary directory is removed.
    """
    from lazyimg.cli.interpreter import Interpreter  # noqa: PLC0415 - help must not load what it needs
    from lazyimg.cli.screen import Screen  # noqa: PLC0415 - rich may be missing, and help does without
    from lazyimg.cli.script import CHAPTERS  # noqa: PLC0415 - with them

    screen = Screen()
    with ExitStack() as stack:
        _enter_directory(stack)
        interpreter = Interpreter(screen, _names(stack))
        stack.callback(_stop, interpreter)
        screen.head(
            f"lazyimg {__version__}: an image is a graph of thunks, and a push begins with its session"
        )
        for number, chapter in enumerate(CHAPTERS, 1):
            screen.title(f"{number}  {chapter.title}", chapter.about)
            interpreter.run(chapter.code)


def _enter_directory(stack: ExitStack) -> None:
    """Go to a temporary directory with the files that the script composes a layer of."""
    from lazyimg.cli.script import FILES  # noqa: PLC0415 - as above

    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lazyimg-demo-")))
    for name, content in FILES.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    stack.enter_context(chdir(directory))


def _names(stack: ExitStack) -> dict[str, Any]:
    """What the script finds: a source that counts, and an engine that asks no keychain."""
    from lazyimg.cli.counting import CountingTar  # noqa: PLC0415 - as above
    from lazyimg.engine import Engine  # noqa: PLC0415 - as above
    from lazyimg.registry.keychains.keychain import Anonymous  # noqa: PLC0415 - as above

    stack.enter_context(Engine(keychain=Anonymous()))
    return {"CountingTar": CountingTar}


def _stop(interpreter: Interpreter) -> None:
    registry = interpreter.names.get("registry")
    if registry is not None:
        registry.stop()
