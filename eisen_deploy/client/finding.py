"""The address of a model, when only that of its server is known."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from eisen._core.errors import ArgumentError
from eisen_deploy.client.address import Address
from eisen_deploy.client.client import EisenServingClient
from eisen_deploy.client.errors import RefusedError, ServingError
from eisen_deploy.client.refusals import one_line

__all__ = ["address_of", "models_of"]


def address_of(url: str, name: str | None = None, **settings: Any) -> str:
    """Return the address of a model.

    Args:
        url: Of the model, or of its server.
        name: Of the model; None: the only one that the server has.
        **settings: For `EisenServingClient`, to ask the server.

    Raises:
        ArgumentError: If the name is missing, or given twice.

    Example:
        >>> address_of("http://127.0.0.1:8080/predictions/liver")
        'http://127.0.0.1:8080/predictions/liver'
        >>> address_of("http://127.0.0.1:8080", "liver")
        'http://127.0.0.1:8080/predictions/liver'
    """
    address = Address(url)
    is_server = urlsplit(url).path in ("", "/")
    if name is not None:
        if not is_server:
            raise ArgumentError(
                f"{url} is the address of a model already",
                expected=f"--model with the address of a server, like {address.origin}",
            )
        return address.beside(f"/predictions/{name}")
    if not is_server:
        return url
    names = models_of(url, **settings)
    if len(names) != 1:
        raise ArgumentError(
            f"{address.origin} serves {len(names)} models: {', '.join(names)}" if names else "it serves no model",
            expected="one of them",
            to_do=f"eisen call {address.beside('/predictions/' + (names or ['NAME'])[0])}",
        )
    return address.beside(f"/predictions/{names[0]}")


def models_of(url: str, **settings: Any) -> list[str]:
    """Return the names of the models of a server.

    Args:
        url: Of the server.
        **settings: For `EisenServingClient`.

    Raises:
        ServingError: If it does not tell, as TorchServe does at its other port only.
    """
    address = Address(url)
    with EisenServingClient(address.origin, check=False, **settings) as client:
        try:
            said = client.ask("/models")
        except RefusedError as error:
            if error.status not in (404, 405):
                raise
            raise ServingError(
                f"{address.origin} does not tell which models it has",
                to_do="name the model with --model NAME, or give its address: http://HOST:PORT/predictions/NAME",
            ) from error
    entries = said.get("models", []) if isinstance(said, dict) else said
    return [one_line(_name(entry), 100) for entry in entries if _name(entry)] if isinstance(entries, list) else []


def _name(entry: Any) -> str:
    if isinstance(entry, dict):
        return str(entry.get("modelName") or entry.get("name") or "")
    return entry if isinstance(entry, str) else ""
