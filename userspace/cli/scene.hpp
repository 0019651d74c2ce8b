// SPDX-License-Identifier: GPL-2.0-or-later
// A mapping of a node on which steps are done, each with what came of it.
#ifndef PTELAB_CLI_SCENE_HPP
#define PTELAB_CLI_SCENE_HPP

#include <cstddef>
#include <string>
#include <vector>

#include <ptelab/device.hpp>
#include <ptelab/mapping.hpp>

#include "steps.hpp"

namespace ptelab::cli {

struct SceneOptions {
	const Node *node = nullptr;
	std::size_t bytes = 0;	// 0: 16 pages
	std::size_t offset = 0; // bytes into the region
	bool private_copy = false;
	bool read_only = false;
	bool populate = false;
	ptelab_cache cache{};	  // 0: the node's own
	ptelab_backing backing{}; // 0: the node's own region, shared with everybody
};

// What one step did.
struct Outcome {
	std::string text;	// "4 pages read, 4 faults"
	bool worked = true;	// false: an access ended in a signal, an ioctl in an error
	Value details = Value::Object{};
	std::vector<ptelab_pte> entries; // of the whole mapping, afterwards
};

class Scene {
public:
	// Checks everything before it opens anything: UsageError.
	explicit Scene(const SceneOptions &options);
	Scene(const Scene &) = delete;
	Scene &operator=(const Scene &) = delete;
	~Scene(); // ends a revocation that it began: the region may be everybody's

	const Device &device() const { return device_; }
	Device &device() { return device_; }
	const Mapping &map() const { return map_; }
	std::vector<ptelab_pte> entries() const { return device_.lookup(map_.bytes()); }
	__u64 faults() const { return device_.stats().faults; }

	Outcome run(const Step &step);
	// Reads a byte of each page, or writes one, and counts what happened.
	Outcome touch(std::size_t first, std::size_t last, bool write);

private:
	Outcome zap(const Step &step, ptelab_zap_how how);

	const Node &node_;
	Device device_;
	Mapping map_;
	std::size_t offset_;
	bool revoked_ = false;
};

// The zap that acts on a mapping of this node on every kernel.
ptelab_zap_how zap_for(const Node &node);

// "1 page", "3 pages"
std::string counted(std::size_t count, const char *thing);

} // namespace ptelab::cli

#endif
