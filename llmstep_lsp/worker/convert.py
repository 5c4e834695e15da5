"""Owns the process that converts a model: `python -m llmstep_lsp.worker.convert MODEL DIRECTORY`.

What goes wrong is one message for a person on standard output and exit code 1; whatever
the libraries say is on standard error.
"""

import argparse
import os
import sys
from pathlib import Path

from llmstep_lsp.worker.place import LoadError


def main() -> int:
    """Convert; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m llmstep_lsp.worker.convert", description=__doc__)
    parser.add_argument("model", help="a model directory, or a name on the Hugging Face hub")
    parser.add_argument("directory", type=Path, help="where to put the converted model")
    parser.add_argument("--quantization", default="int8")
    arguments = parser.parse_args()
    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        from llmstep_lsp.worker.conversion import convert  # noqa: PLC0415  # may be missing

        convert(arguments.model, arguments.directory, arguments.quantization)
    except ImportError as error:
        extras = "pip install 'llmstep-lsp[transformers]'"
        print(f"Models cannot be converted here ({error}): {extras}", file=said, flush=True)
        return 1
    except (LoadError, OSError) as error:
        print(error, file=said, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
