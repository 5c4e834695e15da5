"""Starts the program: the language server at once, as an editor waits for it, else the command line."""

import sys


def main() -> None:
    """Run what the arguments say."""
    if sys.argv[1:] == ["--stdio"]:
        from llmstep_lsp.edge.stdio import serve  # noqa: PLC0415  # without the libraries of the command line

        serve({})
    else:
        from llmstep_lsp.edge.cli import main as run_command_line  # noqa: PLC0415

        run_command_line()


if __name__ == "__main__":
    main()
