# make demo    install, make the sample experiment, run the whole workflow on it
# make test    install what the tests need, check style and types, run every test
# make bench   speed and memory of every step    make accuracy   accuracy against known truth
# make golden  keep what every step makes of a fixed input, once versions of changed steps are raised
# make stress  kills, damaged files, full disks, races, lost clusters (PART=kill N=50 SEED=3 for one part)
# make docs    build the documentation           make coverage   tests with the share of code they reach
# make wheel   build and check what is released  make clean      remove what these made

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# What napari's window needs to open on a machine without a screen.
SCREEN_PACKAGES := xvfb xauth libgl1 libgl1-mesa-dri libegl1 libopengl0 libdbus-1-3 libxkbcommon-x11-0 \
	libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 \
	libxcb-shape0 libxcb-xinerama0 libxcb-xkb1
COVERAGE_FLOOR := 90
SCREEN := $(if $(shell uname -s | grep Linux),xvfb-run -a -s "-screen 0 1280x800x24",)

.PHONY: demo test lint golden bench accuracy coverage wheel docs screenshots clean

demo: .venv/.installed
	$(BIN)/pyama demo --output demo

test: lint .venv/.screen
	$(SCREEN) $(BIN)/python -m pytest

lint: .venv/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/typos
	$(BIN)/validate-pyproject pyproject.toml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/wish.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.citation-file-format CITATION.cff

golden: .venv/.dev
	$(BIN)/python -m tests.golden

bench: .venv/.dev
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.speed

accuracy: .venv/.dev
	$(BIN)/python -m benchmarks.accuracy

coverage: .venv/.dev .venv/.screen
	$(SCREEN) $(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=$(COVERAGE_FLOOR)

wheel: .venv/.dev
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*
	scripts/try-wheel.sh $(BIN)/python dist/*.whl

stress: .venv/.dev
	$(BIN)/python -m benchmarks.stress $(PART) $(if $(N),--n $(N)) $(if $(SEED),--seed $(SEED))

docs: .venv/.dev
	$(BIN)/python -m docs.make_reference
	$(BIN)/python -m docs.make_architecture
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

screenshots: .venv/.dev .venv/.screen
	$(SCREEN) $(BIN)/python -m docs.make_screenshots

clean:
	rm -rf .venv demo site dist

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it and try again." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || scripts/debian-packages.sh python3-venv
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

.venv/.installed: pyproject.toml napari.yaml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/.dev: pyproject.toml napari.yaml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $@ .venv/.installed

.venv/.screen: | .venv/bin/python
	scripts/debian-packages.sh $(SCREEN_PACKAGES)
	touch $@
