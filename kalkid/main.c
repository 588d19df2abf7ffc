/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c - builds the parts in order, runs the loop, stops them in reverse. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>
#include <sodium.h>
#include <systemd/sd-daemon.h>
#include <uv.h>

#include "api/api.h"
#include "base/footprint.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "codec/files.h"
#include "driver/courier.h"
#include "driver/local.h"
#include "driver/secrets.h"
#include "engine/engine.h"
#include "options.h"

enum {
	EXIT_CONFLICT = 5,
	EXIT_BAD_INPUT = 6,
	STATUS_EVERY_MS = 5000,
	HISTORY_QUEUE_MAX = 65536,
};

/* Everything that lives as long as the daemon, in the order of its building. */
struct daemon {
	struct options options;
	uv_loop_t loop;
	struct clock clock;
	struct files files; /* the policies pass to the engine */
	struct store *store;
	struct captures *captures;
	struct engine *engine;
	struct exchanges *exchanges;
	struct engine_hands hands; /* of the exchanges */
	struct engine_reloader reloader;
	struct telemetry *telemetry;
	struct driver *driver;
	struct deliverer *courier;
	struct api *api;
	uv_signal_t stop_signals[2], reload_signal;
	uv_timer_t status_timer, watchdog_timer;
	unsigned status_told;
	unsigned stopping_parts; /* between API and store, while they end */
	bool stopping;
};

/* --- files and places --- */

/* `place_only`: what says which ports, links and containers are ours. */
static int read_files(const char *root, bool place_only, struct files *ret)
{
	struct complaints complaints = {0};
	struct error err = {0};
	int r = place_only ? files_read_place(&ret->config, root, &complaints, &err)
			   : files_read(ret, root, &complaints, &err);
	if (r < 0 && complaints.count)
		fprintf(stderr, "%s", complaints.text.bytes);
	else if (r < 0)
		fprintf(stderr, "kalkid: %s\n", err.text);
	complaints_done(&complaints);
	return r;
}

/* What is missing is told, and stops nothing: protection does not wait for a notifier. */
static void check_credential(void *data, const char *name, const char *whose)
{
	const struct config *config = data;
	struct error err = {0};
	if (secret_check(config->secrets, name, &err) < 0)
		fprintf(stderr, "kalkid: warning: %s: %s\n", whose, err.text);
}

/* Of `kalkid --check`; the exit code. */
static int check_files(const char *root)
{
	struct complaints complaints = {0}, remarks = {0};
	struct error err = {0};
	struct files files;
	int r = files_check(&files, root, &complaints, &remarks, &err);
	if (complaints.count)
		fprintf(stderr, "%s", complaints.text.bytes);
	else if (r < 0)
		fprintf(stderr, "kalkid: %s\n", err.text);
	if (remarks.count)
		fprintf(stderr, "doubtful, but it can be loaded:\n%s", remarks.text.bytes);
	if (r == 0) {
		files_each_credential(&files, check_credential, &files.config);
		printf("%u types, %u devices: %s\n", files.policy_count, files.device_count,
		       remarks.count ? "can be loaded" : "all well");
		files_done(&files);
	}
	complaints_done(&complaints);
	complaints_done(&remarks);
	return r < 0 ? EXIT_BAD_INPUT : EXIT_SUCCESS;
}

static int make_directory(const char *root, const char *path, mode_t mode)
{
	cleanup_free char *whole = mem_printf("%s%s", root, path);
	for (char *slash = whole + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (mkdir(whole, 0755) < 0 && errno != EEXIST)
			break;
		*slash = '/';
	}
	if (mkdir(whole, mode) == 0 || errno == EEXIST)
		return 0;
	fprintf(stderr, "kalkid: cannot make the folder %s: %s\n", whole, strerror(errno));
	return -1;
}

