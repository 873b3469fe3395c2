"""TLS: the certificate that a registry shows, and the ones it wants to see."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import shutil
import ssl
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from attrs import evolve, frozen

from lazyimg.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Iterator

EXTENSIONS = (
    "basicConstraints=critical,CA:TRUE",
    "keyUsage=critical,digitalSignature,keyCertSign",
    "extendedKeyUsage=serverAuth,clientAuth",
)


@frozen
class Tls:
    """The files, in PEM, that a registry speaks TLS with; they are read when it starts.

    Args:
        certificate: the certificate, followed by those between it and its authority.
        key: its private key; None finds it in the same file.
        client_authorities: if given, clients must show a certificate signed by one of these.
        authority: what clients have to trust to trust the certificate; None is the certificate itself, or an
            authority that they know.
    """

    certificate: str | os.PathLike[str]
    key: str | os.PathLike[str] | None = None
    client_authorities: str | os.PathLike[str] | None = None
    authority: str | os.PathLike[str] | None = None

    @classmethod
    def self_signed(cls, directory: str | os.PathLike[str], *names: str) -> Tls:
        """Make a certificate that is its own authority, with the ``openssl`` command: two files.

        Clients trust it when they are told of ``cert.pem`` as an authority. It is good for two days.

        Args:
            directory: where to put ``cert.pem`` and ``key.pem``; made if it is missing.
            names: what the registry is called, by name or address, besides ``localhost``, ``127.0.0.1`` and
                ``::1``.

        Raises:
            FileNotFoundError: there is no ``openssl`` command.
            subprocess.CalledProcessError: it failed.
        """
        place = Path(directory)
        place.mkdir(parents=True, exist_ok=True)
        made = cls(place / "cert.pem", place / "key.pem", authority=place / "cert.pem")
        known = ("DNS:localhost", "IP:127.0.0.1", "IP:::1", *map(_named, names))
        extensions = (*EXTENSIONS, f"subjectAltName={','.join(known)}")
        command = [
            *("openssl", "req", "-x509", "-batch", "-nodes", "-days", "2", "-subj", "/CN=lazyimg registry"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-keyout", str(made.key), "-out", str(made.certificate)),
            *(part for extension in extensions for part in ("-addext", extension)),
        ]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - a fixed command, no shell
        return made

    def settings(self) -> dict[str, Any]:
        """Return what uvicorn is told of it."""
        wants = ssl.CERT_NONE if self.client_authorities is None else ssl.CERT_REQUIRED
        return {
            "ssl_certfile": self.certificate,
            "ssl_keyfile": self.key,
            "ssl_ca_certs": None if self.client_authorities is None else str(self.client_authorities),
            "ssl_cert_reqs": wants,
        }

    @contextlib.contextmanager
    def named(self) -> Iterator[None]:
        """Say which files cannot be used, which ssl does not.

        Raises:
            InvalidSetting: one of them cannot be read, or does not hold what it should.
        """
        try:
            alone = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            alone.load_cert_chain(self.certificate, self.key, password=self._unknown_password)
            yield
        except OSError as error:  # ssl's own errors are such
            files = (self.certificate, self.key, self.client_authorities)
            names = ", ".join(str(name) for name in files if name is not None)
            raise InvalidSetting(
                f"cannot speak TLS with {names}: {error.strerror or error}; give PEM files of a"
                " certificate and its key"
            ) from error

    def _unknown_password(self) -> NoReturn:
        """Refuse to ask for the password of a key: OpenSSL would, on the terminal, and wait for ever."""
        raise InvalidSetting(
            f"cannot speak TLS with {self.key or self.certificate}: the key is encrypted; give one that is "
            "not, as `openssl pkey -in KEY -out OTHER` makes of it"
        )


@contextlib.contextmanager
def made_on_the_way(*names: str, client_authorities: str | os.PathLike[str] | None = None) -> Iterator[Tls]:
    """Make a certificate in a directory that goes with the block, and is a ``--cert-dir`` for skopeo.

    Args:
        names: what the registry is called besides the names of this machine.
        client_authorities: see `Tls`.

    Raises:
        InvalidSetting: there is no ``openssl`` command, or it failed.
    """
    with tempfile.TemporaryDirectory(prefix="lazyimg-registry-") as directory:
        try:
            made = Tls.self_signed(directory, *names)
        except (OSError, subprocess.CalledProcessError) as error:
            raise InvalidSetting(
                f"cannot make a certificate with the openssl command: {error}; install it, or name the files "
                "of a certificate and its key"
            ) from error
        authority = shutil.copy(made.certificate, Path(directory) / "ca.crt")
        yield evolve(made, client_authorities=client_authorities, authority=authority)


def _named(name: str) -> str:
    """Return a name as a certificate has it.

    >>> _named("reg.lan"), _named("192.168.1.2")
    ('DNS:reg.lan', 'IP:192.168.1.2')
    """
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"
