"""``lazyimg registry serve``: the embedded registry as a program, until it is interrupted."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from lazyimg.cli.guards import Guards, guarded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from lazyimg.server.registry import Registry

PORTS = range(65536)


def parse_address(text: str) -> tuple[str, int]:
    """Return the host and the port that an address names.

    >>> parse_address("127.0.0.1:5000"), parse_address("[::1]:0")
    (('127.0.0.1', 5000), ('::1', 0))

    Raises:
        click.BadParameter: it is not HOST:PORT.
    """
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    if not (host and colon and port.isascii() and port.isdigit() and int(port) in PORTS):
        raise click.BadParameter(f"{text!r} is not HOST:PORT, such as 127.0.0.1:5000 or [::1]:5000")
    return host, int(port)


@click.command()
@click.option("--address", default="127.0.0.1:5000", show_default=True, metavar="HOST:PORT")
@click.option("--disk", type=click.Path(file_okay=False), metavar="DIR", help="Keep what is pushed in DIR.")
@click.option("--durable", is_flag=True, help="Have what was pushed survive a power cut: slower.")
@click.option("--read-only", is_flag=True, help="Refuse pushes and deletes.")
@guarded
def serve(address: str, disk: str | None, *, durable: bool, read_only: bool, **options: Any) -> None:
    """Serve an OCI registry, in memory or on disk, until interrupted.

    A port of 0 takes a free one; the first line printed names it. With --tls, the second one names the file
    by which clients trust it: `li.Host(ca=FILE)`; its directory is a --cert-dir for skopeo, buildah, podman.
    """
    host, port = parse_address(address)
    guards = Guards(**options)
    with (
        _interruption() as stop,
        guards.settings(host) as settings,
        _started(disk, host, port, durable=durable, read_only=read_only, **settings) as registry,
    ):
        click.echo(f"serving {disk or 'from memory'} on {registry.url} (Ctrl-C stops it)")
        if registry.settings.get("ca"):
            click.echo(f"clients trust it by {registry.settings['ca']}")
        stop.wait()


def _started(disk: str | None, host: str, port: int, **settings: Any) -> Registry:
    """Return a registry that is running; nobody asks it for its requests, so it remembers none."""
    from lazyimg.server.registry import Registry  # noqa: PLC0415 - other commands need no server

    try:
        return Registry(disk, host=host, port=port, remember=0, **settings).start()
    except OSError as error:
        raise click.ClickException(
            f"cannot serve {disk or 'from memory'} on {host}:{port}: {error}"
        ) from error


@contextmanager
def _interruption() -> Iterator[threading.Event]:
    """Yield what SIGINT and SIGTERM set, instead of what they do outside."""
    stop = threading.Event()

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, interrupted) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
