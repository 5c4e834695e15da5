"""Starts the command line: `python -m llmstep_lsp`."""

from llmstep_lsp.edge.cli import main

if __name__ == "__main__":
    main()
