// SPDX-License-Identifier: GPL-2.0-or-later
#include <ptelab/child.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

#include <grp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ptelab/error.hpp>
#include <ptelab/probe.hpp>

namespace ptelab {
namespace {

constexpr int kPatienceMs = 10'000;
constexpr std::size_t kMessageBytes = 1024;
constexpr int kThrew = 125; // exit status of a child whose body threw
constexpr uid_t kNobody = 65534;

} // namespace

Channel::Channel(Channel &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Channel::~Channel()
{
	if (fd_ >= 0)
		::close(fd_);
}

void Channel::send_bytes(std::span<const std::byte> message) const
{
	if (::send(fd_, message.data(), message.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(message.size()))
		throw_errno("a message to another process");
}

void Channel::receive_bytes(std::span<std::byte> message) const
{
	pollfd poll{.fd = fd_, .events = POLLIN, .revents = 0};
	int ready;
	do
		ready = ::poll(&poll, 1, kPatienceMs);
	while (ready < 0 && errno == EINTR);
	if (ready == 0)
		throw std::runtime_error("no message from the other process in ten seconds");
	const ssize_t got = ::recv(fd_, message.data(), message.size(), 0);
	if (got != static_cast<ssize_t>(message.size()))
		throw std::runtime_error("the other process ended without its message");
}

struct Child::Started {
	int fd;
	pid_t pid;
	char *message;
};

Child::Started Child::start(const std::function<void(Channel &)> &body)
{
	void *shared = ::mmap(nullptr, kMessageBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		throw_errno("mmap");
	auto *message = static_cast<char *>(shared);

	int ends[2];
	if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		throw_errno("socketpair");

	const pid_t parent = ::getpid();
	const pid_t pid = ::fork();
	if (pid < 0)
		throw_errno("fork");
	if (pid > 0) {
		::close(ends[1]);
		return {ends[0], pid, message};
	}

	// The child: no handler of the test runner may report from here, and it ends with its parent.
	Probe::forget_earlier_handlers();
	::prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (::getppid() != parent)
		::_exit(kThrew);
	::close(ends[0]);
	int status = 0;
	try {
		Channel channel(ends[1]);
		body(channel);
	} catch (const std::exception &error) {
		std::snprintf(message, kMessageBytes, "%s", error.what());
		status = kThrew;
	} catch (...) {
		std::snprintf(message, kMessageBytes, "an exception of unknown type");
		status = kThrew;
	}
	::_exit(status);
}

Child::Child(const std::function<void(Channel &)> &body) : Child(start(body)) {}

Child::Child(const Started &started) : channel_(started.fd), pid_(started.pid), message_(started.message) {}

Child::~Child()
{
	if (pid_ > 0) {
		::kill(pid_, SIGKILL);
		::waitpid(pid_, nullptr, 0);
	}
	::munmap(message_, kMessageBytes);
}

void Child::kill(int signal) const
{
	if (::kill(pid_, signal) < 0)
		throw_errno("kill");
}

int Child::wait()
{
	int status = 0;
	if (::waitpid(pid_, &status, 0) < 0)
		throw_errno("waitpid");
	pid_ = -1;
	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	if (WEXITSTATUS(status) != 0)
		throw std::runtime_error("in a child process: " + std::string(message_));
	return 0;
}

void become_nobody()
{
	if (::setgroups(0, nullptr) < 0 || ::setresgid(kNobody, kNobody, kNobody) < 0 ||
	    ::setresuid(kNobody, kNobody, kNobody) < 0)
		throw_errno("becoming the user nobody");
}

} // namespace ptelab
