"""Owns what `llmstep-lsp bench` measures."""
