# SpeedData Relay. `make help` lists the targets.
#
# What asks the compiler something is expanded late (=): on a fresh machine it comes with `deps`.
ifeq (,$(filter -j% --jobserver%,$(MAKEFLAGS)))
MAKEFLAGS += -j$(shell nproc)
endif
VERSION  := 0.1.0
PREFIX   ?= /usr/local
UNITDIR  ?= $(PREFIX)/lib/systemd/system
CXX      ?= g++
BUILD    ?= build
HOST_CXX := $(CXX)

# What the compiler makes programs for; another one's is CXX=aarch64-linux-gnu-g++.
TRIPLET   = $(shell $(CXX) -dumpmachine 2>/dev/null)
MUSL      = /usr/lib/$(subst gnu,musl,$(TRIPLET))
GXX_VER   = $(shell $(CXX) -dumpversion 2>/dev/null)

WARN     := -Wall -Wextra -Wshadow -Wconversion -Wno-psabi
COMMON   := -std=c++20 -g -MMD -MP $(WARN) -I. -DSDR_VERSION='"$(VERSION)"'

# The relay: freestanding in spirit. libstdc++.a is never linked, so what needs it fails the link.
RELAY_FLAGS := $(COMMON) -Os -fno-exceptions -fno-rtti -fno-threadsafe-statics \
               -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections \
               -fno-math-errno -ffp-contract=off -fno-jump-tables
# With all of it in view at once the compiler makes it smaller, by an eighth on arm64.
LTO         := -flto -fno-unwind-tables -fno-asynchronous-unwind-tables -fomit-frame-pointer
MUSL_FLAGS   = $(LTO) -fno-pie -specs=$(MUSL)/musl-gcc.specs '-D__GLIBC_PREREQ(a,b)=0' -nostdinc++ \
               -isystem /usr/include/c++/$(GXX_VER) \
               -isystem /usr/include/$(TRIPLET)/c++/$(GXX_VER) \
               -isystem /usr/$(TRIPLET)/include/c++/$(GXX_VER)/$(TRIPLET)
MUSL_LINK    = -static -specs=$(MUSL)/musl-gcc.specs -nodefaultlibs -Wl,--gc-sections \
               $(LTO) -flto-partition=one -Oz \
               -Wl,-z,max-page-size=65536,-z,common-page-size=64,-z,noseparate-code,-z,norelro \
               -Wl,--build-id=none
MUSL_LIBS   := -lc -lgcc -lgcc_eh -lc
# Lines for a debugger, no types: a third of the time to compile; CXXFLAGS=-g has all.
TOOL_FLAGS  := $(COMMON) -O2 -g1 -D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64
$(BUILD)/tools/tests/%.o: TOOL_FLAGS += -O1

