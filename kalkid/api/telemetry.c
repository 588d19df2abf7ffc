/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/telemetry.c - what the sensors of a device said last, and values that are pushed. */
#include "api/call.h"
#include "api/encode.h"
#include "api/handlers.h"
#include "base/clock.h"

static json_t *encode_value(const struct sensor_status *status)
{
	if (!status->known || status->newest.missing)
		return json_null();
	switch (status->sensor.type) {
	case SENSOR_NUMBER: return json_real(status->newest.number);
	case SENSOR_BOOLEAN: return json_boolean(status->newest.boolean);
	case SENSOR_TEXT: return encode_text(status->newest.text);
	case SENSOR_TYPE_COUNT: break;
	}
	return json_null();
}

static json_t *encode_sensor(const struct sensor_status *status)
{
	char time[TIME_TEXT_BYTES] = "";
	if (status->known)
		clock_print_wall(time, status->wall_us);
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "name", encode_text(status->sensor.name),
			 "type", SENSOR_TYPE_NAMES[status->sensor.type], "unit",
			 encode_text_or_null(status->sensor.unit), "value", encode_value(status),
			 "time", encode_text_or_null(time), "source",
			 encode_text_or_null(status->source));
}

void get_telemetry(struct api_call *call)
{
	struct device_status device;
	struct sensor_status sensor;
	struct source_status source;
	struct error err = {0};
	if (engine_find_device(call->engine, call->argument, &device, &err) < 0) {
		answer_error(call->request, &err);
		return;
	}
	json_t *sensors = json_array(), *sources = json_array();
	for (unsigned i = 0; !engine_read_sensor(call->engine, call->argument, i, &sensor, NULL);
	     i++)
		json_array_append_new(sensors, encode_sensor(&sensor));
	for (unsigned i = 0; !engine_read_source(call->engine, call->argument, i, &source, NULL);
	     i++)
		json_array_append_new(sources,
				      json_pack("{s:o, s:b, s:i}", "name", encode_text(source.name),
						"available", source.available, "misses",
						(int)source.misses));
	answer_json(call->request, json_pack("{s:o, s:o}", "sensors", sensors, "sources", sources),
		    NULL);
}

void put_telemetry(struct api_call *call)
{
	struct operator_order order;
	struct document *document;
	struct error err = {0};
	if (!call_order(call, &order) || !call_body(call, true, &document))
		return;
	const char *source = target_query(&call->target, "source");
	json_t *values = document_to_json(document_root(document));
	document_free(document);
	int r = engine_push(call->engine, call->argument, source, values, &order, &err);
	json_decref(values);
	if (r < 0)
		answer_error(call->request, &err);
	else
		call_changed(call, &order, call->argument, 202);
}
