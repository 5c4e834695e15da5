"""Owns `llmstep-lsp eval`: how many theorems of a list generators prove, by search or by their first step."""
