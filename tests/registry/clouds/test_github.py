"""GitHub's token goes to GitHub's registry alone."""

from __future__ import annotations

import pickle

import pytest

import lazyimg as li

SECRET = "ghp_s3cret"


def test_a_given_token() -> None:
    """It comes before the environment's, and is not shown."""
    keychain = li.GitHubKeychain(SECRET)
    found = keychain.credentials("ghcr.io", "me/app")
    assert found is not None
    assert (found.username, found.password) == ("x-access-token", SECRET)
    assert SECRET not in repr(keychain)
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(keychain)


def test_the_environment_is_read_when_a_registry_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As GitHub's command reads it; without a token the next keychain is asked."""
    keychain = pickle.loads(pickle.dumps(li.GitHubKeychain()))  # noqa: S301 - holds no secret, so it can
    monkeypatch.setenv("GH_TOKEN", " ")
    assert keychain.credentials("ghcr.io", None) is None
    monkeypatch.setenv("GITHUB_TOKEN", "workflow\n")
    monkeypatch.setenv("GITHUB_ACTOR", "octocat")
    found = keychain.credentials("ghcr.io", None)
    assert (found.username, found.password) == ("octocat", "workflow")
    monkeypatch.setenv("GH_TOKEN", "own")
    assert keychain.credentials("GHCR.io", None).password == "own"


@pytest.mark.parametrize(
    "host", ["docker.io", "ghcr.io.evil.example", "evil-ghcr.io", "ghcr.io:444", "github.com"]
)
def test_other_hosts_get_nothing(host: str) -> None:
    """However much their names look like it."""
    assert li.GitHubKeychain(SECRET).credentials(host, None) is None


def test_hosts_of_an_enterprise() -> None:
    """They can be named, and are then the only ones."""
    keychain = li.GitHubKeychain(SECRET, hosts="containers.corp.ghe.com")
    assert keychain.credentials("containers.corp.ghe.com", None)
    assert keychain.credentials("ghcr.io", None) is None
