"""Signatures: in the layout of OpenSSF model signing, over every member, with one kind of key."""

from __future__ import annotations

import base64
import json
import os
import stat
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from eisen._core.errors import ArgumentError, ArtifactError, CorruptFileError, MissingFileError
from eisen_deploy.packaging.archive import write_archive
from eisen_deploy.packaging.keys import KeyFiles, make_keys
from eisen_deploy.packaging.layout import SIGNATURE
from eisen_deploy.packaging.signing import sign, unpack_verified, verify
from eisen_deploy.packaging.statement import make_bundle, make_statement

MODEL = {"modelName": "small", "modelVersion": "1.0", "handler": "handlers.py"}
MEMBERS: dict[str, bytes | Path] = {"handlers.py": b"pass", "weights/0.safetensors": b"w" * 100, "weights.b": b"r"}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyFiles:
    return make_keys(tmp_path_factory.mktemp("keys") / "clinic")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    write_archive(tmp_path / "small.mar", MEMBERS, manifest={"runtime": "python", "model": MODEL})
    return tmp_path / "small.mar"


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(path: Path, content: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def test_a_signed_archive_is_verified_and_unpacked(archive: Path, keys: KeyFiles, tmp_path: Path) -> None:
    made = sign(archive, keys.private)
    assert made == verify(archive, keys.public) == unpack_verified(archive, tmp_path / "out", keys.public)
    assert (made.name, made.n_members, made.fingerprint) == ("small", 5, keys.fingerprint)
    assert (tmp_path / "out" / "handlers.py").read_bytes() == b"pass"


def test_signing_adds_one_member_and_keeps_every_other_byte(archive: Path, keys: KeyFiles) -> None:
    before = archive.read_bytes()
    table = int.from_bytes(before[-6:-2], "little")
    sign(archive, keys.private)
    after = archive.read_bytes()
    assert after[:table] == before[:table]
    assert list(members(archive)) == [*_names(before, archive), SIGNATURE]


def _names(content: bytes, path: Path) -> list[str]:
    copy = path.with_name("copy.mar")
    copy.write_bytes(content)
    return list(members(copy))


def test_the_same_archive_and_key_give_the_same_bytes(archive: Path, keys: KeyFiles, tmp_path: Path) -> None:
    sign(archive, keys.private)
    once = archive.read_bytes()
    sign(archive, keys.private)
    assert archive.read_bytes() == once
    other = make_keys(tmp_path / "other")
    sign(archive, other.private)
    assert verify(archive, other.public).fingerprint == other.fingerprint
    sign(archive, keys.private)
    assert archive.read_bytes() == once
    assert [path.name for path in tmp_path.glob("*.mar")] == ["small.mar"]


def test_the_statement_is_the_one_that_model_signing_makes() -> None:
    """What model-signing 1.1.1 gives for a folder small/ with these three files, "MAR-INF/model.sig" ignored."""
    import hashlib

    files = {"weights.b": b"r", "weights/0.safetensors": b"w", "handlers.py": b"x", "weights-a": b"q"}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    ordered = ["handlers.py", "weights", "weights-a", "weights.b"]  # a folder comes where its own name comes
    ordered[1] = "weights/0.safetensors"
    root = hashlib.sha256(b"".join(hashlib.sha256(files[name]).digest() for name in ordered)).hexdigest()
    assert make_statement("small", digests) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "small", "digest": {"sha256": root}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": ["MAR-INF/model.sig"],
            },
            "resources": [{"name": n, "algorithm": "sha256", "digest": digests[n]} for n in ordered],
        },
    }


