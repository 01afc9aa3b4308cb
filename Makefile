# The commands that a newcomer types. Everything lives in .venv and .workledger inside this checkout.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# pip-audit, cyclonedx-py, hadolint and caddy, apart from what they look at.
AUDIT := .venv/audit

.PHONY: setup run ui look pictures test test-kill test-deploy endurance soak lint hooks docs stop lock audit bom clean

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

look: $(READY)
	@$(BIN)/workledger look

pictures: $(READY)
	@$(BIN)/workledger run --select 'key:"reports/pages"'
	@$(BIN)/python -m dashboards.pictures .workledger/pages docs/pictures
	@$(BIN)/python -m benchmarks.invoice_picture

test: $(READY)
	@echo "→ Running the tests (two workers)"
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -q

test-kill: $(READY)
	@echo "→ Killing the processes of a UI of the tests' own (one to two minutes)"
	@$(BIN)/python -m pytest -m kill -q

test-deploy: $(READY) $(AUDIT)/.ready
	@echo "→ Starting the services of deploy/ and reading its files with hadolint, Caddy and systemd (two to four minutes)"
	@$(BIN)/python -m pytest -m deploy -q

endurance: $(READY)
	@$(BIN)/python -m benchmarks.endurance

soak: $(READY)
	@echo "→ Letting a week pass under the daemon, in time-lapse"
	@$(BIN)/python -m benchmarks.soak

lint: $(READY)
	@echo "→ The checks of .pre-commit-config.yaml"
	@$(BIN)/pre-commit run --all-files --show-diff-on-failure

hooks: $(READY)
	@$(BIN)/pre-commit install

docs: $(READY)
	@$(BIN)/workledger docs

stop:
	@test ! -x $(BIN)/workledger || $(BIN)/workledger stop

LOCK := uv pip compile --quiet --universal --python-version 3.11 --no-strip-extras --generate-hashes --no-emit-index-url --no-header

lock:
	$(LOCK) --extra dev pyproject.toml --output-file requirements.lock
	$(LOCK) --group audit --output-file requirements-audit.lock
	@$(BIN)/python -m audits.licences --write

audit: $(READY) $(AUDIT)/.ready
	@$(BIN)/python -m audits.licences
	@$(BIN)/python -m audits.vulnerabilities $(AUDIT)/bin/pip-audit requirements.lock requirements-audit.lock

bom: $(READY) $(AUDIT)/.ready
	@PYTHONWARNINGS=ignore $(AUDIT)/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible --output-file bom.cdx.json
	@echo "The bill of materials (CycloneDX) of requirements.lock is in bom.cdx.json."

$(AUDIT)/.ready: requirements-audit.lock | $(READY)
	@$(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-audit.lock
	@touch $@

clean: stop
	rm -rf .venv .workledger dbt_project/target
