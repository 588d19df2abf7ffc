/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/encode.h - what the engine says as JSON, in the shapes of openapi.yaml. */
#pragma once

#include <jansson.h>

#include "base/digest.h"
#include "base/text.h"
#include "engine/engine.h"

/* Never NULL: bytes that are no UTF-8 become '?'. */
json_t *encode_text(const char *text);
/* null for "". */
json_t *encode_text_or_null(const char *text);
/* As RFC 3339 has it. */
json_t *encode_time(int64_t wall_us);

json_t *encode_status(const struct engine_status *status);
/* Names what a device's definition is now: changes with it, and with nothing else. */
void encode_definition_version(char version[static DIGEST_TEXT_BYTES], const struct device *device);
json_t *encode_device(const struct device_status *status);
json_t *encode_hop(const struct hop_status *hop);
json_t *encode_chain(const struct chain_status *chain);
json_t *encode_plan(const char *device, const struct plan *plan);
json_t *encode_type_summary(const struct policy *policy);
json_t *encode_type(const struct policy *policy);
json_t *encode_notifier(const struct notifier_status *status);
/* Appends one line without its end; its JSON is taken as it is. */
void encode_event(struct buffer *line, const struct event *event, const char *acknowledged_by);
