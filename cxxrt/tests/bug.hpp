// SPDX-License-Identifier: GPL-2.0-or-later
// Whether something ends in cxxrt_bug(): it is tried in a child process, which must abort.
#pragma once

#include <csignal>
#include <cstdio>

#include <sys/wait.h>
#include <unistd.h>

template <typename F>
bool is_bug(F action)
{
	std::fflush(nullptr);
	pid_t child = fork();
	if (child == 0) {
		std::signal(SIGABRT, SIG_DFL);
		std::fclose(stderr);
		action();
		_exit(0);
	}
	int status = 0;
	return child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}
