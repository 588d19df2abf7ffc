/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/chain_capture.c - frames that were kept for an alert or are asked for now, as pcapng files;
 * and how to be rid of them. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/client.h"
#include "cli/output.h"

static void captures_path(struct buffer *path, const char *device)
{
	buffer_print(path, "/api/v1/devices");
	url_segment(path, device);
	buffer_print(path, "/captures");
}

int run_chain_captures(struct cli *cli)
{
	static const char *const keys[] = {"id", "time", "frames", "bytes"};
	cleanup_buffer struct buffer path = {0};
	json_t *list = NULL, *capture;
	size_t i;
	captures_path(&path, cli_argument(cli, 0));
	int code = client_get(cli, path.bytes, &list);
	if (code)
		return code;
	if (!output_list(cli, list)) {
		struct table table = {.heads = "CAPTURE|TIME|FRAMES|BYTES"};
		json_array_foreach(json_object_get(list, "items"), i, capture)
			table_fields(&table, capture, keys, ARRAY_SIZE(keys));
		table_print(&table, cli, "no captures");
	}
	json_decref(list);
	return 0;
}

static int write_file(const struct cli *cli, const char *name, const struct buffer *file)
{
	bool standard = text_equal(name, "-");
	FILE *to = standard ? stdout : fopen(name, "wxe"); /* nothing is overwritten */
	if (!to) {
		cli_complain(cli, "%s: %s", name, strerror(errno));
		return EXIT_FAILED;
	}
	size_t written = fwrite(file->bytes, 1, file->length, to);
	if ((standard ? fflush(to) : fclose(to)) != 0 || written != file->length) {
		cli_complain(cli, "%s: %s", name, strerror(errno));
		return EXIT_FAILED;
	}
	return 0;
}

static int fetch(struct cli *cli, const char *id, const char *name)
{
	cleanup_buffer struct buffer path = {0}, file = {0};
	buffer_print(&path, "/api/v1/captures");
	url_segment(&path, id);
	int code = client_text(cli, path.bytes, &file);
	if (code == 0)
		code = write_file(cli, name, &file);
	if (code == 0 && !cli->quiet && !text_equal(name, "-"))
		fprintf(stderr, "%s: %zu bytes\n", name, file.length);
	return code;
}

static int take_now(struct cli *cli, const char *device, char id[static 24])
{
	cleanup_buffer struct buffer path = {0};
	const char *reason = cli_flag(cli, FLAG_REASON);
	json_t *body = reason ? json_pack("{s:s}", "reason", reason) : NULL, *capture = NULL;
	captures_path(&path, device);
	int code = client_change(cli, "POST", path.bytes, body, &capture);
	if (code == 0)
		snprintf(id, 24, "%lld", (long long)number_of(capture, "id"));
	json_decref(capture);
	json_decref(body);
	return code;
}

int run_chain_capture(struct cli *cli)
{
	const char *device = cli_argument(cli, 0), *name = cli_argument(cli, 1);
	const char *wanted = cli_flag(cli, FLAG_ID);
	char id[24] = "";
	if (cli->dry_run) {
		cli_complain(cli, "chain capture changes nothing: there is no --dry-run of it");
		return EXIT_USAGE;
	}
	int code = wanted ? 0 : take_now(cli, device, id);
	if (code)
		return code;
	cleanup_free char *standard = mem_printf("%s-%s.pcapng", device, wanted ? wanted : id);
	return fetch(cli, wanted ? wanted : id, name ? name : standard);
}

int run_chain_rm_capture(struct cli *cli)
{
	cleanup_buffer struct buffer path = {0};
	const char *id = cli_argument(cli, 0);
	json_t *answer = NULL;
	int code = cli_confirm(cli, "The frames of capture %s are removed for ever.", id);
	if (code)
		return code;
	buffer_print(&path, "/api/v1/captures");
	url_segment(&path, id);
	code = client_change(cli, "DELETE", path.bytes, NULL, &answer);
	if (code == 0 && !output_json(cli, answer) && !cli->quiet)
		output_print("capture %s: %s", id, cli->dry_run ? "would be removed" : "removed");
	json_decref(answer);
	return code;
}