static int make_directories(const char *root)
{
	return make_directory(root, "/var/lib/kalki", 0700) < 0 ||
			       make_directory(root, "/run/kalki", 0755) < 0 ||
			       make_directory(root, "/run/kalki/umbox", 0755) < 0
		       ? -1
		       : 0;
}

/* Two daemons on one root would fight.  The lock goes with the process. */
static int lock_root(const char *root)
{
	cleanup_free char *path = mem_printf("%s/run/kalki/kalkid.lock", root);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		fprintf(stderr, "kalkid: cannot open %s: %s\n", path, strerror(errno));
		return EXIT_FAILURE;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	fprintf(stderr,
		"kalkid: another kalkid is running (it holds %s); systemctl stop kalkid ends it\n",
		path);
	close(fd);
	return EXIT_CONFLICT;
}

static void driver_config(const struct files *files, const char *root,
			  struct local_driver_config *ret)
{
	const struct config *config = &files->config;
	*ret = (struct local_driver_config){
		.data_plane = config->data_plane,
		.starts_at_once = config->starts_at_once,
		.alerts_per_second = config->alerts_per_second,
		.heartbeat_timeout_ms = (unsigned)(config->heartbeat_timeout_us / 1000),
	};
	TEXT_COPY(ret->instance, config->instance);
	TEXT_COPY(ret->docker_socket, config->docker_socket);
	snprintf(ret->umbox_directory, sizeof(ret->umbox_directory), "%s/run/kalki/umbox", root);
}

/* --- stopping, in reverse --- */

static void on_store_closed(void *data)
{
	struct daemon *daemon = data;
	engine_free(daemon->engine);
	for (unsigned i = 0; i < ARRAY_SIZE(daemon->stop_signals); i++)
		uv_close((uv_handle_t *)&daemon->stop_signals[i], NULL);
	uv_close((uv_handle_t *)&daemon->reload_signal, NULL);
	uv_close((uv_handle_t *)&daemon->status_timer, NULL);
	uv_close((uv_handle_t *)&daemon->watchdog_timer, NULL);
}

static void on_captures_closed(void *data)
{
	struct daemon *daemon = data;
	store_close(daemon->store, on_store_closed, daemon);
}

/* What was captured is told in the history. */
static void on_part_stopped(void *data)
{
	struct daemon *daemon = data;
	if (--daemon->stopping_parts)
		return;
	if (daemon->captures)
		captures_close(daemon->captures, on_captures_closed, daemon);
	else
		on_captures_closed(daemon);
}

static void on_engine_stopped(void *data)
{
	struct daemon *daemon = data;
	daemon->courier->ops->close(daemon->courier, on_part_stopped, daemon);
}

static void on_api_closed(void *data)
{
	struct daemon *daemon = data;
	daemon->stopping_parts = 4;
	engine_stop(daemon->engine, on_engine_stopped, daemon);
	telemetry_driver_close(daemon->telemetry, on_part_stopped, daemon);
	exchanges_close(daemon->exchanges, on_part_stopped, daemon);
	daemon->driver->ops->close(daemon->driver, on_part_stopped, daemon);
}

static void on_stop_signal(uv_signal_t *signal, int number)
{
	struct daemon *daemon = signal->data;
	if (daemon->stopping)
		return;
	daemon->stopping = true;
	sd_notify(0, "STOPPING=1");
	log_info("stopping; the chains stay in force", "signal=%d", number);
	api_close(daemon->api, on_api_closed, daemon);
}

/* --- running --- */

/* With a mistake in a file nothing is changed. */
static int read_again(struct daemon *daemon, struct files *ret, struct error *err)
{
	struct complaints complaints = {0};
	int r = files_read(ret, daemon->options.root, &complaints, err);
	if (r < 0 && complaints.count) {
		const char *first = complaints.text.bytes;
		fprintf(stderr, "%s", first);
		error_set(err, r, "%.*s (kalkid --check tells all that is wrong in the files)",
			  (int)strcspn(first, "\n"), first);
	}
	complaints_done(&complaints);
	return r;
}

