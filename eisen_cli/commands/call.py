"""``eisen call``: images to a served model and its answers to files."""

from __future__ import annotations

from pathlib import Path

import click

from eisen_cli import options
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

__all__ = ["call"]

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(cls=EisenCommand, short_help="Send images to a served model.")
@click.argument("url")
@click.argument("inputs", metavar="[IMAGE]...", nargs=-1)
@click.option("-o", "--output", type=click.Path(), help="File for the answer, or a folder for several of them.")
@click.option(
    "--format",
    "--accept",
    "file_format",
    metavar="FORMAT",
    help="nii.gz, nii, nrrd, mha, npy, dcm (a DICOM segmentation), png, json or msgpack.  "
    "[default: as OUTPUT is named, else that of the image]",
)
@click.option("--probabilities", is_flag=True, help="A probability per class rather than labels.")
@click.option("--model", "name", metavar="NAME", help="The model, where URL is that of a server.")
@click.option("--token", metavar="TOKEN", help="Token of the server; others can read it here: better EISEN_TOKEN.")
@click.option("--token-file", type=_FILE, help="File with the token, also the key_file.json of TorchServe.")
@click.option("--ca", "authority", type=_FILE, help="Certificates (PEM) to trust for https.")
@click.option(
    "--timeout", type=float, default=600.0, show_default=True, metavar="SECONDS", help="Longest wait for an answer."
)
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    default=2,
    show_default=True,
    help="How often to send again what certainly was not computed.",
)
@click.option("--compress", type=click.Choice(["gzip", "zstd"]), help="Compress what is sent.")
@click.option("--overwrite", is_flag=True, help="Replace files that are there.")
@options.talk_options
@click.pass_obj
def call(
    screen: Screen,
    url: str,
    inputs: tuple[str, ...],
    output: str | None,
    file_format: str | None,
    probabilities: bool,
    name: str | None,
    token: str | None,
    token_file: Path | None,
    authority: Path | None,
    timeout: float,
    retries: int,
    compress: str | None,
    overwrite: bool,
) -> None:
    r"""Send images to the model at URL and write what it says; without an image show what the model is.

    An IMAGE is NIfTI, NRRD, MetaImage, .npy, a picture, or a folder with a DICOM series; FIELD=IMAGE for models with
    several inputs. Without -o the answer is a summary on the screen. The token may be in EISEN_TOKEN.

    \b
      eisen call http://127.0.0.1:8080/predictions/hippocampus
      eisen call http://127.0.0.1:8080/predictions/hippocampus scan.nii.gz -o mask.nii.gz
      eisen call http://127.0.0.1:8080 --model liver a.nii.gz b.nii.gz -o masks --token-file key
      eisen call http://127.0.0.1:8080/predictions/tumour t1=a.nii.gz t2=b.nii.gz -o mask.nrrd
      eisen call http://127.0.0.1:8080/predictions/liver series/ -o segmentation.dcm
    """
    if token is not None and token_file is not None:
        raise click.UsageError("--token and --token-file exclude each other")
    if output is None and probabilities:
        raise click.UsageError("--probabilities needs a file to write: -o OUTPUT")

    if Path(url).exists():
        raise click.UsageError(f"the address of the model comes first, and {url} is a file")

    from eisen_cli.calling import Asking, ask, requests_of, show
    from eisen_deploy.client.address import read_token

    asking = Asking(
        url=url,
        name=name,
        settings={
            "token": read_token(token_file) if token_file else token,
            "timeout_s": timeout,
            "retries": retries,
            "verify": authority or True,
            "compression": compress,
        },
    )
    if inputs:
        found = requests_of(inputs, output, file_format)
        ask(screen, asking, found, file_format=file_format, probabilities=probabilities, overwrite=overwrite)
    else:
        show(screen, asking)
