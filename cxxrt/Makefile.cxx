# SPDX-License-Identifier: GPL-2.0-or-later
#
# C++ objects in a kernel module. Include this from a Kbuild file, after setting
#
#   cxx-objs         the C++ objects, relative to $(obj): core.o is made from core.cpp. They are to be listed in
#                    <module>-y as well, and no C source may share a stem with one of them.
#   cxx-ccflags-y    more flags for all of them, such as -I$(src)/../uapi. ccflags-y counts too, for C and C++.
#
# and listing cxxrt_hooks.o in <module>-y: linux/hooks.c, which this file knows how to build in any folder.
#
# From the command line of make, or the environment:
#
#   KCXXFLAGS        flags to add last, as KCFLAGS is for C: KCXXFLAGS=-Werror
#   CXXRT_CC         another compiler for the C++ objects alone, such as clang-14. See README.md.
#   CXXRT_CHECK      a command that is given the path of each C++ object and fails if it is unfit for a module, such as
#                    "path/to/check-core-object --allow-symbol 'port_*'". Skipped under LTO, where the object is bitcode.
#                    On x86 with kCFI, --kcfi stands before the path.
#
# The rule is the kernel's own for C, so that fixdep, objtool, recordmcount and modversions come along in every version;
# $(CC) compiles .cpp as C++ by the suffix. Only the flags are ours, and of these, but for one, only what is not code generation.

cxxrt-dir := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))

cxxrt-warnings := -Wall -Wextra -Wshadow -Wundef -Wvla -Wcast-qual -Wold-style-cast -Wmissing-declarations \
	-Wframe-larger-than=1024

# Nothing that hides a use of the absent runtime: -fno-threadsafe-statics and -fno-use-cxa-atexit would make a
# function-local static or a global destructor link, and be wrong. See README.md.
# On arm64 an atomic operation is an instruction or two, and no call into a library of the compiler's.
cxxrt-language := -std=gnu++20 -nostdinc -ffreestanding -fno-exceptions -fno-rtti $(if $(CONFIG_ARM64),-mno-outline-atomics)

# pahole can't encode C++ types. Where it will run, as vmlinux is there to be the base, it must not see any.
cxxrt-debug = $(if $(and $(CONFIG_DEBUG_INFO_BTF_MODULES),$(wildcard $(objtree)/vmlinux)),-g0)

# All -W flags of the kernel go, and not a list of those that are for C only: that list grows with every release.
# -Wa, alone is not a warning.
cxxrt-codegen = $(filter-out -std=% -W%,$(_c_flags)) $(filter -Wa$(comma)%,$(_c_flags)) $(modkern_cflags)

# A function is not split in a hot and a cold part: objtool of 5.10 refuses to, if the name has over 128 characters, as names of
# C++ soon have. clang does it only when told how often each part runs.
cxxrt-whole := $(if $(CXXRT_CC),,$(call cc-option,-fno-reorder-blocks-and-partition))

ifdef CXXRT_CC
# Kbuild chose its flags for another compiler: keep those that this one knows, and name what clang has instead of some.
cxxrt-unknown := $(shell for flag in $(filter -f% -m%,$(KBUILD_CFLAGS) $(KBUILD_CFLAGS_MODULE)); do \
	$(CXXRT_CC) -Werror $$flag -x c++ -fsyntax-only /dev/null 2>/dev/null || echo "$$flag"; done)
cxxrt-instead-of = $(if $(filter $(1),$(cxxrt-unknown)),$(2))
cxxrt-instead := \
	$(call cxxrt-instead-of,-mpreferred-stack-boundary=3,-mstack-alignment=8) \
	$(call cxxrt-instead-of,-mindirect-branch=thunk-extern,-mretpoline-external-thunk) \
	$(call cxxrt-instead-of,-mfunction-return=thunk-extern,\
		-fno-integrated-as -fno-autolink -include $(cxxrt-dir)/shim/rethunk.h)
# A compiler that can't record its calls of __fentry__ is to make none: ftrace would never patch them out.
cxxrt-unknown += $(call cxxrt-instead-of,-mrecord-mcount,$(CC_FLAGS_FTRACE))
endif

cxxrt-flags = -Wp,-MMD,$(depfile) $(filter-out $(cxxrt-unknown),$(cxxrt-codegen)) $(basename_flags) $(modname_flags) \
	$(cxxrt-language) $(cxxrt-whole) $(cxxrt-instead) $(cxxrt-warnings) $(cxxrt-debug) \
	-I$(cxxrt-dir)/include -I$(cxxrt-dir)/shim $(cxx-ccflags-y) $(KCXXFLAGS)

quiet_cmd_cxxrt_check = CHECK   $@
      cmd_cxxrt_check = $(CXXRT_CHECK) $(and $(CONFIG_X86_64),$(CONFIG_ARCH_USES_CFI_TRAPS),--kcfi) $@

$(addprefix $(obj)/,$(cxx-objs)): private c_flags = $(cxxrt-flags)
ifdef CXXRT_CC
$(addprefix $(obj)/,$(cxx-objs)): private override CC = $(CXXRT_CC)
endif
$(addprefix $(obj)/,$(cxx-objs)): $(obj)/%.o: $(src)/%.cpp FORCE
	$(call if_changed_rule,cc_o_c)
	$(if $(CXXRT_CHECK),$(if $(CONFIG_LTO_CLANG),,$(call cmd,cxxrt_check)))

$(obj)/cxxrt_hooks.o: $(cxxrt-dir)/linux/hooks.c FORCE
	$(call if_changed_rule,cc_o_c)
