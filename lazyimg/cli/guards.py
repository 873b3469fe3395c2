"""The options of ``lazyimg registry serve`` that say who may use it, and over what."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from lazyimg.cli.piped import as_utf8, password_from_stdin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lazyimg.server.tls import Tls

PASSWORD: Final = "LAZYIMG_REGISTRY_PASSWORD"  # noqa: S105 - the name of a variable
_NAME: Final = re.compile(r"[A-Za-z0-9*][A-Za-z0-9.-]*|[0-9a-fA-F:.]+")
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_OPTIONS: Final = (
    click.option(
        "--user",
        metavar="NAME",
        help=f"Let in this user alone; the password is in ${PASSWORD}, or is asked for.",
    ),
    click.option("--password-stdin", is_flag=True, help="Read the password of --user from standard input."),
    click.option("--htpasswd", type=_FILE, help="Let in the users of this file, made by htpasswd -B."),
    click.option("--token", is_flag=True, help="Have clients fetch tokens, as the large registries do."),
    click.option("--tls", is_flag=True, help="Speak TLS with a certificate that is made for this run."),
    click.option(
        "--name",
        multiple=True,
        metavar="HOST",
        help="A further name or address that the certificate of --tls is for; may be repeated.",
    ),
    click.option("--cert", type=_FILE, help="Speak TLS with this certificate (PEM)."),
    click.option("--key", type=_FILE, help="The key of --cert, if it is not in the same file."),
    click.option("--client-ca", type=_FILE, help="Want certificates of clients, signed by one of these."),
)


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


class Guards(NamedTuple):
    """What was said by the options (no attrs here: help is there at once)."""

    user: str | None
    password_stdin: bool
    htpasswd: Path | None
    token: bool
    tls: bool
    name: tuple[str, ...]
    cert: Path | None
    key: Path | None
    client_ca: Path | None

    def check(self) -> None:
        """Refuse what does not go together.

        Raises:
            click.UsageError: such options.
        """
        wrong = {
            "--user and --htpasswd: name the users in one of them": self.user and self.htpasswd,
            "--tls and --cert: a certificate is made, or given": self.tls and self.cert,
            "--name without --tls: a certificate that is given has its names": self.name and not self.tls,
            "--name takes a name or an address, without a port": not all(map(_NAME.fullmatch, self.name)),
            "--key without --cert": self.key and not self.cert,
            "--client-ca without --tls or --cert": self.client_ca and not (self.tls or self.cert),
            "--password-stdin without --user": self.password_stdin and self.user is None,
            "--user takes a name alone: other users of this machine can read a command line, so the password "
            f"is in ${PASSWORD}, or on standard input with --password-stdin": ":" in (self.user or ""),
        }
        for words, is_so in wrong.items():
            if is_so:
                raise click.UsageError(words)

    @contextlib.contextmanager
    def settings(self, host: str) -> Iterator[dict[str, Any]]:
        """Yield what a `lazyimg.Registry` is told of it; a certificate that was made goes with the block.

        Args:
            host: where the registry listens, for which a certificate is made.

        Raises:
            click.UsageError: options that do not go together.
            LazyImgError: a file that cannot be used.
        """
        self.check()
        with self._certificate(host) as tls:
            yield {"users": self._users(), "token": self.token, "tls": tls}

    def _users(self) -> Mapping[str, Any] | None:
        if self.htpasswd is not None:
            from lazyimg.server.htpasswd import read_htpasswd  # noqa: PLC0415 - the server's, on use

            users = read_htpasswd(self.htpasswd)
            if not users:
                raise click.UsageError(f"--htpasswd {self.htpasswd} names no user, and lets nobody in")
            return users
        return (
            None
            if self.user is None
            else {as_utf8(self.user, "the name of --user"): self._password(self.user)}
        )

    def _password(self, user: str) -> str:
        if self.password_stdin:
            password = password_from_stdin()
        elif PASSWORD in os.environ:
            password = os.environ[PASSWORD]
        elif is_terminal():
            password = str(click.prompt(f"Password of {user}", hide_input=True, err=True))
        else:
            password = ""
        if not password:
            raise click.UsageError(
                f"no password for {user}: set ${PASSWORD}, or give it on standard input with --password-stdin"
            )
        return as_utf8(password, f"the password of {user}")

    @contextlib.contextmanager
    def _certificate(self, host: str) -> Iterator[Tls | None]:
        from lazyimg.server.tls import Tls, made_on_the_way  # noqa: PLC0415 - the server's, on use

        if self.tls:
            names = dict.fromkeys((*names_of(host), *self.name))
            with made_on_the_way(*names, client_authorities=self.client_ca) as tls:
                yield tls
        else:
            yield None if self.cert is None else Tls(self.cert, self.key, self.client_ca)


def is_terminal() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty()


def names_of(host: str) -> tuple[str, ...]:
    """Return what a certificate must name besides this machine's own names: the address, if it is one.

    >>> names_of("0.0.0.0"), names_of("192.168.1.2"), names_of("127.0.0.1")
    ((), ('192.168.1.2',), ())
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return (host,)
    return () if address.is_loopback or address.is_unspecified else (host,)
