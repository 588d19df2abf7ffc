/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the umbox `block-ip`: drops in the kernel what comes from, or goes to, addresses that
 * are listed, and those of sources that give themselves away. */
#include "blocks.h"
#include "news.h"

static void on_told(struct umbox *umbox, const struct umbox_told *told, void *user)
{
	struct news_result result;
	news_take(user, told, &result);
	if (result.alarm)
		umbox_alert(umbox, &result.alert);
}

static void read_prefixes(struct umbox *umbox, const char *name, struct prefixes *ret)
{
	static const char *texts[PREFIXES_MAX];
	size_t count = umbox_texts(umbox, name, texts, 0, PREFIXES_MAX / 2);
	for (size_t i = 0; i < count; i++)
		if (!prefixes_add(ret, texts[i]))
			umbox_fail(umbox, "parameter '%s': '%s' is no address and no prefix", name,
				   texts[i]);
}

static void spare_host(const struct umbox *umbox, struct prefixes *exempt)
{
	const struct umbox_addresses *hosts = umbox_host_addresses(umbox);
	for (unsigned i = 0; i < hosts->count; i++)
		exempt->prefix[exempt->count++] =
			(struct umbox_prefix){hosts->ip[i], hosts->ip[i].family == 4 ? 32 : 128};
}

static void read_settings(struct umbox *umbox, struct blocks_settings *ret)
{
	read_prefixes(umbox, "sources", &ret->sources);
	read_prefixes(umbox, "exempt", &ret->exempt);
	if (!umbox_boolean(umbox, "count_host", false))
		spare_host(umbox, &ret->exempt);
	prefixes_tidy(&ret->sources);
	prefixes_tidy(&ret->exempt);
	ret->trip_count = umbox_integers(umbox, "trip_ports", ret->trip_ports, 0, TRIP_PORTS_MAX, 1,
					 65535);
	ret->attempts = (uint32_t)umbox_integer(umbox, "attempts", 0, 0, 1000);
	ret->interval_s = (uint32_t)umbox_integer(umbox, "interval_s", 10, 1, 3600);
	ret->block_s = (uint32_t)umbox_integer(umbox, "block_s", 600, 1, 604800);
	ret->bits4 = (uint8_t)umbox_integer(umbox, "source_bits", 32, 8, 32);
	ret->bits6 = (uint8_t)umbox_integer(umbox, "source_bits6", 64, 16, 128);
}

int main(void)
{
	static struct blocks_settings settings;
	struct umbox *umbox = umbox_open();
	read_settings(umbox, &settings);
	int64_t alert_pause_us = umbox_integer(umbox, "alert_pause_s", 60, 0, 3600) * 1000000;
	struct news *news = news_new(&settings, alert_pause_us);
	umbox_on_told(blocks_new(umbox, &settings), on_told);
	int status = umbox_run(umbox, &(struct umbox_handler){.user = news});
	news_free(news);
	return status;
}
