/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz_config_file.c - kalkid.yaml with its notifiers: what is taken is within its limits, and
 * says all that a notifier needs. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "codec/files_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_plane(const struct data_plane *plane)
{
	assert(plane->port_count >= 1 && plane->port_count <= DEVICE_PORTS_MAX);
	assert(plane->host_address_count <= HOST_ADDRESSES_MAX);
	assert(plane->network_port[0] || plane->host_leg[0]);
	for (unsigned i = 0; i < plane->port_count; i++) {
		assert(plane->ports[i].name[0]);
		for (unsigned j = 0; j < i; j++)
			assert(!text_equal(plane->ports[i].name, plane->ports[j].name));
	}
}

static void check_notifier(const struct notifier *notifier)
{
	struct notice notice = {.kind = NOTICE_TEST};
	cleanup_buffer struct buffer filled = {0};
	assert(name_check("notifier", notifier->name, NULL) == 0);
	assert(notifier->kind < NOTIFIER_KIND_COUNT && notifier->tls < NOTIFIER_TLS_COUNT);
	assert(notifier->url[0] && notifier->alert_min < ALERT_SEVERITY_COUNT);
	assert(notifier->limit >= 1 && notifier->limit_per_us > 0 && notifier->queue_max >= 1);
	assert(notifier->age_max_us > 0 && notifier->timeout_us > 0);
	assert(notifier->retry_first_us > 0 && notifier->retry_first_us <= notifier->retry_max_us);
	assert(notifier->recipient_count <= NOTIFIER_RECIPIENTS_MAX);
	assert(notifier->kind != NOTIFIER_EMAIL ||
	       (notifier->sender[0] && notifier->recipient_count > 0));
	assert(notifier->kind != NOTIFIER_MQTT || notifier->topic[0]);
	notice_fill(&filled, notifier->body, NOTICE_IN_JSON, &notice);
}

static void check(const struct config *config)
{
	assert(name_check("instance", config->instance, NULL) == 0);
	assert(config->docker_socket[0] == '/');
	assert(config->alerts_per_second >= 1 && config->telemetry_at_once >= 1);
	assert(config->heartbeat_timeout_us > 0 && config->ready_timeout_us > 0);
	assert(config->drain_quiet_us > 0 && config->drain_quiet_us <= config->drain_max_us);
	assert(config->observe_every_us > 0);
	assert(config->history_age_max_us > 0 && config->history_bytes_max > 0);
	check_plane(&config->data_plane);
	assert(config->notifier_count <= NOTIFIERS_MAX);
	for (unsigned i = 0; i < config->notifier_count; i++)
		check_notifier(&config->notifiers[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct complaints complaints = {0};
	struct document *document = NULL;
	struct config config;
	config_set_standard(&config);
	if (document_read(&document, "f.yaml", (const char *)data, size, &complaints) == 0) {
		struct reading reading = {.document = document, .complaints = &complaints};
		config_read(&reading, document_root(document), &config);
		/* A file of conf.d, or a later one, over it. */
		config_read(&reading, document_root(document), &config);
		config_check(&config, "f.yaml", &complaints);
		if (!complaints.count)
			check(&config);
	}
	free(config.notifiers);
	document_free(document);
	complaints_done(&complaints);
	return 0;
}
