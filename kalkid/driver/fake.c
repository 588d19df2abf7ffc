/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/fake.c - the driver that works on a machine in memory; see fake.h. */
#include "driver/fake_inner.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum errand_kind {
	ERRAND_STEP,
	ERRAND_LOOK,
	ERRAND_IMAGE,
	ERRAND_LOGS,
	ERRAND_CAPTURE,
	ERRAND_NOTICE,
};

/* Something whose time comes: the result of a call, or a notice. */
struct errand {
	enum errand_kind kind;
	int64_t due_us;    /* INT64_MAX: when the driver closes */
	uint64_t sequence; /* in which it came */
	struct driver_call *call;
	int result;
	/* STEP: a copy of the task */
	bool effect; /* to be carried out when its time comes */
	struct step step;
	struct hop hop;
	struct device_identity device;
	uint32_t generation;
	char image[IMAGE_ID_BYTES];
	/* LOOK, LOGS, CAPTURE */
	struct driver_picture *picture;
	char **logs;
	struct buffer *capture;
	uint32_t umbox;
	size_t bytes_max;
	/* IMAGE */
	char *ret_id;
	/* NOTICE */
	struct driver_notice notice;
	struct alert alert;
	char words[FAKE_WORDS_BYTES];
	struct errand *next;
};

struct fake_driver {
	struct driver driver;
	struct fake_world *world;
	uv_idle_t idle;         /* turns while something is due */
	struct errand *errands; /* by time, then by sequence */
	uint64_t sequence;
	bool closing;
	void (*closed)(void *data);
	void *closed_data;
};

static struct fake_driver *of(struct driver *driver)
{
	return container_of(driver, struct fake_driver, driver);
}

static bool is_cut(const struct fake_driver *fake)
{
	return fake->world->driver != fake;
}

/* --- errands --- */

static void on_idle(uv_idle_t *idle);

static void arm(struct fake_driver *fake)
{
	const struct errand *first = fake->errands;
	bool due = first && !is_cut(fake) && first->due_us <= clock_now_us(fake->world->clock);
	if (due || fake->closing)
		uv_idle_start(&fake->idle, on_idle);
	else
		uv_idle_stop(&fake->idle);
}

static void post(struct fake_driver *fake, struct errand *errand, int64_t after_us)
{
	struct errand **at = &fake->errands;
	if (after_us == INT64_MAX)
		errand->due_us = after_us;
	else
		errand->due_us = clock_now_us(fake->world->clock) + after_us;
	errand->sequence = ++fake->sequence;
	while (*at && (*at)->due_us <= errand->due_us)
		at = &(*at)->next;
	errand->next = *at;
	*at = errand;
	arm(fake);
}

/* Its reference is looked up when its time comes. */
static void name_image(struct fake_driver *fake, struct errand *errand)
{
	if (!errand->image[0])
		snprintf(errand->image, sizeof(errand->image), "sha256:%u", fake->world->image);
	TEXT_COPY(errand->call->image_id, errand->image);
}

static bool carry_out(struct fake_driver *fake, struct errand *errand)
{
	if (errand->step.kind == STEP_LAUNCH)
		name_image(fake, errand);
	struct driver_task task = {
		.step = &errand->step,
		.device = &errand->device,
		.generation = errand->generation,
		.image = errand->image,
		.state = "",
	};
	return fake_carry_out(fake->world, &task);
}

static void end_call(struct errand *errand)
{
	struct error err = {0};
	if (errand->result < 0)
		error_errno(&err, errand->result, "the fake driver");
	errand->call->done(errand->call, errand->result, &err);
}

static void tell_notice(struct fake_driver *fake, struct errand *errand)
{
	if (errand->notice.kind == DRIVER_UMBOX_READY) {
		struct fake_umbox *umbox = fake_find_umbox(fake->world, errand->notice.umbox);
		if (!umbox || umbox->is.state != UMBOX_RUNNING)
			return; /* it died before it could say so */
		umbox->is.ready = umbox->was_ready = true;
	}
	fake->driver.listener->on_notice(fake->driver.listener, &errand->notice);
}

static int take_frames(const struct fake_driver *fake, const struct errand *errand)
{
	fake->world->capturing--;
	if (!fake->world->keeps_frames || !fake_find_umbox(fake->world, errand->umbox))
		return -ENOENT;
	buffer_print(errand->capture, "frames of umbox %u: %s", errand->umbox, errand->words);
	return 3;
}

/* Its time has come, or the driver closes.  False when the driver was cut off at just this step:
 * then its result is not heard before the driver closes. */
