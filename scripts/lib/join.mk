# SPDX-License-Identifier: GPL-2.0-or-later
# Files are compiled JOIN at a time, as what they include costs each compilation more than their own code does. So names without linkage must
# differ between them. JOIN=1 compiles each by itself: what changes often is quicker then, and it shows that each includes what it uses.
#
# $(call together,FOLDER,FILES,WHERE) are the objects in FOLDER of the FILES, which are under WHERE. An object has the name of the last file that
# is in it; the others are $(with), to be given to the compiler before it. What is built so must depend on $(BUILD)/joined as well: all
# that decides which file is in which object, kept by $(call keep-joined,WORDS).

JOIN ?= 8

together = $(if $(2),$(call join-first,$(1),$(wordlist 1,$(JOIN),$(2)),$(3)) $(call together,$(1),$(wordlist $(join-next),$(words $(2)),$(2)),$(3)))
join-next := $(shell expr $(JOIN) + 1)
join-first = $(call join-last,$(1)/$(basename $(lastword $(2))).o,$(addprefix $(3),$(filter-out $(lastword $(2)),$(2))))
join-last = $(eval $(call join-rules,$(1),$(2)))$(1)
define join-rules
$(1): $(2)
$(1): private with := $(addprefix -include ,$(2))
endef

keep-joined = $(if $(call join-differs,$(JOIN) $(1),$(file <$(BUILD)/joined)),$(shell mkdir -p $(BUILD))$(file >$(BUILD)/joined,$(JOIN) $(1)))
# Make 4.3 takes the last newline away only now and then.
join-differs = $(if $(findstring x$(strip $(1))x,x$(strip $(2))x),,yes)
