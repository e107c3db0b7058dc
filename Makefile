# Everything that is done with this package from outside. Each target installs the Debian packages it needs.

CONFIGURATION ?= release
PREFIX ?= /usr/local
LINK ?= static
# Of each target that is fuzzed; TARGET names one of those in Fuzz/README.md.
SECONDS ?= 600
# What `make bench` measures, of kernel, onefile, manysmall and million; nothing means all four. And btrfs, which needs
# root.
WORKLOAD ?=
COWPATH = .build/$(CONFIGURATION)/cowpath

BUILD_PACKAGES = libzstd-dev zlib1g-dev libsqlite3-dev pkg-config
# For the independent readers and comparisons that tests and examples hold the program against.
TEST_PACKAGES = zstd python3 attr acl rsync btrfs-progs e2fsprogs strace libcap2-bin
SSH_PACKAGES = openssh-server openssh-client
KERNEL_PACKAGES = xz-utils rsync

# A static program that can be loaded anywhere must say of no place where its libraries are.
BUILD_FLAGS = -c $(CONFIGURATION) --static-swift-stdlib --disable-local-rpath
FORMATTED = Sources Tests Package.swift Fuzz/Sources Fuzz/Package.swift

.PHONY: all build test routes examples demo bench fuzz install uninstall format lint clean

all: build

# All libraries go into the program, so that it runs where there is no Swift, and starts at once. `make LINK=dynamic`
# uses those of the system, but for Swift's: where there are none to link, or they are to be kept up to date by it.
build:
	@.ci/install $(BUILD_PACKAGES)
	$(if $(filter static,$(LINK)),COWPATH_STATIC=1) swift build $(BUILD_FLAGS) --product cowpath

# Builds the program too, as .build/$(CONFIGURATION)/cowpath, with the libraries of the system.
test:
	@.ci/install $(BUILD_PACKAGES) $(TEST_PACKAGES)
	swift test -c $(CONFIGURATION)

# Btrfs over the command line, beside its own programs; needs root.
routes: $(COWPATH)
	@.ci/install $(TEST_PACKAGES)
	python3 Tests/btrfs_routes $(abspath $(COWPATH))

# Whatever program is there is run; it is built only where there is none.
$(COWPATH):
	@$(MAKE) --no-print-directory build

examples: $(COWPATH)
	@.ci/install $(TEST_PACKAGES) $(SSH_PACKAGES)
	@set -e; for example in over-ssh laptop-to-server offline-diff; do \
		echo "== examples/$$example.sh"; \
		COWPATH=$(abspath $(COWPATH)) examples/$$example.sh; \
	done

demo: build
	@.ci/install $(KERNEL_PACKAGES)
	COWPATH=$(abspath $(COWPATH)) examples/kernel-sources.sh

bench: build
	@.ci/install $(KERNEL_PACKAGES) python3
	COWPATH=$(abspath $(COWPATH)) python3 Benchmarks/run.py $(WORKLOAD)

fuzz:
	@.ci/install $(BUILD_PACKAGES)
	Fuzz/run $(SECONDS) $(TARGET)

# As the current user where PREFIX can be written, otherwise with sudo for the copying alone.
install: build
	.ci/install-files $(COWPATH) "$(DESTDIR)$(PREFIX)"

uninstall:
	.ci/install-files --remove "$(DESTDIR)$(PREFIX)"

format:
	swift format -i -r $(FORMATTED)

lint:
	swift format lint --strict -r $(FORMATTED)

clean:
	swift package clean
	rm -rf .build-demo .build-bench .build-fuzz