/* All of kalkid.yaml but its notifiers is for the start. */
static void tell_what_waits(const struct daemon *daemon, const struct files *files,
			    engine_on_change *each, void *data)
{
	cleanup_buffer struct buffer parts = {0};
	config_differences(&daemon->files.config, &files->config, &parts);
	if (!parts.length)
		return;
	cleanup_free char *words = mem_printf("%s: changed, and in force after systemctl restart "
					      "kalkid, which leaves every chain in force",
					      parts.bytes);
	log_warning("kalkid.yaml waits for a restart", "parts=\"%s\"", parts.bytes);
	if (each)
		each(data, "kalkid.yaml", words);
}

static void use_files(struct daemon *daemon, struct files *files)
{
	engine_reload(daemon->engine, &files->defined);
	engine_set_notifiers(daemon->engine, daemon->files.config.instance, files->config.notifiers,
			     files->config.notifier_count, daemon->courier);
	log_info("reloaded", NULL);
}

static int reload(struct engine_reloader *reloader, bool dry_run, engine_on_change *each,
		  void *data, struct error *err)
{
	struct daemon *daemon = container_of(reloader, struct daemon, reloader);
	struct files files = {0};
	int r = read_again(daemon, &files, err);
	if (r < 0)
		return r;
	if (each)
		engine_preview_reload(daemon->engine, &files.defined, each, data);
	tell_what_waits(daemon, &files, each, data);
	if (!dry_run)
		use_files(daemon, &files);
	files_done(&files);
	return 0;
}

static void on_reload_signal(uv_signal_t *signal, int number maybe_unused)
{
	struct daemon *daemon = signal->data;
	struct error err = {0};
	if (daemon->stopping)
		return;
	sd_notify(0, "RELOADING=1");
	if (reload(&daemon->reloader, false, NULL, NULL, &err) < 0)
		log_error("files refused, what runs stays", "error=\"%s\"", err.text);
	sd_notify(0, "READY=1");
}

static void on_status_timer(uv_timer_t *timer)
{
	struct daemon *daemon = timer->data;
	struct engine_status status;
	/* The second time the start is over. */
	if (daemon->status_told++ == 1)
		footprint_trim();
	engine_read_status(daemon->engine, &status);
	sd_notifyf(0, "STATUS=%u devices, %u not in their first state, %u held, %u in trouble",
		   status.devices, status.devices_in_other_state, status.held, status.in_trouble);
}

static void on_watchdog_timer(uv_timer_t *timer maybe_unused)
{
	sd_notify(0, "WATCHDOG=1");
}

static void on_store_trouble(void *data maybe_unused, const char *words)
{
	if (words)
		log_error("trouble with the database, enforcement goes on", "error=\"%s\"", words);
	else
		log_info("the database is well again", NULL);
}

static void start_signals_and_timers(struct daemon *daemon)
{
	static const int STOPS[] = {SIGTERM, SIGINT};
	uint64_t watchdog_us = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(STOPS); i++) {
		uv_signal_init(&daemon->loop, &daemon->stop_signals[i]);
		daemon->stop_signals[i].data = daemon;
		uv_signal_start(&daemon->stop_signals[i], on_stop_signal, STOPS[i]);
	}
	uv_signal_init(&daemon->loop, &daemon->reload_signal);
	daemon->reload_signal.data = daemon;
	uv_signal_start(&daemon->reload_signal, on_reload_signal, SIGHUP);
	uv_timer_init(&daemon->loop, &daemon->status_timer);
	daemon->status_timer.data = daemon;
	uv_timer_start(&daemon->status_timer, on_status_timer, 0, STATUS_EVERY_MS);
	uv_timer_init(&daemon->loop, &daemon->watchdog_timer);
	if (sd_watchdog_enabled(0, &watchdog_us) > 0)
		uv_timer_start(&daemon->watchdog_timer, on_watchdog_timer, 0, watchdog_us / 2000);
}

