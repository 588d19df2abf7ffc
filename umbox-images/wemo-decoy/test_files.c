/* SPDX-License-Identifier: Apache-2.0 */
/* test_files.c - recorded answers out of a folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "files.h"

struct fixture {
	char folder[32], error[FILES_ERROR_BYTES];
};

static void put(const struct fixture *fixture, const char *path, const char *content, size_t length)
{
	char name[128];
	snprintf(name, sizeof(name), "%s/%s", fixture->folder, path);
	FILE *file = fopen(name, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void make_folder(const struct fixture *fixture, const char *path)
{
	char name[128];
	snprintf(name, sizeof(name), "%s/%s", fixture->folder, path);
	assert_int_equal(mkdir(name, 0700), 0);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	strcpy(fixture->folder, "/tmp/files-XXXXXX");
	*state = fixture;
	return mkdtemp(fixture->folder) ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	char command[64];
	snprintf(command, sizeof(command), "rm -r %s", fixture->folder);
	int result = system(command);
	free(fixture);
	return result;
}

static const char *type_of(const struct files *files, const char *path)
{
	const struct file *file = files_find(files, path);
	assert_non_null(file);
	return file->type;
}

static void each_is_found_under_its_path(void **state)
{
	struct fixture *fixture = *state;
	make_folder(fixture, "cgi");
	put(fixture, "index.html", "<html>", 6);
	put(fixture, "cgi/shot.jpg", "\xff\xd8\0", 3);
	put(fixture, "cgi/user", "HTTP/1.1 401 No\r\n\r\n", 19);
	put(fixture, "cgi/data", "", 0);
	struct files *files = files_read(fixture->folder, fixture->error);
	assert_non_null(files);
	assert_string_equal(type_of(files, "/index.html"), "text/html");
	assert_string_equal(type_of(files, "/"), "text/html");
	assert_string_equal(type_of(files, "/cgi/shot.jpg"), "image/jpeg");
	assert_int_equal(files_find(files, "/cgi/shot.jpg")->length, 3);
	assert_null(type_of(files, "/cgi/user"));
	assert_string_equal(type_of(files, "/cgi/data"), "application/octet-stream");
	assert_null(files_find(files, "/cgi"));
	assert_null(files_find(files, "/cgi/"));
	assert_null(files_find(files, ""));
	assert_null(files_find(files, "/cgi/../index.html"));
	files_free(files);
}

static void without_a_folder_there_are_none(void **state)
{
	struct fixture *fixture = *state;
	struct files *files = files_read("/nowhere/pages", fixture->error);
	assert_non_null(files);
	assert_null(files_find(files, "/"));
	files_free(files);
}

static void what_is_too_much_is_named(void **state)
{
	static const char large[FILE_BYTES_MAX + 1];
	struct fixture *fixture = *state;
	char name[32];
	put(fixture, "large", large, sizeof(large) - 1);
	struct files *files = files_read(fixture->folder, fixture->error);
	assert_non_null(files);
	files_free(files);
	put(fixture, "large", large, sizeof(large));
	assert_null(files_read(fixture->folder, fixture->error));
	assert_non_null(strstr(fixture->error, "/large: larger than 40 KiB"));
	for (int i = 0; i < FILES_BYTES_MAX / FILE_BYTES_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		put(fixture, name, large, sizeof(large) - 1);
	}
	put(fixture, "large", large, sizeof(large) - 1);
	assert_null(files_read(fixture->folder, fixture->error));
	assert_non_null(strstr(fixture->error, "more than 2 MiB"));
}

static void so_many_and_no_more(void **state)
{
	struct fixture *fixture = *state;
	char name[32];
	for (int i = 0; i <= FILES_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		put(fixture, name, "x", 1);
	}
	assert_null(files_read(fixture->folder, fixture->error));
	assert_non_null(strstr(fixture->error, "more than 256 files"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_is_found_under_its_path, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_folder_there_are_none, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_too_much_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(so_many_and_no_more, setup, teardown),
	};
	return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
