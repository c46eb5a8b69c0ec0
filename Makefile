# Everything a developer or CI does. `make` alone lists it. Each target does its own set-up.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
# Test files at once: most of the time they wait, for a server or a process to come or go.
JOBS ?= 4
SERVERS := prosody ejabberd openssl memtester stress-ng fio smartmontools dmidecode ethtool gcc libc6-dev strace util-linux tmux chromium chromium-driver mmdebstrap systemd systemd-container faketime iproute2 iptables iputils-ping bindfs profanity poezio go-sendxmpp

# As typed, quotes and dollars included: the shell takes it from the environment, unread by make.
export LABROOM_SAY := $(value SAY)

.PHONY: help
help:  ## Show this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: setup
setup: $(READY)  ## Create .venv from requirements.lock, install the servers, and the git hooks if you use pre-commit
	@.ci/packages $(SERVERS)
	@if command -v pre-commit >/dev/null; then pre-commit install; fi

.PHONY: demo
demo: $(READY)  ## A whole lab on this machine, with you in it: make demo [SERVER=ejabberd] [SAY="run memtest on bob"]
	@.ci/packages $(or $(SERVER),prosody) openssl memtester util-linux
	@.ci/packages stress-ng fio smartmontools dmidecode ethtool || echo "Going on: the recipes that need them say so."
	@$(BIN)/python -m bot.demo.fetch 2>/dev/null || true  # else there is no page, and the demo says why
	@$(BIN)/labroom demo $(if $(SERVER),--server "$(SERVER)") $${LABROOM_SAY:+--say "$$LABROOM_SAY"}

.PHONY: check
check: lint types layers test  ## All that must pass before a commit; what CI runs

.PHONY: test
test: $(READY)  ## All tests, on real servers; make test ONLY="-k prosody" for some
	@.ci/packages $(SERVERS)
	@command -v npm >/dev/null || .ci/packages npm  # it often comes from elsewhere than Debian
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ONLY)

.PHONY: bench
bench: $(READY)  ## Measure, and print a table
	@.ci/packages $(SERVERS)
	$(BIN)/python -m tests.bench

.PHONY: fuzz
fuzz: $(READY)  ## Change lines until one breaks the grammar: make fuzz [ONLY="-max_total_time=60"]; CI does not
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/pip install --quiet --disable-pip-version-check atheris
	$(BIN)/python -m tests.fuzz $(or $(ONLY),-max_total_time=60)

.PHONY: bench-servers
bench-servers: $(READY)  ## What the settings in docs/servers/ buy: ten minutes, most of them waiting
	@.ci/packages $(SERVERS)
	$(BIN)/python -m tests.bench.servers

.PHONY: image-test
image-test: $(READY)  ## Build both images on a base made here, and run a lab from them
	@.ci/packages $(SERVERS) mmdebstrap buildah docker-compose
	$(BIN)/python -m pytest tests/image/story.py

.PHONY: faults
faults: $(READY)  ## Kill, cut, fill, delay: what is lost, doubled or stuck; make faults ONLY="--quick --seed 1"
	@.ci/packages $(SERVERS)
	$(BIN)/python -m tests.faults $(ONLY)

.PHONY: liveness
liveness: $(READY)  ## How soon the room knows that a target is gone, and why; make liveness ONLY="--alarms 30m"
	@.ci/packages $(SERVERS)
	$(BIN)/python -m tests.liveness $(ONLY)

.PHONY: crowd
crowd: $(READY)  ## What a room full of targets costs; make crowd ONLY="--server prosody --size 150"
	@.ci/packages $(SERVERS)
	$(BIN)/python -m tests.bench.crowd $(ONLY)

.PHONY: pictures
pictures: $(READY)  ## Make docs/images anew: the charts, and what browsers show
	@.ci/packages $(SERVERS)
	LABROOM_SHOTS=docs/images $(BIN)/python -m pytest -q tests/bot/test_charts.py
	LABROOM_SHOTS=docs/images $(BIN)/python -m pytest -q tests/end_to_end/test_browser.py -k prosody

.PHONY: lint
lint: $(READY)  ## Style and likely bugs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

.PHONY: fix
fix: $(READY)  ## Format, and repair what can be repaired
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: types
types: $(READY)  ## Type-check
	$(BIN)/mypy

.PHONY: layers
layers: $(READY)  ## Who may import whom
	$(BIN)/lint-imports

# What installs us (hatchling, and editables for an editable install) is locked like all else.
.PHONY: lock
lock: $(READY)  ## Choose versions anew for what pyproject.toml asks; UPGRADE=1 for the newest of all
	printf 'hatchling\neditables\n' | $(BIN)/uv pip compile --universal --generate-hashes --all-extras --group dev \
		--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) \
		--quiet pyproject.toml - --output-file requirements.lock
	@! grep -n '://' requirements.lock

.PHONY: clean
clean:  ## Remove what the other targets made
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .converse dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || .ci/packages python3 python3-venv
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
