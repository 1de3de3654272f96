/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The same thing printed again and again: over itself on a terminal, one after the other elsewhere.
 */
#ifndef UNTRACK_REDRAW_H
#define UNTRACK_REDRAW_H

#include "command/command.h"

/* Prints one picture to s->out; what it has to say goes to s->d, which is shown with it, or, with
 * --json, on standard error. */
typedef enum exit_code picture_fn(struct session *s, void *ctx);

/* "--watch[=SECONDS]" as given: false with a finding. */
bool redraw_interval(const char *given, unsigned *seconds, struct diag *d);

/* Until q or a signal that ends programs (SIGINT, SIGTERM, SIGHUP, SIGQUIT) comes, or nobody reads
 * on; a terminal is as it was then. What the last picture came to, or the first that could not be
 * made (CODE_USAGE and above). */
enum exit_code redraw(struct session *s, unsigned seconds, picture_fn *picture, void *ctx);

#endif
