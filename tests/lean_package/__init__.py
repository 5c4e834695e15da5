"""The Lean package, compiled by the WebAssembly Lean and asked over LSP."""
