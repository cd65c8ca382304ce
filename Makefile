.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

# Numeric libraries would start a thread per core in each of the two test workers.
TEST_ENV := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

.PHONY: help demo quick test test-slow test-engines check mutants bench lock docs clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

# The lock file is complete, so nothing is resolved (--no-deps): older pips stumble over extras when hashes are required.
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	@echo "Setting up .venv with the locked versions (a few minutes the first time) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(INSTALLED)  ## Simulated CRM: checked, trained, scored, published to files, with a summary
	@$(BIN)/leadscore demo

quick: $(INSTALLED)  ## The tests that need no whole run, for every change (two and a half minutes)
	$(TEST_ENV) $(BIN)/python -m pytest -n 2 --dist loadscope -m "not slow and not whole"

test: $(INSTALLED)  ## All tests but the slow tier (about a quarter of an hour)
	$(TEST_ENV) $(BIN)/python -m pytest -n 2 --dist loadscope -m "not slow"

test-slow: $(INSTALLED)  ## The slow tier: statistical checks, kills, full disks, real servers, a browser (a quarter of an hour)
	@command -v chromium chromium-browser >/dev/null || apt-get install -y -qq chromium \
	  || echo "Chromium is not here and could not be installed: the tests in a browser are skipped"
	$(TEST_ENV) $(BIN)/python -m pytest -n 2 --dist loadscope -m slow

# What is installed keeps its version: pip is given all of them as constraints.
test-engines: $(INSTALLED)  ## Tests of all engines: PostgreSQL and Spark are installed where they are absent
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || apt-get install -y -qq postgresql \
	  || echo "PostgreSQL is not here and could not be installed: its tests are skipped"
	@ls -d /usr/lib/jvm/java-17-* /usr/lib/jvm/java-21-* >/dev/null 2>&1 || apt-get install -y -qq openjdk-17-jre-headless \
	  || apt-get install -y -qq default-jre-headless || echo "Java is not here and could not be installed: Spark's tests may fail"
	@$(BIN)/python -m pip freeze --exclude-editable > .venv/versions.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -c .venv/versions.txt -e '.[postgres,spark]'
	$(TEST_ENV) $(BIN)/python -m pytest -n 2 --dist loadscope tests/engines tests/features/test_specs.py tests/features/test_fit_share.py tests/features/test_since_hand_off.py tests/features/test_listed.py tests/alignment/test_milestones.py

check: $(INSTALLED)  ## Formatter, linter, types, import contracts, docs in sync
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pipelines.documentation --check

docs: $(INSTALLED)  ## Write the generated docs
	$(BIN)/python -m pipelines.documentation

mutants: $(INSTALLED)  ## Change central lines one by one and see that tests fail (half an hour)
	$(BIN)/python -m tests.mutants

bench: $(INSTALLED)  ## Timings and memory at scale (half an hour; needs about 8 GiB of disk)
	$(BIN)/python -m benchmarks.scale
	$(BIN)/python -m benchmarks.check

lock:  ## Resolve the locked versions anew (needs uv)
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --extra dev \
	  --no-emit-index-url --custom-compile-command "make lock" pyproject.toml -o requirements.lock

clean:  ## Remove everything that was made here, .venv too
	rm -rf .venv data var
