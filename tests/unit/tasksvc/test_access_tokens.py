"""Access tokens and the keys that sign them."""

import time
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chassis.access_tokens import Claims
from chassis.errors import TokenExpired, TokenInvalid
from tasksvc.access_tokens import AccessTokens
from tasksvc.signing_keys import read_signing_keys

USER, SESSION = UUID(int=1), UUID(int=2)


def pem() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture
def tokens() -> AccessTokens:
    return AccessTokens(read_signing_keys(pem()), lifetime=900)


def test_a_token_says_whose_it_is_and_until_when(tokens: AccessTokens) -> None:
    claims = tokens.check(tokens.sign(USER, SESSION))
    assert (claims.user_id, claims.session_id) == (str(USER), str(SESSION))
    assert 890 < claims.expire_time - time.time() <= 900


def test_a_token_that_was_good_once_is_not_good_for_ever(tokens: AccessTokens, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tokens.sign(USER, SESSION)
    tokens.check(token)
    later = time.time() + 901
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(TokenExpired):
        tokens.check(token)


def test_a_replica_whose_clock_is_behind_takes_the_others_tokens(
    tokens: AccessTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    with monkeypatch.context() as ahead:
        ahead.setattr(time, "time", lambda: now + 60)
        token = tokens.sign(USER, SESSION)
    assert isinstance(tokens.check(token), Claims)


@pytest.mark.parametrize("missing", ["iss", "aud", "sub", "sid", "exp", "iat", "jti"])
def test_a_token_without_one_of_its_claims_is_none(tokens: AccessTokens, missing: str) -> None:
    claims = jwt.decode(tokens.sign(USER, SESSION), options={"verify_signature": False})
    del claims[missing]
    key = tokens.keys[0]
    with pytest.raises(TokenInvalid):
        tokens.check(jwt.encode(claims, key.private, "EdDSA", headers={"kid": key.kid}))


@pytest.mark.parametrize(("claim", "other"), [("iss", "somebody"), ("aud", "somewhere"), ("exp", "soon")])
def test_a_token_for_somebody_else_is_none(tokens: AccessTokens, claim: str, other: str) -> None:
    claims = jwt.decode(tokens.sign(USER, SESSION), options={"verify_signature": False}) | {claim: other}
    key = tokens.keys[0]
    with pytest.raises(TokenInvalid):
        tokens.check(jwt.encode(claims, key.private, "EdDSA", headers={"kid": key.kid}))


def test_the_first_key_signs_and_every_key_checks() -> None:
    old, new = pem(), pem()
    before, after = (AccessTokens(read_signing_keys(text), lifetime=900) for text in (old, new + "\n" + old))
    assert after.check(before.sign(USER, SESSION)).user_id == str(USER)
    with pytest.raises(TokenInvalid):
        before.check(after.sign(USER, SESSION))


def test_a_key_may_stand_in_one_line() -> None:
    text = pem()
    assert [key.kid for key in read_signing_keys(text.replace("\n", "\\n"))] == [
        key.kid for key in read_signing_keys(text)
    ]


@pytest.mark.parametrize("text", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_signing_keys(text)


def test_a_key_of_another_kind_is_refused() -> None:
    rsa = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="Ed25519"):
        read_signing_keys(rsa.decode())
