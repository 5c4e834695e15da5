"""Starts the program: the language server at once, as an editor waits for it, else the command line."""

import gc
import sys


def main() -> None:
    """Run what the arguments say."""
    gc.disable()  # what is made at the start stays, and to look for garbage there takes a third of the time
    if sys.argv[1:] == ["--stdio"]:
        from llmstep_lsp.edge.stdio import serve  # noqa: PLC0415  # without the libraries of the command line

        serve({})
    else:
        from llmstep_lsp.edge.cli import main as run_command_line  # noqa: PLC0415

        gc.enable()
        run_command_line()


if __name__ == "__main__":
    main()