static bool run_errand(struct fake_driver *fake, struct errand *errand)
{
	if (errand->kind == ERRAND_NOTICE) {
		if (!fake->closing)
			tell_notice(fake, errand);
		return true;
	}
	if (fake->closing)
		errand->result = -ECANCELED;
	else if (errand->kind == ERRAND_STEP && errand->effect && !carry_out(fake, errand))
		errand->result = -EIO;
	else if (errand->kind == ERRAND_LOOK)
		fake_see(fake->world, errand->picture);
	else if (errand->kind == ERRAND_IMAGE)
		snprintf(errand->ret_id, IMAGE_ID_BYTES, "sha256:%u", fake->world->image);
	else if (errand->kind == ERRAND_CAPTURE)
		errand->result = take_frames(fake, errand);
	else if (errand->kind == ERRAND_LOGS)
		*errand->logs = mem_printf("the log of umbox %u\n", errand->umbox);
	errand->effect = false;
	if (!fake->closing && is_cut(fake))
		return false;
	end_call(errand);
	return true;
}

static void on_closed(uv_handle_t *handle)
{
	struct fake_driver *fake = container_of((uv_idle_t *)handle, struct fake_driver, idle);
	void (*closed)(void *data) = fake->closed;
	void *data = fake->closed_data;
	free(fake);
	closed(data);
}

static bool is_due(const struct fake_driver *fake, const struct errand *errand, uint64_t sequence)
{
	if (!errand || errand->sequence > sequence)
		return false; /* what comes of this round has its turn in the next one */
	return fake->closing ||
	       (!is_cut(fake) && errand->due_us <= clock_now_us(fake->world->clock));
}

static void on_idle(uv_idle_t *idle)
{
	struct fake_driver *fake = container_of(idle, struct fake_driver, idle);
	uint64_t sequence = fake->sequence;
	while (is_due(fake, fake->errands, sequence)) {
		struct errand *errand = fake->errands;
		fake->errands = errand->next;
		if (run_errand(fake, errand))
			free(errand);
		else
			post(fake, errand, INT64_MAX);
	}
	if (fake->closing && !fake->errands)
		uv_close((uv_handle_t *)&fake->idle, on_closed);
	else
		arm(fake);
}

void fake_tell(struct fake_world *world, const struct driver_notice *notice, int64_t after_us)
{
	if (!world->driver || world->driver->closing)
		return;
	struct errand *errand = mem_alloc(sizeof(*errand));
	errand->kind = ERRAND_NOTICE;
	errand->notice = *notice;
	if (notice->words) {
		TEXT_COPY(errand->words, notice->words);
		errand->notice.words = errand->words;
	}
	if (notice->alert) {
		errand->alert = *notice->alert;
		errand->notice.alert = &errand->alert;
	}
	post(world->driver, errand, after_us);
}

/* --- the driver's operations --- */

static struct errand *new_call(enum errand_kind kind, struct driver_call *call)
{
	struct errand *errand = mem_alloc(sizeof(*errand));
	errand->kind = kind;
	errand->call = call;
	return errand;
}

static bool at_once(enum step_kind kind)
{
	return kind == STEP_HOLD || kind == STEP_ROUTE || kind == STEP_PREPARE ||
	       kind == STEP_CLEAN;
}

static void run(struct driver *driver, const struct driver_task *task, struct driver_call *call)
{
	struct fake_driver *fake = of(driver);
	struct errand *errand = new_call(ERRAND_STEP, call);
	int64_t after_us = fake->world->delay_us[task->step->kind];
	errand->step = *task->step;
	errand->device = *task->device;
	errand->generation = task->generation;
	if (task->step->kind == STEP_LAUNCH)
		TEXT_COPY(errand->image, task->image);
	if (task->step->hop) {
		errand->hop = *task->step->hop;
		errand->hop.parameters = NULL;
		errand->step.hop = &errand->hop;
	}
	if (!is_cut(fake)) {
		int fault = fake_next_fault(fake->world, task->step->kind);
		errand->effect = fault < 0 || fault == FAKE_LOST_DONE;
		errand->result = fault < 0 ? 0 : fault == FAKE_REFUSED ? -EIO : -ETIMEDOUT;
		after_us = fault == FAKE_HANGS ? INT64_MAX : after_us;
		if (errand->effect && at_once(task->step->kind)) {
			errand->effect = false;
			if (!carry_out(fake, errand))
				errand->result = -EIO;
		}
	}
	call->committed = errand->result;
	post(fake, errand, after_us);
}

static void observe(struct driver *driver, struct driver_picture *ret, struct driver_call *call)
{
	struct errand *errand = new_call(ERRAND_LOOK, call);
	*ret = (struct driver_picture){0};
	errand->picture = ret;
	post(of(driver), errand, of(driver)->world->observe_us);
}

