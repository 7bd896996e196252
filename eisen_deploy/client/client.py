"""The client of models that are served by TorchServe or `eisen serve`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from eisen._core.errors import ArgumentError
from eisen._core.optional import is_torch, require
from eisen_deploy.client.address import Address, checked_token
from eisen_deploy.client.answers import ServerAnswer
from eisen_deploy.client.bodies import Body, array_body, bytes_body, file_body
from eisen_deploy.client.compression import checked_compression, compressed
from eisen_deploy.client.limits import Limits
from eisen_deploy.client.media import accept_header, type_of_format
from eisen_deploy.client.multipart import multipart
from eisen_deploy.client.reading import json_of, message_of, metadata_of
from eisen_deploy.client.series import is_series, series_body
from eisen_deploy.client.storing import checked_target, stored
from eisen_deploy.client.transport import Call, Progress, Transport
from eisen_deploy.client.validation import validate

if TYPE_CHECKING:
    import numpy as np

__all__ = ["EisenServingClient"]

Files = str | Path | Mapping[str, str | Path]


def _silent(_what: str, _done: int, _total: int | None) -> None:
    """Tell nobody how far a call is."""


class EisenServingClient:
    """Asks a model that is served by TorchServe or ``eisen serve``.

    There are three ways to ask: `predict` sends a batch of arrays, `predict_file` a whole volume from disk to disk, and
    `predict_array` a whole volume from memory with its geometry.

    Nothing is predicted twice unknowingly: a request is sent again only when it certainly was not computed, which is
    when nobody listened, when the connection broke before the request was whole, and on the answers 429 and 503 with
    a Retry-After. Each thread has its own connections, which are kept, so one client may be used by many threads.

    Args:
        url: Address of the prediction, e.g. ``"http://127.0.0.1:8080/predictions/hippocampus"``.
        validate_inputs: Whether `predict` compares each batch with what the model declares before it is sent.
        token: Of the server; None: the environment variable ``EISEN_TOKEN`` if there is one. Never shown.
        timeout_s: Most seconds for a call, with everything in it.
        connect_timeout_s: Most seconds until a connection is made.
        silence_s: Most seconds between two pieces of a body that is under way.
        retries: How often what certainly was not computed is sent again.
        verify: True, or a file (PEM) with the certificates to trust for https.
        compression: ``"gzip"`` or ``"zstd"`` compresses what is sent, and asks for compressed answers.
        check: Whether the server is asked for the metadata at once; else when they are used.

    Raises:
        UnreachableError: If nobody listens there.
        TokenError: If the server wants a token, or another one.
        ArgumentError: If an argument is wrong.

    Example:
        >>> client = EisenServingClient("http://127.0.0.1:8080/predictions/hippocampus", check=False)
        >>> client
        EisenServingClient('http://127.0.0.1:8080/predictions/hippocampus')
    """

    def __init__(
        self,
        url: str,
        validate_inputs: bool = False,
        *,
        token: str | None = None,
        timeout_s: float = 600.0,
        connect_timeout_s: float = 10.0,
        silence_s: float = 60.0,
        retries: int = 2,
        verify: bool | str | Path = True,
        compression: str | None = None,
        check: bool = True,
    ) -> None:
        self._address = Address(url)
        self.url, self.validate_inputs = url, validate_inputs
        self.limits = Limits(timeout_s, connect_timeout_s, silence_s)
        self.compression = checked_compression(compression)
        self._metadata: dict[str, Any] | None = None
        secret = checked_token(token, self._address)
        require("requests", "deploy", "calling a server")
        from eisen_deploy.client.session import Sessions

        self._sessions = Sessions(secret, _checked_verify(verify), proxies=not self._address.is_loopback)
        self._transport = Transport(self._sessions, self.limits, _checked_retries(retries), secret is not None)
        if check:
            self.get_metadata()

    @property
    def metadata(self) -> dict[str, Any]:
        """What the model says of itself: its inputs, outputs and more."""
        return self._metadata if self._metadata is not None else self.get_metadata()

    def get_metadata(self) -> dict[str, Any]:
        """Ask the model what it is; the answer is kept in `metadata`.

        Returns:
            ``inputs`` and ``outputs`` with name, type and shape, and ``custom`` with more.

        Raises:
            ServingError: If the server does not say.
        """
        with self._transport.sent(Call(self.url, headers={"Accept": "application/json"})) as reply:
            self._metadata = metadata_of(reply)
        return self._metadata

    def ask(self, path: str) -> Any:
        """Ask the same server for something else.

        Args:
            path: From its root, e.g. ``"/models"``.

        Returns:
            What it says in JSON.

        Raises:
            ServingError: If it does not say.
        """
        call = Call(self._address.beside(path), headers={"Accept": "application/json"}, method="GET")
        with self._transport.sent(call) as reply:
            return json_of(reply, path)

    def input_validation(self, batch: Mapping[str, Any]) -> None:
        """Compare a batch with what the model declares: names, types, axes, sizes.

        Args:
            batch: A value per input.

        Raises:
            ArgumentError: (also an AssertionError) If something differs; it names every difference.
        """
        validate(batch, self.metadata)

    def predict(self, batch: Mapping[str, Any], progress: Progress = _silent) -> dict[str, Any]:
        """Predict a batch of data.

        Args:
            batch: A value per input: arrays, tensors, text, numbers, lists of them.
            progress: Told what goes on, how many bytes are through, and of how many.

        Returns:
            A value per output that the model declares.

        Raises:
            ArgumentError: If inputs are validated and something differs, or a value cannot be sent.
            InputRefusedError: If the server cannot use the batch; the card names field, expected shape and type.
            ServingError: If there is no prediction for another reason.

        Example:
            With a server and a model that has an input ``image`` and an output ``logits``::

                client = EisenServingClient("http://127.0.0.1:8080/predictions/liver", validate_inputs=True)
                logits = client.predict({"image": numpy.zeros((1, 1, 64, 64, 64), "float32")})["logits"]
        """
        from eisen_deploy.utils import pack

        if self.validate_inputs:
            self.input_validation(batch)
        body = compressed(bytes_body(pack(_plain(batch)), "application/msgpack"), self.compression)
        headers = {"Accept": "application/msgpack", **self._accepted_encodings()}
        with self._transport.sent(self._call(body, headers, progress)) as reply:
            return message_of(reply)

    def predict_file(
        self,
        path: Files,
        output: str | Path | None = None,
        accept: str | None = None,
        *,
        probabilities: bool = False,
        overwrite: bool = True,
        progress: Progress = _silent,
    ) -> ServerAnswer:
        """Predict a volume from disk to disk; neither it nor the answer is ever in memory as a whole.

        Args:
            path: An image: NIfTI, NRRD, MetaImage, ``.npy``, a picture, or a folder (or zip) with a DICOM series; of
                models with several inputs a dict with a path per input.
            output: The file to write, whose ending says the format; or a folder that is there, where it is named after
                the image; None: the answer stays in memory.
            accept: Format of the answer: nii.gz, nii, nrrd, mha, npy, dcm, png, msgpack, json (a summary without
                voxels), or a media type; None: as `output` is named, else the format of the request.
            probabilities: Whether to ask for a probability per class rather than labels.
            overwrite: Whether a file that is there may be replaced; the images themselves never are.
            progress: Told what goes on, how many bytes are through, and of how many.

        Returns:
            Where the answer is, and what the server warned of.

        Raises:
            DataError: If the image cannot be read.
            ArtifactError: If the answer cannot be written; nothing half-written stays.
            InputRefusedError: If the server cannot use the image.
            ServingError: If there is no prediction for another reason.
        """
        paths = {str(field): Path(file) for field, file in path.items()} if isinstance(path, Mapping) else {}
        sources = list(paths.values()) if paths else [Path(path)]  # type: ignore[arg-type]
        bodies = [self._file_body(source) for source in sources]
        body = multipart(dict(zip(paths, bodies, strict=True))) if paths else compressed(bodies[0], self.compression)
        source = bodies[0].content_type
        likely = accept or ("nii.gz" if source == "application/zip" else source)
        target = checked_target(output, sources, overwrite, type_of_format(likely))
        file = target if target is not None and not target.is_dir() else None
        wanted = accept_header(accept, file, source, probabilities)
        headers = {"Accept": wanted} if wanted else {}
        with self._transport.sent(self._call(body, headers, progress)) as reply:
            return stored(reply, target, sources=sources, overwrite=overwrite, wanted=wanted)

    def predict_array(
        self,
        array: np.ndarray[Any, Any],
        affine: Any = None,
        *,
        accept: str = "npy",
        probabilities: bool = False,
        progress: Progress = _silent,
    ) -> ServerAnswer:
        """Predict a volume in memory, for models with one input; others take `predict`.

        Args:
            array: The voxels.
            affine: Voxel to world matrix (RAS+, mm), 4 by 4; None only for models that need no geometry.
            accept: Format of the answer.
            probabilities: Whether to ask for a probability per class rather than labels.
            progress: Told what goes on, how many bytes are through, and of how many.

        Returns:
            The answer; `ServerAnswer.array` has its voxels, on the grid of `array`.

        Raises:
            ArgumentError: If array or affine cannot be sent.
            InputRefusedError: If the server cannot use them.
            ServingError: If there is no prediction for another reason.
        """
        headers = {} if affine is None else {"X_Eisen_Affine": _affine_text(affine)}
        body = compressed(array_body(_plain({"array": array})["array"], **headers), self.compression)
        wanted = accept_header(accept, None, body.content_type, probabilities) or "*/*"
        call = self._call(body, {"Accept": wanted, **self._accepted_encodings()}, progress)
        with self._transport.sent(call) as reply:
            return stored(reply, None, sources=[], overwrite=False, wanted=wanted)

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._sessions.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"EisenServingClient({self.url!r})"

    def _call(self, body: Body, headers: Mapping[str, str], progress: Progress) -> Call:
        return Call(self.url, body, headers, progress=progress)

    def _accepted_encodings(self) -> dict[str, str]:
        return {"Accept-Encoding": self.compression} if self.compression else {}

    def _file_body(self, path: Path) -> Body:
        return series_body(path, deflated=self.compression is not None) if is_series(path) else file_body(path)


def _plain(batch: Mapping[str, Any]) -> dict[str, Any]:
    """Return a batch with arrays in place of tensors, which may be on a GPU or want gradients."""
    return {name: value.detach().cpu().numpy() if is_torch(value) else value for name, value in dict(batch).items()}


def _affine_text(affine: Any) -> str:
    import numpy as np

    matrix = np.asarray(affine, dtype=float)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise ArgumentError(
            f"the affine has shape {list(matrix.shape)}"
            if matrix.shape != (4, 4)
            else "the affine has values that are no numbers",
            expected="4 rows of 4 numbers, from voxels to millimetres (RAS+)",
        )
    return json.dumps(matrix.tolist())


def _checked_retries(retries: int) -> int:
    if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
        raise ArgumentError(f"retries is {retries!r}", expected="a number of times, from 0")
    return retries


def _checked_verify(verify: bool | str | Path) -> bool | str:
    if verify is True:
        return True
    if verify is False or not Path(verify).is_file():
        raise ArgumentError(
            "a server's certificate is always verified" if verify is False else f"there is no file {verify}",
            expected="True, or a file (PEM) with the certificates to trust",
            to_do="give the certificate of your authority, or that of the server itself, as verify='ca.pem'",
        )
    return str(verify)
