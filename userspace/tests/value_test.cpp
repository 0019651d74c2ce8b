// SPDX-License-Identifier: GPL-2.0-or-later
#include <cerrno>

#include <doctest/doctest.h>

#include <ptelab/error.hpp>
#include <ptelab/value.hpp>

using namespace ptelab;

TEST_CASE("value.keeps_the_order_of_members_in_json")
{
	Value value;
	value.set("z", 1).set("a", "text").set("z", true);
	CHECK(value.json() == R"({"z":true,"a":"text"})");
}

TEST_CASE("value.numbers_are_equal_whatever_their_sign_type")
{
	CHECK(Value(5) == Value(5U));
	CHECK_FALSE(Value(-1) == Value(~0ULL));
	CHECK_FALSE(Value(1) == Value(true));
}

TEST_CASE("value.bytes_that_are_not_utf8_do_not_stop_the_report")
{
	CHECK(Value("\xff").json() == "\"\xEF\xBF\xBD\"");
}

TEST_CASE("errno.has_its_name")
{
	CHECK(errno_name(0) == "ok");
	CHECK(errno_name(EBUSY) == "EBUSY");
	CHECK(errno_name(4242) == "errno 4242");
	CHECK(errno_of([] { throw_errno(ENODEV, "x"); }) == ENODEV);
	CHECK(errno_of([] {}) == 0);
}
