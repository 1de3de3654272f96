/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts of machines with another order of bytes. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include "report/facts.h"
#include "report/facts_order.h"

#define STATE \
	"{\"op\":\"load\",\"name\":\"ct state\",\"field\":\"ct-state\",\"len\":4,\"body\":\"b\"}"
#define PROTOCOL                                                    \
	"{\"op\":\"load\",\"name\":\"meta "                         \
	"protocol\",\"field\":\"meta-other\",\"dreg\":3,\"len\":2," \
	"\"body\":\"b\"}"
#define TWO_WITH(order, new, one, eight)                                                         \
	"{\"untrack-facts\":1," order "\"host\":\"h\",\"ephemeral\":{\"lo\":1,\"hi\":2},"        \
	"\"firewall\":{\"sets\":[{\"name\":\"s\",\"known\":true,\"key-len\":4,\"elements\":[{"   \
	"\"lo\":\"" one "\"},{\"lo\":\"" eight                                                   \
	"\"}]}],\"chains\":[{\"form\":\"nft\",\"family\":\"ip\","                                \
	"\"table\":\"t\",\"name\":\"c\",\"rules\":[{\"exprs\":[" STATE ",{\"op\":\"bitwise\","   \
	"\"name\":\"n\",\"body\":"                                                               \
	"\"b\",\"len\":4,\"dreg\":"                                                              \
	"1,\"data\":\"" new "\"},{"                                                              \
			    "\"op"                                                               \
			    "\":"                                                                \
			    "\"cmp"                                                              \
			    "\","                                                                \
			    "\"nam"                                                              \
			    "e\":"                                                               \
			    "\"n\""                                                              \
			    ",\"bo"                                                              \
			    "dy\":"                                                              \
			    "\"b\""                                                              \
			    ",\"le"                                                              \
			    "n\":"                                                               \
			    "4,"                                                                 \
			    "\"sre"                                                              \
			    "g\":"                                                               \
			    "1,"                                                                 \
			    "\"dat"                                                              \
			    "a\":"                                                               \
			    "\"" new "\"},{\"op\":\"lookup\",\"name\":\"n\",\"body\":\"b\","     \
				     "\"len\":4,\"set\":0}," PROTOCOL                            \
				     ",{\"op\":\"cmp\",\"name\":\"n\",\"body\":\"b\",\"len\":2," \
				     "\"sreg\":3,\"data\":\"0800\"}]}]}]}}"

static void check_number(const uint8_t *v, uint32_t want)
{
	uint32_t got;

	memcpy(&got, v, sizeof(got));
	assert_int_equal(got, want);
}

/* The same firewall, written by machines of both kinds. What packets carry is the same in both. */
static void test_order_of_bytes(void **state)
{
	static const char *const texts[] = {
		TWO_WITH("\"big-endian\":false,", "08000000", "00010000", "08000000"),
		TWO_WITH("\"big-endian\":true,", "00000008", "00000008", "00000100"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const struct fw_expr *e;
		struct diag d = { 0 };
		struct host h;

		if (facts_parse(&h, texts[i], strlen(texts[i]), "f.json", &d))
			fail_msg("%s", d.v[0].text);
		e = h.fw.chains[0].rules[0].exprs;
		check_number(e[1].data, 8);
		check_number(e[2].data, 8);
		check_number(h.fw.sets[0]->v[facts_is_big_endian()].lo, 256);
		check_number(h.fw.sets[0]->v[!facts_is_big_endian()].lo, 8);
		assert_memory_equal(e[5].data, "\x08\0", 2);
		host_free(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_order_of_bytes) };

	return cmocka_run_group_tests_name("facts_order", tests, NULL, NULL);
}