def test_the_signature_is_over_type_and_length_of_the_payload(archive: Path, keys: KeyFiles) -> None:
    sign(archive, keys.private)
    bundle = json.loads(members(archive)[SIGNATURE])
    envelope = bundle["dsseEnvelope"]
    payload, signature = (base64.b64decode(text) for text in (envelope["payload"], envelope["signatures"][0]["sig"]))
    key = serialization.load_pem_public_key(keys.public.read_bytes())
    assert isinstance(key, ed25519.Ed25519PublicKey)
    key.verify(signature, b"DSSEv1 28 application/vnd.in-toto+json " + str(len(payload)).encode() + b" " + payload)
    assert bundle["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert bundle["verificationMaterial"]["publicKey"]["hint"] == keys.fingerprint


# ---- what must fail --------------------------------------------------------------------------------------------------


def _swap(content: dict[str, bytes]) -> dict[str, bytes]:
    return {**content, "weights.b": content["handlers.py"], "handlers.py": content["weights.b"]}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda c: {**c, "handlers.py": b"import os"}, "'handlers.py' was changed"),
        (lambda c: {**c, "extra.py": b""}, "'extra.py' was added"),
        (lambda c: {**c, "__pycache__/handlers.cpython-311.pyc": b""}, "was added"),
        (lambda c: {n: d for n, d in c.items() if n != "weights.b"}, "'weights.b' is missing"),
        (
            lambda c: {{"weights.b": "weights.c"}.get(n, n): d for n, d in c.items()},
            "'weights.b' was renamed to 'weights.c'",
        ),
        (_swap, "'handlers.py' was changed; 'weights.b' was changed"),
        (lambda c: {n: d for n, d in c.items() if n != "MAR-INF/digests.json"}, "digests.json' is missing"),
        (lambda c: {n: d for n, d in c.items() if n != SIGNATURE}, "is not signed"),
        (lambda c: {**c, SIGNATURE: b""}, "cannot be understood"),
        (lambda c: {**c, SIGNATURE: c[SIGNATURE][:-200]}, "cannot be understood"),
        (lambda c: {**c, SIGNATURE: b"[" * 100_000}, "nested too deep"),
        (
            lambda c: {**c, "MAR-INF/MANIFEST.json": c["MAR-INF/MANIFEST.json"].replace(b"small", b"large")},
            "signed as 'small'",
        ),
    ],
)
def test_every_change_of_the_members_is_noticed(
    change: Callable[[dict[str, bytes]], dict[str, bytes]], reason: str, archive: Path, keys: KeyFiles, tmp_path: Path
) -> None:
    sign(archive, keys.private)
    rewritten(archive, change(members(archive)))
    with pytest.raises(CorruptFileError, match=reason) as caught:
        verify(archive, keys.public)
    assert caught.value.card.file == str(archive)
    with pytest.raises(CorruptFileError, match=reason):
        unpack_verified(archive, tmp_path / "out", keys.public)
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".*"))


def _bundle(change: Callable[[Any], None]) -> Callable[[bytes], bytes]:
    def changed(content: bytes) -> bytes:
        bundle = json.loads(content)
        change(bundle)
        return json.dumps(bundle).encode()

    return changed


