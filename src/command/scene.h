/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What packets meet: the rules of the configuration, and perhaps the firewall of one host with the
 * twins that belong there. For explain and test. */
#ifndef UNTRACK_SCENE_H
#define UNTRACK_SCENE_H

#include "command/command.h"
#include "report/explain.h"
#include "rules/host.h"

struct scene { /* start from {0}; scene_close is safe then, too */
	struct policy policy;
	struct host host;
	bool has_host;
	enum form home;	      /* of the raw rules */
	struct ruleset rules; /* and twins */
	struct addrs local;
	struct flow_host at;
	struct flow_index *index; /* NULL: none */
};

/* The configuration as session_policy has it; the host of --facts or --live, of which there is one
 * at most. CODE_DONE, or what the command exits with: findings are in s->d. name: of the command */
enum exit_code scene_open(struct session *s, const char *name, struct scene *c);
/* For one packet and its answer only: without a host, rules that they cannot meet are not made. */
enum exit_code scene_open_for(struct session *s, const char *name, const struct flow *f,
			      struct scene *c);

/* For more than a few packets. */
void scene_index(struct scene *c);

/* Warns where the packet cannot go its way through this host. at: of the flow */
void scene_check_flow(struct session *s, const struct scene *c, const struct flow *f,
		      const struct origin *at);
void scene_close(struct scene *c);

#endif
