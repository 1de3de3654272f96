/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Some questions have the kernel load a module for them. Who only reads asks this first. */
#ifndef UNTRACK_MODULE_H
#define UNTRACK_MODULE_H

#include <stdbool.h>

/* Can this part of the kernel be asked without being loaded for it: is it in, or could nothing be
 * loaded? */
bool module_may_be_asked(const char *name);

#endif