def _payload(change: Callable[[Any], None]) -> Callable[[Any], None]:
    def changed(bundle: Any) -> None:
        statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
        change(statement)
        bundle["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()

    return changed


def _flip(bundle: Any) -> None:
    entry = bundle["dsseEnvelope"]["signatures"][0]
    raw = bytearray(base64.b64decode(entry["sig"]))
    raw[0] ^= 1
    entry["sig"] = base64.b64encode(raw).decode()


def _second(bundle: Any) -> None:
    bundle["dsseEnvelope"]["signatures"] *= 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_flip, "signature is wrong"),
        (_second, "has 2 signatures"),
        (lambda b: b["dsseEnvelope"]["signatures"].clear(), "has 0 signatures"),
        (lambda b: b["dsseEnvelope"]["signatures"][0].update(sig=""), "signature is wrong"),
        (lambda b: b["dsseEnvelope"]["signatures"][0].update(sig="!!"), "cannot be understood"),
        (lambda b: b["dsseEnvelope"].update(payloadType="text/plain"), "payloadType is 'text/plain'"),
        (lambda b: b.update(mediaType="application/vnd.dev.sigstore.bundle.v9+json"), "mediaType is"),
        (lambda b: b["verificationMaterial"].update(publicKey={"hint": "00"}), "signed with another key"),
        (lambda b: b["verificationMaterial"].update(publicKey={}), "cannot be understood"),
        (lambda b: b.pop("dsseEnvelope"), "cannot be understood"),
        (_payload(lambda s: s["predicate"]["resources"].pop()), "signature is wrong"),
        (_payload(lambda s: None), "signature is wrong"),
    ],
)
def test_every_change_of_the_signature_is_noticed(
    change: Callable[[Any], None], reason: str, archive: Path, keys: KeyFiles
) -> None:
    sign(archive, keys.private)
    content = members(archive)
    rewritten(archive, {**content, SIGNATURE: _bundle(change)(content[SIGNATURE])})
    with pytest.raises(CorruptFileError, match=reason):
        verify(archive, keys.public)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: s["predicate"]["resources"].pop(), "digest of the model"),
        (lambda s: s["predicate"]["resources"].append(s["predicate"]["resources"][0]), "lists files twice"),
        (lambda s: s["predicate"]["resources"][0].update(algorithm="md5"), "other digests"),
        (lambda s: s["predicate"]["serialization"].update(ignore_paths=["handlers.py"]), "serialization is"),
        (lambda s: s["predicate"]["serialization"].update(hash_type="sha1"), "serialization is"),
        (lambda s: s.update(predicateType="https://model_signing/Digests/v0.1"), "predicateType is"),
        (lambda s: s.update(_type="https://in-toto.io/Statement/v0.1"), "_type is"),
        (lambda s: s["subject"].append(s["subject"][0]), "several models"),
        (lambda s: s["subject"][0].update(name="large"), "signed as 'large'"),
    ],
)
def test_a_right_signature_over_a_wrong_statement_does_not_count(
    change: Callable[[Any], None], reason: str, archive: Path, keys: KeyFiles
) -> None:
    sign(archive, keys.private)
    content = members(archive)
    statement = json.loads(base64.b64decode(json.loads(content[SIGNATURE])["dsseEnvelope"]["payload"]))
    change(statement)
    key = serialization.load_pem_private_key(keys.private.read_bytes(), None)
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    rewritten(archive, {**content, SIGNATURE: make_bundle(statement, key)})
    with pytest.raises(CorruptFileError, match=reason):
        verify(archive, keys.public)


def test_a_signature_of_another_archive_does_not_count(archive: Path, keys: KeyFiles, tmp_path: Path) -> None:
    sign(archive, keys.private)
    other = tmp_path / "other.mar"
    write_archive(other, {**MEMBERS, "handlers.py": b"evil"}, manifest={"runtime": "python", "model": MODEL})
    rewritten(other, {**members(other), SIGNATURE: members(archive)[SIGNATURE]})
    with pytest.raises(CorruptFileError, match=r"'handlers\.py' was changed"):
        verify(other, keys.public)


def test_another_key_is_named(archive: Path, keys: KeyFiles, tmp_path: Path) -> None:
    sign(archive, keys.private)
    with pytest.raises(CorruptFileError, match="signed with another key") as caught:
        verify(archive, make_keys(tmp_path / "other").public)
    assert keys.fingerprint in caught.value.card.to_do


def test_a_signature_in_the_middle_is_not_replaced(archive: Path, keys: KeyFiles) -> None:
    sign(archive, keys.private)
    rewritten(archive, {SIGNATURE: b"{}", **{n: d for n, d in members(archive).items() if n != SIGNATURE}})
    before = archive.read_bytes()
    with pytest.raises(CorruptFileError, match="not its last member"):
        sign(archive, keys.private)
    assert archive.read_bytes() == before


