"""The command's verbs, and what comes of running one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from lazyimg.cli import FAILED, INTERRUPTED, USAGE
from lazyimg.cli.demo import demo
from lazyimg.cli.login import login, logout
from lazyimg.cli.serve import serve
from lazyimg.cli.version import version
from lazyimg.cli.wording import worded
from lazyimg.errors import LazyImgError, MissingExtra
from lazyimg.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

_CODES = "Exit codes: 0 it went well, 1 it failed, 2 it was called wrongly, 130 it was interrupted."
_SETTINGS = {"help_option_names": ["-h", "--help"]}


@click.group(context_settings=_SETTINGS, epilog=_CODES)
@click.version_option(__version__, "-V", "--version", prog_name="lazyimg", message="%(prog)s %(version)s")
def lazyimg() -> None:
    """Mutate container images lazily: a graph of thunks, written session first."""


@lazyimg.group()
def registry() -> None:
    """The embedded registry."""


lazyimg.add_command(demo)
lazyimg.add_command(login)
lazyimg.add_command(logout)
lazyimg.add_command(version)
registry.add_command(serve)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and say in words what went wrong.

    Args:
        arguments: those after the command's name; by default the process's own.

    Returns:
        The exit code.
    """
    _let_anything_be_written()
    given = None if arguments is None else list(arguments)
    try:
        code = lazyimg.main(given, prog_name="lazyimg", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        click.echo(f"lazyimg: {error.format_message()}", err=True)
        return error.exit_code
    except click.Abort:
        click.echo("lazyimg: interrupted", err=True)
        return INTERRUPTED
    except LazyImgError as error:
        click.echo("\n".join(lines_of(error)), err=True)
        return USAGE if isinstance(error, MissingExtra) else FAILED
    return code if isinstance(code, int) else 0


def lines_of(error: BaseException) -> list[str]:
    """An error as a person reads it: its message, and below it its notes.

    >>> lines_of(LazyImgError("cannot push"))
    ['lazyimg: cannot push']
    """
    message, *notes = worded(error)
    return [f"lazyimg: {message}", *notes]


def _let_anything_be_written() -> None:
    """Let a terminal that knows few characters show a question mark for the others, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if callable(reconfigure):
            reconfigure(errors="replace")