RELAY_SRC  := $(wildcard relay/*.cc)
LIBC_SRC   := $(wildcard relay/libc/*.cc)
FORMAT_SRC := $(wildcard relay/format/*.cc)
TOOLS      := sdr-gen sdr-confine sdr-stat sdr-cat sdr-feed sdr-prune
LIB_SRC    := $(wildcard $(addsuffix /*.cc,tools/lib tools/config tools/recording))
TEST_SRC   := $(wildcard tests/unit/*_test.cc)
# Pure relay modules (no system call) that the unit tests link beside relay/format.
PURE_SRC   := $(filter-out relay/main.cc,$(RELAY_SRC))

obj = $(patsubst %.cc,$(BUILD)/$(1)/%.o,$(2))
PROGRAMS := $(addprefix $(BUILD)/bin/,sdr-relay $(TOOLS))

Q := $(if $(V),,@)
say = @printf '  %-5s %s\n' $(1) $(2)

all: $(PROGRAMS) ## build the programs, into build/bin

HOT := format/layout intake arrivals numbers decimator stream
COLD := -Oz -fno-expensive-optimizations -fno-move-loop-invariants -fno-tree-ch -fno-tree-loop-im
$(BUILD)/musl/%.o: %.cc | deps
	@mkdir -p $(@D)
	$(call say,CXX,$@)
	$(Q)$(CXX) $(MUSL_FLAGS) $(RELAY_FLAGS) $(if $(filter $(HOT:%=relay/%.cc),$<),-Os,$(COLD)) \
	    $(CPPFLAGS) -c -o $@ $<

$(BUILD)/bin/sdr-relay: $(call obj,musl,$(RELAY_SRC) $(FORMAT_SRC) $(LIBC_SRC))
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CXX) $(LDFLAGS) $(MUSL_LINK) -o $@.debug $^ $(MUSL_LIBS)
	$(Q)$(shell $(CXX) -print-prog-name=strip) -R .comment -o $@ $@.debug

# The same sources, dynamic with glibc: for sanitizers (make relay-glibc SAN=address,undefined).
SAN_FLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all)
relay-glibc: $(BUILD)/bin/sdr-relay-glibc ## the relay with glibc; SAN=address,undefined
$(BUILD)/glibc/%.o: %.cc | deps
	@mkdir -p $(@D)
	$(call say,CXX,$@)
	$(Q)$(CXX) $(RELAY_FLAGS) -O1 $(SAN_FLAGS) $(CPPFLAGS) -c -o $@ $<
$(BUILD)/bin/sdr-relay-glibc: $(call obj,glibc,$(RELAY_SRC) $(FORMAT_SRC))
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^

$(BUILD)/tools/%.o: %.cc | deps
	@mkdir -p $(@D)
	$(call say,CXX,$@)
	$(Q)$(CXX) $(TOOL_FLAGS) $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<

# What the tools share; of this archive each links what it uses, and no library for the rest.
SHARED := $(BUILD)/tools/shared.a
$(SHARED): $(call obj,tools,$(LIB_SRC) $(FORMAT_SRC) relay/address.cc relay/bind.cc relay/dir.cc)
	$(Q)rm -f $@ && ar rcs $@ $^

LIBS := -Wl,--as-needed -lavro -ljansson -lcap-ng -lncursesw -ltinfo -ls6 -lskarnet

# tools/NAME/*.cc make sdr-NAME.
define tool
$(BUILD)/bin/$(1): $(call obj,tools,$(wildcard tools/$(patsubst sdr-%,%,$(1))/*.cc)) $(SHARED)
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CXX) $$(LDFLAGS) -o $$@ $$^ $(LIBS)
endef
$(foreach t,$(TOOLS),$(eval $(call tool,$(t))))

UNIT_TOOLS := $(filter-out %/main.cc,$(wildcard $(patsubst sdr-%,tools/%/*.cc,$(TOOLS))))
FUZZ_LIB   := $(filter-out %_fuzz.cc %/replay.cc,$(wildcard tests/fuzz/*.cc))
$(BUILD)/unit: $(call obj,tools,$(TEST_SRC) $(PURE_SRC) $(UNIT_TOOLS) $(FUZZ_LIB)) $(SHARED)
	$(call say,LINK,$@)
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LIBS)

# Those of the relay alone, static: for machines that only an emulator can be.
RELAY_TEST := $(shell grep -L 'tools/\|config_dir\|libavro\|tests/fuzz' $(TEST_SRC))
$(BUILD)/relay-unit: $(call obj,tools,$(PURE_SRC) $(FORMAT_SRC) $(RELAY_TEST))
	$(call say,LINK,$@)
	$(Q)$(CXX) -static $(LDFLAGS) -o $@ $^
ARMS := aarch64-linux-gnu arm-linux-gnueabihf
arm: ## the relay for arm64 and armhf: its size, and its unit tests by an emulator
	@test -e /usr/lib/arm-linux-musleabihf || { echo "make arm: takes musl-dev:arm64 musl-dev:armhf \
	crossbuild-essential-arm64 crossbuild-essential-armhf qemu-user-static"; exit 1; }
	+$(Q)for arm in $(ARMS); do $(MAKE) --no-print-directory NODEPS=1 CXX=$$arm-g++ \
	    BUILD=$(BUILD)/$$arm $(BUILD)/$$arm/bin/sdr-relay $(BUILD)/$$arm/relay-unit || exit 1; done
	$(Q)BUILD=$(abspath $(BUILD)) tests/run $(or $(T),cross)

# The fuzzers, tests/fuzz/NAME_fuzz.cc, with sanitizers: build/fuzz/bin/NAME by clang with libFuzzer
# for `make fuzz`; build/replay/bin/NAME, whose main feeds it the kept inputs, for `make check`.
FUZZERS    := $(patsubst tests/fuzz/%_fuzz.cc,%,$(wildcard tests/fuzz/*_fuzz.cc))
FUZZ_CXX   ?= clang++
FUZZ_FLAGS := $(COMMON) -fsanitize=address,undefined -fno-sanitize-recover=all
UNFUZZED   := gen/apply% gen/boot% gen/diff% gen/fleet% gen/held% gen/plan% gen/program% \
              gen/render% gen/runit% gen/s6% gen/supervisor% confine/confine% confine/held% \
              confine/priv% feed/sender% feed/replay feed/replay_lane feed/replay_console \
              stat/terminal stat/watch prune/keep%
FUZZ_SRC   := $(PURE_SRC) $(FORMAT_SRC) $(LIB_SRC) $(FUZZ_LIB) \
              $(filter-out $(UNFUZZED:%=tools/%.cc),$(UNIT_TOOLS))

# $(1): where to; $(2): the compiler and its flags; $(3): what brings the main; $(4): what first.
define sanitized
$(BUILD)/$(1)/%.o: %.cc | deps $(4)
	@mkdir -p $$(@D)
	$$(call say,CXX,$$@)
	$$(Q)$(2) $(FUZZ_FLAGS) $$(CPPFLAGS) -c -o $$@ $$<
$(BUILD)/$(1)/all.a: $(call obj,$(1),$(FUZZ_SRC))
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
$(BUILD)/$(1)/bin/%: $(BUILD)/$(1)/tests/fuzz/%_fuzz.o $(3) $(BUILD)/$(1)/all.a
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$(2) $(FUZZ_FLAGS) -o $$@ $$^ $(LIBS)
endef
$(eval $(call sanitized,replay,$(CXX) -O0 -g1,$(call obj,replay,tests/fuzz/replay.cc)))
$(eval $(call sanitized,fuzz,$(FUZZ_CXX) -O1 -fsanitize=fuzzer,,libfuzzer))
.SECONDARY:
libfuzzer:
	$(Q)echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, long) { return 0; }' | \
	  $(FUZZ_CXX) -fsanitize=fuzzer,address -x c++ -o /dev/null - 2>/dev/null || { echo \
	  "make fuzz: $(FUZZ_CXX) without libFuzzer; apt-get install clang libclang-rt-dev" >&2; exit 1; }
# `make check` needs them where it runs net/corpora.
REPLAYS := $(if $(if $(T),$(filter net net/corpora%,$(T)),all),$(FUZZERS:%=$(BUILD)/replay/bin/%))

# Each for SECONDS, by default an hour for all together. MERGE=1: what is new in them is kept.
fuzz: $(FUZZERS:%=$(BUILD)/fuzz/bin/%) ## all parsers, or FUZZERS="cat feed"; SECONDS=60 of each
	$(Q)BUILD=$(abspath $(BUILD)) SECONDS=$(SECONDS) MERGE=$(MERGE) tests/fuzz/run $(FUZZERS)

# debian/control says what; nothing is fetched where all is there (NODEPS=1: not even looked).
deps: ## install what the build and the tests need (Debian; asks for sudo)
	$(if $(NODEPS),,$(Q)debian/builddeps)

# Readers and checkers of others, without which some tests are skipped.
$(BUILD)/foreign/.tried: tests/foreign
	$(Q)tests/foreign small $(@D) && touch $@

check: all $(BUILD)/unit $(BUILD)/foreign/.tried $(REPLAYS) ## run all tests, or T="net/rejects …"
	$(Q)BUILD=$(abspath $(BUILD)) tests/run $(T)

READER_PACKAGES := default-jdk-headless golang-github-linkedin-goavro-dev golang-go libavro-java
readers: all ## recordings read by Java, Go, ClickHouse and DuckDB; fetches hundreds of megabytes
	$(if $(NODEPS),,$(Q)debian/builddeps $(READER_PACKAGES) || true)
	$(Q)tests/foreign large $(BUILD)/readers
	$(Q)BUILD=$(abspath $(BUILD)) tests/run $(or $(T),readers)

# SEED=N is what a run prints.
crash: all ## kills at every system call, KILLS=200 under load, RESTARTS=100, power cuts
	$(Q)$(MAKE) BUILD=$(BUILD)/san SAN=address,undefined relay-glibc
	$(Q)BUILD=$(abspath $(BUILD)) TIMEOUT_S=3600 STRIDE=1 EVERY=3 KILLS=$(or $(KILLS),200) \
	    RESTARTS=$(or $(RESTARTS),100) SDR_CUTS=$(or $(SDR_CUTS),200) tests/run $(or $(T),crash)
	$(Q)BUILD=$(abspath $(BUILD)) SDR_RELAY=$(abspath $(BUILD))/san/bin/sdr-relay-glibc \
	    HOSTILE=1000 TIMEOUT_S=3600 tests/run crash/hostile

soak: all ## half an hour of load, or SOAK_S=60: nothing lost, nothing grows
	$(Q)BUILD=$(abspath $(BUILD)) SOAK_S=$(or $(SOAK_S),1800) \
	    TIMEOUT_S=$$(($(or $(SOAK_S),1800) + 300)) tests/run soak

$(BUILD)/bench/%: tests/bench/%.cc | deps
	$(Q)mkdir -p $(@D) && $(CXX) $(COMMON) -O2 -o $@ $<
bench: all $(BUILD)/bench/forwarder $(BUILD)/bench/traffic ## what things cost; B=relaying for one
	$(Q)for b in $(or $(B:%=tests/bench/%.py),$(wildcard tests/bench/*.py)); do \
	    BUILD=$(abspath $(BUILD)) $$b || exit 1; done

$(BUILD)/dist/.deb: $(PROGRAMS) $(shell find debian etc man servicedirs -type f 2>/dev/null)
	+$(Q)DEB_BUILD_OPTIONS=nocheck $(MAKE) --no-print-directory deb && touch $@
vm: all $(BUILD)/unit $(BUILD)/dist/.deb ## tests in a Debian 12 booted as a process; takes root
	$(if $(NODEPS),,$(Q)debian/builddeps mmdebstrap user-mode-linux || true)
	$(Q)BUILD=$(abspath $(BUILD)) tests/vm/run $(T)

demo: all ## a fleet of three channels, fed and read back; KEEP=1 leaves it running until Ctrl-C
	$(Q)BUILD=$(abspath $(BUILD)) KEEP=$(KEEP) tests/demo/demo.py

install: all ## into PREFIX (/usr/local) below DESTDIR; the configuration into /etc/speeddata
	$(Q)BUILD='$(BUILD)' DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' UNITDIR='$(UNITDIR)' etc/install

dist: ## a source archive in build/dist: the same bytes of the same sources
deb: ## the Debian package in build/dist, also of ARCH="arm64 armhf"
static: ## programs for any Linux in build/dist: nothing of the host's libraries is needed
dist deb static:
	+$(Q)VERSION='$(VERSION)' BUILD='$(abspath $(BUILD))' NODEPS='$(NODEPS)' debian/package $@ $(ARCH)

clean: ## remove build/
	rm -rf $(BUILD)

help: ## list the targets
	@sed -n 's/^\([a-z -]*\):.*## /\1	/p' Makefile | expand -t 14

.PHONY: all relay-glibc deps check readers crash fuzz libfuzzer soak bench vm demo \
        install dist deb static clean help
-include $(shell find $(BUILD) -path $(BUILD)/vm -prune -o -path $(BUILD)/dist -prune -o \
           -type f -name '*.d' -print 2>/dev/null)