static int open_store(struct daemon *daemon, struct error *err)
{
	const struct config *config = &daemon->files.config;
	cleanup_free char *path = mem_printf("%s/var/lib/kalki/kalkid.db", daemon->options.root);
	cleanup_free char *witness = mem_printf("%s/run/kalki/witness", daemon->options.root);
	struct store_config store_config = {
		.path = path,
		.witness_path = witness,
		.history_age_max_us = config->history_age_max_us,
		.history_bytes_max = config->history_bytes_max,
		.history_answers_max = config->history_answers_max,
		.queue_max = HISTORY_QUEUE_MAX,
		.on_trouble = on_store_trouble,
	};
	bool damaged = false;
	int r = store_open(&daemon->store, &daemon->loop, &store_config, &daemon->clock, &damaged,
			   err);
	if (r == 0 && damaged)
		log_error("the database was damaged and set aside", "path=%s", path);
	return r;
}

/* A daemon without room for captures protects all the same. */
static void open_captures(struct daemon *daemon)
{
	cleanup_free char *path = mem_printf("%s/var/lib/kalki/captures", daemon->options.root);
	struct error err = {0};
	if (captures_open(&daemon->captures, &daemon->loop, path,
			  (uint64_t)daemon->files.config.capture_bytes_max, &err) < 0)
		log_error("no captures are kept", "error=\"%s\"", err.text);
	engine_set_captures(daemon->engine, daemon->captures);
}

static int open_engine(struct daemon *daemon, struct error *err)
{
	struct files *files = &daemon->files;
	struct engine_config config;
	engine_config_init(&config);
	config.ready_timeout_us = files->config.ready_timeout_us;
	config.drain_quiet_us = files->config.drain_quiet_us;
	config.drain_max_us = files->config.drain_max_us;
	config.observe_every_us = files->config.observe_every_us;
	config.data_plane = &files->config.data_plane;
	return engine_new(&daemon->engine, &daemon->loop, &daemon->clock, &config, daemon->store,
			  &files->defined, err);
}

static void start_exchange(struct engine_hands *hands, struct exchange_call *call,
			   const struct exchange *exchange, const struct device_identity *device)
{
	exchange_start(container_of(hands, struct daemon, hands)->exchanges, call, exchange,
		       device);
}

static void cancel_exchange(struct engine_hands *hands maybe_unused, struct exchange_call *call)
{
	exchange_cancel(call);
}

static int open_telemetry(struct daemon *daemon, struct error *err)
{
	const struct config *config = &daemon->files.config;
	cleanup_free char *known_hosts = mem_printf("%s/var/lib/kalki/known_hosts",
						    daemon->options.root);
	struct exchanges_config exchanges = {
		.secrets = config->secrets,
		.known_hosts = known_hosts,
		.from = config->telemetry_from,
		.at_once = config->telemetry_at_once,
	};
	int r = exchanges_open(&daemon->exchanges, &daemon->loop, &exchanges, err);
	if (r < 0)
		return r;
	daemon->hands = (struct engine_hands){start_exchange, cancel_exchange};
	engine_set_hands(daemon->engine, &daemon->hands);
	telemetry_driver_open(&daemon->telemetry, &daemon->loop, daemon->exchanges);
	engine_set_telemetry(daemon->engine, daemon->telemetry);
	return 0;
}

