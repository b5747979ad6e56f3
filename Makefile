# `make run` and `make test` each do all of the set-up first; the second time that takes no time. Safe for GNU make 3.81.
.PHONY: run test setup setup-dev check lint types contracts docs docs-check format wheel lock clean help

PYTHON = .venv/bin/python

run: setup            ## start the app (ARGS="…" are passed on)
	@.venv/bin/sale-tui $(ARGS)

test: setup-dev check docs-check  ## linters, types, import contracts, generated docs and every test (TESTS="…" narrows them)
	@$(PYTHON) -m pytest $(TESTS)

setup:                ## what the app needs, in .venv
	@/bin/sh scripts/setup.sh run

setup-dev:            ## what the tests and linters need as well
	@/bin/sh scripts/setup.sh dev

check: lint types contracts  ## linters, types and import contracts

lint: setup-dev
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .

types: setup-dev
	@.venv/bin/mypy

contracts: setup-dev
	@.venv/bin/lint-imports --no-logo

docs: setup-dev       ## write the generated parts of the documentation again
	@$(PYTHON) scripts/docs.py

docs-check: setup-dev
	@$(PYTHON) scripts/docs.py --check

format: setup-dev     ## format and mend what can be mended
	@.venv/bin/ruff check --fix-only .
	@.venv/bin/ruff format .

wheel: setup-dev      ## build the wheel, install it elsewhere, hold an auction with it
	@/bin/sh scripts/try_wheel.sh

lock: setup-dev       ## write requirements.lock from .venv
	@/bin/sh scripts/lock.sh

clean:                ## remove .venv and every cache
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

help:
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1	\2/p' Makefile
