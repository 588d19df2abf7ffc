/* SPDX-License-Identifier: Apache-2.0 */
/* news.c - see news.h. */
#include "news.h"

#include <stdio.h>
#include <stdlib.h>

#include "umbox_guard.h"

enum { PEERS_MAX = 1024 };

struct news_key {
	uint8_t reason;
	struct umbox_ip peer;
};

struct news {
	struct umbox_tally *tally; /* of struct news_key */
	uint32_t attempts, interval_s, block_s;
};

struct news *news_new(const struct blocks_settings *settings, int64_t alert_pause_us)
{
	struct news *news = calloc(1, sizeof(*news));
	if (!news)
		abort();
	news->tally = umbox_tally_new(PEERS_MAX, sizeof(struct news_key), 1, alert_pause_us,
				      alert_pause_us);
	news->attempts = settings->attempts;
	news->interval_s = settings->interval_s;
	news->block_s = settings->block_s;
	return news;
}

void news_free(struct news *news)
{
	if (!news)
		return;
	umbox_tally_free(news->tally);
	free(news);
}

static void print_detail(const struct news *news, const struct umbox_headers *headers,
			 enum block_reason reason, char *detail, size_t bytes)
{
	switch (reason) {
	case BLOCK_TRIPPED:
		snprintf(detail, bytes, "touched port %u: blocked for %u s", headers->target_port,
			 news->block_s);
		break;
	case BLOCK_ATTEMPTS:
		snprintf(detail, bytes, "more than %u connections in %u s: blocked for %u s",
			 news->attempts, news->interval_s, news->block_s);
		break;
	case BLOCK_CROWDED:
		snprintf(detail, bytes, "too many sources to count their connections");
		break;
	default: snprintf(detail, bytes, "is blocked"); break;
	}
}

void news_take(struct news *news, const struct umbox_told *told, struct news_result *ret)
{
	struct umbox_headers headers;
	struct umbox_tally_result counted;
	*ret = (struct news_result){.alarm = false};
	if (told->tag >= BLOCK_EVASIVE)
		return;
	enum block_reason reason = told->tag;
	umbox_parse(&headers, told->frame.bytes, told->frame.length);
	bool outward = told->frame.from == UMBOX_IN;
	struct news_key key = {.reason = told->tag,
			       .peer = outward ? headers.target : headers.source};
	if (reason == BLOCK_CROWDED)
		key.peer = (struct umbox_ip){.family = 0};
	umbox_tally_add(news->tally, &key, told->frame.time_us, &counted);
	if (!counted.tell)
		return;
	bool blocks = reason == BLOCK_TRIPPED || reason == BLOCK_ATTEMPTS;
	ret->alarm = true;
	ret->alert = (struct umbox_alert){
		.type = blocks ? "blocked-source" : "blocked-traffic",
		.severity = blocks ? UMBOX_HIGH : UMBOX_LOW,
		.source = reason == BLOCK_CROWDED ? key.peer : headers.source,
		.source_port = headers.source_port,
		.target = headers.target,
		.target_port = headers.target_port,
		.count = counted.count,
		.detail = ret->detail,
	};
	print_detail(news, &headers, reason, ret->detail, sizeof(ret->detail));
}
