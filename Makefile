# One word per intention. Everything lives in .venv; nothing is installed outside of it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: help setup run check fix test golden bench docs clean
help:            ## this list
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## */\t/' | expand -t 12

setup: $(STAMP)  ## make .venv with every dependency at its pinned version
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

run: $(STAMP)    ## start the gateway on examples/quickstart (Ctrl-C stops it)
	@$(BIN)/python examples/quickstart/start.py

check: $(STAMP)  ## format, lint, types, import contracts
	$(BIN)/ruff format --check src tests bench examples
	$(BIN)/ruff check src tests bench examples
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(STAMP)    ## let ruff repair what it can
	$(BIN)/ruff format src tests bench examples
	$(BIN)/ruff check --fix src tests bench examples

test: $(STAMP)   ## every test of this repository
	$(BIN)/pytest

golden: $(STAMP) ## rewrite the expected part of tests/golden
	GOLDEN_REWRITE=1 $(BIN)/pytest tests/test_golden.py

bench: $(STAMP)  ## measure the bars; results in bench/results
	$(BIN)/python -m bench

docs: $(STAMP)   ## regenerate docs/settings.md and docs/annotations.md
	$(BIN)/python -m sealos_gateway.reference docs

clean:           ## remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
