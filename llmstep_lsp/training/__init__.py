"""The child process that trains a language model; imports torch and the like, as the worker does."""
