"""The docker credential helper protocol: a program that keeps secrets and is asked for one.

``docker-credential-NAME get`` reads the server's address on standard input and prints a JSON object with
``Username`` and ``Secret``; that there are none it says in words, with a non-zero exit.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess

from lazyimg.errors import CredentialError
from lazyimg.registry.credentials import Credentials

TIME_LIMIT = 20.0  # seconds
_SIZE_LIMIT = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NOT_FOUND = ("credentials not found", "no credentials server url", "no credentials username")


def ask_helper(name: str, server: str, *, time_limit: float = TIME_LIMIT) -> Credentials | None:
    """Ask the credential helper ``docker-credential-NAME`` for the credentials of a server.

    Starts a process, and ends it and all it started when the time is over.

    Args:
        name: the helper's name as config files give it, such as ``pass`` or ``ecr-login``.
        server: the address the helper knows the registry by.
        time_limit: how many seconds the helper may take.

    Returns:
        The credentials, or None if the helper says that it has none.

    Raises:
        CredentialError: no such helper, a name that is no plain name, too slow, a failure, or junk. Nothing
            of what the helper printed is repeated: it could be a secret.
    """
    program = _program(name)
    status, output = _run(program, server, time_limit)
    if status != 0:
        if any(words in output.decode(errors="replace").lower() for words in _NOT_FOUND):
            return None
        raise CredentialError(
            f"{program} get for {server} failed with exit status {status}; run it by hand to see why"
        )
    return _read(program, server, output)


def _program(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise CredentialError(
            f"the credential helper name {name[:80]!r} is refused: it is no plain program name"
        )
    program = f"docker-credential-{name}"
    if shutil.which(program) is None:
        raise CredentialError(f"the credential helper {program} is not installed, or not on PATH")
    return program


def _run(program: str, server: str, time_limit: float) -> tuple[int, bytes]:
    try:
        process = subprocess.Popen(  # noqa: S603 - the name is checked, and a helper is there to be run
            [program, "get"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise CredentialError(
            f"the credential helper {program} could not be started: {error.strerror}"
        ) from error
    with process:
        try:
            output, _ = process.communicate(server.encode(), timeout=time_limit)
        except subprocess.TimeoutExpired:
            raise CredentialError(
                f"{program} get for {server} did not answer within {time_limit:g} s"
            ) from None
        finally:
            _end(process)
    return process.returncode, output


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the helper and its children, which could hold its pipes open for ever."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _read(program: str, server: str, output: bytes) -> Credentials:
    junk = CredentialError(f"{program} get for {server} printed no JSON object with Username and Secret")
    if len(output) > _SIZE_LIMIT:
        raise junk
    try:
        answer = json.loads(output)
    except (ValueError, RecursionError):
        raise junk from None
    if not isinstance(answer, dict):
        raise junk
    username, secret = answer.get("Username"), answer.get("Secret")
    if not isinstance(username, str) or not isinstance(secret, str):
        raise junk
    return Credentials.of(username, secret)
