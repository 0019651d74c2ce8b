// SPDX-License-Identifier: GPL-2.0-or-later
#include "tracee.hpp"

#include <cerrno>

#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ptelab/direct.hpp>
#include <ptelab/error.hpp>

namespace ptelab::tables {

namespace {

void lend(const Device &file, Channel &channel)
{
	channel.send(::ioctl(file.fd(), PTELAB_IOC_LEND) < 0 ? errno : 0);
	::pause();
}

} // namespace

Tracee::Tracee(const Device &file) : child_([&](Channel &channel) { lend(file, channel); })
{
	errno = child_.channel().receive<int>();
	if (errno)
		throw_errno("LEND");
	if (::ptrace(PTRACE_ATTACH, child_.pid(), nullptr, nullptr) < 0)
		throw_errno("ptrace ATTACH");
	if (::waitpid(child_.pid(), nullptr, __WALL) < 0)
		throw_errno("waitpid");
}

Tracee::~Tracee()
{
	::ptrace(PTRACE_DETACH, child_.pid(), nullptr, nullptr); // ~Child ends it
}

int Tracee::peek(const void *address, std::uint64_t &value) const
{
	errno = 0;
	value = static_cast<std::uint64_t>(::ptrace(PTRACE_PEEKDATA, child_.pid(), const_cast<void *>(address), nullptr));
	return errno;
}

int Tracee::poke(void *address, std::uint64_t value) const
{
	return ::ptrace(PTRACE_POKEDATA, child_.pid(), address, value) < 0 ? errno : 0;
}

} // namespace ptelab::tables
