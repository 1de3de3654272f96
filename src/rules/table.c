/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of connection tracking, as values. */
#include "rules/table.h"

#include <string.h>

bool ct_is_inverse(const struct ct_tuple *orig, const struct ct_tuple *reply)
{
	size_t n = orig->family == FAMILY_V4 ? 4 : 16;

	return orig->family == reply->family && orig->proto == reply->proto &&
	       !memcmp(orig->src, reply->dst, n) && !memcmp(orig->dst, reply->src, n) &&
	       orig->sport == reply->dport && orig->dport == reply->sport;
}

bool ct_is_translated(const struct ct_entry *e)
{
	return e->flags & (CT_SRC_NAT | CT_DST_NAT) || !ct_is_inverse(&e->orig, &e->reply);
}

const char *ct_state_name(enum ct_state s)
{
	static const char *const names[CT_STATES] = {
		[CT_NONE] = "NONE",	    [CT_SYN_SENT] = "SYN_SENT",
		[CT_SYN_RECV] = "SYN_RECV", [CT_ESTABLISHED] = "ESTABLISHED",
		[CT_FIN_WAIT] = "FIN_WAIT", [CT_CLOSE_WAIT] = "CLOSE_WAIT",
		[CT_LAST_ACK] = "LAST_ACK", [CT_TIME_WAIT] = "TIME_WAIT",
		[CT_CLOSE] = "CLOSE",	    [CT_SYN_SENT2] = "SYN_SENT2",
	};

	return names[s];
}
