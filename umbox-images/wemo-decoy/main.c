/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the umbox `wemo-decoy`: answers as a WeMo Insight would, and lets the device see
 * nothing. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "decoy.h"

struct program {
	struct umbox *umbox;
	struct decoy *decoy;
	uint64_t *requests, *hidden;
};

static bool is_host(const void *user, const struct umbox_ip *ip)
{
	return umbox_is_host(((const struct program *)user)->umbox, ip);
}

static void tell(const void *user, const struct umbox_alert *alert)
{
	umbox_alert(((const struct program *)user)->umbox, alert);
}

static void send_out(const void *user, const struct umbox_frame *frame)
{
	umbox_send(((const struct program *)user)->umbox, UMBOX_OUT, frame);
}

static void on_time(struct umbox *umbox, int64_t now_us, void *user)
{
	umbox_wake_at(umbox, decoy_time(((struct program *)user)->decoy, now_us));
}

static enum umbox_verdict on_frame(struct umbox *umbox, struct umbox_frame *frame, void *user)
{
	struct program *program = user;
	enum umbox_verdict verdict = decoy_frame(program->decoy, frame);
	const struct decoy_counts *counts = decoy_counts(program->decoy);
	if (verdict == UMBOX_DROP)
		on_time(umbox, frame->time_us, program);
	*program->requests = counts->requests;
	*program->hidden = counts->hidden;
	return verdict;
}

/* At the time 0 of frames, which count from when the machine was started. */
static int64_t began_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return time(NULL) - now.tv_sec;
}

static void check_texts(struct umbox *umbox, const struct decoy_settings *settings)
{
	if (!wemo_is_plain(settings->wemo.serial) || !wemo_is_plain(settings->wemo.name))
		umbox_fail(umbox, "serial, name: letters, digits, blanks and '-' alone");
	for (size_t i = 0; i < settings->page_count; i++)
		if (!decoy_page_is_whole(settings->pages[i]))
			umbox_fail(umbox, "pages[%zu]: not PATH TYPE CONTENT", i);
}

/* Of an image that was made of this one; $UMBOX_PAGES is another folder, for trials by hand. */
static struct files *read_files(struct umbox *umbox)
{
	char error[FILES_ERROR_BYTES];
	const char *folder = getenv("UMBOX_PAGES");
	struct files *files = files_read(folder ? folder : "/pages", error);
	if (!files)
		umbox_fail(umbox, "%s", error);
	return files;
}

int main(void)
{
	struct umbox *umbox = umbox_open();
	struct program program = {.umbox = umbox};
	struct files *files = read_files(umbox);
	struct decoy_settings settings = {
		.ports = {49153},
		.wemo = {.serial = umbox_text(umbox, "serial", "231550K1200001"),
			 .name = umbox_text(umbox, "name", "WeMo Insight"),
			 .is_on = umbox_boolean(umbox, "is_on", true),
			 .power_mw = (uint32_t)umbox_integer(umbox, "power_mw", 12000, 0, 4000000),
			 .changed_s = time(NULL) - 600},
		.files = files,
		.no_wemo = !umbox_boolean(umbox, "wemo", true),
		.began_s = began_s(),
		.alert_pause_us = umbox_integer(umbox, "alert_pause_s", 10, 0, 3600) * 1000000,
		.is_exempt = is_host,
		.tell = tell,
		.send = send_out,
		.user = &program,
	};
	settings.port_count = umbox_integers(umbox, "ports", settings.ports, 1, DECOY_PORTS_MAX, 1,
					     65535);
	settings.page_count = umbox_texts(umbox, "pages", settings.pages, 0, DECOY_PAGES_MAX);
	check_texts(umbox, &settings);
	program.requests = umbox_counter(umbox, "requests");
	program.hidden = umbox_counter(umbox, "hidden");
	program.decoy = decoy_new(&settings);
	int status = umbox_run(umbox, &(struct umbox_handler){.on_frame = on_frame,
							      .on_time = on_time,
							      .user = &program});
	decoy_free(program.decoy);
	files_free(files);
	return status;
}
