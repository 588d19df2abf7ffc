/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/umbox_init.c - begins an image: a folder with a skeleton that builds and keeps the contract.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/output.h"
#include "cli/skeletons.h"

enum { NAME_MAX_LENGTH = 63 };
static const char PLACEHOLDER[] = "@name@";

/* A kind is made of the files of some folders. */
struct kind {
	const char *name, *folders[2];
};
static const struct kind KINDS[] = {
	{"kit", {"kit", "program"}},
	{"wrapper", {"wrapper"}},
	{"kernel", {"kernel", "program"}},
};

/* The name is right, or NULL for the first. */
static const struct kind *find_kind(const char *name)
{
	for (size_t i = 1; i < ARRAY_SIZE(KINDS); i++) {
		if (text_equal(KINDS[i].name, name))
			return &KINDS[i];
	}
	return &KINDS[0];
}

/* Of the kind's files the next from `at` on; NULL when there is none. */
static const struct skeleton_file *next_file(const struct kind *kind, size_t *at)
{
	while (*at < SKELETON_FILE_COUNT) {
		const struct skeleton_file *file = &SKELETON_FILES[(*at)++];
		for (size_t i = 0; i < ARRAY_SIZE(kind->folders); i++) {
			if (text_equal(kind->folders[i], file->folder))
				return file;
		}
	}
	return NULL;
}

/* A folder's and an image's as well. */
static bool is_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t length = strlen(name);
	return length <= NAME_MAX_LENGTH && strspn(name, letters) == length && name[0] != '-' &&
	       name[length - 1] != '-';
}

static void fill_in(struct buffer *ret, const char *text, const char *name)
{
	const char *at;
	for (; (at = strstr(text, PLACEHOLDER)); text = at + strlen(PLACEHOLDER)) {
		buffer_add(ret, text, (size_t)(at - text));
		buffer_print(ret, "%s", name);
	}
	buffer_print(ret, "%s", text);
}

static int write_file(const struct skeleton_file *file, const char *name)
{
	cleanup_free char *path = mem_printf("%s/%s", name, file->name);
	cleanup_buffer struct buffer text = {0};
	fill_in(&text, file->text, name);
	FILE *to = fopen(path, "wxe");
	if (!to)
		return -errno;
	bool written = fwrite(text.bytes, 1, text.length, to) == text.length;
	if (fclose(to) != 0 || !written)
		return -errno;
	return 0;
}

/* Nothing half is left behind: with it the next try would find a folder that is there. */
static void remove_all(const struct kind *kind, const char *name)
{
	const struct skeleton_file *file;
	for (size_t at = 0; (file = next_file(kind, &at));) {
		cleanup_free char *path = mem_printf("%s/%s", name, file->name);
		unlink(path);
	}
	rmdir(name);
}

static int write_all(const struct kind *kind, const char *name)
{
	const struct skeleton_file *file;
	int result = 0;
	if (mkdir(name, 0777) < 0)
		return -errno;
	for (size_t at = 0; result == 0 && (file = next_file(kind, &at));)
		result = write_file(file, name);
	if (result < 0)
		remove_all(kind, name);
	return result;
}

static void tell(const struct cli *cli, const struct kind *kind, const char *name)
{
	const struct skeleton_file *file;
	json_t *files = json_array();
	for (size_t at = 0; (file = next_file(kind, &at));)
		json_array_append_new(files, json_sprintf("%s/%s", name, file->name));
	json_t *all = json_pack("{ss ss so so}", "name", name, "kind", kind->name, "image",
				json_sprintf("%s:1", name), "files", files);
	if (!output_json(cli, all) && !cli->quiet) {
		json_t *path;
		size_t i;
		output_print("%s:", cli->dry_run ? "would write" : "wrote");
		json_array_foreach(files, i, path) output_print("  %s", json_string_value(path));
		output_print("build it: cd %s && make; try it: sudo make test; README.md says more",
			     name);
	}
	json_decref(all);
}

int run_umbox_init(struct cli *cli)
{
	const char *name = cli_argument(cli, 0);
	const struct kind *kind = find_kind(cli_flag(cli, FLAG_KIND));
	if (!is_name(name)) {
		cli_complain(
			cli,
			"'%s' cannot be an image's name: small letters, digits and '-' between "
			"them, at most %d",
			name, NAME_MAX_LENGTH);
		return EXIT_USAGE;
	}
	int result = !cli->dry_run ? write_all(kind, name) : access(name, F_OK) == 0 ? -EEXIST : 0;
	if (result == -EEXIST) {
		cli_complain(cli, "%s is there already, and stays as it is", name);
		cli_hint(cli, "take another name, or remove it first");
		return EXIT_CONFLICT;
	}
	if (result < 0) {
		cli_complain(cli, "%s: %s", name, strerror(-result));
		return EXIT_FAILED;
	}
	tell(cli, kind, name);
	return 0;
}
