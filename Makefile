# Everything a person needs: `make demo` to look, `make test` to prove. Each sets up .venv first, once.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV  := .venv
BIN   := $(VENV)/bin
READY := $(VENV)/.ready
UV    ?= uv
ARGS  ?=
WORKERS ?= 4
# Some containers set it; then every start of Python, and tests start hundreds, compiles every module anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test suite lint types imports check soak mutants bench lock docs wheel clean

help:  ## Say what there is.
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | column -t -s $$'\t' 2>/dev/null || sed -n 's/^\([a-z]*\):.*## /make \1  /p' $(MAKEFILE_LIST)

demo: $(READY)  ## Run Forgeglass on a stand-in forge with a small organisation; ARGS=--still leaves it alone.
	@exec $(BIN)/forgeglass demo $(ARGS)

test: lint imports  ## Set up, check and run the whole test suite; ARGS go to pytest.
	+@$(MAKE) --no-print-directory -j 2 types suite

# More workers than cores: many tests wait for a program or for a timeout. The longest file does not hold up the rest.
suite: $(READY)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: lint types imports  ## What can be told without running anything.

lint: $(READY)
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

imports: $(READY)
	$(BIN)/lint-imports

soak: $(READY)  ## The long form of the property tests.
	FORGEGLASS_TEST_PROFILE=soak $(BIN)/python -m pytest --timeout 3600 $(ARGS)

# Minutes, not part of the gate: a fixed set of mutants (tests/mutants) is. Survivors are explained in survivors.toml.
mutants: $(READY)  ## Make faults in the pure parts (mutmut); a test must find each.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-mutants.txt
	rm -rf mutants
	timeout 1200 $(BIN)/mutmut run --max-children $(WORKERS)
	$(BIN)/python tests/mutants/survivors.py

bench: $(READY)  ## Measure, and print tables.
	$(BIN)/python -m benchmarks $(ARGS)
	$(BIN)/python -m benchmarks.revisions
	$(BIN)/python -m benchmarks.documentation

docs: $(READY)  ## Write the reference from the code, and the documents as a site, into site/.
	$(BIN)/python docs/generate
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

wheel: $(READY)  ## Build dist/*.whl and dist/*.tar.gz.
	$(BIN)/hatchling build

lock:  ## Resolve the dependencies anew (needs uv).
	$(UV) pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet -o requirements.txt
	$(UV) pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet -c requirements.txt -o requirements-dev.txt
	echo mutmut | $(UV) pip compile - --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet -c requirements-dev.txt -o requirements-mutants.txt

clean:  ## Remove what was made here.
	rm -rf $(VENV) .demo dist build site mutants .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A version manager may put commands in PATH that fail when run: each is asked, and must be able to make environments.
# .ready is written last, so that an interrupted set-up begins again.
$(READY): requirements-dev.txt pyproject.toml
	@python=; for name in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
		if "$$name" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
			python=$$name; break; fi; done; \
	if [ -z "$$python" ]; then \
		echo "make: no Python 3.11 or newer with venv was found; install one, or name it: make PYTHON=/path/to/python" >&2; \
		exit 1; fi; \
	echo "setting up $(VENV) with $$("$$python" --version)"; \
	rm -rf $(VENV); "$$python" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
