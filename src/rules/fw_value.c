/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of fields in the words of nft. */
#include "rules/fw_value.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

struct word {
	uint32_t value;
	const char *name;
};

static const struct word ct_states[] = { { 1, "invalid" }, { 2, "established" }, { 4, "related" },
					 { 8, "new" },	   { 64, "untracked" },	 { 0, NULL } };
static const struct word tcp_flags[] = { { 1, "fin" },	{ 2, "syn" },	{ 4, "rst" },
					 { 8, "psh" },	{ 16, "ack" },	{ 32, "urg" },
					 { 64, "ecn" }, { 128, "cwr" }, { 0, NULL } };
static const struct word ct_status[] = { { 1, "expected" },  { 2, "seen-reply" }, { 4, "assured" },
					 { 8, "confirmed" }, { 16, "snat" },	  { 32, "dnat" },
					 { 512, "dying" },   { 0, NULL } };
static const struct word ct_directions[] = { { 0, "original" }, { 1, "reply" }, { 0, NULL } };
static const struct word address_types[] = { { RTN_UNICAST, "unicast" },
					     { RTN_LOCAL, "local" },
					     { RTN_BROADCAST, "broadcast" },
					     { RTN_ANYCAST, "anycast" },
					     { RTN_MULTICAST, "multicast" },
					     { RTN_BLACKHOLE, "blackhole" },
					     { RTN_UNREACHABLE, "unreachable" },
					     { RTN_PROHIBIT, "prohibit" },
					     { 0, NULL } };

/* The only index that is the same everywhere. */
static const struct word interfaces[] = { { 1, "\"lo\"" }, { 0, NULL } };

static void put_bits(struct text *t, uint32_t bits, const struct word *words)
{
	const char *comma = "";

	for (; words->name; words++) {
		if (!(bits & words->value))
			continue;
		text_add(t, "%s%s", comma, words->name);
		comma = ",";
		bits &= ~words->value;
	}
	if (bits || !*comma)
		text_add(t, "%s0x%x", comma, bits);
}

static void put_hex(struct text *t, const uint8_t *v, size_t len)
{
	text_add(t, "0x");
	for (size_t i = 0; i < len; i++)
		text_add(t, "%02x", v[i]);
}

static uint32_t host_u32(const uint8_t *v)
{
	uint32_t n;

	memcpy(&n, v, sizeof n);
	return n;
}

void fw_name_text(struct text *t, const uint8_t *v, size_t len)
{
	size_t n = strnlen((const char *)v, len);

	text_add(t, "\"%.*s%s\"", (int)n, (const char *)v, n == len && len < IFNAMSIZ ? "*" : "");
}

static void put_word(struct text *t, uint32_t value, const struct word *words)
{
	while (words->name && words->value != value)
		words++;
	if (words->name)
		text_add(t, "%s", words->name);
	else
		text_add(t, "%u", value);
}

void fw_protocol_text(struct text *t, uint8_t proto)
{
	if (proto_name(proto))
		text_add(t, "%s", proto_name(proto));
	else
		text_add(t, "%u", proto);
}

void fw_tcp_flags_text(struct text *t, uint8_t flags)
{
	put_bits(t, flags, tcp_flags);
}

/* What conntrack knows besides the state. */
static bool put_ct_value(struct text *t, const struct fw_expr *e, const uint8_t *v, size_t len)
{
	if (strcmp(e->name, "ct status") == 0 && len == 4)
		put_bits(t, host_u32(v), ct_status);
	else if (strcmp(e->name, "ct direction") == 0 && len == 1)
		put_word(t, v[0], ct_directions);
	else if (strcmp(e->name, "ct helper") == 0)
		fw_name_text(t, v, len);
	else if (strcmp(e->name, "ct mark") == 0 && len == 4)
		text_add(t, "0x%08x", host_u32(v));
	else
		return false;
	return true;
}

void fw_value_text(struct text *t, const struct fw_expr *e, const uint8_t *v, size_t len)
{
	if (e->field == FW_F_NFPROTO && len == 1)
		text_add(t, "%s", v[0] == 10 ? "ipv6" : v[0] == 2 ? "ipv4" : "other");
	else if (e->field == FW_F_IIFNAME || e->field == FW_F_OIFNAME)
		fw_name_text(t, v, len);
	else if (e->field == FW_F_CT_STATE && len == 4)
		put_bits(t, host_u32(v), ct_states);
	else if (e->field == FW_F_FIB_DADDR_TYPE && len == 4)
		put_word(t, host_u32(v), address_types);
	else if ((e->field == FW_F_IIF || e->field == FW_F_OIF) && len == 4)
		put_word(t, host_u32(v), interfaces);
	else if (e->field == FW_F_META_MARK && len == 4)
		text_add(t, "0x%08x", host_u32(v));
	else if (e->field == FW_F_CT_OTHER && put_ct_value(t, e, v, len))
		return;
	else if ((e->field == FW_F_META_OTHER || e->field == FW_F_CT_OTHER) && len == 4)
		text_add(t, "%u", host_u32(v));
	else if (len == 1)
		text_add(t, "%u", v[0]);
	else
		put_hex(t, v, len);
}
