// SPDX-License-Identifier: GPL-2.0-or-later
// Another process: runs a function, talks to this one, and never outlives it.
#ifndef PTELAB_CHILD_HPP
#define PTELAB_CHILD_HPP

#include <cstddef>
#include <functional>
#include <span>
#include <stdexcept>
#include <type_traits>

#include <sys/types.h>

namespace ptelab {

// One end of a pair of sockets. Messages are values of plain types; both ends name the type.
class Channel {
public:
	explicit Channel(int fd) : fd_(fd) {}
	Channel(Channel &&other) noexcept;
	Channel &operator=(Channel &&) = delete;
	~Channel();

	template <class T>
		requires std::is_trivially_copyable_v<T>
	void send(const T &message) const
	{
		send_bytes(std::as_bytes(std::span(&message, 1)));
	}
	// Waits at most ten seconds: std::runtime_error if nothing came, or if the other end is gone.
	template <class T>
		requires std::is_trivially_copyable_v<T>
	T receive() const
	{
		T message;
		receive_bytes(std::as_writable_bytes(std::span(&message, 1)));
		return message;
	}

private:
	void send_bytes(std::span<const std::byte> message) const;
	void receive_bytes(std::span<std::byte> message) const;

	int fd_;
};

class Child {
public:
	// The body runs in the child. Its return ends the child with status 0; an exception ends it too, and wait()
	// throws its text here.
	explicit Child(const std::function<void(Channel &)> &body);
	Child(const Child &) = delete;
	Child &operator=(const Child &) = delete;
	~Child(); // kills it if it has not been waited for

	pid_t pid() const { return pid_; }
	Channel &channel() { return channel_; }
	void kill(int signal) const;
	// 0 after a normal end, else the signal that ended it. Throws what the body threw.
	int wait();

private:
	struct Started;
	explicit Child(const Started &started);
	static Started start(const std::function<void(Channel &)> &body);

	Channel channel_;
	pid_t pid_;
	char *message_; // shared with the child: the text of its exception
};

// Runs a function in a child and answers with what it returned.
template <class F>
auto in_child(F &&function) -> std::invoke_result_t<F>
{
	using Result = std::invoke_result_t<F>;

	Child child([&](Channel &channel) { channel.send<Result>(function()); });
	if (const int signal = child.wait(); signal != 0)
		throw std::runtime_error("the child was killed by signal " + std::to_string(signal));
	return child.channel().template receive<Result>();
}

// Drops to the user and group nobody and with that every capability. For a child: there is no way back.
void become_nobody();

} // namespace ptelab

#endif
