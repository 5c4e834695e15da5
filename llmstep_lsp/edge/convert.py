"""Owns `llmstep-lsp convert`: a language model is made fast on a CPU, in a child process."""

import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from llmstep_lsp.errors import GeneratorError


class Quantization(StrEnum):
    """How the weights are kept; a GPU is needed to run the 16-bit ones fast."""

    INT8 = "int8"
    INT8_FLOAT16 = "int8_float16"
    INT8_BFLOAT16 = "int8_bfloat16"
    INT16 = "int16"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    FLOAT32 = "float32"


def convert(
    model: Annotated[
        str, typer.Argument(help="A model of transformers: a directory, or a name on the Hugging Face hub.")
    ],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where to put the converted model.")],
    quantization: Annotated[
        Quantization, typer.Option(help="How the weights are kept; int8 is the smallest and the fastest.")
    ] = Quantization.INT8,
) -> None:
    """Convert a language model for CTranslate2, which runs it several times faster on a CPU."""
    # -P keeps Python files of the current directory out of it.
    command = (sys.executable, "-P", "-m", "llmstep_lsp.worker.convert")
    done = subprocess.run(
        (*command, f"--quantization={quantization}", "--", model, str(directory)),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        start_new_session=True,  # an interrupt at the terminal is ours to handle
    )
    if done.returncode:
        raise GeneratorError(
            done.stdout.strip()
            or f"The conversion of {model} ended with exit status {done.returncode}; see above."
        )
    typer.echo(f"{model} was converted: name the engine ctranslate2 and the model {directory}.")
