"""Amazon's registries: boto3 asks what plays AWS on loopback, by its documented exchanges."""

from __future__ import annotations

import base64
import pickle
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

import lazyimg as li
from lazyimg.errors import CredentialError, MissingExtra
from lazyimg.registry.keychains.clouds.ecr import Place

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.http_server import Exchange, HttpServer

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
PASSWORD = "ecr-passw0rd"
KEY, AWS_SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI-example"


class Aws:
    """What plays AWS: gives tokens for ECR, and credentials for a web identity.

    Attributes:
        life: seconds that tokens live.
        refuses: the code of its refusal, if it refuses.
    """

    def __init__(self) -> None:
        self.life = 12 * 3600.0
        self.refuses = ""
        self.token: Any = base64.b64encode(f"AWS:{PASSWORD}".encode()).decode()
        self.asked: list[tuple[str, str]] = []

    def __call__(self, exchange: Exchange, body: bytes) -> tuple[int, Any]:
        target = exchange.headers.get("X-Amz-Target", "")
        scope = exchange.headers.get("Authorization", "").partition("Credential=")[2].partition(",")[0]
        self.asked.append((target or parse_qs(body.decode())["Action"][0], scope))
        if self.refuses:
            message = f"no: {exchange.headers['Authorization']}"
            return 400, {"__type": f"x#{self.refuses}", "message": message}
        if not target:
            return 200, ASSUMED.encode()
        entry = {"authorizationToken": self.token, "expiresAt": time.time() + self.life}
        is_public = target.startswith("Spencer")
        return 200, {"authorizationData": entry if is_public else [entry]}


ASSUMED = f"""
<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials>
<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>{AWS_SECRET}</SecretAccessKey><SessionToken>st</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration>
</Credentials><AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn><AssumedRoleId>r:s</AssumedRoleId>
</AssumedRoleUser></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>
"""


@pytest.fixture
def aws(serve: Callable[..., HttpServer], monkeypatch: pytest.MonkeyPatch) -> Aws:
    """Give what plays AWS, which the environment names, and no credentials for it."""
    made = Aws()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{serve(made).host}")
    return made


@pytest.fixture
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the environment have an access key."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", AWS_SECRET)


@pytest.mark.parametrize(
    ("registry", "place"),
    [
        (HOST, Place("ecr", "eu-west-1")),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", Place("ecr", "cn-north-1")),
        (
            "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
            Place("ecr", "us-gov-west-1", is_fips=True),
        ),
        ("123456789012.dkr-ecr.us-west-2.on.aws", Place("ecr", "us-west-2")),
        ("public.ecr.aws", Place("ecr-public", "us-east-1")),
        ("ghcr.io", None),
        ("evil.example", None),
        (f"{HOST}.evil.example", None),
        (f"evil{HOST}", None),
        (f"{HOST}:444", None),
        ("123456789012.dkr.ecr.eu-west-1.evil.com", None),
        ("12345.dkr.ecr.eu-west-1.amazonaws.com", None),
        ("ec2-1-2-3-4.compute-1.amazonaws.com", None),
        ("evil.public.ecr.aws", None),
    ],
)
def test_hosts(registry: str, place: Place | None) -> None:
    """Amazon's registries are known by their whole names; of all others nobody is asked."""
    assert Place.of(registry) == place
    if place is None:
        assert li.ECRKeychain().credentials(registry, "team/app") is None


@pytest.mark.usefixtures("_keys")
def test_a_token_is_asked_for_once(aws: Aws) -> None:
    """One for all registries of a region, signed for that region; another region has its own."""
    keychain = li.ECRKeychain()
    assert aws.asked == []
    found = keychain.credentials(HOST, "team/app")
    assert found is not None
    assert (found.username, found.password) == ("AWS", PASSWORD)
    assert found.expires == pytest.approx(time.time() + aws.life, abs=60)
    assert keychain.credentials(HOST.replace("123", "321"), None) is found
    keychain.credentials(HOST.replace("eu-west-1", "eu-west-3"), None)
    public = keychain.credentials("public.ecr.aws", "docker/library/python")
    assert public is not None
    assert public.password == PASSWORD
    targets = [target.rpartition(".")[0] for target, _ in aws.asked]
    private = "AmazonEC2ContainerRegistry_V20150921"
    assert targets == [private, private, "SpencerFrontendService"]
    regions = [scope.split("/")[2] for _, scope in aws.asked]
    assert regions == ["eu-west-1", "eu-west-3", "us-east-1"]
    assert PASSWORD not in repr(keychain)


