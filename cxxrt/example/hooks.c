// SPDX-License-Identifier: GPL-2.0
/* Kbuild wants its sources below the folder it builds; a module whose folder holds cxxrt/ lists cxxrt/linux/hooks.o. */
#include "../linux/hooks.c"
