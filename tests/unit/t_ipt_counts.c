/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other people's counts in a table raw of iptables-legacy while it is written and packets flow: not
 * one packet is lost, of rules and of policies alike. */
#include "ipt_namespace.h"

#include <arpa/inet.h>

#define PORT 9
#define COMMITS 60

static const char counted[] = "*raw\n"
			      ":PREROUTING ACCEPT [7:700]\n"
			      ":OUTPUT ACCEPT [8:800]\n"
			      "[5:500] -A PREROUTING -p udp\n"
			      "[6:600] -A OUTPUT -p udp\n"
			      "COMMIT\n";

struct flood { /* shared with who sends */
	volatile bool stop;
	volatile uint64_t sent;
};

static struct sockaddr_in here(void)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(PORT),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static pid_t start_flood(struct flood *flood)
{
	const struct sockaddr_in to = here();
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	pid_t pid = fork();

	if (pid)
		return close(fd) ? -1 : pid;
	while (!flood->stop)
		if (sendto(fd, "", 1, 0, (const void *)&to, sizeof(to)) == 1)
			flood->sent++;
	_exit(0);
}

/* Who takes what is sent, so that nothing is answered. */
static int listener(void)
{
	const struct sockaddr_in at = here();
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (const void *)&at, sizeof(at)), 0);
	return fd;
}

/* "[12:345]" of the first line with the word. */
static unsigned long long count_of(const char *listing, const char *word)
{
	const char *line = strstr(listing, word);
	unsigned long long n = 0;

	while (line && line > listing && line[-1] != '\n')
		line--;
	if (!line || sscanf(line, "%*[^[][%llu:", &n) < 1)
		if (!line || sscanf(line, "[%llu:", &n) < 1)
			fail_msg("no %s in %s", word, listing);
	return n;
}

static void survive_traffic(void **state)
{
	struct fixture *f = need(state);
	struct flood *flood = mmap(NULL, sizeof(*flood), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct ipt *x = ipt_new();
	auto_free char *listing = NULL;
	auto_close int fd = -1;
	struct ruleset want[3] = { 0 };
	uint64_t at_start;
	pid_t pid;

	restore(counted);
	run("ip link set lo up");
	fd = listener();
	parse(f, &want[0], "iptables-legacy output notrack web protocol tcp dport 80\n");
	parse(f, &want[1],
	      "iptables-legacy output notrack web protocol tcp dport 80,443\n"
	      "iptables-legacy prerouting notrack web protocol tcp dport 80\n");
	pid = start_flood(flood);
	for (unsigned i = 0; i < COMMITS; i++) {
		struct ruleset ours;

		read_legacy(f, x, &ours, NULL);
		assert_int_equal(commit_all(f, x, &want[i % ARRAY_SIZE(want)]), 0);
		no_findings(f);
		ruleset_free(&ours);
		if (!i)
			at_start = flood->sent;
	}
	assert_true(flood->sent > at_start + COMMITS); /* it flowed all the while */
	flood->stop = true;
	waitpid(pid, NULL, 0);
	listing = output("iptables-legacy-save -c -t raw");
	assert_int_equal(count_of(listing, "-A OUTPUT -p udp"), 6 + flood->sent);
	assert_int_equal(count_of(listing, "-A PREROUTING -p udp"), 5 + flood->sent);
	assert_int_equal(count_of(listing, ":OUTPUT ACCEPT"), 8 + flood->sent);
	assert_int_equal(count_of(listing, ":PREROUTING ACCEPT"), 7 + flood->sent);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		ruleset_free(&want[i]);
	ipt_free(x);
	munmap(flood, sizeof(*flood));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(survive_traffic) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
