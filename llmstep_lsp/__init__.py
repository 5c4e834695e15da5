"""llmstep-lsp: next proof steps for Lean 4, checked by Lean, in any editor that speaks LSP."""

__version__ = "0.1.0"
