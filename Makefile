# SPDX-License-Identifier: GPL-2.0-or-later
# One non-recursive Makefile. The two lines a new user needs:
#
#   sudo make demo      build, lay out a small plant, show what the firewall does, take it down
#   sudo make test      everything that can run here; says what it skipped and why
#
# Variants live side by side under build/: VARIANT=release (default), asan, cov, fuzz. `make help` lists the targets.

VARIANT ?= release
B := build/$(VARIANT)

prefix ?= /usr
sbindir ?= $(prefix)/sbin
bindir ?= $(prefix)/bin
libexecdir ?= $(prefix)/libexec/otfw
sysconfdir ?= /etc
datadir ?= $(prefix)/share
mandir ?= $(datadir)/man

ifeq ($(VARIANT),fuzz)
CC := clang
else
CC ?= cc
endif
PKG_CONFIG ?= pkg-config
WARN := -Wall -Wextra -Wconversion -Wshadow -Wvla -Werror=implicit -Wstrict-prototypes -Wmissing-prototypes
CFLAGS_release := -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
LDFLAGS_release := -pie -Wl,-z,relro,-z,now
CFLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS_asan := -fsanitize=address,undefined
CFLAGS_cov := -O0 -g --coverage
LDFLAGS_cov := --coverage
CFLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
LDFLAGS_fuzz := -fsanitize=address,undefined

VERSION := $(shell cat VERSION 2>/dev/null || echo 0)
CPPFLAGS += -I. -D_GNU_SOURCE -DOTFW_VERSION='"$(VERSION)"' -DOTFW_LIBEXEC='"$(libexecdir)"'
ALL_CFLAGS := -std=c11 $(WARN) $(CFLAGS_$(VARIANT)) $(CFLAGS)
ALL_LDFLAGS := $(LDFLAGS_$(VARIANT)) $(LDFLAGS)

# One short line a step; V=1 shows the commands.
Q := $(if $(V),,@)
say = $(if $(V),,@echo '  $(1)  $@')

# pkg-config is asked only when something is built: `make demo` on a bare machine must first install it.
pc = $(shell $(PKG_CONFIG) --libs $(1))

