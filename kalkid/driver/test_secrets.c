/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/test_secrets.c - credentials that are read, and those that are refused. */
#include "driver/secrets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

static char directory[64];

static int set_up(void **state maybe_unused)
{
	strcpy(directory, "/tmp/kalki-secrets-XXXXXX");
	assert_non_null(mkdtemp(directory));
	return 0;
}

static int tear_down(void **state maybe_unused)
{
	cleanup_free char *command = mem_printf("rm -r %s", directory);
	return system(command);
}

static void put(const char *name, const char *bytes, size_t count, mode_t mode)
{
	cleanup_free char *path = mem_printf("%s/%s", directory, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, count, file), count);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static void expect(const char *name, const char *wanted)
{
	cleanup_secret struct secret secret = {0};
	struct error err = {0};
	if (secret_read(&secret, directory, name, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(secret.bytes, wanted);
	assert_int_equal(secret.length, strlen(wanted));
	assert_int_equal(secret_check(directory, name, &err), 0);
}

/* Both ways of asking refuse; the words are there and hold nothing of the file. */
static void expect_refused(const char *name, int code, const char *words)
{
	cleanup_secret struct secret secret = {0};
	struct error err = {0};
	assert_int_equal(secret_read(&secret, directory, name, &err), code);
	assert_null(secret.bytes);
	assert_non_null(strstr(err.text, words));
	assert_null(strstr(err.text, "hunter2"));
}

static void secrets_are_read_without_their_newline(void **state maybe_unused)
{
	put("plain", "hunter2", 7, 0600);
	put("line", "hunter2\n", 8, 0400);
	put("dos", "hunter2\r\n", 9, 0600);
	put("two", "a\nb\n\n", 5, 0600);
	expect("plain", "hunter2");
	expect("line", "hunter2");
	expect("dos", "hunter2");
	expect("two", "a\nb\n");
}

static void a_device_may_have_its_own(void **state maybe_unused)
{
	char name[SECRET_NAME_BYTES];
	put("token", "of all", 6, 0600);
	put("token@lamp1", "of one", 6, 0600);
	secret_find(name, directory, "token", "lamp2");
	assert_string_equal(name, "token");
	secret_find(name, directory, "token", "lamp1");
	assert_string_equal(name, "token@lamp1");
	expect(name, "of one");
	/* One that cannot be read is told, not passed over. */
	put("token@lamp3", "open", 4, 0644);
	secret_find(name, directory, "token", "lamp3");
	expect_refused(name, -EPERM, "chmod 0600");
	expect_refused("token@../x", -EINVAL, "'../x'");
	expect_refused("@lamp1", -EINVAL, "credential");
}

static void wiping_leaves_nothing(void **state maybe_unused)
{
	struct secret secret = {0};
	put("plain", "hunter2", 7, 0600);
	assert_int_equal(secret_read(&secret, directory, "plain", NULL), 0);
	secret_wipe(&secret);
	assert_null(secret.bytes);
	assert_int_equal(secret.length, 0);
	secret_wipe(&secret); /* twice does no harm */
}

static void others_must_have_no_rights(void **state maybe_unused)
{
	put("group", "hunter2", 7, 0640);
	put("world", "hunter2", 7, 0604);
	put("written", "hunter2", 7, 0602);
	expect_refused("group", -EPERM, "chmod 0600");
	expect_refused("world", -EPERM, "chmod 0600");
	expect_refused("written", -EPERM, "chmod 0600");
	assert_int_equal(secret_check(directory, "group", NULL), -EPERM);
}

static void owner_is_root_or_the_daemon(void **state maybe_unused)
{
	if (geteuid() != 0)
		skip();
	cleanup_free char *path = mem_printf("%s/other", directory);
	put("other", "hunter2", 7, 0600);
	assert_int_equal(chown(path, 12345, 12345), 0);
	expect_refused("other", -EPERM, "belongs to user 12345");
}

static void only_regular_files_count(void **state maybe_unused)
{
	cleanup_free char *folder = mem_printf("%s/folder", directory);
	cleanup_free char *fifo = mem_printf("%s/fifo", directory);
	cleanup_free char *link = mem_printf("%s/link", directory);
	put("plain", "hunter2", 7, 0600);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(symlink("plain", link), 0);
	expect_refused("folder", -EPERM, "no regular file");
	expect_refused("fifo", -EPERM, "no regular file");
	expect_refused("link", -EPERM, "no regular file");
	expect_refused("missing", -ENOENT, "credential 'missing'");
	assert_int_equal(secret_check(directory, "missing", NULL), -ENOENT);
}

static void content_must_be_text_of_some_length(void **state maybe_unused)
{
	cleanup_free char *much = mem_alloc(SECRET_BYTES_MAX + 1);
	memset(much, 'x', SECRET_BYTES_MAX + 1);
	put("empty", "", 0, 0600);
	put("newline", "\n", 1, 0600);
	put("nul", "hunter2\0x", 9, 0600);
	put("long", much, SECRET_BYTES_MAX + 1, 0600);
	put("full", much, SECRET_BYTES_MAX, 0600);
	expect_refused("empty", -EINVAL, "is empty");
	expect_refused("newline", -EINVAL, "is empty");
	expect_refused("nul", -EINVAL, "is no text");
	expect_refused("long", -EINVAL, "longer than 64 KiB");
	much[SECRET_BYTES_MAX] = '\0';
	expect("full", much);
}

static void names_lead_nowhere_else(void **state maybe_unused)
{
	expect_refused("../passwd", -EINVAL, "credential");
	expect_refused("", -EINVAL, "credential");
	expect_refused(".", -EINVAL, "credential");
}

static void directory_belongs_to_nobody_else(void **state maybe_unused)
{
	put("plain", "hunter2", 7, 0600);
	assert_int_equal(chmod(directory, 0770), 0);
	expect_refused("plain", -EPERM, "others can write into it");
	assert_int_equal(chmod(directory, 0755), 0);
	expect("plain", "hunter2");
	struct error err = {0};
	assert_int_equal(secret_check("/nonexistent/secrets", "plain", &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/secrets"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(secrets_are_read_without_their_newline),
		TEST(a_device_may_have_its_own),
		TEST(wiping_leaves_nothing),
		TEST(others_must_have_no_rights),
		TEST(owner_is_root_or_the_daemon),
		TEST(only_regular_files_count),
		TEST(content_must_be_text_of_some_length),
		TEST(names_lead_nowhere_else),
		TEST(directory_belongs_to_nobody_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
