"""Owns `llmstep-lsp science`: how models scale, what a prefix is worth, how steps compare with people's."""
