/* SPDX-License-Identifier: Apache-2.0 */
/* news.h - makes alerts of what the kernel tells: who got blocked at once, who comes although it is
 * blocked once a pause.  Pure; times never go back. */
#pragma once

#include "blocks.h"

struct news;

struct news_result {
	bool alarm; /* say `alert`; its detail is `detail` */
	struct umbox_alert alert;
	char detail[96];
};

struct news *news_new(const struct blocks_settings *settings, int64_t alert_pause_us);
void news_free(struct news *news);
void news_take(struct news *news, const struct umbox_told *told, struct news_result *ret);
