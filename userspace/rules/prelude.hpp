// SPDX-License-Identifier: GPL-2.0-or-later
// What most rules include, compiled once (Makefile): a fifth of the time that a rule's file takes. Each includes what it uses all the same.
#include "common.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <ptelab/child.hpp>
#include <ptelab/direct.hpp>
#include <ptelab/procfs.hpp>

#include "lab.hpp"
