// SPDX-License-Identifier: GPL-2.0-or-later
// A descriptor of userfaultfd(2).
#ifndef PTELAB_RULES_USERFAULTFD_HPP
#define PTELAB_RULES_USERFAULTFD_HPP

#include <linux/userfaultfd.h>

#include "lab.hpp"

namespace ptelab {

Need userfaultfd();

class Userfault {
public:
	Userfault();
	Userfault(const Userfault &) = delete;
	Userfault &operator=(const Userfault &) = delete;
	~Userfault();

	// The API, with these of UFFD_FEATURE_*.
	Errno agree(__u64 features) const;
	// One of UFFDIO_REGISTER_MODE_*.
	Errno enroll(const Mapping &map, __u64 mode) const;
	// Bytes, page-aligned.
	Errno enroll(__u64 start, __u64 length, __u64 mode) const;
	Errno protect(const Mapping &map) const;

private:
	int fd_;
};

} // namespace ptelab

#endif
