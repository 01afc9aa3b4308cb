# The commands that a newcomer types. Everything lives in .venv and .workledger inside this checkout.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: setup run ui test test-kill lint hooks docs stop lock clean

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Workledger needs Python 3.11 or newer; set PYTHON=… to one.")'
	@echo "→ Installing the pinned packages into .venv (once; one to three minutes)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $(READY)

run: $(READY)
	@$(BIN)/workledger run

ui: $(READY)
	@$(BIN)/workledger ui

test: $(READY)
	@echo "→ Running the tests (two workers)"
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -q

test-kill: $(READY)
	@echo "→ Killing the processes of a UI of the tests' own (one to two minutes)"
	@$(BIN)/python -m pytest -m kill -q

lint: $(READY)
	@echo "→ The checks of .pre-commit-config.yaml"
	@$(BIN)/pre-commit run --all-files --show-diff-on-failure

hooks: $(READY)
	@$(BIN)/pre-commit install

docs: $(READY)
	@$(BIN)/workledger docs

stop:
	@test ! -x $(BIN)/workledger || $(BIN)/workledger stop

lock:
	uv pip compile --quiet --universal --python-version 3.11 --extra dev --no-strip-extras --generate-hashes --no-emit-index-url --no-header pyproject.toml --output-file requirements.lock

clean: stop
	rm -rf .venv .workledger dbt_project/target
