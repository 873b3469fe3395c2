"""Log in to a registry and out of it, as Docker's and podman's tools do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lazyimg.engine import Engine, current_engine

if TYPE_CHECKING:
    from lazyimg.registry.login import AuthStore, Login


def login(
    registry: str,
    username: str,
    password: str,
    *,
    auth_file: str | Path | None = None,
    engine: Engine | None = None,
) -> Login:
    """Check credentials with a registry, and keep them where `lazyimg`, docker, podman and others find them.

    Asks the registry, and its token service if it has one; nothing is kept if they refuse. Where the service
    gives an identity token, that is kept and the password is not. A registry that asks nobody who they are
    believes everybody.

    What is written is ``auth_file``, or ``$REGISTRY_AUTH_FILE``, or Docker's ``config.json`` (in
    ``$DOCKER_CONFIG`` or ``~/.docker``); if it names a credential helper for the registry, the helper keeps
    them instead.

    Args:
        registry: ``ghcr.io``, ``docker.io``, ``localhost:5000``; or, as podman has it, a namespace or a
            repository of one, for which alone the credentials are used: ``quay.io/team``. Written with
            ``https://``, it is spoken to over https, on this machine too.
        username: who logs in; ``<token>`` says that the password is an identity token.
        password: the password, or a personal access token in its place.
        auth_file: the file to keep them in; whoever reads has to be told as well.
        engine: whose certificates, proxy and time limits are used; by default the current one's.

    Returns:
        Where they are kept.

    Raises:
        Unauthorized: the registry does not believe them.
        RegistryError: it refused for another reason, or is no registry.
        RegistryUnreachable: it did not answer.
        CredentialError: the file is broken or cannot be written, the helper failed, or other credentials for
            the registry would be found before these.
        InvalidReference: this is no registry.
        InvalidSetting: the user or the password is no text; or the registry was named with ``http://``, and
            the engine does not say that of it, or with ``https://``, and the engine says plain http.
    """
    from lazyimg.registry import login as parts  # noqa: PLC0415 - httpx is loaded on use

    password = parts.text_of("password", password)
    name = parts.LoginName.parse(registry)
    given = parts.credentials_of(name, username, password)
    store = _store(auth_file)
    if auth_file is None:
        parts.refuse_hidden(name, store)
    runtime = (engine or current_engine()).begin().runtime
    with runtime.identifying(name, parts.Given(given)) as client:
        try:
            kept = client.identify(f"log in to {name} as {username}", given)
        except Exception as error:
            error.add_note(f"while logging in to {name} as {username}; nothing was kept")
            raise
    return parts.Login(str(name), username, store.save(name, kept))


def logout(registry: str, *, auth_file: str | Path | None = None) -> bool:
    """Forget the credentials of a registry; asks nobody but the credential helper that keeps them.

    Args:
        registry: what was logged in to.
        auth_file: the file that they are kept in; by default the one that `login` writes.

    Returns:
        Whether there were any.

    Raises:
        CredentialError: the file is broken or cannot be written, or the helper failed.
        InvalidReference: this is no registry.
    """
    from lazyimg.registry.keychains.auth_store import LoginName  # noqa: PLC0415 - as above

    return _store(auth_file).remove(LoginName.parse(registry))


def _store(auth_file: str | Path | None) -> AuthStore:
    from lazyimg.registry.keychains.auth_paths import login_path  # noqa: PLC0415 - as above
    from lazyimg.registry.keychains.auth_store import AuthStore  # noqa: PLC0415 - as above

    return AuthStore(Path(auth_file).expanduser() if auth_file else login_path())
