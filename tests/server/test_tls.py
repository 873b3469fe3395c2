"""TLS: the registry shows a certificate, and may want to see one."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.programs import need

from lazyimg.errors import InvalidSetting
from lazyimg.server.faults import Fault, Hang, Reset, Truncate
from lazyimg.server.registry import Registry
from lazyimg.server.tls import Tls


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """Give a certificate that is its own authority."""
    need("openssl", "openssl")
    return Tls.self_signed(tmp_path_factory.mktemp("tls") / "new", "registry.test")


def trusting(tls: Tls) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(tls.certificate))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_client_that_trusts_the_certificate_is_served(made: Tls, hand_of: Any, host: str) -> None:
    """Everything is as over plain HTTP, and the address says https."""
    with Registry(host=host, tls=made) as registry:
        assert registry.url == f"https://{registry.host}"
        with httpx.Client(base_url=registry.url, verify=trusting(made)) as http:
            hand = hand_of(http)
            data = hand.image("a", layers=(bytes(3 << 20),))
            hand.push("a", "v1", data)
            assert hand.pull("a", "v1") == data
            assert http.get(f"/v2/a/blobs/{hand.digest(bytes(3 << 20))}").content == bytes(3 << 20)


def test_a_client_that_does_not_trust_the_certificate_goes_away(
    made: Tls, capfd: pytest.CaptureFixture[str]
) -> None:
    """It gets no answer, nobody prints anything, and the next one is served."""
    files = (made.certificate, made.key)
    with Registry(tls=files) as registry:  # type: ignore[arg-type] # both are there
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{registry.url}/v2/")
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://{registry.host}/v2/")
        assert httpx.get(f"{registry.url}/v2/", verify=trusting(made)).status_code == 200
        assert len(registry.requests) == 1
    assert capfd.readouterr() == ("", "")


def test_the_certificate_is_good_for_more_names(made: Tls) -> None:
    """The names that were given stand in it, besides those of this machine."""
    command = ["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", str(made.certificate)]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for name in ("DNS:localhost", "DNS:registry.test", "IP Address:127.0.0.1"):
        assert name in names


def test_clients_show_certificates(made: Tls, tmp_path: Path) -> None:
    """With `client_authorities` who shows none, or another's, is not let in."""
    other = Tls.self_signed(tmp_path)
    strict = Tls(made.certificate, made.key, client_authorities=made.certificate)
    with Registry(tls=strict) as registry:
        url = f"{registry.url}/v2/"
        with pytest.raises(httpx.TransportError):
            httpx.get(url, verify=trusting(made))
        for shown, is_known in ((other, False), (made, True)):
            context = trusting(made)
            context.load_cert_chain(str(shown.certificate), str(shown.key))
            if is_known:
                assert httpx.get(url, verify=context).status_code == 200
            else:
                with pytest.raises(httpx.TransportError):
                    httpx.get(url, verify=context)


def test_one_file_may_hold_both(made: Tls, tmp_path: Path) -> None:
    """The key is looked for in the certificate's file if none is named."""
    both = tmp_path / "both.pem"
    both.write_bytes(b"".join(Path(str(path)).read_bytes() for path in (made.certificate, made.key)))
    with Registry(tls=Tls(both)) as registry:
        assert httpx.get(f"{registry.url}/v2/", verify=trusting(made)).status_code == 200


def test_a_certificate_that_cannot_be_used_is_named(made: Tls, tmp_path: Path) -> None:
    """A missing file, or one that holds something else: the registry does not start, and says why."""
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    for tls in (Tls(tmp_path / "missing.pem"), Tls(junk, made.key), Tls(made.certificate, junk)):
        with pytest.raises(InvalidSetting, match=r"(missing|junk)\.pem.*PEM"):
            Registry(tls=tls).start()
    registry = Registry(tls=(str(junk), str(junk)))
    with pytest.raises(InvalidSetting):
        registry.start()
    assert repr(registry) == "<Registry, not running>"


def test_an_encrypted_key_is_named(made: Tls, tmp_path: Path) -> None:
    """OpenSSL would ask for its password on the terminal, and wait."""
    key = tmp_path / "encrypted.pem"
    encrypt = ["openssl", "pkey", "-aes256", "-passout", "pass:s3cret"]
    subprocess.run([*encrypt, "-in", str(made.key), "-out", str(key)], check=True)
    with pytest.raises(InvalidSetting, match=r"encrypted\.pem: the key is encrypted"):
        Registry(tls=(made.certificate, key)).start()


def test_faults_break_tls_connections_too(made: Tls, hand_of: Any) -> None:
    """Cut, closed and hanging: the client is told as over plain HTTP."""
    data = bytes(1 << 20)
    with (
        Registry(tls=made) as registry,
        httpx.Client(base_url=registry.url, verify=trusting(made), timeout=1) as http,
    ):
        hand = hand_of(http)
        url = f"/v2/a/blobs/{hand.blob('a', data)}"
        location = hand.begin("a")
        registry.faults.add(
            Fault(Reset(), "PATCH", received=1000),
            Fault(Truncate(), "GET", "*sha256*", sent=70_000),
            Fault(Hang(), "GET", "*sha256*", sent=5, skip=1),
        )
        with pytest.raises(httpx.TransportError):
            http.patch(location, content=data)
        assert http.get(location).headers["range"] == "0-999"
        with pytest.raises(httpx.TransportError):
            http.get(url)
        with pytest.raises(httpx.TimeoutException):
            http.get(url)
        assert http.get(url).content == data
