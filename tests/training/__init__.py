"""What `llmstep-lsp train` promises: of examples, of runs, and of the models that it makes."""
