"""The tests of llmstep-lsp."""
