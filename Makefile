# The commands of developers and packagers; `make help` lists them.

CARGO ?= cargo
# In CI, a lock file that does not match Cargo.toml is an error.
LOCKED := $(if $(CI),--locked)
# The test targets that need root and machines. A plain `cargo test` does not run them.
MACHINES := --test container --test outcomes --test boot --test demo --test bench
# The cloud-config that `make demo` applies.
EXAMPLE ?= examples/web-server.yml
# The target of `make fuzz`, one of crates/cloud-config/fuzz/targets, and its time in seconds.
TARGET ?= user_data
TIME ?= 600
# The Debian release of the systemd containers: bullseye, bookworm, trixie or forky.
DEBIAN ?= bookworm
# The groups of cases that `make test` also runs on the oldest release.
OLDEST := users::,keys::,units::,hostname::
# The version of cargo-deny.
DENY := 0.20.2
# For `make install`: the root directory of the image, the prefix, the program (empty to build it), and the platform of
# oem/ whose cloud-config becomes the image's own.
DESTDIR ?=
PREFIX ?= /usr
BIN ?=
OEM ?=
# The tree that `make check-oem` checks; DESTDIR by default.
DIR ?=
# The directory of `make release`.
RELEASE := target/release-$(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
# The target that `make test-release` builds again, in another directory.
SAME := x86_64-unknown-linux-gnu
# Runs tests for arm64. QEMU's emulation of Linux lacks openat2, sealed files, RWF_NOWAIT, pseudoterminals and limits on
# memory and threads; the emulated machines have them.
ARM = CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="$(CURDIR)/tests/testbed/emulate.sh" \
	packaging/zig.sh cargo-zigbuild test $(LOCKED) --target aarch64-unknown-linux-gnu.2.28
# The shell reads such variables from its environment, where make puts them: a path can have spaces and quotes.
PROGRAM := $${BIN:-target/release/coreos-cloudinit}

.DEFAULT_GOAL := help

help: ## Print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 16

deps: ## Install missing packages for the tests and the demo (Debian, root)
	@tests/deps.sh

build: ## Build the program: target/release/coreos-cloudinit
	@tests/deps.sh build
	CARGO="$(CARGO)" packaging/build.sh $(LOCKED)

test: deps ## Run all tests: lint, deny, pure, container, dist, outcomes, oldest, boot (root)
	@tests/tiers.sh lint deny pure container+dist outcomes+oldest boot

lint: ## Check formatting, lints, documentation, workflows, and the library for wasm32
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets $(LOCKED) -- -D warnings
	$(CARGO) clippy $(MACHINES) $(LOCKED) -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --quiet --workspace --no-deps $(LOCKED)
	@CARGO="$(CARGO)" tests/wasm.sh $(LOCKED)
	@tests/actionlint.sh

deny: ## Check the licenses and origins of all dependencies (deny.toml)
	@tests/deny.sh $(DENY)

test-pure: ## Run the tests that need no root and no machine
	$(CARGO) test --workspace $(LOCKED)

update: ## Write all generated files: golden plans, schema, man pages, parts of docs/
	UPDATE_PLANS=1 UPDATE_SCHEMA=1 UPDATE_PAGES=1 \
		$(CARGO) test $(LOCKED) --test pure -- plans:: conversions:: schema:: man_pages:: report::samples network::the_page traceability:: performance:: --skip scale --test-threads=1

test-container: deps ## Run the tests in systemd containers of DEBIAN (root)
	DEBIAN=$(DEBIAN) $(CARGO) test $(LOCKED) --test container

test-oldest: deps ## Run the tests of users, keys, units and host names on the oldest Debian (root)
	DEBIAN=bullseye $(CARGO) test $(LOCKED) --test container -- $(OLDEST)

test-machines: deps ## Run the tests in systemd containers of other Debian releases (root, 30 minutes)
	@tests/tiers.sh bullseye trixie forky

test-outcomes: deps ## Compare the results for real configurations with those of CoreOS's program (root)
	$(CARGO) test $(LOCKED) --test outcomes

test-boot: deps ## Run the tests in virtual machines (root)
	$(CARGO) test $(LOCKED) --test boot

demo: deps ## Apply EXAMPLE to a new container and list the changes (root)
	@$(CARGO) test $(LOCKED) --test demo --no-run
	@$(CARGO) --quiet test --quiet $(LOCKED) --test demo -- $(EXAMPLE) || { echo "The example failed, as shown above." >&2; exit 1; }

demo-svg: deps ## Draw docs/demo.svg from the output of the demo (root)
	UPDATE_DEMO=1 $(CARGO) test $(LOCKED) --test container -- demo::

bench: deps ## Measure the program, and write docs/performance.csv and its plot (root)
	$(CARGO) build --release $(LOCKED) --example baseline
# Built alone, without the features of dependencies that only tests use.
	CARGO="$(CARGO)" packaging/build.sh $(LOCKED)
	$(CARGO) test $(LOCKED) --test bench

fuzz: ## Fuzz TARGET for TIME seconds (needs cargo-fuzz and a nightly Rust)
	@crates/cloud-config/fuzz/run.sh "$(TARGET)" "$(TIME)"

install: $(if $(BIN),,build) ## Install everything below DESTDIR (OEM=PLATFORM, BIN=FILE, PREFIX=DIR)
	@BIN="$(PROGRAM)" oem/install.sh

deb: $(if $(BIN),,build) ## Build a Debian package: target/deb
	@tests/deps.sh deb
	packaging/deb.sh "$(PROGRAM)" target/deb

rpm: $(if $(BIN),,build) ## Build an RPM package: target/rpm
	@tests/deps.sh rpm
	packaging/rpm.sh "$(PROGRAM)" target/rpm

sysext: $(if $(BIN),,build) ## Build system extensions for Flatcar and for other systems: target/sysext
	@tests/deps.sh sysext
	packaging/sysext.sh "$(PROGRAM)" target/sysext

dist: ## Make a source archive of the commit with all dependencies: target/dist
	CARGO="$(CARGO)" packaging/dist.sh target/dist

release: ## Build the programs for all targets, with SBOMs: target/release-VERSION
	@tests/deps.sh release
	CARGO="$(CARGO)" packaging/release.sh $(RELEASE) $(LOCKED)

test-release: release ## Check the programs of a release (root)
	tests/release.sh $(RELEASE)
	@rm -rf target/dist/test
	CARGO="$(CARGO)" packaging/dist.sh target/dist/test as-it-is
	PLATFORM=$(SAME).2.28 packaging/same.sh target/dist/test/*.tar.xz $(RELEASE)/*-$(SAME)

test-arm: deps release ## Run the pure tests and boot machines with the program for arm64, emulated (root)
	$(ARM) --package cloud-config --lib
	$(ARM) --lib -- $(addprefix --skip ,host:: logger::journal source::files terminal::stream)
	$(ARM) --test pure -- $(addprefix --skip ,limits:: oem:: sources::serial:: samples_of_cloudsigma)
	TESTBED_ARCH=arm64 $(CARGO) test $(LOCKED) --test boot -- oem::

test-dist: build ## Test the installed program, and that a build from an archive has the same bytes
	@rm -rf target/dist/test
	CARGO="$(CARGO)" packaging/dist.sh target/dist/test as-it-is
	packaging/smoke.sh target/release/coreos-cloudinit
	packaging/same.sh target/dist/test/*.tar.xz target/release/coreos-cloudinit

check-oem: ## Check the tree DIR of an image: cloud-configs, units and links
	@oem/check.sh "$${DIR:-$$DESTDIR}" $${BIN:+"$$BIN"}

.PHONY: help install check-oem deb rpm sysext dist release test-release test-arm test-dist deps build test lint deny test-pure update test-container test-oldest test-machines test-outcomes test-boot demo demo-svg bench fuzz
