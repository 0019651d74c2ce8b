// SPDX-License-Identifier: GPL-2.0
// What the guards answer.
#pragma once

#include "cxxrt/errno.h"
#include "kmod/core.h"

namespace ptelab {
namespace {

constexpr int kPermitted = 0;
constexpr int kDamage = -CXXRT_EPERM;	// a BUG, or damage to memory, or not the caller's to do
constexpr int kNothingThere = -CXXRT_EINVAL;

} // namespace
} // namespace ptelab
