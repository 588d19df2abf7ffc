/* SPDX-License-Identifier: Apache-2.0 */
/* files.h - recorded answers: the files of a folder, each under the path that it has in there. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	FILES_MAX = 256,
	FILES_BYTES_MAX = 2 * 1024 * 1024, /* together */
	FILE_BYTES_MAX = 40 * 1024,        /* less than a connection of umbox_server.h takes */
	FILES_ERROR_BYTES = 320,
};

struct file {
	char *path;       /* "/index.html" */
	const char *type; /* NULL: the content is a whole answer, with its own head */
	uint8_t *content;
	size_t length;
};

struct files;

/* Without the folder there are none.  NULL: one cannot be taken, `error` says which and why. */
struct files *files_read(const char *folder, char error[static FILES_ERROR_BYTES]);
void files_free(struct files *files);
/* That of the path; of one that ends in '/' its "index.html".  NULL: there is none. */
const struct file *files_find(const struct files *files, const char *path);
