# The book and its checks. `make help` lists the targets.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := book
.DELETE_ON_ERROR:
.PHONY: book test night lock outputs mutants benchmark clean help

book: $(INSTALLED)  ## execute what changed, build the pages and say where they are (the default)
	@$(BIN)/dmfbook build

test: book  ## check everything: style, types, package, claims, notebooks, pages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist loadfile --doctest-modules --nbval dmfbook book tests

night: $(INSTALLED)  ## verify every claim on 200 cases, at three random seeds (hours)
	@failed=; for seed in $$($(BIN)/python -c "import secrets; print(*map(secrets.randbits, [32] * 3))"); do \
		echo "seed $$seed"; $(BIN)/dmfbook verify --cases 200 --seed $$seed || failed="$$failed $$seed"; \
	done; test -z "$$failed" || { echo "failed at seeds:$$failed" >&2; exit 1; }

outputs: $(INSTALLED)  ## execute the notebooks and store their text outputs in the sources
	$(BIN)/dmfbook save-outputs

mutants: $(INSTALLED)  ## break each formula in turn and see that some test fails
	$(BIN)/python tests/mutation.py

benchmark:  ## measure against jax and torch, in an environment of their own
	$(PYTHON) -m venv _build/benchmark
	_build/benchmark/bin/pip install --quiet --editable ".[benchmark]"
	_build/benchmark/bin/python -m benchmarks

lock:  ## compile requirements.txt anew from pyproject.toml
	$(PYTHON) -m venv _build/lock
	_build/lock/bin/pip install --quiet uv
	_build/lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes \
		--extra book --extra test pyproject.toml -o requirements.txt

clean:  ## remove what was built; the environment .venv stays
	rm -rf _build

help:
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

$(INSTALLED): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "dmfbook needs Python 3.11 or newer; try: make PYTHON=python3.12" >&2; exit 1; }
	@echo "installing into .venv (some minutes the first time)"
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@$(BIN)/pip install --disable-pip-version-check --quiet --require-hashes -r requirements.txt
	@$(BIN)/pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@touch $@
