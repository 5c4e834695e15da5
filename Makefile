# The commands of the README.  Everything is installed into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# The tests start Python hundreds of times, which should not compile the same modules each time.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test test-editors check

# The lines for people; what they need is made first.
demo: $(VENV)/demo
	@$(BIN)/llmstep-lsp lean status examples > /dev/null 2>&1 || $(BIN)/llmstep-lsp lean install
	$(BIN)/llmstep-lsp suggest examples/FirstSteps.lean --all

test: check
	$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

# Needs Debian or Ubuntu: Emacs and Chromium are installed by apt-get.  A third of the time an editor's
# test waits, for which a third process is there.
test-editors: $(VENV)/test
	tests/editors/install.sh $(VENV)/editors $(BIN)/python
	$(BIN)/pytest --numprocesses 3 --dist loadfile tests/editors

check: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

# To compile all of torch takes a minute, of which the tests need little.
$(VENV)/test: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/pip install --quiet --no-compile --constraint constraints.txt --editable '.[bench,data,dev,editors,keyring,ray,serve,train]'
	touch $@ $(VENV)/demo
