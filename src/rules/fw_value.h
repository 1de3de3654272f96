/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of fields in the words of nft. */
#ifndef UNTRACK_FW_VALUE_H
#define UNTRACK_FW_VALUE_H

#include "rules/fw.h"

/* A value of the field that load loads, as far as that alone tells what it means; else a number. */
void fw_value_text(struct text *t, const struct fw_expr *load, const uint8_t *v, size_t len);
void fw_protocol_text(struct text *t, uint8_t proto);
void fw_tcp_flags_text(struct text *t, uint8_t flags);
/* An interface; shorter than a whole name it is a prefix: "wg*". */
void fw_name_text(struct text *t, const uint8_t *v, size_t len);

#endif
