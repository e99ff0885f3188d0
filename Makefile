# What people type here; `make help` lists it.

CARGO ?= cargo
# In CI nobody edits Cargo.toml: a lock file that does not fit is an error.
LOCKED := $(if $(CI),--locked)
# The targets that need root and machines; a plain `cargo test` leaves them alone.
MACHINES := --test container --test outcomes --test boot --test demo --test bench
# What `make demo` applies.
EXAMPLE ?= examples/web-server.yml
# What `make fuzz` fuzzes, one of crates/cloud-config/fuzz/targets, and for how many seconds.
TARGET ?= user_data
TIME ?= 600
# The version of cargo-deny.
DENY := 0.20.2
# What `make install` lays out, and where: an image's folder, the program (built unless it is given), and the
# platform of oem/ whose cloud-config the image has as its own.
DESTDIR ?=
PREFIX ?= /usr
BIN ?=
OEM ?=
# The tree that `make check-oem` looks at.
DIR ?= $(DESTDIR)

.DEFAULT_GOAL := help

help: ## List these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 16

deps: ## Install what is missing for the tests and the demo (Debian, as root)
	@tests/deps.sh

build: ## Build the program: target/release/coreos-cloudinit
	@tests/deps.sh build
	CARGO="$(CARGO)" packaging/build.sh $(LOCKED)

test: deps ## Run every tier: lint, deny, pure, container, dist, outcomes, boot
	@tests/tiers.sh lint deny pure container+dist outcomes boot

lint: ## Check formatting, lints, the documentation, and that the library needs no machine
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets $(LOCKED) -- -D warnings
	$(CARGO) clippy $(MACHINES) $(LOCKED) -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --quiet --workspace --no-deps $(LOCKED)
	@CARGO="$(CARGO)" tests/wasm.sh $(LOCKED)
	@tests/actionlint.sh

deny: ## Check the licences and the origins of all dependencies (deny.toml)
	@tests/deny.sh $(DENY)

test-pure: ## Run the tests that need nothing: no root, no container
	$(CARGO) test --workspace $(LOCKED)

update: ## Write the golden plans, the schema, the man pages and the samples of docs/
	UPDATE_PLANS=1 UPDATE_SCHEMA=1 UPDATE_PAGES=1 \
		$(CARGO) test $(LOCKED) --test pure -- plans:: schema:: man_pages:: report::samples traceability:: --skip scale --test-threads=1

test-container: deps ## Run the program in throw-away systemd containers (root)
	$(CARGO) test $(LOCKED) --test container

test-outcomes: deps ## Compare with what the reference did with real configs (root)
	$(CARGO) test $(LOCKED) --test outcomes

test-boot: deps ## Boot virtual machines from an image that has the program (root)
	$(CARGO) test $(LOCKED) --test boot

demo: deps ## Apply EXAMPLE to a throw-away machine and show what changed (root)
	@$(CARGO) test $(LOCKED) --test demo --no-run
	@$(CARGO) --quiet test --quiet $(LOCKED) --test demo -- $(EXAMPLE) || { echo "The example failed, as shown above." >&2; exit 1; }

demo-svg: deps ## Draw docs/demo.svg anew from the output of the demo (root)
	UPDATE_DEMO=1 $(CARGO) test $(LOCKED) --test container -- demo::

bench: deps ## Measure the program against what the same work takes alone (root)
	$(CARGO) build --release $(LOCKED) --example baseline
# By itself: what tests need of a library is no part of the program that people install.
	CARGO="$(CARGO)" packaging/build.sh $(LOCKED)
	$(CARGO) test $(LOCKED) --test bench

fuzz: ## Fuzz TARGET for TIME seconds (cargo-fuzz and a nightly Rust, which it does not install)
	@crates/cloud-config/fuzz/run.sh "$(TARGET)" "$(TIME)"

install: $(if $(BIN),,build) ## Lay out program, units, rules and cloud-configs beneath DESTDIR (OEM=ami, BIN=FILE)
	@DESTDIR="$(abspath $(DESTDIR))" PREFIX="$(PREFIX)" BIN="$(abspath $(or $(BIN),target/release/coreos-cloudinit))" OEM="$(OEM)" oem/install.sh

deb: build ## Build a Debian package of the program and all that belongs to it: target/deb
	@tests/deps.sh deb
	packaging/deb.sh target/release/coreos-cloudinit target/deb

dist: ## Make an archive of what is committed with all libraries, to build with no network: target/dist
	CARGO="$(CARGO)" packaging/dist.sh target/dist

test-dist: build ## Try the program that people install, and build it from an archive: the same bytes
	@rm -rf target/dist/test
	CARGO="$(CARGO)" packaging/dist.sh target/dist/test as-it-is
	packaging/smoke.sh target/release/coreos-cloudinit
	packaging/same.sh target/dist/test/*.tar.xz target/release/coreos-cloudinit

check-oem: ## Check the tree DIR that an image is made of: its cloud-configs, units and links
	@PREFIX="$(PREFIX)" oem/check.sh "$(DIR)" $(BIN)

.PHONY: help install check-oem deb dist test-dist deps build test lint deny test-pure update test-container test-outcomes test-boot demo demo-svg bench fuzz