static int open_parts(struct daemon *daemon, struct error *err)
{
	struct local_driver_config driver;
	cleanup_free char *socket = mem_printf("%s/run/kalki/kalkid.sock", daemon->options.root);
	struct api_config api = {
		.socket_path = socket, .group = "kalki", .mode = 0660, .clock = &daemon->clock};

	clock_init_machine(&daemon->clock);
	driver_config(&daemon->files, daemon->options.root, &driver);
	int r = open_store(daemon, err);
	if (r == 0)
		r = open_engine(daemon, err);
	if (r == 0)
		r = open_telemetry(daemon, err);
	if (r == 0)
		r = courier_open(&daemon->courier, &daemon->loop, &daemon->clock,
				 daemon->files.config.secrets, err);
	if (r == 0)
		r = local_driver_open(&daemon->driver, &daemon->loop, &driver,
				      engine_listener(daemon->engine), err);
	if (r == 0)
		r = api_open(&daemon->api, &daemon->loop, daemon->engine, &api, err);
	return r;
}

/* A part that cannot be opened ends the program as it is: nothing in the kernel was changed for the
 * worse, and the next start adopts what is there. */
static int run(struct daemon *daemon)
{
	struct error err = {0};
	files_each_credential(&daemon->files, check_credential, &daemon->files.config);
	uv_loop_init(&daemon->loop);
	if (open_parts(daemon, &err) < 0) {
		fprintf(stderr, "kalkid: %s\n", err.text);
		return EXIT_FAILURE;
	}
	daemon->reloader.reload = reload;
	engine_set_reloader(daemon->engine, &daemon->reloader);
	start_signals_and_timers(daemon);
	open_captures(daemon);
	const struct config *config = &daemon->files.config;
	engine_set_notifiers(daemon->engine, config->instance, config->notifiers,
			     config->notifier_count, daemon->courier);
	engine_start(daemon->engine, daemon->driver);
	sd_notify(0, "READY=1");
	log_info("started", "version=" KALKI_VERSION " instance=%s devices=%u",
		 daemon->files.config.instance, daemon->files.device_count);
	uv_run(&daemon->loop, UV_RUN_DEFAULT);
	uv_loop_close(&daemon->loop);
	return EXIT_SUCCESS;
}

/* What is done without a loop: opening early, tearing down. */
static int run_once(const struct daemon *daemon, const char *what,
		    int (*once)(const struct local_driver_config *config, struct error *err))
{
	struct local_driver_config config;
	struct error err = {0};
	driver_config(&daemon->files, daemon->options.root, &config);
	if (once(&config, &err) == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "kalkid: %s: %s\n", what, err.text);
	return EXIT_FAILURE;
}

static int run_locked(struct daemon *daemon)
{
	if (daemon->options.teardown)
		return run_once(daemon, "teardown", local_driver_teardown);
	if (daemon->options.early)
		return run_once(daemon, "early", local_driver_early);
	return run(daemon);
}

/* Each umbox and each client of the API takes a few; the usual soft limit is 1024.  No more than
 * kalkid.service allows: programs that are started may look at all of them. */
static void raise_descriptor_limit(void)
{
	const rlim_t wanted = 65536;
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= wanted)
		return;
	files.rlim_cur = min_of(files.rlim_max, wanted);
	(void)!setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv)
{
	static struct daemon daemon;
	int code;
	if (!options_read(&daemon.options, argc, argv, &code))
		return code;
	if (sodium_init() < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
		fprintf(stderr, "kalkid: libsodium or libcurl does not start\n");
		return EXIT_FAILURE;
	}
	signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	if (daemon.options.check)
		return check_files(daemon.options.root);
	if (read_files(daemon.options.root, daemon.options.teardown, &daemon.files) < 0) {
		if (daemon.options.teardown)
			fprintf(stderr,
				"kalkid: teardown: nothing was removed: `instance` and "
				"`data_plane` in %s/etc/kalki/kalkid.yaml must say which "
				"containers, links and ports are kalkid's\n",
				daemon.options.root);
		return EXIT_BAD_INPUT;
	}
	if (make_directories(daemon.options.root) < 0) {
		code = EXIT_FAILURE;
	} else {
		code = lock_root(daemon.options.root);
		if (code == EXIT_SUCCESS)
			code = run_locked(&daemon);
	}
	files_done(&daemon.files);
	curl_global_cleanup();
	return code;
}
