"""``lazyimg version``: what runs here, for a report of what went wrong."""

from __future__ import annotations

import platform

import click

from lazyimg.version import __version__

LIBRARIES = (
    "attrs",
    "httpx",
    "httpcore",
    "h2",
    "isal",
    "networkx",
    "structlog",
    "zstandard",
    "pathspec",
    "fsspec",
    "starlette",
    "uvicorn",
    "bcrypt",
    "click",
    "rich",
    "boto3",
    "google-auth",
    "azure-identity",
)
"""What lazyimg works with, as their distributions are called."""


@click.command()
def version() -> None:
    """Print the version, and those of Python and the libraries below."""
    click.echo(f"lazyimg {__version__}")
    python = f"{platform.python_implementation()} {platform.python_version()}"
    click.echo(f"{python} on {platform.system()} {platform.machine()}")
    click.echo(", ".join(f"{library} {_installed(library)}" for library in LIBRARIES))


def _installed(library: str) -> str:
    from importlib import metadata  # noqa: PLC0415 - slow to load, and only this verb needs it

    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "missing"
