/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/device_add.c - devices enrolled by flags, or from a file as in devices.d. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/client.h"
#include "cli/output.h"
#include "codec/document.h"

/* "a,b" as a list. */
static json_t *split(const char *text)
{
	json_t *list = json_array();
	cleanup_free char *words = mem_copy_text(text);
	char *rest = words, *word;
	while ((word = strsep(&rest, ","))) {
		if (*word)
			json_array_append_new(list, json_string(word));
	}
	return list;
}

static json_t *device_of_flags(const struct cli *cli)
{
	static const enum flag texts[] = {FLAG_TYPE, FLAG_PORT, FLAG_MAC, FLAG_ADDRESSES,
					  FLAG_DESCRIPTION};
	static const enum flag lists[] = {FLAG_IPS, FLAG_GROUPS, FLAG_TAGS};
	json_t *device = json_object();
	if (cli_argument(cli, 0))
		json_object_set_new(device, "name", json_string(cli_argument(cli, 0)));
	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
		if (cli_flag(cli, texts[i]))
			json_object_set_new(device, FLAGS[texts[i]].name,
					    json_string(cli_flag(cli, texts[i])));
	}
	for (unsigned i = 0; i < ARRAY_SIZE(lists); i++) {
		if (cli_flag(cli, lists[i]))
			json_object_set_new(device, FLAGS[lists[i]].name,
					    split(cli_flag(cli, lists[i])));
	}
	if (cli_flag(cli, FLAG_MULTICAST))
		json_object_set_new(device, "multicast", json_true());
	const char *factor = cli_flag(cli, FLAG_TELEMETRY_FACTOR);
	json_t *number = factor ? json_loads(factor, JSON_DECODE_ANY, NULL) : NULL;
	if (factor)
		json_object_set_new(device, "telemetry_factor",
				    number ? number : json_string(factor));
	return device;
}

static int add_device(struct cli *cli, json_t *device)
{
	const char *name = text_of(device, "name");
	cleanup_buffer struct buffer path = {0};
	json_t *answer = NULL;
	bool replace = false;
	buffer_print(&path, "/api/v1/devices");
	if (cli_flag(cli, FLAG_REPLACE) && *name) {
		json_t *there = NULL;
		size_t collection = path.length;
		url_segment(&path, name);
		cli->silent = true;
		replace = client_get(cli, path.bytes, &there) == 0;
		cli->silent = false;
		json_decref(there);
		if (!replace) {
			path.length = collection;
			path.bytes[collection] = '\0';
		}
	}
	int code = client_change(cli, replace ? "PUT" : "POST", path.bytes, device, &answer);
	if (code == 0 && !output_json(cli, answer) && !cli->quiet)
		output_print("%s: %s%s", name, cli->dry_run ? "would be " : "",
			     replace ? "changed" : "enrolled");
	json_decref(answer);
	return code;
}

/* One device, or a list of them as devices.d has it; stops at the first that is refused. */
static int add_from_file(struct cli *cli, const char *file)
{
	struct complaints complaints = {0};
	struct document *document = NULL;
	struct error err = {0};
	int result = document_read_file(&document, strcmp(file, "-") ? file : "/dev/stdin",
					&complaints, &err);
	if (result < 0) {
		fputs(complaints.count ? complaints.text.bytes : "", stderr);
		if (!complaints.count)
			cli_complain(cli, "%s", err.text);
		complaints_done(&complaints);
		return EXIT_INVALID;
	}
	json_t *root = document_to_json(document_root(document)), *device;
	size_t i;
	int code = 0;
	if (json_is_array(root)) {
		json_array_foreach(root, i, device)
		{
			if (code == 0)
				code = add_device(cli, device);
		}
	} else {
		code = add_device(cli, root);
	}
	json_decref(root);
	document_free(document);
	complaints_done(&complaints);
	return code;
}

int run_device_add(struct cli *cli)
{
	const char *file = cli_flag(cli, FLAG_FILE);
	if (!file && !cli_argument(cli, 0)) {
		cli_complain(
			cli,
			"which device? (a name with --type, --port and --mac, or --file FILE)");
		return EXIT_USAGE;
	}
	if (file && cli_argument(cli, 0)) {
		cli_complain(cli, "the name stands in the file: leave '%s' away",
			     cli_argument(cli, 0));
		return EXIT_USAGE;
	}
	if (file)
		return add_from_file(cli, file);
	json_t *device = device_of_flags(cli);
	int code = add_device(cli, device);
	json_decref(device);
	return code;
}
