# Works with python3 (and its venv), make and a package index; nothing else has to be there.
# Tools run as `python -m`, and paths are relative: the checkout may have a space in its name.

PYTHON ?= python3
VENV   := .venv
RUN    := $(VENV)/bin/python
PIP    := $(RUN) -m pip -qq --disable-pip-version-check
OLDEST := .venv-oldest
LINEAGE := .venv-agentops
RECEIVERS := .venv-receivers
CLICKHOUSE := .venv-clickhouse
NODE   := .node
LIBRARIES := .venv-libraries
# More than there are processors: tests with servers and processes wait for half of their time.
WORKERS = $(shell $(PYTHON) -c 'import os; print(len(os.sched_getaffinity(0)) + 3)')

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-oldest test-agentops test-node test-receivers test-clickhouse check lint types layers docs bench screenshots soak format clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/installed ## run the example agent and replay what it did
	@$(RUN) examples/research_agent.py
	@$(RUN) -m agentlog replay last
	@printf '\nIts calls, with prompts and answers: %s show ChatCompletion\n' $(VENV)/bin/agentlog

test: $(VENV)/tools ## run the tests; ARGS='-k tree' is handed to pytest
	@PYTEST_XDIST_AUTO_NUM_WORKERS=$(WORKERS) $(RUN) -m pytest --numprocesses=auto --dist=worksteal $(ARGS)

test-oldest: ## run the tests with the oldest dependencies that pyproject.toml allows
	@$(PYTHON) -m venv $(OLDEST)
	@$(OLDEST)/bin/python -m pip -qq --disable-pip-version-check install 'pip>=25.1'
	@# But for opentelemetry-proto and typing-extensions: an exporter and LLM clients, which the tests have, want later ones.
	@$(OLDEST)/bin/python -c 'import tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; print(*project["dependencies"], *project["optional-dependencies"]["server"], sep="\n")' \
	  | sed '/^opentelemetry/d; /^typing/d; s/>=/==/' > $(OLDEST)/oldest.txt
	@$(OLDEST)/bin/python -m pip -qq --disable-pip-version-check install --constraint $(OLDEST)/oldest.txt --editable . --group dev
	@PYTEST_XDIST_AUTO_NUM_WORKERS=$(WORKERS) $(OLDEST)/bin/python -m pytest --numprocesses=auto --dist=worksteal $(ARGS)

test-agentops: $(VENV)/tools ## run real versions of the AgentOps SDK against the collector, each in an environment of its own
	@AGENTOPS_ENVIRONMENTS="$(CURDIR)/$(LINEAGE)" $(RUN) -m tests.server.agentops.environments
	@AGENTOPS_ENVIRONMENTS="$(CURDIR)/$(LINEAGE)" $(RUN) -m pytest --numprocesses=2 tests/server/agentops/test_sdk.py $(ARGS)

test-node: $(VENV)/tools ## run OpenTelemetry's SDK for Node against the collector; it wants node and npm
	@mkdir -p $(NODE) && cp tests/server/otlp/node/package.json $(NODE)
	@npm install --prefix $(NODE) --no-audit --no-fund --loglevel=error
	@$(RUN) -m pytest tests/server/otlp/test_node.py $(ARGS)

test-receivers: $(VENV)/tools ## send spans to Phoenix and to MLflow, each in an environment of its own (2 GB)
	@RECEIVER_ENVIRONMENTS="$(CURDIR)/$(RECEIVERS)" $(RUN) -m tests.receivers.environments
	@RECEIVER_ENVIRONMENTS="$(CURDIR)/$(RECEIVERS)" $(RUN) -m pytest -o faulthandler_timeout=600 tests/receivers $(ARGS)

test-libraries: ## run LangChain and LiteLLM, whose calls OpenAI's client makes, in an environment of their own
	@$(PYTHON) -m venv $(LIBRARIES)
	@$(LIBRARIES)/bin/python -m pip -qq --disable-pip-version-check install 'pip>=25.1'
	@$(LIBRARIES)/bin/python -m pip -qq --disable-pip-version-check install --editable '.[openai,langchain,litellm]' --group dev langchain-openai litellm
	@$(LIBRARIES)/bin/python -m pytest tests/bridges/test_libraries.py $(ARGS)

test-clickhouse: ## run the tests of stores over the engine of ClickHouse, in an environment of its own (1 GB)
	@$(PYTHON) -m venv $(CLICKHOUSE)
	@$(CLICKHOUSE)/bin/python -m pip -qq --disable-pip-version-check install 'pip>=25.1'
	@$(CLICKHOUSE)/bin/python -m pip -qq --disable-pip-version-check install --editable '.[server,clickhouse]' 'chdb>=4.4' --group dev
	@$(CLICKHOUSE)/bin/python -m pytest --numprocesses=2 --dist=loadfile -o faulthandler_timeout=600 tests/store tests/server/test_side_by_side.py 'tests/test_docs.py::test_a_document_does_what_it_shows[docs/scale.md]' $(ARGS)

check: lint types layers docs test ## everything that has to hold: lint, types, layers, docs, tests

lint: $(VENV)/tools ## look at the style and the format
	@$(RUN) -m ruff check --quiet .
	@$(RUN) -m ruff format --quiet --check .

types: $(VENV)/tools ## check the types
	@$(RUN) -m mypy

layers: $(VENV)/tools ## check that imports point one way
	@$(RUN) -c 'from importlinter.cli import lint_imports_command; lint_imports_command(["--no-logo"])'

docs: $(VENV)/tools ## build the documentation, warnings being errors
	@$(RUN) -m sphinx --quiet --fail-on-warning --keep-going -d docs/_build/trees docs docs/_build/html
	@echo "docs/_build/html/index.html"

bench: $(VENV)/tools ## measure what recording, shipping and collecting cost, and write benchmarks/README.md
	@$(RUN) benchmarks/run.py

screenshots: $(VENV)/tools ## take the pictures of the pages that README and docs show, with chromium
	@$(RUN) docs/screenshots.py

soak: $(VENV)/tools ## let everything happen at once, for ten minutes, then the tests that take long; SECONDS=20 for less, SEED=1 to repeat a run
	@$(RUN) tests/soak.py $(or $(SECONDS),600) $(SEED)
	@$(RUN) -m pytest -m soak
	@$(RUN) -m pytest -m hypothesis --hypothesis-profile=thorough
	@$(RUN) -m pytest tests/page

format: $(VENV)/tools ## format the code
	@$(RUN) -m ruff check --quiet --fix-only .
	@$(RUN) -m ruff format --quiet .

clean: ## remove everything that these targets made
	@rm -rf $(VENV) $(OLDEST) $(LINEAGE) $(RECEIVERS) $(CLICKHOUSE) $(NODE) .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist docs/_build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps lie in the environment, so that they go when it goes. The first says which checkout is installed there: what was
# copied or moved is installed again. A Python that does not start any more means a new environment.
ifneq "$(shell test -x $(RUN) && cat $(VENV)/installed 2>/dev/null)" "$(CURDIR)"
.PHONY: $(VENV)/installed
endif

$(VENV)/installed: pyproject.toml
	@$(RUN) -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@echo "installing agentlog into $(VENV)"
	@$(PIP) install --editable '.[openai]' openai
	@$(RUN) -m compileall -q agentlog
	@echo "$(CURDIR)" > $@

$(VENV)/tools: $(VENV)/installed
	@echo "installing the tools into $(VENV)"
	@$(PIP) install 'pip>=25.1'
	@$(PIP) install --editable . --group dev --group docs
	@touch $@