static int counters(struct driver *driver, uint32_t umbox, struct umbox_counters *ret)
{
	struct fake_driver *fake = of(driver);
	const struct fake_umbox *is = fake_find_umbox(fake->world, umbox);
	*ret = (struct umbox_counters){0};
	if (is_cut(fake) || !is)
		return -ENOENT;
	const struct fake_plane *plane = &fake_need_device(fake->world, is->is.device)->plane;
	if (!plane_wired(plane, umbox))
		return -ENOENT;
	bool mute = text_equal(is->is.image_id, fake->world->mute_image) ||
		    text_equal(is->is.digest, fake->world->mute_digest);
	uint64_t led_into = plane_frames(plane, umbox);
	ret->leg[LEG_IN].to_umbox_frames = led_into + is->tried;
	ret->leg[LEG_IN].from_umbox_frames = mute ? 0 : is->tried;
	ret->leg[LEG_OUT].from_umbox_frames = mute ? 0 : led_into + is->tried;
	ret->told = fake->world->heartbeats || fake->world->accounts;
	ret->inside.dropped = mute && fake->world->accounts ? led_into + 2 * is->tried : 0;
	return 0;
}

static int try_frames(struct driver *driver, uint32_t umbox,
		      const struct device_identity *device maybe_unused)
{
	struct fake_driver *fake = of(driver);
	struct fake_umbox *is = fake_find_umbox(fake->world, umbox);
	if (is_cut(fake) || !is)
		return -ENOENT;
	is->tried++;
	return fake->world->choosy;
}

static void image(struct driver *driver, const char *reference maybe_unused,
		  char ret_id[static IMAGE_ID_BYTES], struct driver_call *call)
{
	struct errand *errand = new_call(ERRAND_IMAGE, call);
	errand->ret_id = ret_id;
	post(of(driver), errand, 0);
}

static void logs(struct driver *driver, uint32_t umbox, size_t bytes_max maybe_unused, char **ret,
		 struct driver_call *call)
{
	struct errand *errand = new_call(ERRAND_LOGS, call);
	errand->logs = ret;
	errand->umbox = umbox;
	post(of(driver), errand, 0);
}

static void capture(struct driver *driver, uint32_t umbox, const char *comment, struct buffer *ret,
		    struct driver_call *call)
{
	struct fake_world *world = of(driver)->world;
	struct errand *errand = new_call(ERRAND_CAPTURE, call);
	TEXT_COPY(errand->words, comment);
	errand->capture = ret;
	errand->umbox = umbox;
	world->captured_at_once = max_of(world->captured_at_once, ++world->capturing);
	post(of(driver), errand, world->capture_us);
}

static void close_driver(struct driver *driver, void (*closed)(void *data), void *data)
{
	struct fake_driver *fake = of(driver);
	fake->closing = true;
	fake->closed = closed;
	fake->closed_data = data;
	if (fake->world->driver == fake)
		fake->world->driver = NULL;
	arm(fake);
}

static const struct driver_ops OPS = {
	.run = run,
	.observe = observe,
	.counters = counters,
	.try_frames = try_frames,
	.image = image,
	.logs = logs,
	.capture = capture,
	.close = close_driver,
};

/* The umboxes connect again, and say once more that they are ready. */
static void greet(struct fake_world *world, struct fake_umbox *umbox)
{
	bool wired = plane_wired(&fake_need_device(world, umbox->is.device)->plane, umbox->is.id);
	umbox->is.ready = false;
	if (wired && (umbox->was_ready || fake_gets_ready(world, umbox)))
		fake_make_ready(world, umbox->is.id);
}

struct driver *fake_open(struct fake_world *world, uv_loop_t *loop,
			 struct driver_listener *listener)
{
	assert(!world->driver);
	struct fake_driver *fake = mem_alloc(sizeof(*fake));
	fake->driver.ops = &OPS;
	fake->driver.listener = listener;
	fake->world = world;
	uv_idle_init(loop, &fake->idle);
	world->driver = fake;
	for (unsigned i = 0; i < world->umbox_count; i++)
		greet(world, &world->umboxes[i]);
	return &fake->driver;
}

void fake_wake(struct driver *driver)
{
	struct fake_driver *fake = of(driver);
	for (unsigned i = 0; i < fake->world->device_count; i++)
		plane_drain(&fake->world->devices[i]->plane);
	arm(fake);
}

void fake_cut(struct driver *driver)
{
	struct fake_driver *fake = of(driver);
	if (is_cut(fake))
		return;
	fake->world->driver = NULL;
	for (struct errand *errand = fake->errands; errand; errand = errand->next)
		if (errand->kind == ERRAND_STEP && errand->effect && fake->world->finishes_cut)
			errand->effect = !carry_out(fake, errand);
}
