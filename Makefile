# The book and its checks. `make help` lists the targets.
PYTHON ?= python3
# Not the scripts beside it: they name it by its whole path, in which a shell may read `$`.
IN := .venv/bin/python
# Not `-m dmfbook`, which loads the package before it hears Ctrl-C.
DMFBOOK := $(IN) -m dmfbook_command
RELEASE := _build/release/bin/python
NUMERICS := network regularized unregularized zero_loss sensing training yardstick

.DEFAULT_GOAL := book
.DELETE_ON_ERROR:
.PHONY: book test night lock lint release audit picture metadata outputs views mutants branches benchmark peers peers_environment clean help environment

book: environment  ## execute what changed, build the pages and say where they are (the default)
	@$(DMFBOOK) build

test: book  ## check everything: style, types, package, claims, notebooks, pages
	$(IN) -m ruff check .
	$(IN) -m ruff format --check .
	$(IN) -m mypy
	$(IN) -m pytest -n 2 --dist loadfile --doctest-modules --nbval dmfbook book tests

night: environment  ## verify every claim on 200 cases, at three random seeds (hours)
	@failed=; for seed in $$($(IN) -c "import secrets; print(*map(secrets.randbits, [32] * 3))"); do \
		echo "seed $$seed"; $(DMFBOOK) verify --cases 200 --seed $$seed || failed="$$failed $$seed"; \
	done; test -z "$$failed" || { echo "failed at seeds:$$failed" >&2; exit 1; }

outputs: environment  ## execute the notebooks and store their text outputs in the sources
	$(DMFBOOK) save-outputs

views: environment  ## draw the explorers' first views in a browser and store them
	$(IN) tools/first_views.py

mutants: environment  ## break each formula in turn and see that some test fails
	$(IN) tests/mutation.py

branches: environment  ## list the branches of the numerics that their tests do not take
	$(IN) -m coverage run -m pytest -q $(NUMERICS:%=tests/%) tests/test_homogeneity.py tests/test_validation.py
	$(IN) -m coverage report

BENCHMARK := _build/benchmark/bin/python

peers_environment:
	$(PYTHON) -m venv _build/benchmark
	$(BENCHMARK) -m pip install --quiet --editable ".[benchmark]"

benchmark: peers_environment  ## measure against jax and torch, in an environment of their own
	$(BENCHMARK) -m pytest -q tests/network/test_torch.py tests/network/test_layouts.py tests/yardstick/test_torch.py tests/yardstick/test_jax.py
	$(BENCHMARK) -m benchmarks

peers: peers_environment  ## measure the Hessian tools of others, as far as rows are missing; about an hour for all of them
	$(BENCHMARK) -m benchmarks.peers

COMPILE := _build/lock/bin/python -m uv pip compile --universal --python-version 3.11 --generate-hashes

lock:  ## compile requirements.txt anew from pyproject.toml, and tools/release.txt
	$(PYTHON) -m venv _build/lock
	_build/lock/bin/python -m pip install --quiet uv
	$(COMPILE) --extra book --extra convex --extra exact --extra sweep --extra test pyproject.toml -o requirements.txt
	$(COMPILE) --extra release pyproject.toml -o tools/release.txt

_build/release/ready: tools/release.txt
	$(PYTHON) -m venv --clear _build/release
	$(RELEASE) -m pip install --quiet --require-hashes -r tools/release.txt
	@touch $@

picture: book  ## store the picture of the README as the book draws it
	$(IN) tools/picture.py

metadata: environment  ## write codemeta.json and .zenodo.json anew
	$(IN) tools/metadata.py

lint: _build/release/ready  ## check the files for GitHub, Docker and archives
	$(RELEASE) -m check_jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(RELEASE) -m check_jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(RELEASE) -m check_jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(RELEASE) -m check_jsonschema --builtin-schema vendor.github-issue-forms \
		.github/ISSUE_TEMPLATE/mathematics.yml .github/ISSUE_TEMPLATE/program.yml
	$(RELEASE) -m check_jsonschema --builtin-schema vendor.citation-file-format CITATION.cff
	$(RELEASE:python=zizmor) --offline --pedantic --quiet .github
	$(RELEASE:python=hadolint) Dockerfile

release: _build/release/ready  ## build wheel and sdist into dist/ and check them in an empty environment
	$(RELEASE) tools/release.py

audit: _build/release/ready  ## look up known vulnerabilities of the locked versions (needs the network)
	$(RELEASE) -m pip_audit --requirement requirements.txt --require-hashes --disable-pip --strict
	$(RELEASE) -m pip_audit --requirement tools/release.txt --require-hashes --disable-pip --strict

clean:  ## remove what was built; the environment .venv stays
	rm -rf _build

help:
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

# An interpreter that was asked for replaces the one of an older .venv; the default one does not.
environment:
	@$(PYTHON) tools/environment.py $(if $(filter file,$(origin PYTHON)),,--chosen)
