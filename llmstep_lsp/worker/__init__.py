"""The child process that holds a language model; the only place that imports torch."""
