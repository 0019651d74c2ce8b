// SPDX-License-Identifier: GPL-2.0-or-later
// Types that several tests move around.
#pragma once

// Move only; counts how many of it hold something.
class Counted {
public:
	explicit Counted(int &lives) : lives_{&lives} { ++*lives_; }
	Counted(Counted &&other) : lives_{other.lives_} { other.lives_ = nullptr; }
	Counted &operator=(Counted &&) = delete;
	~Counted()
	{
		if (lives_)
			--*lives_;
	}

	bool holds() const { return lives_ != nullptr; }

private:
	int *lives_;
};
