// SPDX-License-Identifier: GPL-2.0-or-later
// A node on the bench: a region with known bytes, a mapping of it with every page touched, and all of it put back.
#ifndef PTELAB_LAB_BENCH_HPP
#define PTELAB_LAB_BENCH_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <ptelab/device.hpp>
#include <ptelab/mapping.hpp>

namespace ptelab::tables {

inline constexpr std::size_t kBenchPages = 16;

class Bench {
public:
	explicit Bench(const Node &node);
	Bench(const Bench &) = delete;
	Bench &operator=(const Bench &) = delete;
	~Bench();

	const Node &node() const { return node_; }
	Device &device() { return device_; }
	const Device &device() const { return device_; }

	// A new shared mapping of the whole bench.
	Mapping map() const;
	// The same, after an access to every page. The pages of `bare` stay absent.
	Mapping touched() const;
	std::size_t present(const Mapping &map) const; // by LOOKUP

	// The known bytes of a page, as the driver has them: never 0.
	static std::uint64_t mark(std::size_t page_index);
	// Writes them anew, through the driver.
	void fill();
	// The first bytes of a page, as the driver has them now.
	std::uint64_t driver_has(std::size_t page_index) const;

private:
	const Node &node_;
	Device device_;
	std::size_t offset_;		// of the bench in the region
	std::vector<std::byte> before_; // bytes that are not ours alone
};

} // namespace ptelab::tables

#endif
