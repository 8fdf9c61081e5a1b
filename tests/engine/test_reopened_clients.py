"""Clients of services are opened again with the arguments they were made with, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk import Desk

from hitl_nb.errors import CannotPause

ASK = "hitl.checkpoint(1, title='T')\n"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, f"of-the-environment-{name}")
    (tmp_path / "credentials").write_text(
        "[shop]\naws_access_key_id = shop-id\naws_secret_access_key = shop-secret\n[default]\n"
    )
    (tmp_path / "config").write_text("[profile shop]\nregion = eu-central-1\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("SHOP_TOKEN", "very-secret-1")
    return Desk()


def continue_agent(desk: Desk, source: str) -> list[str]:
    """Run the agent to its question, and from there in a new kernel; the notes of the question."""
    notes = list(desk.run(source).proposals[0].notes)
    stored = b"".join(value for _, value in desk.ledger.store.scan("", "\U0010ffff"))
    assert b"very-secret-1" not in stored
    assert b"of-the-environment" not in stored
    assert b"shop-secret" not in stored
    desk.answer()
    desk.new_kernel()
    assert desk.run(source).status == "finished"
    return notes


HTTPX = {
    "plain": ("httpx.{}()", "f.timeout.read", 5.0),
    "url": ("httpx.{}(base_url='http://x/v1', params={{'q': ['1', '2']}})", "str(f.base_url), str(f.params)", None),
    "headers": (
        "httpx.{}(headers={{'Authorization': 'Bearer ' + os.environ['SHOP_TOKEN']}})",
        "f.headers['authorization'], 'accept' in f.headers",
        ("Bearer very-secret-1", True),
    ),
    "options": (
        "httpx.{}(timeout=httpx.Timeout(7, connect=2), follow_redirects=True, max_redirects=3, trust_env=False)",
        "f.timeout.as_dict(), f.follow_redirects, f.max_redirects, f.trust_env",
        None,
    ),
    "auth": ("httpx.{}(auth=('ann', os.environ['SHOP_TOKEN']))", "f.auth._auth_header", None),
    "limits": (
        "httpx.{}(limits=httpx.Limits(max_connections=None, max_keepalive_connections=3), verify=False)",
        "f._transport._pool._max_connections, f._transport._pool._ssl_context.verify_mode",
        None,
    ),
    "changed": (
        "httpx.{}(headers=[('a', '1'), ('a', '2')])\nf.headers['x'] = 'y'\ndel f.headers['accept']\nf.base_url = 'http://z'",
        "f.headers.raw, str(f.base_url)",
        None,
    ),
    "hooks": (
        "httpx.{}(event_hooks={{'request': [seen]}})",
        "[hook(1) for hook in f.event_hooks['request']]",
        [2],
    ),
}


@pytest.mark.parametrize("kind", ["Client", "AsyncClient"])
@pytest.mark.parametrize("name", HTTPX)
def test_a_client_of_httpx_comes_back(desk: Desk, kind: str, name: str) -> None:
    made, read, value = HTTPX[name]
    source = (
        "import httpx, os\ndef seen(request):\n    return request + 1\n"
        f"f = {made.format(kind)}\nbefore = hash(str(({read})))\n{ASK}after = {read}\nkind = type(f).__name__\n"
    )
    notes = continue_agent(desk, source)
    assert notes == [f"f (httpx.{kind}) is opened again when the agent continues in another process"]
    assert (hash(str(desk.ns["after"])), desk.ns["kind"]) == (desk.ns["before"], kind)
    assert value is None or desk.ns["after"] == value


def test_a_transport_with_retries_comes_back(desk: Desk) -> None:
    made = "import httpx\nf = httpx.Client(transport=httpx.HTTPTransport(retries=4))\n"
    source = f"{made}{ASK}x = f._transport._pool._retries\n"
    continue_agent(desk, source)
    assert desk.ns["x"] == 4


def test_cookies_of_a_client_are_kept_and_told_by_name(desk: Desk) -> None:
    made = "import httpx\nf = httpx.Client()\nf.cookies.set('session', 'value-1', domain='x')\n"
    source = f"{made}{ASK}x = f.cookies['session']\n"
    notes = continue_agent(desk, source)
    assert notes[1:] == ["f (httpx.Client) has cookies that are saved as text with the agent's state: session"]
    assert desk.ns["x"] == "value-1"


def test_cookies_of_a_session_are_told_by_name(desk: Desk) -> None:
    made = "import requests\nf = requests.Session()\nf.cookies.set('a', 'value-1')\nf.cookies.set('b', '2')\n"
    notes = continue_agent(desk, f"{made}{ASK}x = len(f.cookies)\n")
    assert len(notes) == 2
    assert notes[1].startswith("f (requests.sessions.Session) has cookies")
    assert notes[1].endswith(": a, b")


def test_a_key_of_a_client_that_no_variable_has_is_told(desk: Desk) -> None:
    source = (
        "import httpx, boto3\na = httpx.Client(headers={'X-Api-Key': 'hidden-1'})\nb = httpx.Client(auth=('u', 'p'))\n"
    )
    source += "c = httpx.Client(base_url='http://u:p@x')\nd = httpx.Client(params={'api_key': 'k'})\n"
    source += "e = boto3.client('sqs', region_name='eu-west-1', aws_access_key_id='i', aws_secret_access_key='s')\n"
    notes = desk.run(f"{source}{ASK}x = a, b, c, d, e\n").proposals[0].notes
    assert [note[0] for note in notes if "has a key or password that is saved as text" in note] == list("abcde")


REFUSED = {
    "auth": "httpx.Client(auth=httpx.DigestAuth('a', 'b'))",
    "function as auth": "httpx.Client(auth=lambda request: request)",
    "transport": "httpx.Client(transport=httpx.MockTransport(lambda request: None))",
    "async transport": "httpx.AsyncClient(transport=httpx.ASGITransport(app=print))",
    "mounts": "httpx.Client(mounts={'http://x': httpx.HTTPTransport()})",
    "proxy": "httpx.Client(proxy='http://localhost:1')",
    "tls": "httpx.Client(verify=ssl.create_default_context(cadata=CERTIFICATE))",
    "client certificate": "httpx.Client(verify=with_certificate())",
    "socket options": "httpx.Client(transport=httpx.HTTPTransport(socket_options=[(1, 2, 3)]))",
    "attribute": "httpx.Client()\nf.team = 'shop'",
    "closed": "httpx.Client()\nf.close()",
    "subclass": "(lambda: type('Mine', (httpx.Client,), {})())()",
    "events": "boto3.client('s3', region_name='eu')\nf.meta.events.register('before-call.s3', lambda **of: None)",
    "role": "boto3.Session(botocore_session=with_role()).client('sqs', region_name='eu-west-1')",
}
DEFINITIONS = """
import boto3, botocore.session, botocore.credentials, httpx, ssl
from pathlib import Path
CERTIFICATE = Path("certificate.pem").read_text()
def with_certificate():
    context = httpx.create_ssl_context()
    context.load_cert_chain("certificate.pem", "key.pem")
    return context
