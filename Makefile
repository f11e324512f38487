# make demo | test | lint | docs | wheel | ...: each sets up what it needs, in .venv, on a machine that has only Python >= 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# uv where it can be had, faster than pip by minutes; else pip
define NEW_VENV
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/pip install --quiet uv || echo "note: uv cannot be had here; pip installs"
endef
INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python $(1) || $(BIN)/pip install --quiet $(1)
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PYTHONDONTWRITEBYTECODE = # uv leaves it to Python to compile what it imports, once

.PHONY: demo test coverage test-slow fuzz lint format docs wheel lowest benchmark gpu clean

demo: $(VENV)/.installed
	$(BIN)/videomamba demo

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal

# lines of ops, nn, models and data that their own tests run; fails below 90 %
coverage: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report= tests/ops tests/nn tests/models tests/data
	$(BIN)/coverage report --skip-covered --fail-under=90

# make test-data | test-ops | test-cli | ...: the tests of one part, a folder of tests/
test-%: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 tests/$*

test-slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow

# make fuzz COUNT=20000 SEED=7: damaged videos, model folders and texts through everything that reads them; tables at the end
COUNT ?= 5000
SEED ?= 0
fuzz: $(VENV)/.installed-dev
	$(BIN)/python -m tests.fuzz.campaign --count $(COUNT) --seed $(SEED)
	$(BIN)/python -m tests.fuzz.mutated_models $$(($(COUNT) / 5)) $(SEED)
	VIDEOMAMBA_FUZZ=$$(($(COUNT) / 2)) $(BIN)/python -m pytest tests/fuzz/test_texts.py -s

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# site/: open site/index.html, or serve it by `.venv/bin/mkdocs serve`
docs: $(VENV)/.installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

wheel: $(VENV)/.installed-dev
	bash scripts/wheel.sh $(BIN)

lowest: $(VENV)/.installed-dev
	bash scripts/lowest.sh $(BIN)

benchmark: $(VENV)/.installed
	$(call INSTALL,--group benchmark)
	$(BIN)/videomamba benchmark scan
	$(BIN)/python benchmarks/whole_model.py
	$(BIN)/python benchmarks/other_scans.py
	$(BIN)/python benchmarks/scan_layouts.py
	$(BIN)/python benchmarks/scan_table.py

# Proves and times the Triton kernels on a GPU, in nine minutes. Installs nothing: the GPU's PyTorch is there already.
gpu:
	$(or $(wildcard $(BIN)/python),$(PYTHON)) -m videomamba.benchmark.gpu

# A change of the sources of the compiled kernels builds them again.
SOURCES := pyproject.toml setup.py $(wildcard videomamba/ops/native/*.cpp videomamba/ops/native/*.h)
$(VENV)/.installed: $(SOURCES)
	$(NEW_VENV)
	$(call INSTALL,--editable ".[train]")
	touch $@

$(VENV)/.installed-dev: $(SOURCES)
	$(NEW_VENV)
	$(call INSTALL,--editable ".[all]" --group dev)
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) build dist site runs *.egg-info .coverage
