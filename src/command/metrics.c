/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack metrics: how things stand, for Prometheus: on standard output, or in a file that is whole
 * at any time. */
#include "report/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "command/comparison.h"
#include "kernel/conntrack_stats.h"
#include "kernel/ct_sysctl.h"

#define FILE_MODE 0644

/* What is not there has no series; a setting that cannot be read is a finding of its own. */
static const uint64_t *read_setting(const char *name, uint64_t *value, struct diag *d)
{
	unsigned long now;

	if (ct_sysctl_read(CT_SYSCTL_DIR, name, &now, d))
		return NULL;
	*value = now;
	return value;
}

static void print(const struct status *st, struct diag *d, FILE *out)
{
	uint64_t entries, max, buckets;
	struct ct_stats stats;
	struct metrics m = { .version = VERSION, .status = st, .findings = d };

	m.entries = read_setting("nf_conntrack_count", &entries, d);
	m.max = read_setting("nf_conntrack_max", &max, d);
	m.buckets = read_setting("nf_conntrack_buckets", &buckets, d);
	if (m.entries && !ct_stats_read(&stats, NULL, NULL, d))
		m.stats = &stats;
	metrics_print(&m, out);
}

/* The text, or NULL and what the command exits with. Findings are metrics, too; they are said only
 * where they are all there is. */
static char *make_text(struct session *s, enum exit_code *code)
{
	struct comparison c = { 0 };
	struct policy p = { 0 };
	struct status st = { 0 };
	struct diag found = { 0 }, *said = s->d;
	char *text = NULL;
	size_t len;
	FILE *f;

	s->d = &found;
	*code = comparison_status(s, &st, &p, &c);
	s->d = said;
	if (*code == CODE_DONE) {
		status_compare(&st);
		f = xmemstream(&text, &len);
		print(&st, &found, f);
		fclose(f);
		status_free(&st);
	} else {
		diag_move(said, &found);
	}
	diag_free(&found);
	comparison_free(&c);
	policy_free(&p);
	return text;
}

/* ---- the file ----------------------------------------------------------------------------------
 */

static enum exit_code error_file(struct diag *d, const char *file, const char *verb)
{
	int errnum = errno;

	diag_error(d, NULL, "output", errnum, "cannot %s %s", verb, file);
	if (errnum == ENOENT || errnum == ENOTDIR)
		diag_cure(d, "make its directory, or name another file");
	else if (errnum == EACCES || errnum == EPERM || errnum == EROFS)
		diag_cure(d, "run it as root; in a unit of systemd, name the directory in "
			     "ReadWritePaths=");
	else if (errnum == ENOSPC || errnum == EDQUOT)
		diag_cure(d, "make room; what was there before is there still");
	else
		diag_cure(d, "what was there before is there still");
	return CODE_USAGE;
}

/* It would be replaced by a file: /dev/stdout, a directory, somebody's link. */
static bool is_special(const char *file, struct diag *d)
{
	struct stat st;

	if (lstat(file, &st) || S_ISREG(st.st_mode))
		return false;
	diag_error(d, NULL, "output", 0, "%s is there and is not a plain file", file);
	diag_cure(d, "name another one; without --output the metrics go to standard output");
	return true;
}

static int write_all(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Everything but the last step. */
static int fill(int fd, const char *text)
{
	return write_all(fd, text) || fchmod(fd, FILE_MODE) || fsync(fd) ? -1 : 0;
}

/* A new file beside it takes its place in one step. Its name ends otherwise, so that collectors of
 * *.prom pass it over. */
static enum exit_code write_file(const char *file, const char *text, struct diag *d)
{
	auto_free char *new = xasprintf("%s.XXXXXX", file);
	int fd = mkostemp(new, O_CLOEXEC), rc, errnum;
	enum exit_code code;

	if (fd < 0)
		return error_file(d, file, "write");
	rc = fill(fd, text);
	errnum = errno;
	if (close(fd) && !rc) {
		rc = -1;
		errnum = errno;
	}
	if (!rc && !rename(new, file))
		return CODE_DONE;
	if (rc)
		errno = errnum;
	code = error_file(d, file, rc ? "write" : "replace");
	unlink(new);
	return code;
}

enum exit_code command_metrics(struct session *s)
{
	enum exit_code code;
	auto_free char *text = NULL;

	if (s->req.output && is_special(s->req.output, s->d))
		return CODE_USAGE;
	text = make_text(s, &code);
	if (!text)
		return code;
	if (s->req.output)
		return write_file(s->req.output, text, s->d);
	fputs(text, s->out);
	return CODE_DONE;
}
