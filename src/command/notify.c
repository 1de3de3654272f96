/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a service tells systemd. */
#include "command/notify.h"

#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include "util.h"

#define PATIENCE_S 2

void notify(const char *text)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = name ? strlen(name) : 0;
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	auto_close int fd = -1;

	if (len < 2 || len >= sizeof to.sun_path || (*name != '/' && *name != '@'))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	/* A reader that does not read must not keep us from our work. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	memcpy(to.sun_path, name, len);
	if (*name == '@') /* the abstract namespace */
		to.sun_path[0] = '\0';
	(void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

void notify_status(const char *fmt, ...)
{
	auto_free char *text = NULL, *line = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	text[strcspn(text, "\n")] = '\0';
	line = xasprintf("STATUS=%s", text);
	notify(line);
}

uint64_t notify_watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	unsigned long n;

	if (pid && (!parse_uint(pid, 1, LONG_MAX, &n) || n != (unsigned long)getpid()))
		return 0;
	return usec && parse_uint(usec, 1, LONG_MAX, &n) ? n / 1000 : 0;
}

bool notify_has_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	auto_free char *own = NULL;
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st))
		return false;
	own = xasprintf("%lu:%lu", (unsigned long)st.st_dev, (unsigned long)st.st_ino);
	return !strcmp(own, stream);
}
