/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Return thunks for a compiler that can't make them: clang before 15, of which Makefile.cxx includes this first, in an
 * x86_64 kernel with CONFIG_RETHUNK. The assembler does the rewriting, hence -fno-integrated-as. The int3 is what
 * -mharden-sls adds and objtool demands under CONFIG_SLS.
 */
__asm__(".macro retq\n"
	"	jmp __x86_return_thunk\n"
	"	int3\n"
	".endm");
