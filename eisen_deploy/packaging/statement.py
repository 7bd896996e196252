"""What is signed, in the layout of OpenSSF model signing: a statement in an envelope in a bundle, all of it JSON.

- The statement (in-toto) names the model and lists the SHA-256 of each file.
- The envelope (DSSE) holds the statement and the signature over it.
- The bundle (Sigstore) holds the envelope and the fingerprint of the key.

The library of that project, ``model-signing`` 1.1.1, is not used: its keys are those of NIST curves only (no Ed25519),
it hashes folders on disk rather than members of an archive, and it brings 36 packages, among them clients of services
that a hospital cannot reach. The statement is equal to its own, so that what Ed25519 support it gets later reads ours.

Source: sigstore/model-transparency, docs/model_signing_format.md; secure-systems-lab/dsse, protocol.md v1.0.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from eisen._core.errors import CorruptFileError
from eisen._core.optional import require
from eisen_deploy.packaging.archive import as_json
from eisen_deploy.packaging.keys import fingerprint
from eisen_deploy.packaging.layout import SIGNATURE
from eisen_deploy.packaging.manifest import strict_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["key_hint", "make_bundle", "make_statement", "read_bundle"]

_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD = "application/vnd.in-toto+json"
_STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "https://model_signing/signature/v1.0"
_METHOD = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": [SIGNATURE]}


def make_statement(name: str, digests: Mapping[str, str]) -> dict[str, Any]:
    """Return what is signed.

    Args:
        name: Of the model.
        digests: The SHA-256 of each file, in hexadecimal digits.

    Example:
        >>> make_statement("liver", {"a.py": "00ff"})["predicate"]["resources"]
        [{'algorithm': 'sha256', 'digest': '00ff', 'name': 'a.py'}]
    """
    ordered = sorted(digests, key=lambda name: name.split("/"))
    resources = [{"algorithm": "sha256", "digest": digests[name], "name": name} for name in ordered]
    return {
        "_type": _STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": _root(resources)}}],
        "predicateType": _PREDICATE,
        "predicate": {"serialization": _METHOD, "resources": resources},
    }


def make_bundle(statement: Mapping[str, Any], key: Ed25519PrivateKey) -> bytes:
    """Return the signed statement; always the same bytes for the same statement and key.

    Args:
        statement: What is signed.
        key: To sign with.
    """
    payload = json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    signature = key.sign(_framed(payload))
    return as_json(
        {
            "mediaType": _BUNDLE,
            "verificationMaterial": {"publicKey": {"hint": fingerprint(key.public_key())}, "tlogEntries": []},
            "dsseEnvelope": {
                "payload": base64.b64encode(payload).decode(),
                "payloadType": _PAYLOAD,
                "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
            },
        }
    )


def read_bundle(content: bytes, key: Ed25519PublicKey) -> tuple[str, dict[str, str]]:
    """Return the name of the model and the SHA-256 of each file of a bundle that was signed with a key.

    Nothing of the statement is looked at before the signature is found to be right.

    Args:
        content: The bundle.
        key: To verify with.

    Raises:
        CorruptFileError: If it was signed with another key, is damaged, or is of another layout.
    """
    exceptions = require("cryptography.exceptions", "deploy", "verifying signatures")
    try:
        payload, signature = _unwrapped(strict_json(content), fingerprint(key))
        key.verify(signature, _framed(payload))
        return _listed(strict_json(payload))
    except exceptions.InvalidSignature as error:
        raise CorruptFileError("the signature is wrong: it, or what it signs, was changed") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, CorruptFileError):
            raise
        what = f"the signature cannot be understood: {error}"
        raise CorruptFileError(what, expected=f"a bundle with a statement {_PREDICATE}") from error


def key_hint(content: bytes) -> str:
    """Return the fingerprint of the key that a bundle says it was signed with; empty if it does not say."""
    try:
        return str(strict_json(content)["verificationMaterial"]["publicKey"]["hint"])
    except (ValueError, KeyError, TypeError):
        return ""


def _framed(payload: bytes) -> bytes:
    """Return what a signature is over: the payload with its type and length, so that neither can be exchanged."""
    return b"DSSEv1 %d %s %d %s" % (len(_PAYLOAD), _PAYLOAD.encode(), len(payload), payload)


def _root(resources: list[dict[str, str]]) -> str:
    return hashlib.sha256(b"".join(bytes.fromhex(resource["digest"]) for resource in resources)).hexdigest()


def _unwrapped(bundle: Any, expected_hint: str) -> tuple[bytes, bytes]:
    """Return payload and signature."""
    _demand("mediaType", bundle["mediaType"], _BUNDLE)
    hint, envelope = bundle["verificationMaterial"]["publicKey"]["hint"], bundle["dsseEnvelope"]
    if hint != expected_hint:
        raise CorruptFileError(
            "it was signed with another key", expected=f"key {expected_hint}", to_do=f"the key it names is {hint!r:.80}"
        )
    _demand("payloadType", envelope["payloadType"], _PAYLOAD)
    signatures = envelope["signatures"]
    if len(signatures) != 1:
        raise ValueError(f"it has {len(signatures)} signatures, not one")
    return tuple(base64.b64decode(text, validate=True) for text in (envelope["payload"], signatures[0]["sig"]))  # type: ignore[return-value]


def _listed(statement: Any) -> tuple[str, dict[str, str]]:
    _demand("_type", statement["_type"], _STATEMENT)
    _demand("predicateType", statement["predicateType"], _PREDICATE)
    subjects, predicate = statement["subject"], statement["predicate"]
    _demand("serialization", predicate["serialization"], _METHOD)
    resources = predicate["resources"]
    digests = {resource["name"]: resource["digest"] for resource in resources if resource["algorithm"] == "sha256"}
    if len(subjects) != 1 or len(digests) != len(resources):
        raise ValueError("it lists files twice, with other digests than SHA-256, or several models")
    _demand("digest of the model", subjects[0]["digest"], {"sha256": _root(resources)})
    return str(subjects[0]["name"]), digests


def _demand(what: str, value: Any, expected: Any) -> None:
    if value != expected:
        raise ValueError(f"{what} is {value!r:.80}, not {expected!r:.80}")
