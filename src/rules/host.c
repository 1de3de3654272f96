/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is true of a host, as a value. */
#include "rules/host.h"

#include <string.h>

static bool name_matches(const char *pattern, const char *name)
{
	size_t n = strlen(pattern);

	if (n && pattern[n - 1] == '*')
		return strncmp(pattern, name, n - 1) == 0;
	return strcmp(pattern, name) == 0;
}

bool host_has_interface(const struct host *h, const char *pattern)
{
	for (size_t i = 0; i < h->n_interfaces; i++)
		if (name_matches(pattern, h->interfaces[i].name))
			return true;
	return false;
}

bool host_has_address(const struct host *h, const struct prefix *p)
{
	for (size_t i = 0; i < h->n_addresses; i++)
		if (prefix_holds(p, &h->addresses[i].prefix))
			return true;
	return false;
}

const uint64_t *host_sysctl(const struct host *h, const char *name)
{
	for (size_t i = 0; i < h->n_sysctls; i++)
		if (!strcmp(h->sysctls[i].name, name))
			return &h->sysctls[i].value;
	return NULL;
}

bool host_is_unread(const struct host *h, const char *fact)
{
	size_t n = strlen(fact);

	for (size_t i = 0; i < h->n_unread; i++)
		if (!strncmp(h->unread[i], fact, n) &&
		    (h->unread[i][n] == '\0' || strchr(": ", h->unread[i][n])))
			return true;
	return false;
}

void host_free(struct host *h)
{
	for (size_t i = 0; i < h->n_sysctls; i++)
		free(h->sysctls[i].name);
	for (size_t i = 0; i < h->n_unread; i++)
		free(h->unread[i]);
	free(h->name);
	free(h->kernel);
	free(h->time);
	free(h->reserved.v);
	free(h->interfaces);
	free(h->addresses);
	free(h->listeners);
	free(h->sysctls);
	free(h->nat);
	free(h->unread);
	fw_free(&h->fw);
	*h = (struct host){ 0 };
}
