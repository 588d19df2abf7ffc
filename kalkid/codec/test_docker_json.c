/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/test_docker_json.c - Docker's JSON: what is asked for, and answers as engines give them. */
#include "codec/docker_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"

#define ID "4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339cabcd"
#define LABELS                                                                                          \
	"{\"org.kalki.managed\":\"true\",\"org.kalki.instance\":\"site\",\"org.kalki.umbox\":\"418\","  \
	"\"org.kalki.device\":\"7\",\"org.kalki.device-name\":\"cam1\",\"org.kalki.state\":\"Normal\"," \
	"\"org.kalki.hop\":\"guard\",\"org.kalki.generation\":\"3\",\"org.kalki.spec\":\"abc\",\"org.kalki.serves\":\"def\"}"

static const struct container_marks marks = {
	.instance = "site",
	.umbox = 418,
	.device = 7,
	.generation = 3,
	.device_name = "cam1",
	.state = "Normal",
	.hop = "guard",
	.digest = "abc",
	.serves = "def",
};

static void a_container_is_ordered_with_nothing_to_spare(void **state maybe_unused)
{
	struct umbox_image image = {
		.id = "sha256:ab", .memory_bytes = 64 << 20, .pids = 32, .cpu_shares = 1024};
	image.capable[CAPABILITY_NET_RAW] = true;
	struct container_order order = {
		.marks = &marks, .image = &image, .directory = "/run/k/418"};
	char *text = docker_create_body(&order);
	static const char *const parts[] = {
		"\"Image\":\"sha256:ab\"",
		"\"Hostname\":\"umbox-418\"",
		"\"NetworkDisabled\":true",
		"\"NetworkMode\":\"none\"",
		"\"Labels\":{\"org.kalki.managed\":\"true\"",
		"\"org.kalki.instance\":\"site\"",
		"\"org.kalki.device\":\"7\"",
		"\"org.kalki.generation\":\"3\"",
		"\"org.kalki.spec\":\"abc\"",
		"\"org.kalki.serves\":\"def\"",
		"\"RestartPolicy\":{\"Name\":\"no\"}",
		"\"CapDrop\":[\"ALL\"]",
		"\"CapAdd\":[\"NET_RAW\"]",
		"\"SecurityOpt\":[\"no-new-privileges\"]",
		"\"Privileged\":false",
		"\"ReadonlyRootfs\":true",
		"\"Memory\":67108864,\"MemorySwap\":67108864,\"CpuShares\":1024,\"PidsLimit\":32",
		"\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":1024,\"Hard\":1024}",
		"\"LogConfig\":{\"Type\":\"local\"",
		"{\"Type\":\"bind\",\"Source\":\"/run/k/418\",\"Target\":\"/run/kalki\",\"ReadOnly\":true}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (!strstr(text, parts[i]))
			fail_msg("%s misses %s", text, parts[i]);
	assert_null(strstr(text, "\"Cmd\""));
	free(text);
	order.without_log = true;
	order.argument = "10.0.0.7";
	text = docker_create_body(&order);
	assert_non_null(strstr(text, "\"LogConfig\":{\"Type\":\"none\"}"));
	assert_non_null(strstr(text, "\"Cmd\":[\"10.0.0.7\"]"));
	free(text);
}

static void the_created_container_has_an_id(void **state maybe_unused)
{
	char id[CONTAINER_ID_BYTES];
	const char *answer = "{\"Id\":\"" ID "\",\"Warnings\":[]}";
	assert_int_equal(docker_read_created(id, answer, strlen(answer), NULL), 0);
	assert_string_equal(id, ID);
	assert_int_equal(docker_read_created(id, "{}", 2, NULL), -EPROTO);
	answer = "{\"Id\":\"../x\"}";
	assert_int_equal(docker_read_created(id, answer, strlen(answer), NULL), -EPROTO);
}

static void a_running_container_is_read(void **state maybe_unused)
{
	const char *answer =
		"{\"Id\":\"" ID "\",\"Image\":\"sha256:ab\",\"Config\":{\"Labels\":" LABELS "},"
		"\"State\":{\"Status\":\"running\",\"Running\":true,\"Pid\":4711,\"ExitCode\":0,"
		"\"OOMKilled\":false,\"StartedAt\":\"2026-01-31T12:00:00.123456789Z\"}}";
	struct container container;
	assert_int_equal(docker_read_container(&container, answer, strlen(answer), NULL), 0);
	assert_string_equal(container.id, ID);
	assert_string_equal(container.image_id, "sha256:ab");
	assert_int_equal(container.state, CONTAINER_RUNNING);
	assert_int_equal(container.pid, 4711);
	assert_string_equal(container.started_at, "2026-01-31T12:00:00.123456789Z");
	assert_string_equal(container.marks.hop, "guard");
	assert_int_equal(container.marks.umbox, 418);
	assert_int_equal(container.marks.device, 7);
	assert_int_equal(container.marks.generation, 3);
}

static void a_strange_container_is_not_ours(void **state maybe_unused)
{
	const char *answer = "{\"Id\":\"" ID
			     "\",\"Image\":\"sha256:ab\",\"Config\":{\"Labels\":{}},"
			     "\"State\":{\"Status\":\"exited\",\"Pid\":0,\"StartedAt\":\"\"}}";
	struct container container;
	struct error err = {0};
	assert_int_equal(docker_read_container(&container, answer, strlen(answer), &err), -ENOKEY);
	assert_non_null(strstr(err.text, "4c01db0b339c"));
	assert_int_equal(docker_read_container(&container, "{", 1, NULL), -EPROTO);
}

static void the_list_keeps_only_our_instance(void **state maybe_unused)
{
	const char *answer =
		"[{\"Id\":\"" ID
		"\",\"ImageID\":\"sha256:ab\",\"State\":\"created\",\"Labels\":" LABELS
		"},{\"Id\":\"aa\",\"ImageID\":\"sha256:ab\",\"State\":\"running\",\"Labels\":{}},"
		"{\"Id\":\"bb\",\"ImageID\":\"sha256:ab\",\"State\":\"exited\",\"Labels\":" LABELS
		"}]";
	struct container *list;
	unsigned count;
	assert_int_equal(docker_read_list(&list, &count, "site", answer, strlen(answer), NULL), 0);
	assert_int_equal(count, 2);
	assert_int_equal(list[0].state, CONTAINER_CREATED);
	assert_int_equal(list[1].state, CONTAINER_ENDED);
	free(list);
	assert_int_equal(docker_read_list(&list, &count, "other", answer, strlen(answer), NULL), 0);
	assert_int_equal(count, 0);
	free(list);
	assert_int_equal(docker_read_list(&list, &count, "site", "{}", 2, NULL), -EPROTO);
}

static void events_are_read(void **state maybe_unused)
{
	struct docker_event event;
	const char *line = "{\"status\":\"die\",\"id\":\"" ID
			   "\",\"Type\":\"container\",\"Action\":\"die\","
			   "\"Actor\":{\"ID\":\"" ID "\",\"Attributes\":{\"exitCode\":\"137\","
			   "\"org.kalki.instance\":\"site\"}},\"time\":1}";
	assert_int_equal(docker_read_event(&event, line, strlen(line), NULL), 0);
	assert_int_equal(event.kind, DOCKER_EVENT_DIED);
	assert_string_equal(event.container, ID);
	assert_string_equal(event.instance, "site");
	assert_int_equal(event.exit_code, 137);
	line = "{\"Type\":\"image\",\"Action\":\"tag\",\"Actor\":{\"ID\":\"sha256:ab\"}}";
	assert_int_equal(docker_read_event(&event, line, strlen(line), NULL), 0);
	assert_int_equal(event.kind, DOCKER_EVENT_IMAGES);
	/* Podman's word */
	line = "{\"Type\":\"container\",\"Action\":\"remove\",\"Actor\":{\"ID\":\"ab\"}}";
	assert_int_equal(docker_read_event(&event, line, strlen(line), NULL), 0);
	assert_int_equal(event.kind, DOCKER_EVENT_REMOVED);
	line = "{\"Type\":\"container\",\"Action\":\"exec_die\",\"Actor\":{\"ID\":\"ab\"}}";
	assert_int_equal(docker_read_event(&event, line, strlen(line), NULL), 0);
	assert_int_equal(event.kind, DOCKER_EVENT_OTHER);
	assert_int_equal(docker_read_event(&event, "{}", 2, NULL), -EPROTO);
}

static void assert_words(const char *answer, const char *expected)
{
	char words[64];
	docker_error_words(words, sizeof(words), answer, strlen(answer));
	assert_string_equal(words, expected);
}

static void errors_carry_dockers_words(void **state maybe_unused)
{
	assert_words("{\"message\":\"No such image: x:latest\"}\n", "No such image: x:latest");
	assert_words("client version 1.20 is too old\n", "client version 1.20 is too old");
	assert_words("two\nlines\x1b[1m", "two lines?[1m");
	assert_words("", "");
}

static void log_frames_are_taken_apart(void **state maybe_unused)
{
	static const char frames[] =
		"\1\0\0\0\0\0\0\6hello\n\2\0\0\0\0\0\0\7wo\x1b\tld\n\1\0\0\0\0\0\0\x09short";
	char *text = docker_log_text(frames, sizeof(frames) - 1, 100);
	assert_string_equal(text, "hello\nwo?\tld\nshort");
	free(text);
	text = docker_log_text(frames, sizeof(frames) - 1, 5);
	assert_string_equal(text, "short");
	free(text);
	text = docker_log_text(NULL, 0, 5);
	assert_string_equal(text, "");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_container_is_ordered_with_nothing_to_spare),
		cmocka_unit_test(the_created_container_has_an_id),
		cmocka_unit_test(a_running_container_is_read),
		cmocka_unit_test(a_strange_container_is_not_ours),
		cmocka_unit_test(the_list_keeps_only_our_instance),
		cmocka_unit_test(events_are_read),
		cmocka_unit_test(errors_carry_dockers_words),
		cmocka_unit_test(log_frames_are_taken_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
