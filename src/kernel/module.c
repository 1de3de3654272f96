/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which modules of the kernel are there already. */
#include "kernel/module.h"

#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>
#include "util.h"

static bool file_exists(const char *name)
{
	return access(name, F_OK) == 0;
}

static bool is_builtin(const char *modules, const char *module)
{
	auto_free char *file = xasprintf("%s/modules.builtin", modules), *list = NULL;
	auto_free char *entry = xasprintf("/%s.ko", module);
	size_t len;

	list = read_file(AT_FDCWD, file, &len);
	return list && strstr(list, entry);
}

bool module_may_be_asked(const char *name)
{
	auto_free char *loaded = xasprintf("/sys/module/%s", name), *modules = NULL;
	struct utsname u;

	if (!file_exists("/proc/modules") || file_exists(loaded) || uname(&u))
		return true;
	modules = xasprintf("/lib/modules/%s", u.release);
	return !file_exists(modules) || is_builtin(modules, name);
}
