/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of findings. Here is what is so of every finding of an id; what is wrong in the case at
 * hand, and its own cure, stand in the finding. */
#include "report/finding_table.h"

#include <string.h>
#include "util.h"

const struct finding_kind finding_kinds[] = {
	/* ---- the configuration and the host, before anything is done ---- */
	{ "nat-conflict", SEVERITY_ERROR, GROUP_CHECK, "Exempt packets need address translation",
	  "Address translation is a part of connection tracking: exempt packets would pass "
	  "untranslated, so a published port or a masqueraded network would stop working.",
	  "Narrow the exemption by port, interface, local or remote, or set on-nat = warn where "
	  "these packets never need translation." },
	{ "ephemeral-overlap", SEVERITY_ERROR, GROUP_CHECK,
	  "Exempt ports are ports that this host connects from",
	  "Ports of a server or peer lie inside net.ipv4.ip_local_port_range and are not reserved. "
	  "A connection from this host that happens to get such a source port would be exempt on "
	  "one side, and time out.",
	  "Reserve the ports with net.ipv4.ip_local_reserved_ports, or move the range." },
	{ "owned-table", SEVERITY_ERROR, GROUP_CHECK, "Twins are needed in a table that is owned",
	  "The table belongs to a running program, and the kernel lets nobody else write to it. "
	  "Without the twins the firewall would drop the exempt packets.",
	  "Change the setting of that program, or set accept = none and add the rules through "
	  "it." },
	{ "untracked-dropped", SEVERITY_ERROR, GROUP_CHECK,
	  "The firewall names untracked packets on purpose",
	  "A rule decides about untracked packets by name, and exempt ones are among them. A twin "
	  "would go against what somebody has asked for.",
	  "Take \"untracked\" out of that rule, or change the setting of the program that wrote "
	  "it." },
	{ "state-negated", SEVERITY_ERROR, GROUP_CHECK, "A rule decides by what the state is not",
	  "An untracked packet is in none of the states, so the rule would match it. A twin cannot "
	  "skip the rule without skipping what follows, unless the rule is the last of its chain.",
	  "Rewrite the rule to name the states that it accepts, or put it last in a chain of its "
	  "own." },
	{ "state-unknown", SEVERITY_ERROR, GROUP_CHECK,
	  "What decides about exempt packets cannot be copied",
	  "Something decides about exempt packets that this version cannot read, or that no twin "
	  "can be written for. What would become of them is not proven.",
	  "Give the chain or set a name, test the state in a match of its own, or take the rule's "
	  "traffic out of the exemption." },
	{ "service-closed", SEVERITY_WARNING, GROUP_CHECK,
	  "The firewall lets no new connection to the service",
	  "An exemption does not open a port: the firewall gives untracked packets the verdicts "
	  "that it gives tracked ones.",
	  "Nothing where it is meant to be closed; else open the port in the firewall, and apply "
	  "again." },
	{ "synproxy-conflict", SEVERITY_ERROR, GROUP_CHECK, "A SYNPROXY serves the same port",
	  "SYNPROXY lives on untracked packets of its port, and takes exempt ones for its own.",
	  "Take the port out of the exemption, or out of SYNPROXY." },
	{ "state-lost", SEVERITY_WARNING, GROUP_CHECK,
	  "A rule uses connection data that exempt packets do not have",
	  "The rule reads, counts or writes other data of connection tracking (marks, byte counts, "
	  "helpers, zones, numbers of connections), or it limits packets before it tests their "
	  "state. It sees exempt packets no more, or fewer of them. It is an error where this "
	  "decides a verdict.",
	  "Take the rule's traffic out of the exemption if the rule is meant for it; write the "
	  "state test before the limit." },
	{ "half-interface", SEVERITY_WARNING, GROUP_CHECK,
	  "Only one interface of a forwarded path is exempt",
	  "A packet is looked at where it comes in, so one direction would be untracked and the "
	  "other one tracked. The half that is tracked never sees a whole connection.",
	  "Exempt both interfaces, or do not forward between them." },
	{ "management-port", SEVERITY_WARNING, GROUP_CHECK,
	  "The port of the present SSH session is exempt",
	  "If the exemption does not work as meant, it cuts off the session that could take it "
	  "back.",
	  "Keep a second session open, and use 'untrack apply --confirm'." },
	{ "stateless-host", SEVERITY_NOTE, GROUP_CHECK, "Nothing on the host tracks connections",
	  "No rule of the tables ip, ip6 and inet uses connection tracking, so there is nothing "
	  "yet to exempt traffic from.",
	  "Nothing: the exemptions wait for the first rule that does." },
	{ "no-listener", SEVERITY_NOTE, GROUP_CHECK, "Nothing listens on the port",
	  "The exemption is for a server, and no socket of the host listens on its port. The "
	  "number may be wrong, or the service may not be running.",
	  "Start the service, or correct the port." },
	{ "missing-interface", SEVERITY_NOTE, GROUP_CHECK, "There is no such interface now",
	  "Rules match interfaces by name, and wait for one that is to come. A name with a slip of "
	  "the finger waits for ever.",
	  "Nothing if it is to come; else see 'ip link' for the names." },
	{ "shadowed", SEVERITY_WARNING, GROUP_CHECK, "An exemption is inside another",
	  "A packet is counted by one exemption only: the inner one would count less than its "
	  "traffic, or nothing, and taking it away changes nothing.",
	  "Name each port in one service only." },
	{ "one-direction", SEVERITY_WARNING, GROUP_CHECK, "Only one direction of it is exempt",
	  "Both ends of such a tunnel send to the same port, from others. With the role of a "
	  "server "
	  "or client alone the packets of one direction stay tracked, and fill the table.",
	  "Write role = peer." },
	{ "no-packet", SEVERITY_WARNING, GROUP_CHECK, "No packet matches the exemption",
	  "An address of the exemption is one that none of its packets can have, so it does "
	  "nothing.",
	  "Take the address out, or leave the key out where every address is meant." },
	{ "helper-port", SEVERITY_NOTE, GROUP_CHECK, "A helper of conntrack reads this port",
	  "Helpers learn from the traffic of a port which further connections belong to it. They "
	  "see no exempt packet, so those connections are new ones to the firewall.",
	  "Nothing if no firewall needs them to be related; else take the port out." },
	{ "accept-none", SEVERITY_WARNING, GROUP_CHECK,
	  "The firewall treats exempt packets otherwise",
	  "A chain would decide otherwise about these packets once they are untracked, and with "
	  "accept = none untrack writes no twin: a stateful firewall drops them.",
	  "Write rules for untracked packets by hand, or set accept = twin." },
	{ "missing-address", SEVERITY_NOTE, GROUP_CHECK, "The host does not have the address now",
	  "An exemption for local addresses does nothing until the host has them. A number with a "
	  "slip of the finger waits for ever.",
	  "Nothing if it is to come; else see 'ip address'." },
	{ "upstream-timeout", SEVERITY_WARNING, GROUP_CHECK,
	  "Flows outlive what is in front of the host",
	  "What is in front forgets idle flows after upstream-timeout. The application must speak "
	  "more often than that, and what stays tracked here must be forgotten sooner: else "
	  "answers leave by a path that the client does not know.",
	  "Let keepalive be shorter than upstream-timeout, lower the host's timeout, or exempt "
	  "this traffic as well." },
	{ "timeout-short", SEVERITY_WARNING, GROUP_CHECK,
	  "Tracked flows are forgotten before they speak again",
	  "The application speaks every keepalive seconds. What of it stays tracked is forgotten "
	  "here before that, and what comes then belongs to no connection.",
	  "Raise the host's timeout above keepalive, or exempt this traffic as well." },
	{ "one-family", SEVERITY_NOTE, GROUP_CHECK,
	  "Addresses of one family only, so the other stays tracked",
	  "A list of addresses of one family limits the exemption to that family. The same traffic "
	  "of the other one still fills the table.",
	  "List addresses of both families, or set family in [untrack]." },

	/* ---- the table of connection tracking ---- */
	{ "table-full", SEVERITY_WARNING, GROUP_TABLE, "The table is full, or nearly",
	  "A new connection that finds no room is dropped, whoever it is of: also that of the SSH "
	  "session that is to cure it.",
	  "Exempt what need not be tracked ('untrack suggest'), or raise max and buckets in "
	  "[conntrack]." },
	{ "table-growing", SEVERITY_WARNING, GROUP_TABLE, "The table is full within a minute",
	  "It grows so fast that there will be no room for new connections soon.",
	  "See who makes these entries ('untrack status'), exempt them ('untrack suggest'), or "
	  "raise max and buckets in [conntrack]." },
	{ "table-buckets", SEVERITY_WARNING, GROUP_TABLE, "There are too few buckets",
	  "Every packet searches one chain of entries: with too few buckets the chains are long. "
	  "It is a note where they would be so only if the table were full.",
	  "Set buckets in [conntrack]; as many as max is the kernel's own choice." },
	{ "table-memory", SEVERITY_WARNING, GROUP_TABLE, "A full table takes much of the memory",
	  "The kernel cannot swap these pages, and whoever can reach the host can fill the table.",
	  "Lower max in [conntrack], and exempt what need not be tracked." },
	{ "table-drops", SEVERITY_WARNING, GROUP_TABLE, "Packets were dropped for want of room",
	  "The table was full since boot: packets of new connections were dropped, or connections "
	  "without an answer were thrown out for them.",
	  "Exempt what need not be tracked ('untrack suggest'), or raise max and buckets in "
	  "[conntrack]." },
	{ "table-full-logged", SEVERITY_WARNING, GROUP_TABLE,
	  "The kernel's log says that the table was full",
	  "The kernel writes such a line for few of the packets that it drops.",
	  "Exempt what need not be tracked ('untrack suggest'), or raise max and buckets in "
	  "[conntrack]." },
	{ "insert-failed", SEVERITY_NOTE, GROUP_TABLE, "Connections could not be entered",
	  "An entry with the same addresses and ports was there already: the first packet of the "
	  "new connection was lost. It is a warning where it happens right now.",
	  "Exempt DNS and the like, whose packets come in pairs from one port; or give the "
	  "address that is translated to more ports by more addresses." },
	{ "timeout-long", SEVERITY_WARNING, GROUP_TABLE,
	  "A share of the table waits for a timeout longer than needed",
	  "These entries had no packet for so long that nothing is to be expected of them.",
	  "Set the timeout in [conntrack], as the message says." },
	{ "timeout-keepalive", SEVERITY_NOTE, GROUP_TABLE,
	  "Idle connections are remembered for days",
	  "Where a peer goes without a word, TCP with keepalives notices after hours, and the "
	  "entry stays for days.",
	  "Set timeout-tcp-established in [conntrack] where such entries pile up." },
	{ "tcp-loose", SEVERITY_WARNING, GROUP_TABLE,
	  "What nf_conntrack_tcp_loose does fits this host badly",
	  "With 1, stray packets make entries of established connections. With 0 (a note), "
	  "connections whose exemption is taken away are invalid.",
	  "Set net.netfilter.nf_conntrack_tcp_loose, as the message says." },
	{ "sysctl-ignored", SEVERITY_WARNING, GROUP_TABLE, "A setting of sysctl.d is not in force",
	  "The settings of conntrack exist once its module is loaded, which may be after the boot "
	  "has applied these files; then nobody applies them again.",
	  "Load the module early (/etc/modules-load.d), or use [conntrack]." },
	{ "stale-address", SEVERITY_WARNING, GROUP_TABLE,
	  "Entries are about addresses that are gone",
	  "An address, a container or a pod is gone, and its entries are still there: they take "
	  "room, and packets that match them go nowhere. It is a note where the address may be one "
	  "of a service that a cluster has.",
	  "Delete the entries with 'conntrack -D', or let them time out." },
	/* ---- the run itself ---- */
	{ "config", SEVERITY_ERROR, GROUP_OTHER, "The configuration is wrong",
	  "A file cannot be read, or a line of it cannot be what is meant. A configuration with an "
	  "error is not applied in part.",
	  "Correct the line; untrack.conf(5) describes sections, keys and values." },
	{ "confirm", SEVERITY_ERROR, GROUP_OTHER, "There is nothing that could be confirmed",
	  "Nothing waits for a confirmation, or its record is missing, damaged or edited. The "
	  "rules "
	  "before come back by themselves, unless they are back already.",
	  "See 'untrack history' for what is in force, and apply again." },
	{ "unconfirmed", SEVERITY_ERROR, GROUP_OTHER, "A generation was not confirmed",
	  "It still waits for its confirmation, or was not confirmed in time. What was never "
	  "confirmed is not applied at boot.",
	  "'untrack confirm' while it waits; else find out why nobody could, and apply again." },
	{ "timer", SEVERITY_ERROR, GROUP_OTHER, "The timer of apply --confirm did not start",
	  "Without it nothing would go back by itself, so nothing was applied. It is a warning "
	  "where a process of untrack's own waits in place of systemd.",
	  "See what systemd says, or apply without --confirm." },
	{ "conntrack-settings", SEVERITY_ERROR, GROUP_OTHER,
	  "A setting of [conntrack] is not as it was asked for",
	  "The kernel refused, rounded or limited a value, so everything is as it was before. It "
	  "is "
	  "a warning where a setting is out of reach and the others are made: another network "
	  "namespace, another kernel, no conntrack yet, or somebody else's value.",
	  "Ask for a value that the kernel takes, or leave the setting out." },
	{ "foreign-objects", SEVERITY_ERROR, GROUP_OTHER,
	  "Somebody has put rules into the table of untrack",
	  "apply replaces what is in its own table and chains. Rules of others there would be "
	  "lost.",
	  "Move them to a table of their own, or replace them with --force." },
	{ "facts", SEVERITY_ERROR, GROUP_OTHER, "A file of facts cannot be used",
	  "It is not JSON, it is truncated or from another version, or the firewall is not in it. "
	  "Without it nothing is known of that host, and nothing about it is proven.",
	  "Write it anew on the host, as root: untrack facts." },
	{ "unchecked", SEVERITY_NOTE, GROUP_OTHER, "Something was not checked",
	  "What was asked for could not be looked at, so that there is no finding about it says "
	  "nothing.",
	  "See the reason in the message, correct that, and check again." },
	{ "flow", SEVERITY_ERROR, GROUP_OTHER, "A flow cannot be read, or does not fit the host",
	  "A flow is one packet in words, and its addresses and interfaces have to agree. A "
	  "warning says that the host would not treat the packet as it is written.",
	  "Write it as untrack(8), FLOWS, describes." },
	{ "expect", SEVERITY_ERROR, GROUP_OTHER, "Nothing is expected, or cannot be compared",
	  "No expectation at all, a file without one, or a verdict without a firewall that could "
	  "decide: a test of nothing must not pass for a success.",
	  "Name files that end in .expect, and for verdicts a host: --facts FILE or --live." },
	{ "explain", SEVERITY_WARNING, GROUP_OTHER, "The host refuses what is explained",
	  "apply would refuse this configuration on that host, so what is shown would not come "
	  "about as it is.",
	  "'untrack check' with the same host says why." },
	{ "facts-unread", SEVERITY_NOTE, GROUP_OTHER, "A fact of the host is not known",
	  "What depends on the fact was not checked; that there is no finding about it says "
	  "nothing.",
	  "Run it as root; the message says what the kernel answered." },
	{ "iptables-legacy", SEVERITY_ERROR, GROUP_OTHER,
	  "A table of iptables-legacy cannot be read or written",
	  "Somebody changes it without the lock of iptables, the kernel has no such tables, or a "
	  "rule cannot be said in them.",
	  "Run it again when it is quiet; the message names the modules that may be missing." },
	{ "xtables-lock", SEVERITY_ERROR, GROUP_OTHER, "Another program holds the lock of iptables",
	  "Two writers at once would lose rules of one of them.",
	  "Wait for the process that the message names, or see why it does not end." },
	{ "nf-tables", SEVERITY_ERROR, GROUP_OTHER, "The kernel could not be asked, or refused",
	  "There are no privileges, no nf_tables, or a rule that this kernel does not take.",
	  "Run it as root; the message names the modules of the kernel that may be missing." },
	{ "batch-size", SEVERITY_ERROR, GROUP_OTHER, "The kernel does not take that much at once",
	  "One batch holds all rules, so that no packet sees half of them, and the kernel limits "
	  "what a process may send.",
	  "Raise net.core.wmem_max." },
	{ "kernel-unchecked", SEVERITY_NOTE, GROUP_OTHER, "This kernel was not asked",
	  "check --kernel could not make namespaces here, or the kernel has no such backend: "
	  "whether it takes the rules is not known. It is a warning if nothing was tried at all.",
	  "Run it as root, or allow user namespaces; the message names what forbids them." },
	{ "backend", SEVERITY_NOTE, GROUP_OTHER, "iptables was taken in place of nf_tables",
	  "backend = auto took iptables, since this kernel has no nf_tables.",
	  "Nothing; or name the backend in [untrack]." },
	{ "repaired", SEVERITY_WARNING, GROUP_OTHER, "Somebody took rules of untrack away",
	  "untrack watch found rules or twins missing or out of place, and put them back: which, "
	  "and "
	  "who changed rules last. Until then exempt traffic may have been cut off.",
	  "Nothing; or reload the firewall in a way that systemd knows of." },
	{ "watch", SEVERITY_WARNING, GROUP_OTHER, "untrack watch cannot do its work as it should",
	  "Somebody takes away again and again what it puts back, or the kernel tells it nothing.",
	  "'nft monitor' shows who changes rules; systemctl restart untrack-watch begins anew." },
	{ "contended", SEVERITY_ERROR, GROUP_OTHER, "Somebody changes the rules all the time",
	  "The rules changed again between reading and writing, each time. Nothing was written, so "
	  "that nobody's change is lost.",
	  "'nft monitor' shows who; run it again when it is quiet." },
	{ "conntrack-unread", SEVERITY_ERROR, GROUP_OTHER,
	  "The table of connection tracking cannot be read",
	  "What is in it, or what the kernel counts about it, could not be had. A module that is "
	  "not loaded is not loaded for a question.",
	  "Run it as root; the message names the module that may be missing." },
	{ "conntrack-changed", SEVERITY_WARNING, GROUP_OTHER,
	  "The table was made anew while it was read",
	  "Somebody changed the number of its buckets, or the kernel said that the answer was "
	  "interrupted, three times in a row. The figures may lack entries.",
	  "Run it again when it is quiet." },
	{ "conntrack-strange", SEVERITY_NOTE, GROUP_OTHER,
	  "Entries have something that this version does not know",
	  "They are counted as far as they are understood; a warning says how many could not be "
	  "counted at all.",
	  "Nothing; conntrack -L shows them." },
	{ "conntrack-idle", SEVERITY_NOTE, GROUP_OTHER, "There are no entries to look at",
	  "This kernel has no connection tracking, or nothing in this network namespace asks for "
	  "it.",
	  "Nothing; look in the namespace of the traffic." },
	{ "drain", SEVERITY_WARNING, GROUP_OTHER, "Stale entries are still in the table",
	  "Entries of connections that are exempt now could not be taken out of the connection "
	  "tracking table.",
	  "Another untrack apply tries again; left alone, they end by their timeouts." },
	{ "not-applied", SEVERITY_ERROR, GROUP_OTHER, "The kernel does not hold what was wanted",
	  "The kernel reported no error, but what was read back differs.",
	  "See the lines of the difference; another program may have written at the same time." },
	{ "verify-failed", SEVERITY_ERROR, GROUP_OTHER, "What was written could not be read back",
	  "Only what was read back and compared counts as applied.",
	  "See the reason in the message, and apply again." },
	{ "verified", SEVERITY_NOTE, GROUP_OTHER, "An error, and all the same what was wanted",
	  "The kernel reported an error, and holds what was wanted: it was read back and compared.",
	  "Nothing." },
	{ "rolled-back", SEVERITY_NOTE, GROUP_OTHER, "The rules before are back",
	  "The change failed, or was not confirmed. The rules before were put back, read back and "
	  "compared.",
	  "See the findings before this one for the reason." },
	{ "unproven", SEVERITY_ERROR, GROUP_OTHER, "What the kernel holds is not proven",
	  "The change failed, and the rules before could not be proven to be back.",
	  "Look at the rules with 'untrack diff', and apply or remove once more." },
	{ "recovered", SEVERITY_NOTE, GROUP_OTHER, "A run that was killed has been finished",
	  "A run before this one ended in the middle. What the kernel holds was compared with what "
	  "it held before and with what it was to hold.",
	  "Nothing; the message says which of the two it is." },
	{ "locked", SEVERITY_ERROR, GROUP_OTHER, "Another untrack is at work",
	  "Only one run changes the kernel or the records at a time.", "Wait for it." },
	{ "boot", SEVERITY_ERROR, GROUP_OTHER, "Something else than the configuration was applied",
	  "At boot the configuration was refused, failed, or was never confirmed. The last "
	  "generation that was good is in force instead, if there is one.",
	  "See the findings before this one, and apply again." },
	{ "journal", SEVERITY_ERROR, GROUP_OTHER, "The record of the transaction cannot be used",
	  "Before anything changes, what is and what will be is on disk, so that a run that is "
	  "killed can be finished.",
	  "Make room, or make the state directory writable." },
	{ "generation", SEVERITY_ERROR, GROUP_OTHER, "The record of a generation cannot be used",
	  "It is missing, damaged, edited or written by a newer untrack. What is not certain is "
	  "not applied.",
	  "Choose another generation: 'untrack history' lists them." },
	{ "ruleset", SEVERITY_ERROR, GROUP_OTHER, "A stored ruleset cannot be read",
	  "It is damaged, or written by a newer untrack.",
	  "See 'untrack diff' for what is in force, and apply again." },
	{ "state-file", SEVERITY_ERROR, GROUP_OTHER, "A file of the state directory cannot be used",
	  "Without its records untrack could not go back, so it changes nothing.",
	  "Make room, or make the state directory writable." },
	{ "rollback", SEVERITY_NOTE, GROUP_OTHER, "The files differ from what is in force",
	  "A rollback leaves the configuration files as they are: the next apply would undo it.",
	  "Change the files to what is meant to stay." },
	{ "usage", SEVERITY_ERROR, GROUP_OTHER, "The command line is wrong",
	  "An option or an argument is unknown, missing, or does not fit the others.",
	  "'untrack help COMMAND' lists the options." },
	{ "output", SEVERITY_ERROR, GROUP_OTHER, "Standard output cannot be written",
	  "The result was lost: the disk is full, or the reader went away.",
	  "Write it elsewhere, and run it again." },
};

const size_t n_finding_kinds = ARRAY_SIZE(finding_kinds);

const struct finding_kind *finding_kind(const char *id)
{
	for (size_t i = 0; i < n_finding_kinds; i++)
		if (!strcmp(finding_kinds[i].id, id))
			return &finding_kinds[i];
	return NULL;
}
