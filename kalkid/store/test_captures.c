/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/test_captures.c - files of frames: written whole, found again, the oldest go. */
#include "store/captures.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

enum { BYTES_MAX = 1000 };

struct place {
	uv_loop_t loop;
	struct captures *captures;
	char path[64], directory[96];
	unsigned done, closed;
	int result;
	char text[64];
};

struct job {
	struct capture_job job;
	struct place *place;
};

static void open_place(struct place *place)
{
	assert_int_equal(
		captures_open(&place->captures, &place->loop, place->directory, BYTES_MAX, NULL),
		0);
}

static void on_closed(void *data)
{
	((struct place *)data)->closed++;
}

static void close_place(struct place *place)
{
	place->closed = 0;
	captures_close(place->captures, on_closed, place);
	uv_run(&place->loop, UV_RUN_DEFAULT);
	assert_int_equal(place->closed, 1);
}

static int set_up(void **state)
{
	struct place *place = mem_alloc(sizeof(*place));
	uv_loop_init(&place->loop);
	strcpy(place->path, "/tmp/kalki-captures-XXXXXX");
	assert_non_null(mkdtemp(place->path));
	snprintf(place->directory, sizeof(place->directory), "%s/captures", place->path);
	open_place(place);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	close_place(place);
	assert_int_equal(uv_loop_close(&place->loop), 0);
	cleanup_free char *command = mem_printf("rm -r %s", place->path);
	assert_int_equal(system(command), 0);
	free(place);
	return 0;
}

static void on_done(struct capture_job *capture_job, int result, const struct error *err)
{
	struct job *job = container_of(capture_job, struct job, job);
	struct place *place = job->place;
	assert_true(result == 0 || err->text[0]);
	place->done++;
	place->result = result;
	snprintf(place->text, sizeof(place->text), "%s",
		 capture_job->file.bytes ? capture_job->file.bytes : "");
	buffer_done(&capture_job->file);
	free(job);
}

static struct job *new_job(struct place *place)
{
	struct job *job = mem_alloc(sizeof(*job));
	job->job.done = on_done;
	job->place = place;
	return job;
}

static void put(struct place *place, uint64_t id, const char *device, unsigned bytes)
{
	struct job *job = new_job(place);
	job->job.entry = (struct capture_entry){.id = id, .wall_us = 1700000000000000, .frames = 3};
	TEXT_COPY(job->job.entry.device, device);
	for (unsigned i = 0; i < bytes; i++)
		buffer_add(&job->job.file, "x", 1);
	captures_write(place->captures, &job->job);
	uv_run(&place->loop, UV_RUN_DEFAULT);
	assert_int_equal(place->result, 0);
}

static unsigned count(const struct place *place, const char *device)
{
	struct capture_entry entry = {0};
	unsigned found = 0;
	while (captures_next(place->captures, device, entry.id, &entry))
		found++;
	return found;
}

static void what_was_written_is_read(void **state)
{
	struct place *place = *state;
	struct capture_entry entry;
	put(place, 17, "cam-1", 5);
	put(place, 9, "cam_2.x", 6);
	assert_true(captures_next(place->captures, "cam-1", 0, &entry));
	assert_int_equal(entry.id, 17);
	assert_int_equal(entry.bytes, 5);
	assert_int_equal(captures_read(place->captures, 17, &new_job(place)->job, NULL), 0);
	uv_run(&place->loop, UV_RUN_DEFAULT);
	assert_string_equal(place->text, "xxxxx");

	struct job *job = new_job(place);
	struct error err = {0};
	assert_int_equal(captures_read(place->captures, 18, &job->job, &err), -ENOENT);
	assert_non_null(strstr(err.text, "18"));
	free(job);
}

