/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/umbox.c - the umboxes that run, and what they wrote. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/client.h"
#include "cli/output.h"

enum { UMBOXES_SHOWN_MAX = 100000 };

int run_umbox_list(struct cli *cli)
{
	static const char *const keys[] = {"umbox", "device",  "name",  "role",  "position",
					   "state", "running", "wired", "ready", "image"};
	json_t *list = NULL, *umbox;
	size_t i;
	int code = client_list(cli, "/api/v1/umboxes", UMBOXES_SHOWN_MAX, &list);
	if (code)
		return code;
	if (!output_list(cli, list)) {
		struct table table = {
			.heads = "UMBOX|DEVICE|HOP|ROLE|POSITION|STATE|RUNNING|WIRED|READY|IMAGE"};
		json_array_foreach(json_object_get(list, "items"), i, umbox)
			table_fields(&table, umbox, keys, ARRAY_SIZE(keys));
		table_print(&table, cli, "no umboxes");
	}
	json_decref(list);
	return 0;
}

/* As it was written into a file or a pipe; made printable line by line on a terminal. */
static void print_log(char *text, size_t length)
{
	if (!isatty(STDOUT_FILENO)) {
		fwrite(text, 1, length, stdout);
		return;
	}
	char *rest = text, *line;
	while ((line = strsep(&rest, "\n"))) {
		if (rest || *line)
			output_print("%s", line);
	}
}

int run_umbox_logs(struct cli *cli)
{
	cleanup_buffer struct buffer path = {0}, log = {0};
	buffer_print(&path, "/api/v1/umboxes");
	url_segment(&path, cli_argument(cli, 0));
	buffer_print(&path, "/logs");
	url_query(&path, "bytes", cli_flag(cli, FLAG_BYTES));
	int code = client_text(cli, path.bytes, &log);
	if (code || !log.length)
		return code;
	json_t *json = json_pack("{s:s, s:s%}", "umbox", cli_argument(cli, 0), "log", log.bytes,
				 log.length);
	if (!json || !output_json(cli, json))
		print_log(log.bytes, log.length);
	json_decref(json);
	return 0;
}
