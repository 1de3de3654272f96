/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who publishes ports of containers, by the names of chains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "rules/program.h"
#include "util.h"

static void publishers(void **state)
{
	static const struct {
		const char *chain, *want;
	} cases[] = {
		{ "DOCKER", "Docker" },
		{ "KUBE-SEP-C6EBXVWJJZMIWKLZ", "kube-proxy" },
		{ "NETAVARK-DN-1D8721804F16F", "Podman" },
		{ "CNI-DN-6b4b5b5b5b5b5b5b5b5b5", "CNI" },
		{ "DOCKER-USER", NULL },
		{ "KUBE-POSTROUTING", NULL }, /* masquerades */
		{ "PREROUTING", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct fw_chain c = { .name = (char *)cases[i].chain };
		const char *got = program_publishing(&c);

		assert_int_equal(!got, !cases[i].want);
		if (got)
			assert_string_equal(got, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(publishers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
