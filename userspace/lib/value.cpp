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
