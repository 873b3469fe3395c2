"""The ``lazyimg`` command: one file a verb, and none loads what it does not use.

Exit codes:

- 0: it went well.
- 1: it failed; standard error says what was being done, to what, what the other side said, and what to do.
- 2: it was called wrongly, or a library it needs is not installed.
- 130: it was interrupted.

Errors of the library are printed without a traceback. What is printed is plain text where standard output
is no terminal, or ``NO_COLOR`` is set.
"""

import sys
from collections.abc import Sequence

EXTRAS = frozenset({"click", "rich", "pygments", "starlette", "uvicorn"})
"""Libraries that the command needs and that only ``lazyimg[cli,server]`` installs."""

FAILED, USAGE, INTERRUPTED = 1, 2, 130
"""The exit codes besides 0, as above."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: those after the command's name; by default the process's own.

    Returns:
        The exit code.
    """
    try:
        from lazyimg.cli.command import run  # noqa: PLC0415 - click may be missing, which is said below

        return run(arguments)
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in EXTRAS:
            raise
        sys.stderr.write(f"lazyimg: {library} is not installed: pip install 'lazyimg[cli,server]'\n")
        return USAGE
    except KeyboardInterrupt:  # while libraries were loading
        return INTERRUPTED
