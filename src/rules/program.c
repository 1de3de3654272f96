/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs that write firewalls, told by the names that they give to tables and chains. */
#include "rules/program.h"

#include <string.h>

static const struct program programs[] = {
	{ .name = "Shorewall",
	  .chains = "shorewall sfilter smurfs smurflog dynamic reject logdrop logreject logflags "
		    "tcpflags sha-*",
	  .least = 2,
	  .dropped = "set UNTRACKED_DISPOSITION=CONTINUE in /etc/shorewall/shorewall.conf (IPv6: "
		     "/etc/shorewall6/shorewall6.conf), and 'shorewall reload'" },
	{ .name = "firewalld",
	  .table = "firewalld",
	  .chains = "INPUT_ZONES INPUT_direct FORWARD_direct OUTPUT_direct",
	  .least = 1,
	  .dropped = "find it with 'firewall-cmd --permanent --direct --get-all-rules' or "
		     "'firewall-cmd --list-all-zones', take it out with the --remove-rule or "
		     "--remove-rich-rule of its kind, and 'firewall-cmd --reload'",
	  .owned = "have it share its table, so that untrack can write them: "
		   "sed -i 's/^#*NftablesTableOwner=.*/NftablesTableOwner=no/' "
		   "/etc/firewalld/firewalld.conf && systemctl restart firewalld, and apply "
		   "again" },
	{ .name = "ufw",
	  .chains = "ufw-* ufw6-*",
	  .least = 1,
	  .dropped = "take \"UNTRACKED\" out of it in /etc/ufw/before.rules or after.rules (IPv6: "
		     "before6.rules, after6.rules), and 'ufw reload'" },
	{ .name = "FireHOL",
	  .chains = "BLACKLIST.bi.* FIREHOL_* SMART_REJECT in_* out_* pr_*",
	  .least = 3,
	  .dropped = "take it out of /etc/firehol/firehol.conf, and 'firehol restart'" },
	{ .name = "arno-iptables-firewall",
	  .chains = "EXT_INPUT_CHAIN EXT_OUTPUT_CHAIN HOST_BLOCK_* RESERVED_NET_CHK SPOOF_CHK "
		    "VALID_CHK",
	  .least = 2,
	  .dropped = "take it out of /etc/arno-iptables-firewall/custom-rules, and "
		     "'arno-iptables-firewall restart'" },
};

static bool names(const char *word, size_t len, const char *name)
{
	if (word[len - 1] == '*')
		return !strncmp(word, name, len - 1);
	return strlen(name) == len && !strncmp(word, name, len);
}

/* Does a chain of iptables in c's home have this name? Tables and families are not told apart: one
 * program fills them all. */
static bool has_chain(const struct fw *fw, const struct fw_chain *c, const char *word, size_t len)
{
	for (size_t i = 0; i < fw->n_chains; i++)
		if (fw->chains[i].form == c->form && names(word, len, fw->chains[i].name))
			return true;
	return false;
}

static unsigned count_chains(const struct fw *fw, const struct fw_chain *c, const char *words)
{
	unsigned n = 0;

	while (*words) {
		size_t len = strcspn(words, " ");

		n += has_chain(fw, c, words, len);
		words += len + strspn(words + len, " ");
	}
	return n;
}

const struct program *program_of(const struct fw *fw, const struct fw_chain *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		const struct program *p = &programs[i];

		if (c->form == FORM_NFT) {
			if (p->table && !strcmp(c->table, p->table))
				return p;
		} else if (fw && count_chains(fw, c, p->chains) >= p->least) {
			return p;
		}
	}
	return NULL;
}

const char *program_publishing(const struct fw_chain *c)
{
	static const struct {
		const char *name, *chain;
	} publishers[] = {
		{ "Docker", "DOCKER" },
		{ "kube-proxy", "KUBE-SEP-*" },
		{ "Podman", "NETAVARK-DN-*" },
		{ "CNI", "CNI-DN-*" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(publishers); i++)
		if (names(publishers[i].chain, strlen(publishers[i].chain), c->name))
			return publishers[i].name;
	return NULL;
}
