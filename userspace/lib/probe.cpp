// SPDX-License-Identifier: GPL-2.0-or-later
#include <ptelab/probe.hpp>

#include <array>
#include <csetjmp>
#include <csignal>
#include <mutex>

#include <ptelab/error.hpp>

namespace ptelab {
namespace {

struct Caught {
	int signal;
	int code;
	void *address;
};

struct Watched {
	int signal;
	struct sigaction before;
};

// The access that this thread is making, null outside of one. volatile: read by the handler.
thread_local sigjmp_buf *volatile armed = nullptr;
thread_local Caught caught;

std::mutex handlers_mutex;
int handlers_users = 0;
std::array<Watched, 2> watched{Watched{SIGBUS, {}}, Watched{SIGSEGV, {}}};

// A fault that is none of ours: what would have happened without us. For the default action the instruction is
// run again with that in place, so that the core dump shows the right frame.
void pass_on(int signal, siginfo_t *info, void *context)
{
	for (const Watched &entry : watched) {
		if (entry.signal != signal)
			continue;
		if (entry.before.sa_flags & SA_SIGINFO)
			entry.before.sa_sigaction(signal, info, context);
		else if (entry.before.sa_handler != SIG_DFL && entry.before.sa_handler != SIG_IGN)
			entry.before.sa_handler(signal);
		else
			sigaction(signal, &entry.before, nullptr);
	}
}

void handle(int signal, siginfo_t *info, void *context)
{
	sigjmp_buf *target = armed;

	if (!target) {
		pass_on(signal, info, context);
		return;
	}
	caught = {signal, info->si_code, info->si_addr};
	armed = nullptr;
	siglongjmp(*target, 1);
}

// Runs the access with the jump target armed. The handlers have SA_NODEFER: leaving one by a jump leaves the signal
// mask as it was, and neither side needs a system call for it.
template <class Access>
[[gnu::noinline]] Touch guarded(const Access &access)
{
	sigjmp_buf target;

	if (sigsetjmp(target, 0) != 0)
		return {.signal = caught.signal,
			.code = caught.code,
			.where = reinterpret_cast<std::uintptr_t>(caught.address)};
	armed = &target;
	const std::uint8_t value = access();
	armed = nullptr;
	return {.value = value};
}

using Word [[gnu::may_alias]] = std::uint64_t;

// Not memcpy(3): device memory may be on either side, where arm64 takes no access that is not aligned, nor "dc zva". Volatile
// keeps the copy between the arming and the disarming of the jump, too.
void copy_aligned(std::uint8_t *to, const std::uint8_t *from, std::size_t bytes)
{
	const auto offset = [](const void *address) { return reinterpret_cast<std::uintptr_t>(address) % sizeof(Word); };
	const auto one = [&] {
		*static_cast<volatile std::uint8_t *>(to++) = *static_cast<const volatile std::uint8_t *>(from++);
		--bytes;
	};

	if (offset(to) == offset(from)) {
		while (bytes && offset(to))
			one();
		for (; bytes >= sizeof(Word); bytes -= sizeof(Word), to += sizeof(Word), from += sizeof(Word))
			*reinterpret_cast<volatile Word *>(to) = *reinterpret_cast<const volatile Word *>(from);
	}
	while (bytes)
		one();
}

std::string code_name(int signal, int code)
{
	if (signal == SIGBUS)
		switch (code) {
		case BUS_ADRALN: return "BUS_ADRALN";
		case BUS_ADRERR: return "BUS_ADRERR";
		case BUS_OBJERR: return "BUS_OBJERR";
		case BUS_MCEERR_AR: return "BUS_MCEERR_AR";
		}
	if (signal == SIGSEGV)
		switch (code) {
		case SEGV_MAPERR: return "SEGV_MAPERR";
		case SEGV_ACCERR: return "SEGV_ACCERR";
		case SEGV_PKUERR: return "SEGV_PKUERR";
		}
	return "si_code " + std::to_string(code);
}

} // namespace

std::string Touch::outcome() const
{
	if (done())
		return "ok";
	return (signal == SIGBUS ? "SIGBUS " : "SIGSEGV ") + code_name(signal, code);
}

Value to_value(const Touch &touch)
{
	if (touch.done())
		return touch.value;
	return touch.outcome();
}

AccessFault::AccessFault(const std::string &what, const Touch &touch)
	: std::runtime_error(what + ": " + touch.outcome()), touch_(touch)
{
}

Probe::Probe()
{
	const std::lock_guard lock(handlers_mutex);

	if (handlers_users++ > 0)
		return;
	struct sigaction action {};
	action.sa_sigaction = handle;
	action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
	for (Watched &entry : watched)
		if (sigaction(entry.signal, &action, &entry.before) < 0)
			throw_errno("sigaction");
}

Probe::~Probe()
{
	const std::lock_guard lock(handlers_mutex);

	if (--handlers_users > 0)
		return;
	for (const Watched &entry : watched)
		sigaction(entry.signal, &entry.before, nullptr);
}

void Probe::forget_earlier_handlers()
{
	struct sigaction action {};
	action.sa_handler = SIG_DFL;
	for (const int signal : {SIGABRT, SIGFPE, SIGILL, SIGINT, SIGTERM})
		sigaction(signal, &action, nullptr);
	for (Watched &entry : watched) {
		entry.before = action;
		if (handlers_users == 0)
			sigaction(entry.signal, &action, nullptr);
	}
}

Touch Probe::read(const void *address) const
{
	return guarded([address] { return *static_cast<const volatile std::uint8_t *>(address); });
}

Touch Probe::write(void *address, std::uint8_t value) const
{
	return guarded([address, value] {
		*static_cast<volatile std::uint8_t *>(address) = value;
		return value;
	});
}

Touch Probe::copy(void *to, const void *from, std::size_t bytes) const
{
	return guarded([=] {
		copy_aligned(static_cast<std::uint8_t *>(to), static_cast<const std::uint8_t *>(from), bytes);
		return std::uint8_t{0};
	});
}

} // namespace ptelab
