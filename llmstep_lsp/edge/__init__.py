"""What people and editors touch: the language server and the command line."""