def with_role():
    session = botocore.session.get_session()
    session._credentials = botocore.credentials.Credentials("other", "x", method="custom")
    return session
"""


@pytest.fixture(scope="module")
def certificate() -> tuple[bytes, bytes]:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    at = datetime(2026, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, at, at + timedelta(days=9999)).sign(
        key, hashes.SHA256()
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM), private


@pytest.mark.parametrize("name", REFUSED)
def test_a_client_that_does_not_tell_its_arguments_is_refused(
    desk: Desk, name: str, certificate: tuple[bytes, bytes]
) -> None:
    Path("certificate.pem").write_bytes(certificate[0])
    Path("key.pem").write_bytes(certificate[1])
    with pytest.raises(CannotPause, match=r"f \(a .*\) cannot be saved.*(hitl\.resource|another one after)"):
        desk.run(f"{DEFINITIONS}f = {REFUSED[name]}\n{ASK}f\n")
    assert desk.record().pauses == 0


BOTO = {
    "found": "boto3.client('s3', region_name='eu-west-1')",
    "given": "boto3.client('sqs', region_name='eu-west-1', aws_access_key_id='id',"
    " aws_secret_access_key=os.environ['SHOP_TOKEN'])",
    "endpoint": "boto3.client('s3', region_name='eu-west-1', endpoint_url='http://localhost:9000', verify=False)",
    "options": "boto3.client('s3', region_name='eu-west-1', use_ssl=False, config=Config(connect_timeout=3,"
    " retries={'max_attempts': 7, 'mode': 'standard'}, s3={'addressing_style': 'path'}, user_agent_extra='shop'))",
    "unsigned": "boto3.client('s3', region_name='eu-west-1', config=Config(signature_version=botocore.UNSIGNED))",
    "profile": "boto3.Session(profile_name='shop').client('sqs')",
    "resource": "boto3.resource('dynamodb', region_name='eu-west-1').meta.client",
}


@pytest.mark.parametrize("name", BOTO)
def test_a_client_of_boto3_comes_back(desk: Desk, name: str) -> None:
    read = (
        "(f.meta.endpoint_url, f.meta.region_name, getattr(f._request_signer._credentials, 'secret_key', None),"
        " {n: str(v) for n, v in vars(f.meta.config).items() if n[0] != '_' and n != 'user_agent'},"
        " f._endpoint.http_session._verify)"
    )
    source = (
        f"import boto3, botocore, os\nfrom botocore.config import Config\nf = {BOTO[name]}\n"
        f"old = hash(str(({read})))\n{ASK}same = hash(str(({read}))) == old\n"
    )
    continue_agent(desk, source)
    assert desk.ns["same"] is True


def test_a_resource_of_boto3_comes_back(desk: Desk) -> None:
    source = (
        "import boto3\ndb = boto3.resource('dynamodb', region_name='eu-west-1')\ntable = db.Table('orders')\n"
        "item = boto3.resource('s3', region_name='eu-west-1').Object('bucket', 'key')\n"
        f"{ASK}x = table.name, db.meta.client.meta.region_name, item.bucket_name, item.key, type(table).__name__\n"
    )
    continue_agent(desk, source)
    assert desk.ns["x"] == ("orders", "eu-west-1", "bucket", "key", "dynamodb.Table")


@pytest.mark.parametrize("pool", ["", ", pool_size=2, pool_recycle=60, echo=False", ", poolclass=NullPool"])
def test_an_async_engine_comes_back(desk: Desk, pool: str) -> None:
    source = f"""
from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine
f = create_async_engine("sqlite+aiosqlite:///x.db"{pool})
async with f.begin() as connection:
    await connection.execute(text("CREATE TABLE IF NOT EXISTS t (n)"))
    await connection.execute(text("INSERT INTO t VALUES (1)"))
kind = type(f.pool).__name__, f.pool._recycle
{ASK}
async with f.begin() as connection:
    n = (await connection.execute(text("SELECT count(*) FROM t"))).scalar()
x = n, (type(f.pool).__name__, f.pool._recycle) == kind
await f.dispose()
"""
    notes = continue_agent(desk, source)
    assert notes[0].startswith("f (sqlalchemy.ext.asyncio.engine.AsyncEngine) is opened again")
    assert desk.ns["x"] == (1, True)


@pytest.mark.parametrize("url", ["sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:"])
def test_an_async_engine_in_memory_is_refused(desk: Desk, url: str) -> None:
    source = f"from sqlalchemy.ext.asyncio import create_async_engine\nf = create_async_engine('{url}')\n{ASK}f\n"
    with pytest.raises(CannotPause, match=r"f \(a AsyncEngine|f \(an? .*AsyncEngine\) cannot be saved"):
        desk.run(source)
