"""What the WebAssembly Lean promises: the command, compilation, and the language server."""
