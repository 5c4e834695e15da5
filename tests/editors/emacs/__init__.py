"""Real Emacs, with lsp-mode and with eglot, on real Lean files."""
