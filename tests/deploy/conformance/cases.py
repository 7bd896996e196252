"""The requests: every kind of volume with every kind of answer, messages, forms, compression, and what is wrong."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from eisen_deploy.utils import pack
from tests.deploy.conformance.engines import Case
from tests.deploy.safe_packages import oblique, phantom
from tests.deploy.volume_requests import dicom, npy, request_of, zipped

BOUNDARY = "7d1a"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
MESSAGE = {"Content-Type": "application/msgpack"}
JSON = {"Content-Type": "application/json"}
KINDS = ["nii", "nii.gz", "big", "second", "nrrd", "nrrd.z", "mha", "mha.z", "dicom", "npy", "msgpack"]
ACCEPTED = {
    "anything": "*/*",
    "nii": "application/x-nifti",
    "nii.gz": "application/gzip",
    "other gz": "application/x-nifti+gzip",
    "nrrd": "application/x-nrrd",
    "mha": "application/x-metaimage",
    "npy": "application/x-npy",
    "msgpack": "application/msgpack",
    "json": "application/json",
    "segmentation": "application/dicom",
    "probabilities": "application/x-nifti; content=probabilities",
    "message of probabilities": "application/msgpack; content=probabilities",
    "second best": "text/html, application/x-nrrd;q=0.5",
    "unknown": "text/html",
}
IMAGE = np.linspace(-1, 1, 4 * 5 * 6, dtype=np.float32).reshape(1, 1, 4, 5, 6)
SMALL = {"image": IMAGE, "id": "scan 7"}


def form(**parts: tuple[bytes, str, str]) -> bytes:
    """Return a form; of each part the content, the name of the file (or none), and the media type (or none)."""
    body = b""
    for name, (content, file, kind) in parts.items():
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
        head += f'; filename="{file}"' if file else ""
        head += f"\r\nContent-Type: {kind}" if kind else ""
        body += head.encode() + b"\r\n\r\n" + content + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


def _scan(kind: str, folder: Path) -> tuple[bytes, dict[str, str]]:
    place = folder / kind
    place.mkdir(exist_ok=True)
    request = request_of(kind, phantom((9, 8, 7)), oblique(), place)
    names = {"x-eisen-affine": "X-Eisen-Affine"}
    return bytes(request.body), {names.get(name, name): value for name, value in request.headers.items()}


def volumes(folder: Path) -> dict[str, Case]:
    cases = {}
    for kind in KINDS:
        body, headers = _scan(kind, folder)
        cases[f"{kind}"] = Case("tiny", body, headers)
        for name, accept in ACCEPTED.items():
            cases[f"{kind} as {name}"] = Case("tiny", body, {**headers, "Accept": accept})
    body, _ = _scan("nii.gz", folder)
    for kind in ("application/octet-stream", "application/gzip", "text/plain", "image/png"):
        cases[f"nii.gz called {kind}"] = Case("tiny", body, {"Content-Type": kind})
    cases["form"] = Case("tiny", form(image=(body, "scan.nii.gz", "application/gzip")), FORM)
    cases["form without file name"] = Case("tiny", form(image=(body, "", "")), FORM)
    cases["form with more"] = Case("tiny", form(image=(body, "a.nii.gz", ""), note=(b"hello", "", "")), FORM)
    return cases


def wrong_volumes(folder: Path) -> dict[str, Case]:
    nii, gz = _scan("nii", folder)[0], _scan("nii.gz", folder)[0]
    array, affine = phantom((9, 8, 7)), oblique()
    given = {"X-Eisen-Affine": json.dumps(affine.tolist())}
    files = dicom(array, affine, folder / "cut")
    nan = affine.copy()
    nan[0, 0] = np.nan
    bodies: dict[str, tuple[bytes, dict[str, str]]] = {
        "nii cut": (nii[:-100], {}),
        "nii header alone": (nii[:348], {}),
        "nii without axes": (nii[:40] + bytes(16) + nii[56:], {}),
        "nii.gz cut": (gz[:-20], {}),
        "gzip of nothing": (gzip.compress(b"", mtime=0), {}),
        "gzip of text": (gzip.compress(b"hello" * 100, mtime=0), {}),
        "gzip magic and noise": (b"\x1f\x8b" + bytes(range(256)), {}),
        "noise": (np.random.default_rng(0).bytes(4000), {}),
        "text": (b"hello", {"Content-Type": "text/plain"}),
        "web page": (b"<html></html>", {"Content-Type": "text/html"}),
        "empty zip": (zipped([]), {}),
        "zip without images": (zipped([], extra={"a.txt": b"x"}), {}),
        "series with a gap": (zipped([*files[:3], *files[4:]]), {}),
        "zip cut": (zipped(files)[:-60], {}),
        "npy without affine": (npy(array), {}),
        "npy with half an affine": (npy(array), {"X-Eisen-Affine": "[[1, 0], [0, 1]]"}),
        "npy with no affine at all": (npy(array), {"X-Eisen-Affine": "identity"}),
        "npy of objects": (npy(np.array([None, {}])), given),
        "npy of one axis": (npy(array.ravel()), given),
        "npy of text": (npy(np.array([["a"]])), given),
        "msgpack without affine": (pack({"image": array}), MESSAGE),
        "msgpack with a bad affine": (pack({"image": array, "image_affine": nan}), MESSAGE),
        "msgpack with text for an image": (pack({"image": "a", "image_affine": affine}), MESSAGE),
        "msgpack without image": (pack({"image_affine": affine}), MESSAGE),
        "msgpack of four axes": (pack({"image": array[None], "image_affine": affine}), MESSAGE),
        "msgpack with more": (pack({"image": array, "image_affine": affine, "note": 1}), MESSAGE),
        "json for a volume": (b'{"image": [[[1]]]}', JSON),
        "form with another name": (form(scan=(gz, "scan.nii.gz", "")), FORM),
        "form with noise": (form(image=(b"noise", "scan.nii.gz", "")), FORM),
        "form with an empty part": (form(image=(b"", "scan.nii.gz", "")), FORM),
        "form without parts": (f"--{BOUNDARY}--\r\n".encode(), FORM),
        "form cut": (form(image=(gz, "scan.nii.gz", ""))[:-200], FORM),
        "form without boundary": (form(image=(gz, "a.nii.gz", "")), {"Content-Type": "multipart/form-data"}),
        "form with a part twice": (form(image=(gz, "a", ""))[:-10] + b"\r\n" + form(image=(gz, "b", "")), FORM),
        "web form": (b"a=1&b=2", {"Content-Type": "application/x-www-form-urlencoded"}),
        "volume as web form": (nii, {"Content-Type": "application/x-www-form-urlencoded"}),
    }
    return {name: Case("tiny", body, headers) for name, (body, headers) in bodies.items()}


def messages(_: Path) -> dict[str, Case]:
    def wrong(**fields: Any) -> bytes:
        return pack({**SMALL, **fields})

    good = pack(SMALL)
    as_json = json.dumps({"image": IMAGE.tolist(), "id": "scan 7"}).encode()
    bodies: dict[str, tuple[bytes, dict[str, str]]] = {
        "message": (good, MESSAGE),
        "message without type": (good, {}),
        "message as octets": (good, {"Content-Type": "application/octet-stream"}),
        "message for json": (good, {**MESSAGE, "Accept": "application/json"}),
        "message of doubles": (wrong(image=IMAGE.astype(np.float64)), MESSAGE),
        "message of big endian": (wrong(image=IMAGE.astype(">i2")), MESSAGE),
        "message with more": (wrong(more=[1, {"a": None}]), MESSAGE),
        "json": (as_json, JSON),
        "json with a charset": (as_json, {"Content-Type": "application/json; charset=utf-8"}),
        "json for a message": (as_json, {**JSON, "Accept": "application/msgpack"}),
        "form of arrays": (form(image=(npy(IMAGE), "a.npy", ""), id=(b"scan 7", "", "")), FORM),
        "nothing": (b"", {}),
        "nothing as json": (b"", JSON),
        "empty message": (pack({}), MESSAGE),
        "empty object": (b"{}", JSON),
        "no map": (b"\x93\x01\x02\x03", MESSAGE),
        "one byte": (b"\xc1", MESSAGE),
        "cut message": (good[:-7], MESSAGE),
        "message and more": (good + b"\x00", MESSAGE),
        "noise as message": (bytes(range(256)) * 9, MESSAGE),
        "unknown type": (good, {"Content-Type": "text/vcard"}),
        "no field": (pack({"image": IMAGE}), MESSAGE),
        "misspelled field": (pack({"imag": IMAGE, "id": ""}), MESSAGE),
        "wrong axes": (wrong(image=IMAGE[0]), MESSAGE),
        "wrong size": (wrong(image=np.repeat(IMAGE, 3, 1)), MESSAGE),
        "empty array": (wrong(image=IMAGE[:0]), MESSAGE),
        "text for an array": (wrong(image="a"), MESSAGE),
        "array for text": (wrong(id=IMAGE), MESSAGE),
        "lying shape": (good.replace(b"shape\x95\x01\x01\x04", b"shape\x95\x01\x01\x09"), MESSAGE),
        "unknown element type": (good.replace(b"float32", b"object8"), MESSAGE),
        "no json": (b"{'a'", JSON),
        "json of a list": (b"[1, 2]", JSON),
        "json of a number": (b"3", JSON),
        "json of an unfinished number": (b'{"image": NaN, "id": ""}', JSON),
        "ragged json": (b'{"image": [[1], [1, 2]], "id": ""}', JSON),
    }
    return {f"small: {name}": Case("small", body, headers) for name, (body, headers) in bodies.items()}


def compressed(folder: Path) -> dict[str, Case]:
    import zstandard

    nii, message = _scan("nii", folder)[0], pack(SMALL)
    pressed: dict[str, Callable[[bytes], bytes]] = {
        "gzip": lambda body: gzip.compress(body, mtime=0),
        "zstd": lambda body: zstandard.ZstdCompressor(1).compress(body),
    }
    cases = {}
    for name, press in pressed.items():
        cases[f"nii in {name}"] = Case("tiny", press(nii), {"Content-Encoding": name})
        cases[f"nii back in {name}"] = Case("tiny", nii, {"Accept-Encoding": name})
        cases[f"message in {name}"] = Case("small", press(message), {**MESSAGE, "Content-Encoding": name})
        cases[f"message back in {name}"] = Case("small", message, {**MESSAGE, "Accept-Encoding": name})
        cases[f"message in damaged {name}"] = Case("small", press(message)[:-9], {"Content-Encoding": name})
        cases[f"message in no {name}"] = Case("small", message, {"Content-Encoding": name})
    cases["message in br"] = Case("small", message, {"Content-Encoding": "br"})
    cases["message in identity"] = Case("small", message, {**MESSAGE, "Content-Encoding": "identity"})
    return cases


def methods(folder: Path) -> dict[str, Case]:
    nii = _scan("nii", folder)[0]
    return {
        "get": Case("tiny", method="GET"),
        "post": Case("tiny"),
        "put": Case("tiny", nii, method="PUT"),
        "with a version": Case("tiny", nii, rest="/1.0"),
        "get with a version": Case("tiny", method="GET", rest="/1.0"),
    }


GROUPS: dict[str, Callable[[Path], dict[str, Case]]] = {
    "volumes": volumes,
    "wrong volumes": wrong_volumes,
    "messages": messages,
    "compressed": compressed,
    "methods": methods,
}
"""Requests by name; the folder is for files that are made on the way."""
