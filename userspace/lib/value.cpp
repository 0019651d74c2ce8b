// SPDX-License-Identifier: GPL-2.0-or-later
#include <ptelab/value.hpp>

#include <stdexcept>

#include <nlohmann/json.hpp>

namespace ptelab {

struct ValueWriter {
	using Json = nlohmann::ordered_json;

	static Json write(const Value &value) { return std::visit(ValueWriter{}, value.data_); }

	Json operator()(std::monostate) const { return nullptr; }
	Json operator()(const Value::Array &items) const
	{
		Json array = Json::array();
		for (const Value &item : items)
			array.push_back(write(item));
		return array;
	}
	Json operator()(const Value::Object &members) const
	{
		Json object = Json::object();
		for (const auto &[name, value] : members)
			object[name] = write(value);
		return object;
	}
	Json operator()(const auto &scalar) const { return scalar; }
};

namespace {

Value value_of(const nlohmann::ordered_json &json)
{
	using Kind = nlohmann::json::value_t;
	Value::Array items;
	Value::Object members;

	switch (json.type()) {
	case Kind::boolean: return Value(json.get<bool>());
	case Kind::number_integer: return Value(json.get<std::int64_t>());
	case Kind::number_unsigned: return Value(json.get<std::uint64_t>());
	case Kind::number_float: return Value(json.get<double>());
	case Kind::string: return Value(json.get<std::string>());
	case Kind::array:
		for (const nlohmann::ordered_json &item : json)
			items.push_back(value_of(item));
		return Value(std::move(items));
	case Kind::object:
		for (const auto &[name, member] : json.items())
			members.emplace_back(name, value_of(member));
		return Value(std::move(members));
	default: return Value();
	}
}

} // namespace

Value &Value::set(std::string_view name, Value value)
{
	if (is_null())
		data_ = Object{};
	auto *members = std::get_if<Object>(&data_);
	if (!members)
		throw std::logic_error("a member set on a value that is no object");
	for (auto &[known, old] : *members) {
		if (known == name) {
			old = std::move(value);
			return *this;
		}
	}
	members->emplace_back(name, std::move(value));
	return *this;
}

const Value *Value::find(std::string_view name) const
{
	if (const auto *members = std::get_if<Object>(&data_))
		for (const auto &[known, value] : *members)
			if (known == name)
				return &value;
	return nullptr;
}

std::size_t Value::size() const
{
	if (const auto *members = std::get_if<Object>(&data_))
		return members->size();
	if (const auto *items = std::get_if<Array>(&data_))
		return items->size();
	return 0;
}

std::span<const std::pair<std::string, Value>> Value::members() const
{
	const auto *members = std::get_if<Object>(&data_);
	return members ? std::span<const std::pair<std::string, Value>>(*members) : std::span<const std::pair<std::string, Value>>();
}

std::span<const Value> Value::items() const
{
	const auto *items = std::get_if<Array>(&data_);
	return items ? std::span<const Value>(*items) : std::span<const Value>();
}

std::string_view Value::text() const
{
	const auto *text = std::get_if<std::string>(&data_);
	return text ? std::string_view(*text) : std::string_view();
}

bool Value::is_true() const
{
	const auto *flag = std::get_if<bool>(&data_);
	return flag && *flag;
}

std::uint64_t Value::number() const
{
	if (const auto *number = std::get_if<std::uint64_t>(&data_))
		return *number;
	const auto *number = std::get_if<std::int64_t>(&data_);
	return number && *number > 0 ? static_cast<std::uint64_t>(*number) : 0;
}

Value Value::parse(std::string_view json)
{
	try {
		return value_of(nlohmann::ordered_json::parse(json));
	} catch (const nlohmann::json::exception &error) {
		throw std::invalid_argument(error.what());
	}
}

std::string Value::json(int indent) const
{
	// Bytes from a device need not be UTF-8: replace what is not, rather than fail to report.
	return ValueWriter::write(*this).dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool operator==(const Value &left, const Value &right)
{
	const auto *signed_left = std::get_if<std::int64_t>(&left.data_);
	const auto *signed_right = std::get_if<std::int64_t>(&right.data_);
	const auto *unsigned_left = std::get_if<std::uint64_t>(&left.data_);
	const auto *unsigned_right = std::get_if<std::uint64_t>(&right.data_);

	if (signed_left && unsigned_right)
		return std::cmp_equal(*signed_left, *unsigned_right);
	if (unsigned_left && signed_right)
		return std::cmp_equal(*unsigned_left, *signed_right);
	return left.data_ == right.data_;
}

} // namespace ptelab
