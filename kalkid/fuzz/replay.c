/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/replay.c - runs a fuzz target over its corpus (files and folders given), as a plain test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_BYTES_MAX = 4 * 1024 * 1024 };

static unsigned replayed;

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	if (!file) {
		perror(path);
		return 1;
	}
	uint8_t *data = mem_alloc(INPUT_BYTES_MAX);
	size_t size = fread(data, 1, INPUT_BYTES_MAX, file);
	fclose(file);
	/* An exact allocation, so that the sanitizers see a read past the end. */
	uint8_t *exact = mem_copy(data, size);
	free(data);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	replayed++;
	return 0;
}

static int replay(const char *path)
{
	struct stat status;
	if (stat(path, &status) < 0) {
		perror(path);
		return 1;
	}
	if (!S_ISDIR(status.st_mode))
		return replay_file(path);
	int failed = 0;
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.') {
			char *child = mem_printf("%s/%s", path, entries[i]->d_name);
			failed |= replay(child);
			free(child);
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return failed;
}

int main(int argc, char **argv)
{
	int failed = 0;
	for (int i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	printf("TAP version 13\n1..1\n%s 1 - %u inputs replayed\n",
	       failed || !replayed ? "not ok" : "ok", replayed);
	return failed || !replayed;
}
