# SPDX-License-Identifier: GPL-2.0-or-later
# The front door. `make help` lists what there is.

KDIR ?= /lib/modules/$(shell uname -r)/build
CELL ?= $(shell scripts/default-cell)
JOBS ?= $(shell nproc)

module-sources := Kbuild $(shell find kmod/core kmod/glue kmod/misuse cxxrt/include cxxrt/linux cxxrt/shim kmod/*.h uapi \
	cxxrt/Makefile.cxx cxxrt/core-object.allow -type f) scripts/build-cell scripts/in-root scripts/build-module scripts/check-core-object

.PHONY: help demo check check-all matrix vm module userspace results clean clean-cache

help:
	@echo "make demo         boot Debian's kernel in QEMU, load the module, drive every node, and tell what happened"
	@echo "make check        run the tests, a quarter of an hour in a fresh clone; ALL_NODES=yes: and the debug kernel's rules on all nodes, and what is slow"
	@echo "make check-all    all tests, on every kernel of ci/kernels.toml; goes on where it stopped, FRESH=yes: from the start"
	@echo "make matrix       the rules alone, on every kernel or on CELLS=name,name (packaged: the distributions)"
	@echo "make vm           a shell in that machine, with the module loaded"
	@echo "make module       build ptelab.ko for this machine's kernel, or for KDIR=<headers>"
	@echo "make userspace    build the ptelab command and the tests"
	@echo "make clean        remove build/ (the cache stays)"
	@echo "make clean-cache  show what the cache of kernels and machines holds, and remove what no target needs"

demo: setup-demo
	@$(MAKE) --no-print-directory -s cell command
	@scripts/vm --cell $(CELL) -- ptelab demo

vm: setup-demo
	@$(MAKE) --no-print-directory -s cell command
	@scripts/vm --cell $(CELL)

check: setup-check
	@scripts/check $(if $(ALL_NODES),--all-nodes) $(if $(NO_BUDGET),--no-budget)

check-all: setup-all
	@scripts/check --cells all --everything --keep $(if $(FRESH),--fresh)

matrix: setup-all
	@scripts/check --matrix --cells $(or $(CELLS),all)

# Asked again when packages were installed or removed, or other programs are in PATH.
setup-%: build/setup-% ;

setup-key = <$(PATH) $(PTELAB_OS_RELEASE)>
.SECONDEXPANSION:
build/setup-%: scripts/setup scripts/default-cell ci/kernels.toml $(wildcard /var/lib/dpkg/status) \
		$$(if $$(findstring $$(setup-key),$$(file <build/setup-$$*)),,again)
	@scripts/setup $*
	@mkdir -p $(@D)
	@printf '%s\n' '$(setup-key)' >$@
.PRECIOUS: build/setup-%
.PHONY: again
again:

# The module for the kernel of one cell of ci/kernels.toml.
.PHONY: cell
cell: build/$(CELL)/module/ptelab.ko

build/%/module/ptelab.ko: $(module-sources)
	@scripts/build-cell $* -j$(JOBS)

module:
	@scripts/build-module $(KDIR) build/module -j$(JOBS)
	@echo "built build/module/ptelab.ko; load it with: insmod build/module/ptelab.ko"

# The ptelab command alone, under both its names.
.PHONY: command
command: command := $(CURDIR)/build/userspace/bin/ptelab-tests
command:
	@$(MAKE) --no-print-directory -s -q -C userspace BUILD=$(CURDIR)/build/userspace $(command) || \
		scripts/build-userspace x86_64 $(command) -j$(JOBS)

userspace:
	@scripts/build-userspace $(ARCH) -j$(JOBS)

clean:
	rm -rf build

clean-cache:
	@scripts/clean-cache
