// SPDX-License-Identifier: GPL-2.0-or-later
// A value that can be shown and compared: what a rule observed, what a command prints with --json.
//
// Light on purpose: every rule includes this, and only lib/value.cpp includes the JSON library.
// A type joins by a function to_value(const T &) beside it.
#ifndef PTELAB_VALUE_HPP
#define PTELAB_VALUE_HPP

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace ptelab {

class Value {
public:
	using Array = std::vector<Value>;
	using Object = std::vector<std::pair<std::string, Value>>; // keeps the order in which it was written

	Value() = default;
	Value(std::nullptr_t) {}
	Value(std::same_as<bool> auto flag) : data_(flag) {}
	Value(std::signed_integral auto number) : data_(static_cast<std::int64_t>(number)) {}
	template <std::unsigned_integral T>
		requires(!std::same_as<T, bool>)
	Value(T number) : data_(static_cast<std::uint64_t>(number))
	{
	}
	Value(std::same_as<double> auto number) : data_(number) {}
	template <class T>
		requires(std::is_enum_v<T> && std::is_convertible_v<T, std::underlying_type_t<T>>) // one of the ABI's
	Value(T number) : Value(static_cast<std::underlying_type_t<T>>(number))
	{
	}
	Value(const char *text) : data_(std::string(text)) {}
	Value(std::string_view text) : data_(std::string(text)) {}
	Value(std::string text) : data_(std::move(text)) {}
	Value(Array items) : data_(std::move(items)) {}
	Value(Object members) : data_(std::move(members)) {}

	template <class T>
		requires requires(const T &thing) { { to_value(thing) } -> std::same_as<Value>; }
	Value(const T &thing) : Value(to_value(thing))
	{
	}
	template <class T>
		requires(std::convertible_to<const T &, Value> && !std::same_as<T, Value>)
	Value(const std::vector<T> &items) : data_(Array(items.begin(), items.end()))
	{
	}

	bool is_null() const { return std::holds_alternative<std::monostate>(data_); }

	// Adds or replaces a member; a null value becomes an object.
	Value &set(std::string_view name, Value value);
	// The member of that name, or null.
	const Value *find(std::string_view name) const;
	std::size_t size() const;

	// What it is made of: none of these if it is of another kind.
	std::span<const std::pair<std::string, Value>> members() const;
	std::span<const Value> items() const;
	std::string_view text() const;
	bool is_text() const { return std::holds_alternative<std::string>(data_); }
	bool is_object() const { return std::holds_alternative<Object>(data_); }
	bool is_true() const;
	std::uint64_t number() const; // 0 if negative, too

	// std::invalid_argument says what is wrong and where.
	static Value parse(std::string_view json);

	// JSON text; indent < 0 puts it on one line.
	std::string json(int indent = -1) const;

	// A signed and an unsigned number are equal if they are the same number.
	friend bool operator==(const Value &left, const Value &right);

private:
	friend struct ValueWriter;
	std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Array, Object> data_;
};

} // namespace ptelab

#endif
