/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/alert.c - alerts, and the marks that operators put on them. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/event_line.h"

static void add_row(struct table *table, const json_t *alert)
{
	const json_t *eve = json_object_get(alert, "eve");
	const json_t *kalki = json_object_get(eve, "kalki");
	cleanup_free char *device = shown(alert, "device");
	cleanup_free char *source = shown(eve, "src_ip");
	cleanup_free char *by = shown(alert, "acknowledged_by");
	table_cell(table, "%" JSON_INTEGER_FORMAT, number_of(alert, "id"));
	table_cell(table, "%s", text_of(alert, "time"));
	table_cell(table, "%s", device);
	table_cell(table, "%s", text_of(kalki, "severity"));
	table_cell(table, "%s", text_of(kalki, "type"));
	table_cell(table, "%s", source);
	table_cell(table, "%s", by);
	table_cell(table, "%s", text_of(kalki, "detail"));
}

int run_alert_list(struct cli *cli)
{
	cleanup_buffer struct buffer url = {0};
	json_t *list = NULL, *alert;
	size_t i;
	unsigned limit;
	if (!event_limit(cli, &limit))
		return EXIT_USAGE;
	buffer_print(&url, "/api/v1/alerts");
	event_which(cli, &url);
	url_query(&url, "since", cli_flag(cli, FLAG_SINCE));
	url_query(&url, "unacknowledged", cli_flag(cli, FLAG_UNACKNOWLEDGED) ? "true" : NULL);
	int code = client_list(cli, url.bytes, limit, &list);
	if (code)
		return code;
	if (!output_list(cli, list)) {
		struct table table = {
			.heads = "ALERT|TIME|DEVICE|SEVERITY|TYPE|SOURCE|ACKNOWLEDGED BY|DETAIL"};
		json_array_foreach(json_object_get(list, "items"), i, alert) add_row(&table, alert);
		table_print(&table, cli, "no alerts");
	}
	json_decref(list);
	return 0;
}

int run_alert_ack(struct cli *cli)
{
	cleanup_buffer struct buffer path = {0};
	json_t *answer = NULL;
	json_t *body = json_pack("{s:s*}", "reason", cli_flag(cli, FLAG_REASON));
	buffer_print(&path, "/api/v1/alerts");
	url_segment(&path, cli_argument(cli, 0));
	buffer_print(&path, "/acknowledge");
	int code = client_change(cli, "POST", path.bytes, body, &answer);
	if (code == 0 && !output_json(cli, answer) && !cli->quiet)
		output_print("alert %s: %s", cli_argument(cli, 0),
			     cli->dry_run ? "would be acknowledged" : "acknowledged");
	json_decref(answer);
	json_decref(body);
	return code;
}
