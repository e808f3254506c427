# Every target sets up what it needs; a second run starts in seconds.
SHELL := /bin/sh
.DEFAULT_GOAL := help
VENV := .venv
PYTHON ?= python3
RUN := $(VENV)/bin

.PHONY: help setup demo examples world test check test-all lock clean

help: ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST)

$(VENV)/.ready: requirements/dev.txt requirements/bootstrap.txt pyproject.toml scripts/setup.py
	@$(PYTHON) scripts/setup.py --venv $(VENV)

setup: $(VENV)/.ready ## Set up the virtual environment and the system packages
	@$(PYTHON) scripts/system_packages.py

demo: setup ## Release rich and jq, from source to a verified install
	@$(RUN)/python -m demo

examples: setup ## Release every project of examples/, from source to a program that ran
	@$(RUN)/python scripts/examples.py

world: setup ## Rebuild popular published wheels and write docs/reproducibility.md
	@$(RUN)/python -m world --write

test: setup ## The quick, honest suite
	@$(RUN)/python -m pytest -q -n 2 --dist worksteal -m "not clients and not slow"

check: setup ## Lint, types, architecture, then the quick suite
	@$(RUN)/ruff check .
	@$(RUN)/ruff format --check .
	@$(RUN)/mypy
	@$(RUN)/lint-imports --no-cache
	@$(MAKE) --no-print-directory test

test-all: check ## Everything: foreign clients, kills at every step, new random cases
	@HYPOTHESIS_PROFILE=search $(RUN)/python -m pytest -q -n 2 --dist worksteal

lock: ## Resolve the dependencies anew, with a week's cool-down
	@$(PYTHON) scripts/lock.py

clean: ## Remove what the targets made
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