# ---- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of Unix")
def test_only_the_owner_reads_a_private_key(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        made = make_keys(tmp_path / "k")
    finally:
        os.umask(old)
    assert stat.S_IMODE(made.private.stat().st_mode) == 0o600


def test_keys_are_never_replaced_and_come_in_pairs(tmp_path: Path) -> None:
    made = make_keys(tmp_path / "k")
    before = made.private.read_bytes()
    with pytest.raises(ArtifactError, match="is there already"):
        make_keys(tmp_path / "k")
    assert made.private.read_bytes() == before
    (tmp_path / "half.pub").write_bytes(b"")
    with pytest.raises(ArtifactError, match=r"half\.pub is there already"):
        make_keys(tmp_path / "half")
    assert not (tmp_path / "half.key").exists()
    (tmp_path / "link.key").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ArtifactError, match="is there already"):
        make_keys(tmp_path / "link")
    with pytest.raises(ArtifactError, match="its folder does not exist"):
        make_keys(tmp_path / "no" / "k")


def test_a_passphrase_is_needed_asked_for_or_taken_from_the_environment(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EISEN_KEY_PASSPHRASE", raising=False)
    made = make_keys(tmp_path / "k", "größe")
    with pytest.raises(ArgumentError, match="none was given"):
        sign(archive, made.private)
    with pytest.raises(ArgumentError, match="passphrase is wrong"):
        sign(archive, made.private, "other")
    sign(archive, made.private, lambda: "größe")
    once = archive.read_bytes()
    monkeypatch.setenv("EISEN_KEY_PASSPHRASE", "größe")
    sign(archive, made.private)
    assert archive.read_bytes() == once
    with pytest.raises(ArgumentError, match="passphrase is empty"):
        make_keys(tmp_path / "empty", "")


def test_a_passphrase_is_not_asked_for_without_need(archive: Path, keys: KeyFiles) -> None:
    def ask() -> str:
        raise AssertionError("nobody has to be asked")

    sign(archive, keys.private, ask)


OTHERS = {
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "Ed448": ed448.Ed448PrivateKey.generate,
}


@pytest.mark.parametrize("kind", OTHERS)
def test_keys_of_other_kinds_are_refused(kind: str, archive: Path, keys: KeyFiles, tmp_path: Path) -> None:
    sign(archive, keys.private)
    key = OTHERS[kind]()
    private, public = tmp_path / "x.key", tmp_path / "x.pub"
    pem, none = serialization.Encoding.PEM, serialization.NoEncryption()
    private.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, none))
    public.write_bytes(key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(CorruptFileError, match="a key of another kind"):
        sign(archive, private)
    with pytest.raises(CorruptFileError, match="a key of another kind"):
        verify(archive, public)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"\0" * 100,
        b"-----BEGIN PUBLIC KEY-----\n",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    ],
)
def test_files_that_are_no_keys_are_refused(content: bytes, archive: Path, keys: KeyFiles, tmp_path: Path) -> None:
    file = tmp_path / "x.pem"
    file.write_bytes(content)
    for call in (sign, verify):
        with pytest.raises(CorruptFileError, match=r"no PEM file|is the public key") as caught:
            call(archive, file)
        assert caught.value.card.file == str(file)


def test_keys_that_are_cut_off_mixed_up_huge_or_missing_are_refused(
    archive: Path, keys: KeyFiles, tmp_path: Path
) -> None:
    sign(archive, keys.private)
    file = tmp_path / "x.pem"
    file.write_bytes(keys.private.read_bytes()[:-40])
    with pytest.raises(CorruptFileError, match="cut off"):
        sign(archive, file)
    file.write_bytes(keys.public.read_bytes()[:-40])
    with pytest.raises(CorruptFileError, match="cut off"):
        verify(archive, file)
    with pytest.raises(CorruptFileError, match="is the public key"):
        sign(archive, keys.public)
    with pytest.raises(CorruptFileError, match="is a private key, which stays with its owner"):
        verify(archive, keys.private)
    file.write_bytes(bytes(1 << 20))
    with pytest.raises(CorruptFileError, match="too large"):
        verify(archive, file)
    with pytest.raises(MissingFileError, match="there is no key"):
        verify(archive, tmp_path / "missing.pub")
    with pytest.raises(CorruptFileError, match="cannot be read"):
        verify(archive, tmp_path)
