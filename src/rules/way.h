/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which base chains a class of exempt packets passes, and what its state was there while it was
 * tracked. */
#ifndef UNTRACK_WAY_H
#define UNTRACK_WAY_H

#include "rules/compile.h"
#include "rules/fw.h"

/* Does t's traffic of family f pass base chain c after our own rules? */
bool way_has_chain(const struct fw_chain *c, const struct traffic *t, enum family f);

/* Or before them, where nothing has changed yet? */
bool way_begins_with(const struct fw_chain *c, const struct traffic *t, enum family f);

/* Only the packet that opens a tracked flow is offered to these chains. */
bool chain_is_nat(const struct fw_chain *c);

/* The rule that takes all of t's packets out of tracking before and without us, and its chain: an
 * administrator's own notrack. NULL: none is sure to. */
const struct fw_rule *way_untracked(const struct fw *fw, const struct traffic *t, enum family f,
				    const struct fw_chain **chain);

/* The ct state that stands for the class in c: STATE_*. */
uint32_t way_state(const struct fw_chain *c, enum packet_class class);

/* Only the packet that opens a flow is offered to the nat hooks. One to this host itself gets its
 * destination on the way out (what is bound once stays so), and its answer finds any source. */
bool way_needs_nat(const struct fw_chain *c, const struct traffic *t);

#endif