static void a_restart_finds_them_and_clears_what_was_cut(void **state)
{
	struct place *place = *state;
	struct capture_entry entry;
	cleanup_free char *cut = mem_printf("%s/99_1_1_cam.pcapng.new", place->directory);
	cleanup_free char *other = mem_printf("%s/notes.txt", place->directory);
	put(place, 9, "cam", 5);
	put(place, 10, "cam", 7);
	close(open(cut, O_CREAT | O_WRONLY, 0600));
	close(open(other, O_CREAT | O_WRONLY, 0600));
	close_place(place);
	open_place(place);
	assert_int_equal(count(place, "cam"), 2);
	assert_true(captures_next(place->captures, "cam", 0, &entry));
	assert_int_equal(entry.id, 10);
	assert_int_equal(entry.bytes, 7);
	assert_int_equal(entry.frames, 3);
	assert_int_equal(entry.wall_us, 1700000000000000);
	assert_int_equal(access(cut, F_OK), -1);
	assert_int_equal(access(other, F_OK), 0);
}

static void the_oldest_make_room(void **state)
{
	struct place *place = *state;
	struct capture_entry entry;
	for (uint64_t id = 1; id <= 5; id++)
		put(place, id, "cam", 300);
	assert_int_equal(count(place, "cam"), 3);
	assert_true(captures_next(place->captures, "cam", 4, &entry));
	assert_int_equal(entry.id, 3);
	put(place, 6, "cam", 2 * BYTES_MAX); /* larger than all: kept alone */
	assert_int_equal(count(place, "cam"), 1);
}

static void what_was_removed_is_gone(void **state)
{
	struct place *place = *state;
	struct capture_entry entry;
	struct error err = {0};
	for (uint64_t id = 1; id <= 3; id++)
		put(place, id, "cam", 300);
	assert_int_equal(captures_remove(place->captures, 2, &err), 0);
	assert_int_equal(captures_remove(place->captures, 2, &err), -ENOENT);
	assert_int_equal(captures_find(place->captures, 2, &entry, &err), -ENOENT);
	assert_int_equal(captures_find(place->captures, 3, &entry, &err), 0);
	close_place(place);
	open_place(place);
	assert_int_equal(count(place, "cam"), 2);
	put(place, 4, "cam", 300); /* there is room for it */
	assert_int_equal(count(place, "cam"), 3);
}

static void none_pushes_out_what_others_have(void **state)
{
	struct place *place = *state;
	put(place, 1, "lamp", 300);
	for (uint64_t id = 2; id <= 9; id++)
		put(place, id, "cam", 300);
	assert_int_equal(count(place, "lamp"), 1);
	assert_int_equal(count(place, "cam"), 2);
	close_place(place);
	open_place(place);
	put(place, 10, "lamp", 300);
	assert_int_equal(count(place, "lamp"), 2);
	assert_int_equal(count(place, "cam"), 1);
}

static void a_file_that_cannot_be_written_is_told(void **state)
{
	struct place *place = *state;
	struct job *job = new_job(place);
	cleanup_free char *there = mem_printf("%s/5_0_0_cam.pcapng.new", place->directory);
	close(open(there, O_CREAT | O_WRONLY, 0600));
	job->job.entry.id = 5;
	TEXT_COPY(job->job.entry.device, "cam");
	captures_write(place->captures, &job->job);
	uv_run(&place->loop, UV_RUN_DEFAULT);
	assert_int_equal(place->result, -EEXIST);
	assert_int_equal(count(place, "cam"), 0);
}

static void closing_waits_for_what_is_being_written(void **state)
{
	struct place *place = *state;
	struct job *job = new_job(place);
	job->job.entry.id = 5;
	TEXT_COPY(job->job.entry.device, "cam");
	captures_write(place->captures, &job->job);
	close_place(place);
	assert_int_equal(place->done, 1);
	open_place(place);
	assert_int_equal(count(place, "cam"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_written_is_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_restart_finds_them_and_clears_what_was_cut,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_oldest_make_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_removed_is_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(none_pushes_out_what_others_have, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_file_that_cannot_be_written_is_told, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(closing_waits_for_what_is_being_written, set_up,
						tear_down),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