# ---- what is built from what ----
PROTOCOLS_SRC := $(wildcard protocols/*.c)
POLICY_SRC := $(wildcard rules/policy*.c)
RULES_SRC := $(filter-out $(POLICY_SRC),$(wildcard rules/*.c))
COMMON_SRC := $(wildcard fwd/common/*.c)
# The engine's pure half is a library (replay, decode, tests and fuzzers run it); the other half talks to the kernel.
ENGINE_LIVE := fwd/engine/channel.c fwd/engine/main.c fwd/engine/mirror.c fwd/engine/nfq.c fwd/engine/sandbox.c
ENGINE_SRC := $(filter-out $(ENGINE_LIVE),$(wildcard fwd/engine/*.c))
GUARDIAN_SRC := $(wildcard fwd/guardian/*.c)
# So is all of the recorder but its main().
RECORDER_SRC := $(filter-out fwd/recorder/main.c,$(wildcard fwd/recorder/*.c))
CTL_SRC := $(wildcard fwd/ctl/*.c)

o = $(patsubst %.c,$(B)/%.o,$(1))
LIBS := $(B)/libprotocols.a $(B)/libpolicy.a $(B)/librules.a $(B)/libcommon.a $(B)/libengine.a $(B)/librecorder.a
PURE := $(B)/libengine.a $(B)/libcommon.a $(B)/libpolicy.a $(B)/libprotocols.a
LOADER := $(B)/librecorder.a $(B)/libengine.a $(B)/libcommon.a $(B)/librules.a $(B)/libpolicy.a $(B)/libprotocols.a
BINS := $(B)/otfwd $(B)/otfw-engine $(B)/otfw-recorder $(B)/otfwctl

.PHONY: all
all: $(BINS)

$(B)/libprotocols.a: $(call o,$(PROTOCOLS_SRC))
$(B)/libpolicy.a: $(call o,$(POLICY_SRC))
$(B)/librules.a: $(call o,$(RULES_SRC))
$(B)/libcommon.a: $(call o,$(COMMON_SRC))
$(B)/libengine.a: $(call o,$(ENGINE_SRC))
$(B)/librecorder.a: $(call o,$(RECORDER_SRC))
$(LIBS):
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(B)/otfw-engine: $(call o,$(wildcard $(ENGINE_LIVE))) $(PURE)
	$(call say,LD)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(call pc,libmnl libnetfilter_queue libseccomp)
$(B)/otfwd: $(call o,$(GUARDIAN_SRC)) $(B)/libcommon.a $(B)/librules.a $(B)/libpolicy.a $(B)/libprotocols.a
	$(call say,LD)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(call pc,libmnl libnetfilter_queue libcap-ng libsodium)
# Of the rules only what compares two images: it reads no YAML, and has no library for it.
$(B)/otfw-recorder: $(call o,fwd/recorder/main.c) $(B)/librecorder.a $(B)/libengine.a $(B)/libcommon.a $(B)/librules.a $(B)/libpolicy.a $(B)/libprotocols.a
	$(call say,LD)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(call pc,jansson libsodium sqlite3)
$(B)/otfwctl: $(call o,$(CTL_SRC)) $(LOADER)
	$(call say,LD)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(call pc,yaml-0.1 jansson libsodium libpcap sqlite3) -lm

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# ---- tests ----
UNIT_SRC := $(wildcard tests/unit/*.c)
LAWS_SRC := $(wildcard tests/laws/*.c)
FUZZ_SRC := $(filter-out tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c))
UNIT := $(patsubst %.c,$(B)/%,$(UNIT_SRC))
LAWS := $(patsubst %.c,$(B)/%,$(LAWS_SRC))
FUZZ_REPLAY := $(patsubst tests/fuzz/%.c,$(B)/tests/fuzz-replay/%,$(FUZZ_SRC))
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(B)/tests/fuzz/%,$(FUZZ_SRC))
TEST_LIBS = $(call pc,cmocka yaml-0.1 jansson libsodium libpcap sqlite3) -lm

$(UNIT) $(LAWS): $(B)/tests/%: tests/%.c $(LOADER)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $< $(LOADER) $(TEST_LIBS)

# Corpus and regressions replay without clang: each target linked to a small driver.
$(FUZZ_REPLAY): $(B)/tests/fuzz-replay/%: tests/fuzz/%.c tests/fuzz/replay.c $(LOADER)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ tests/fuzz/$*.c tests/fuzz/replay.c $(LOADER) $(TEST_LIBS)
$(FUZZ_BIN): $(B)/tests/fuzz/%: tests/fuzz/%.c $(LOADER)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -fsanitize=fuzzer $(ALL_LDFLAGS) -o $@ $< $(LOADER) $(TEST_LIBS)

# Programs that tests, demo and bench run: peers (libmodbus) and measuring tools, one file each.
TOOLS_SRC := $(wildcard tests/netns/tools/*.c tests/bench/*.c)
TOOLS := $(patsubst %.c,$(B)/%,$(TOOLS_SRC))
$(TOOLS): $(B)/%: %.c
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $< $(call pc,libmodbus libmnl libnetfilter_queue) -lpthread

# An engine that fails on demand: the released objects, and a decoder of the tests' in front. Never installed.
CHAOS := $(B)/tests/chaos/otfw-engine
$(CHAOS): $(call o,tests/chaos/decoder.c $(wildcard $(ENGINE_LIVE))) $(PURE)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(ALL_LDFLAGS) -Wl,--wrap=proto_get -o $@ $^ $(call pc,libmnl libnetfilter_queue libseccomp)
TOOLS += $(CHAOS)

NETNS := $(filter-out %/lib.sh,$(wildcard tests/netns/*.sh))

.PHONY: tools
tools: $(TOOLS)

# As many compilers as processors, unless make was told another number.
JOBS = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

# Those that run side by side begin with the longest, so that none is left over at the end.
SLOWEST = $(wildcard tests/oracle/*.sh) $(patsubst $(B)/%,build/asan/%,$(LAWS)) $(LAWS)

FUZZ_SECONDS ?= 60
.PHONY: check test test-netns test-vm fuzz bench demo plant-day lint format help deps deps-bench deps-demo install clean manual
check: all $(UNIT) $(LAWS) $(FUZZ_REPLAY)
	@B=$(B) tests/run $(UNIT) $(LAWS) $(FUZZ_REPLAY) $(wildcard tests/cases/*.sh tests/config/*.sh tests/oracle/*.sh) --

test: deps
	@$(MAKE) --no-print-directory $(JOBS) all tools $(UNIT) $(LAWS) $(FUZZ_REPLAY)
	@$(MAKE) --no-print-directory $(JOBS) VARIANT=asan all $(patsubst $(B)/%,build/asan/%,$(UNIT) $(LAWS) $(FUZZ_REPLAY))
	@B=$(B) tests/run $(SLOWEST) lint $(UNIT) $(FUZZ_REPLAY) $(patsubst $(B)/%,build/asan/%,$(UNIT) $(FUZZ_REPLAY)) \
	    $(wildcard tests/cases/*.sh tests/config/*.sh) -- $(NETNS)

# On Debian's own kernel, emulated. Where no qemu or kernel is to be had it says so and is no failure.
test-vm:
	@tests/deps.sh vm || :
	@$(MAKE) --no-print-directory $(JOBS) all tools
	@B=$(B) tests/vm/run.sh; rc=$$?; [ $$rc -eq 77 ] || exit $$rc

test-netns: all tools
	@B=$(B) tests/run $(NETNS)

fuzz:
	@$(MAKE) --no-print-directory $(JOBS) VARIANT=fuzz $(patsubst $(B)/%,build/fuzz/%,$(FUZZ_BIN))
	@B=build/fuzz tests/fuzz/run.sh $(FUZZ_SECONDS)

bench: deps-bench
	@$(MAKE) --no-print-directory $(JOBS) all tools
	@B=$(B) tests/bench/run.sh

demo: deps-demo
	@$(MAKE) --no-print-directory $(JOBS) -s all tools
	@B=$(B) tests/netns/demo/run.sh

# Two days of a small plant, from learn to enforce: prints the story, and is a test as well.
plant-day: deps-demo
	@$(MAKE) --no-print-directory $(JOBS) -s all tools
	@B=$(B) tests/netns/plant_day.sh

deps:
	@tests/deps.sh
deps-bench deps-demo: deps-%:
	@tests/deps.sh $*

lint:
	@tests/lint.sh
format:
	@clang-format -i $$(git ls-files '*.c' '*.h')

install: all
	install -d $(DESTDIR)$(sbindir) $(DESTDIR)$(bindir) $(DESTDIR)$(libexecdir) $(DESTDIR)$(sysconfdir)/otfw \
	    $(DESTDIR)$(datadir)/doc/otfw/examples
	install -m 755 $(B)/otfwd $(DESTDIR)$(sbindir)/
	install -m 755 $(B)/otfwctl $(DESTDIR)$(bindir)/
	install -m 755 $(B)/otfw-engine $(B)/otfw-recorder $(DESTDIR)$(libexecdir)/
	cp -r examples/. $(DESTDIR)$(datadir)/doc/otfw/examples/

clean:
	rm -rf build

help:
	@echo 'all check test test-netns test-vm fuzz (FUZZ_SECONDS=60 each) bench demo plant-day lint format install clean'
	@echo 'VARIANT=release|asan|cov|fuzz   DESTDIR= prefix=$(prefix)'

-include $(wildcard $(B)/*/*.d $(B)/*/*/*.d $(B)/*/*/*/*.d)
