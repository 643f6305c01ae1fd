# make demo: fine-tune the bundled model and hear it. make test: run the tests. make docs: build the documentation. All
# of them set everything up themselves.
VENV ?= .venv
# Or lowest.txt, for the lowest versions that pyproject.toml allows.
CONSTRAINTS ?= constraints.txt
PYTHON ?= python3
BIN := $(VENV)/bin
# Programs that need nothing of the package have an environment without torch.
TOOLS := $(VENV)-tools
# What some tests compare with or look through, and skip without: the espeak-ng of the reference cases, flite's voices
# for the corpus recipes, a browser for the report and the review page.
DEBIAN_PACKAGES := libespeak-ng1 flite chromium
# Not among the constraints: torch's builds for GPUs ask for a version of their own.
TRITON := triton==3.9.0
# What speaks exported voices, for slow tests: in an environment of its own, as nothing of the package may need it. The
# second version of sherpa-onnx, which has no espeak-ng in it, stands in a folder of its own there. No version of
# transformers that reads these models goes with the huggingface_hub of constraints.txt.
CLIENTS := $(VENV)-clients
CLIENT_PACKAGES := piper-tts==1.8.0 sherpa-onnx==1.13.8 transformers==4.57.6
SECOND_SHERPA := sherpa-onnx==2.0.1 sherpa-onnx-core==2.0.1

PIP_INSTALL := pip install --quiet --disable-pip-version-check

.PHONY: demo test test-slow test-numbers test-triton lint format docs benchmarks dist check-github \
    require-torch-index setup system-packages clean

# torch is installed first and by its pinned version: any other request could fetch a build with CUDA packages.
$(VENV)/.installed: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/$(PIP_INSTALL) "$$(grep '^torch==' $(CONSTRAINTS))"
	$(BIN)/$(PIP_INSTALL) -c $(CONSTRAINTS) -e .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/$(PIP_INSTALL) -c $(CONSTRAINTS) -e '.[test]'
	touch $@

$(TOOLS)/.installed: constraints.txt
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/$(PIP_INSTALL) -c constraints.txt build check-jsonschema mkdocs-material
	touch $@

lowest.txt: pyproject.toml .ci/lowest_versions.py
	$(PYTHON) .ci/lowest_versions.py > $@

setup: $(VENV)/.installed

system-packages:
	@dpkg -s $(DEBIAN_PACKAGES) >/dev/null 2>&1 || { [ "$$(id -u)" = 0 ] && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(DEBIAN_PACKAGES) >/dev/null; } \
	    || echo "Without the Debian packages $(DEBIAN_PACKAGES) some tests are skipped."

# For the workflows: see docs/releasing.md.
require-torch-index:
	@test -n "$$PIP_EXTRA_INDEX_URL" || { echo "Set the repository variable TORCH_INDEX: see docs/releasing.md"; exit 1; }

demo: $(VENV)/.installed
	$(BIN)/tts-finetune --demo

test: $(VENV)/.installed-test system-packages
	$(BIN)/python -m pytest -q -n auto --dist loadfile -m "not slow"

# torch comes from the other environment: those packages would fetch one with CUDA packages, or do not ask for it.
$(CLIENTS)/.installed: $(VENV)/.installed-test Makefile
	$(PYTHON) -m venv --clear $(CLIENTS)
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > $(CLIENTS)/torch.pth
	mv $(CLIENTS)/torch.pth "$$($(CLIENTS)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
	$(CLIENTS)/bin/$(PIP_INSTALL) $(CLIENT_PACKAGES)
	$(CLIENTS)/bin/$(PIP_INSTALL) --no-deps --target $(CLIENTS)/sherpa-onnx-2 $(SECOND_SHERPA)
	touch $@

test-slow: $(VENV)/.installed-test $(CLIENTS)/.installed system-packages
	$(BIN)/python -m pytest -q -n auto --dist loadfile -m slow

# What is computed must not hang on the CPU: the tests of numbers once more with other kernels, of an older CPU.
test-numbers: $(VENV)/.installed-test system-packages
	ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=default $(BIN)/python -m pytest -q -n auto \
	    --dist loadfile -m "not slow" tests/audio tests/layers tests/families

# The kernels for GPUs in Triton's interpreter. A folder of its own, as no run on a CPU needs its gigabyte; and there are
# builds for Linux alone.
.triton/$(TRITON): $(VENV)/.installed-test
	rm -rf .triton
	$(BIN)/$(PIP_INSTALL) --no-deps --target .triton $(TRITON)
	touch $@

test-triton: .triton/$(TRITON)
	PYTHONPATH=.triton $(BIN)/python -m pytest -q tests/layers/test_alignment_kernel.py

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The schemas of GitHub's files come with the program: nothing is fetched.
check-github: $(TOOLS)/.installed
	$(TOOLS)/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(TOOLS)/bin/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms \
	    $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	$(TOOLS)/bin/check-jsonschema --quiet --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml

# A link that leads nowhere, a page that is in no menu, numbers that no result has, and a page that would fetch something
# from elsewhere when it is read are errors. (With --quiet, mkdocs counts no warnings.)
docs: $(TOOLS)/.installed
	$(TOOLS)/bin/python benchmarks/report.py --check
	NO_MKDOCS_2_WARNING=1 $(TOOLS)/bin/mkdocs build --strict
	! grep -lE '(src|rel="stylesheet" href)="https?://' site/*.html

# docs/benchmarks.md from the results that benchmarks have kept.
benchmarks:
	$(PYTHON) benchmarks/report.py

dist: $(TOOLS)/.installed
	rm -rf dist build
	$(TOOLS)/bin/python -m build --outdir dist .
	$(TOOLS)/bin/python .ci/check_wheel.py dist

clean:
	rm -rf $(VENV) $(CLIENTS) $(TOOLS) .triton build dist site lowest.txt *.egg-info .pytest_cache .mypy_cache .ruff_cache
