# SPDX-License-Identifier: GPL-2.0-only
# The commands of this repository; `make help` lists them. Each does its own set-up.

ARCH ?= x86_64
SUITE ?= dma_*
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

# The commands share build/, so targets are not made in parallel.
.NOTPARALLEL:

help:
	@echo 'make demo [ARCH=x86_64|arm64|arm]        frames from a camera to a display, in QEMU'
	@echo 'make demo ARCH=x86_64-base               what the unchanged kernel answers to a heap'
	@echo 'make check [KCSAN=yes]                   every test; a summary table at the end'
	@echo
	@echo 'make kunit ARCH=um|x86_64|x86_64-debug|x86_64-rt|x86_64-kcsan|arm64|arm [SUITE=glob]'
	@echo '                                         the in-kernel unit tests'
	@echo 'make kunit ARCH=x86_64 SUITE=dma_storage_bounced'
	@echo '                                         those that need swiotlb=force'
	@echo 'make kunit ARCH=x86_64 SUITE=dma_*_iommu'
	@echo '                                         those that need an IOMMU'
	@echo 'make kunit ARCH=x86_64 SUITE=dma_buf_needs_passthrough'
	@echo '                                         the one that needs it to translate nothing'
	@echo 'make kunit ARCH=um-base                  the contract tests, on the unchanged base'
	@echo 'make selftests ARCH=x86_64|arm64|arm'
	@echo '                                         the userspace tests'
	@echo 'make edu ARCH=x86_64|arm64               copies by real DMA: out of reach, bounced, IOMMU'
	@echo 'make cases                               what goes wrong in the field, base and ours'
	@echo 'make compliance                          v4l2-compliance, modetest, GStreamer'
	@echo 'make bench                               instructions per operation, base and ours'
	@echo 'make bench-memory                        the same for heaps and udmabuf, and their times'
	@echo 'make static                              sparse, W=1, coccicheck, checkpatch, kernel-doc'
	@echo 'make consumers                           compiles every user of the headers'
	@echo 'make docs                                the documentation pages, in HTML'
	@echo
	@echo 'make apply KERNEL=DIR                    lays the files over your own 6.12 tree'
	@echo 'make series [KERNEL=DIR] [FROM="Name <mail>"]'
	@echo '                                         the same as patches, in build/series'
	@echo 'make series-check [FROM_PATCH=n]         checks, builds and boots one patch after the other'
	@echo 'make tree                                build/base and build/linux'
	@echo 'make kernel ARCH=...                     one kernel, in build/out/ARCH'
	@echo 'make clean                               removes build/'

tree:
	@scripts/setup build
	@scripts/tree

kernel: kernel-$(ARCH)

kernel-%:
	@scripts/setup build $(firstword $(subst -, ,$*))
	@scripts/tree
	@scripts/build-kernel $*

# A kernel with the test programs in an initramfs.
guest-%: kernel-%
	@scripts/programs $*
	@scripts/initramfs $*

# `make check` sets BUILT=yes after it has built the kernels.
if_not_built = $(if $(BUILT),,$(1))

demo: $(call if_not_built,guest-$(ARCH))
	@scripts/demo $(ARCH)

kunit: $(call if_not_built,$(if $(filter %-debug,$(ARCH)),guest,kernel)-$(ARCH))
	@scripts/kunit $(ARCH) '$(SUITE)'

# Our tests use fault injection, which on x86_64 the debug kernel has. That kernel is too
# slow for the base's tests.
OURS = $(patsubst x86_64,x86_64-debug,$(ARCH))

selftests: $(call if_not_built,guest-$(OURS) guest-$(ARCH))
	@rc=0; scripts/selftests $(OURS) ours || rc=1; \
	$(if $(filter %-debug,$(OURS)),scripts/selftests $(OURS) bounced || rc=1;) \
	scripts/selftests $(ARCH) base || rc=1; exit $$rc

# A boot of the sample driver of QEMU's edu device per way to its memory.
edu: $(call if_not_built,guest-$(ARCH))
	@scripts/edu $(ARCH)

# What goes wrong in the field, in the base kernel and in ours.
cases: $(call if_not_built,guest-x86_64 guest-x86_64-debug kernel-x86_64-base)
	@scripts/cases

# v4l2-compliance, modetest and GStreamer, from Debian 13.
compliance: $(call if_not_built,kernel-x86_64)
	@scripts/compliance x86_64

bench static consumers docs selfcheck: $(call if_not_built,tree)
	@scripts/$@

bench-memory: $(call if_not_built,tree)
	@scripts/bench memory

series: $(call if_not_built,tree)
	@scripts/series $(if $(KERNEL),'$(KERNEL)')

# Its boots of the base's tests use the programs of `make selftests`.
series-check: $(call if_not_built,guest-x86_64)
	@scripts/setup build arm64 arm
	@scripts/series
	@scripts/series-check $(FROM_PATCH)

apply:
	@scripts/apply $(if $(KERNEL),'$(KERNEL)')

check:
	@scripts/setup build
	@KCSAN='$(KCSAN)' scripts/check

clean:
	rm -rf build

# make would treat the targets of pattern rules as temporary files.
.PRECIOUS: kernel-% guest-%
.PHONY: help tree kernel demo kunit selftests edu cases compliance bench bench-memory static consumers docs selfcheck series series-check apply check clean