@pytest.mark.usefixtures("_keys")
def test_a_token_that_ends_is_asked_for_again(aws: Aws) -> None:
    """One that is good for less than a minute is not used a second time."""
    aws.life = 30
    keychain = li.ECRKeychain()
    keychain.credentials(HOST, None)
    keychain.credentials(HOST, None)
    assert len(aws.asked) == 2
    assert pickle.loads(pickle.dumps(keychain)) == keychain  # noqa: S301 - its tokens do not travel with it


def test_a_role_by_a_web_identity(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a pod has it: STS gives credentials for the token in a file, and these sign the question."""
    (tmp_path / "token").write_text("web-identity")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r")
    assert li.ECRKeychain().credentials(HOST, None)
    [assumed, asked] = aws.asked
    assert assumed[0] == "AssumeRoleWithWebIdentity"
    assert asked[1].startswith("ASIAROLE/")


def test_a_profile_and_a_session(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile is taken from AWS's own files; a session may be given."""
    import boto3.session  # noqa: PLC0415 - an extra, which this test is about

    (tmp_path / "credentials").write_text(
        f"[ci]\naws_access_key_id = CI\naws_secret_access_key = {AWS_SECRET}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    assert li.ECRKeychain(profile="ci").credentials(HOST, None)
    session = boto3.session.Session(aws_access_key_id="OWN", aws_secret_access_key=AWS_SECRET)
    assert li.ECRKeychain(session=session).credentials(HOST, None)
    assert [scope.partition("/")[0] for _, scope in aws.asked] == ["CI", "OWN"]
    with pytest.raises(CredentialError, match="there is no such AWS profile"):
        li.ECRKeychain(profile="none").credentials(HOST, None)


@pytest.mark.usefixtures("_keys")
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("AccessDeniedException", "AWS answered AccessDeniedException"),
        (f"{AWS_SECRET} 1", "AWS answered an error"),
    ],
)
def test_aws_refuses(aws: Aws, code: str, said: str) -> None:
    """Its code is repeated and its words are not, with what to allow; nothing leads to what boto3 raised."""
    aws.refuses = code
    with pytest.raises(CredentialError, match=said) as raised:
        li.ECRKeychain().credentials(HOST, None)
    assert "ecr:GetAuthorizationToken" in str(raised.value)
    assert AWS_SECRET not in str(raised.value)
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)


@pytest.mark.usefixtures("aws")
def test_nobody_is_logged_in() -> None:
    """It says how to log in."""
    with pytest.raises(CredentialError, match=r"no AWS credentials were found\. Log in to AWS"):
        li.ECRKeychain().credentials(HOST, None)


@pytest.mark.usefixtures("_keys")
def test_aws_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address where nobody is."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(CredentialError, match="its address cannot be reached"):
        li.ECRKeychain().credentials(HOST, None)


@pytest.mark.usefixtures("_keys")
@pytest.mark.parametrize("token", ["not base64!", "", base64.b64encode(b"AWS").decode(), None])
def test_a_token_that_is_none(aws: Aws, token: Any) -> None:
    """What cannot be read is said, and not repeated."""
    aws.token = token
    with pytest.raises(CredentialError, match="without a token that can be read"):
        li.ECRKeychain().credentials(HOST, None)


@pytest.mark.usefixtures("_keys")
@pytest.mark.parametrize(
    "body",
    [
        b'{"authorizationData": []}',
        b'{"authorizationData": [{"authorizationToken": "QVdTOng=", "expiresAt": "junk"}]}',
        b'{"authorizationData": [{"authorizationToken": "QVdTOng=", "expiresAt": 1e300}]}',
        b"junk",
        b"[]",
        b"",
        b"\xff",
    ],
)
def test_an_answer_that_is_none(
    serve: Callable[..., HttpServer], monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    """Whatever boto3 makes of it, what comes out is an error that says what to do."""
    server = serve(lambda *_: (200, body))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{server.host}")
    with pytest.raises(CredentialError, match=r"from Amazon ECR: (it answered without|boto3 says)") as raised:
        li.ECRKeychain().credentials(HOST, None)
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)


def test_the_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install, and only where a registry is Amazon's."""
    monkeypatch.setitem(sys.modules, "boto3.session", None)
    assert li.ECRKeychain().credentials("ghcr.io", None) is None
    with pytest.raises(MissingExtra, match=r"pip install 'lazyimg\[aws\]'"):
        li.ECRKeychain().credentials(HOST, None)
