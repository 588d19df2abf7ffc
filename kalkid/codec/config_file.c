/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/config_file.c - kalkid.yaml and conf.d into the configuration. */
#include "codec/files_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "codec/schema.h"

#define MS_US     ((int64_t)1000)
#define SECOND_US (1000 * MS_US)
#define DAY_US    (86400 * SECOND_US)
#define MIB       ((int64_t)1 << 20)

enum { IPV4_BITS = 32, IPV6_BITS = 128, MTU_MIN = 1280, MTU_MAX = 65535 };

static const struct field device_port_fields[] = {
	{"name", FIELD_LINK, .required = true, FIELD_AT(struct device_port, name),
	 .about = "the interface that devices are behind"},
	{"hairpin", FIELD_BOOLEAN, FIELD_AT(struct device_port, hairpin),
	 .about = "frames between devices of this port go back out of it, as at an access point"},
	{"eapol_up", FIELD_BOOLEAN, FIELD_AT(struct device_port, eapol_up),
	 .about = "hostapd gets its EAPOL frames"},
};

static json_t *describe_device_ports(void)
{
	return schema_list(SCHEMA_MAP(device_port_fields), 0, DEVICE_PORTS_MAX);
}

static bool is_own_name(const char *name)
{
	uint32_t number;
	enum leg_side side;
	return leg_name_parse(name, &number, &side) || slot_name_parse(name, &number) ||
	       slot_peer_name_parse(name, &number);
}

static void check_device_port(struct reading *reading, const struct document_node *node,
			      const struct data_plane *plane, unsigned last)
{
	const char *name = plane->ports[last].name;
	if (is_own_name(name))
		document_complain(reading->document, node, reading->complaints,
				  "rename the interface, ip link set ... name ...",
				  "'%s' is a name that kalkid gives to its own links", name);
	for (unsigned i = 0; name[0] && i < last; i++)
		if (text_equal(plane->ports[i].name, name))
			document_complain(reading->document, node, reading->complaints,
					  "each port once", "'%s' is there before", name);
}

static void read_device_ports(struct reading *reading, const struct document_node *list,
			      void *target)
{
	struct data_plane *plane = target;
	plane->port_count = 0;
	memset(plane->ports, 0, sizeof(plane->ports));
	if (!read_is_list(reading, list, DEVICE_PORTS_MAX))
		return;
	for (const struct document_node *item = list->first; item; item = item->next) {
		struct device_port *port = &plane->ports[plane->port_count++];
		(void)fields_read(reading, item, device_port_fields, ARRAY_SIZE(device_port_fields),
				  port);
		check_device_port(reading, item, plane, plane->port_count - 1);
	}
}

/* "10.20.0.1/24" */
static bool is_address_with_prefix(const char *text)
{
	char address[IP_TEXT_BYTES];
	struct ip ip;
	size_t length = strcspn(text, "/");
	if (length >= sizeof(address) || text[length] != '/')
		return false;
	memcpy(address, text, length);
	address[length] = '\0';
	if (ip_parse(&ip, address, NULL) < 0)
		return false;
	const char *prefix = text + length + 1;
	size_t digits = strspn(prefix, "0123456789");
	if (!digits || digits > 3 || prefix[digits] || (digits > 1 && *prefix == '0'))
		return false;
	return atoi(prefix) <= (ip.family == 4 ? IPV4_BITS : IPV6_BITS);
}

static void read_host_addresses(struct reading *reading, const struct document_node *list,
				void *target)
{
	struct data_plane *plane = target;
	plane->host_address_count = 0;
	if (!read_is_list(reading, list, HOST_ADDRESSES_MAX))
		return;
	for (const struct document_node *item = list->first; item; item = item->next) {
		const char *text = read_text(reading, item);
		if (!text)
			continue;
		if (is_address_with_prefix(text))
			TEXT_COPY(plane->host_addresses[plane->host_address_count++], text);
		else
			document_complain(reading->document, item, reading->complaints,
					  "10.20.0.1/24, fd00::1/64",
					  "'%.64s' is no address with the length of its prefix",
					  text);
	}
}

static json_t *describe_host_addresses(void)
{
	return schema_list(schema_line("^[0-9A-Fa-f:.]+/[0-9]+$", IP_TEXT_BYTES + 4), 0,
			   HOST_ADDRESSES_MAX);
}

static const struct field host_leg_fields[] = {
	{"name", FIELD_LINK, FIELD_AT(struct data_plane, host_leg),
	 .about = "of the link; kalkid makes it"},
	{"addresses", FIELD_OTHER, .read = read_host_addresses,
	 .about = "of this machine on it, with the lengths of their prefixes",
	 .describe = describe_host_addresses},
};

static json_t *describe_host_leg(void)
{
	return SCHEMA_MAP(host_leg_fields);
}

static void read_host_leg(struct reading *reading, const struct document_node *node, void *target)
{
	(void)fields_read(reading, node, host_leg_fields, ARRAY_SIZE(host_leg_fields), target);
}

static const struct field data_plane_fields[] = {
	{"namespace", FIELD_NAME, FIELD_AT(struct data_plane, namespace), .standard = "kalki",
	 .about = "the network namespace that kalkid makes for itself"},
	{"device_ports", FIELD_OTHER, .read = read_device_ports, .about = "where the devices are",
	 .describe = describe_device_ports},
	{"network_port", FIELD_LINK, FIELD_AT(struct data_plane, network_port),
	 .about = "the interface with the rest of the world behind it; left out: router mode"},
	{"host_leg", FIELD_OTHER, .read = read_host_leg,
	 .about = "a link to this machine itself, through the chains",
	 .describe = describe_host_leg},
	{"mtu", FIELD_UNSIGNED, FIELD_AT(struct data_plane, mtu), .min = MTU_MIN, .max = MTU_MAX,
	 .about = "of every link; left out: the largest of the ports"},
};

static json_t *describe_data_plane(void)
{
	return SCHEMA_MAP(data_plane_fields);
}

static void read_data_plane(struct reading *reading, const struct document_node *node, void *target)
{
	struct config *config = target;
	(void)fields_read(reading, node, data_plane_fields, ARRAY_SIZE(data_plane_fields),
			  &config->data_plane);
}

static void read_socket(struct reading *reading, const struct document_node *node, void *target)
{
	struct config *config = target;
	const char *text = read_text(reading, node);
	if (!text)
		return;
	if (text[0] == '/' && strlen(text) < sizeof(((struct sockaddr_un *)0)->sun_path))
		TEXT_COPY(config->docker_socket, text);
	else
		document_complain(reading->document, node, reading->complaints,
				  "/var/run/docker.sock; at most 107 bytes",
				  "is no whole path of a socket");
}

static void read_secrets(struct reading *reading, const struct document_node *node, void *target)
{
	struct config *config = target;
	const char *text = read_text(reading, node);
	if (!text)
		return;
	if (text[0] == '/' && strlen(text) < sizeof(config->secrets))
		TEXT_COPY(config->secrets, text);
	else
		document_complain(reading->document, node, reading->complaints,
				  "/etc/kalki/secrets; at most 255 bytes",
				  "is no whole path of a directory");
}

static json_t *describe_socket(void)
{
	return schema_line("^/", sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
}

static json_t *describe_secrets(void)
{
	return schema_line("^/", sizeof(((struct config *)0)->secrets) - 1);
}

static const struct field docker_fields[] = {
	{"socket", FIELD_OTHER, .read = read_socket, .standard = "/var/run/docker.sock",
	 .about = "where the Docker Engine listens", .describe = describe_socket},
	{"starts_at_once", FIELD_UNSIGNED, FIELD_AT(struct config, starts_at_once), .max = 64,
	 .about = "containers started at the same time; left out: the number of processors"},
};

static const struct field umbox_fields[] = {
	{"alerts_per_second", FIELD_UNSIGNED, FIELD_AT(struct config, alerts_per_second), .min = 1,
	 .max = 100000, .standard = "100", .about = "of one umbox; more are dropped and counted"},
	{"heartbeat_timeout", FIELD_DURATION, FIELD_AT(struct config, heartbeat_timeout_us),
	 .min = 3 * SECOND_US, .max = 3600 * SECOND_US, .standard = "10s",
	 .about = "a umbox that is silent for so long is started anew"},
	{"ready_timeout", FIELD_DURATION, FIELD_AT(struct config, ready_timeout_us),
	 .min = SECOND_US, .max = 3600 * SECOND_US, .standard = "15s",
	 .about = "a umbox that is not ready by then is started anew"},
};

static const struct field chain_fields[] = {
	{"drain_quiet", FIELD_DURATION, FIELD_AT(struct config, drain_quiet_us), .min = MS_US,
	 .max = 60 * SECOND_US, .standard = "50ms",
	 .about = "an old chain goes when nothing came out of it for so long"},
	{"drain_max", FIELD_DURATION, FIELD_AT(struct config, drain_max_us), .min = MS_US,
	 .max = 600 * SECOND_US, .standard = "2s", .about = "or after this at the latest"},
};

static const struct field history_fields[] = {
	{"max_age", FIELD_DURATION, FIELD_AT(struct config, history_age_max_us),
	 .min = 3600 * SECOND_US, .max = 36500 * DAY_US, .standard = "90d",
	 .about = "older events go"},
	{"max_bytes", FIELD_SIZE, FIELD_AT(struct config, history_bytes_max), .min = MIB,
	 .max = 1024 * 1024 * MIB, .standard = "1GiB",
	 .about = "of the database; beyond it old events go, first of those that are most"},
	{"max_answers", FIELD_UNSIGNED, FIELD_AT(struct config, history_answers_max), .min = 1000,
	 .max = 10000000, .standard = "10000",
	 .about = "of each telemetry source of a device; older ones go"},
	{"max_capture_bytes", FIELD_SIZE, FIELD_AT(struct config, capture_bytes_max), .min = MIB,
	 .max = 1024 * 1024 * MIB, .standard = "256MiB",
	 .about = "of the frames that were kept for alerts; the oldest of the device with most go"},
};

static void read_one_from(struct reading *reading, const struct document_node *node,
			  struct exchange_from *ret)
{
	struct error err = {0};
	struct ip ip;
	const char *text = read_text(reading, node);
	if (!text)
		return;
	if (ip_parse(&ip, text, &err) < 0) {
		document_complain(reading->document, node, reading->complaints,
				  "an address of this machine, as of the host leg", "%s", err.text);
		return;
	}
	char *address = ip.family == 4 ? ret->ip4 : ret->ip6;
	if (*address)
		document_complain(reading->document, node, reading->complaints,
				  "one of IPv4 and one of IPv6", "there is one of IPv%u before",
				  ip.family);
	ip_print(address, &ip);
}

static void read_from(struct reading *reading, const struct document_node *node, void *target)
{
	struct exchange_from *from = &((struct config *)target)->telemetry_from;
	*from = (struct exchange_from){0};
	if (node->kind != DOCUMENT_LIST) {
		read_one_from(reading, node, from);
		return;
	}
	if (!read_is_list(reading, node, 2))
		return;
	for (const struct document_node *item = node->first; item; item = item->next)
		read_one_from(reading, item, from);
}

static json_t *describe_from(void)
{
	json_t *one = schema_line("^[0-9A-Fa-f:.]+$", IP_TEXT_BYTES - 1);
	json_t *list = schema_list(json_incref(one), 0, 2);
	return json_pack("{s:[o, o]}", "anyOf", one, list);
}

static const struct field telemetry_fields[] = {
	{"from", FIELD_OTHER, .read = read_from,
	 .about = "the addresses of this machine that ask, one a version of IP",
	 .describe = describe_from},
	{"at_once", FIELD_UNSIGNED, FIELD_AT(struct config, telemetry_at_once), .min = 1,
	 .max = 1000, .standard = "64", .about = "exchanges with devices at the same time"},
};

FIELDS_SECTION(docker)
FIELDS_SECTION(umbox)
FIELDS_SECTION(chain)
FIELDS_SECTION(history)
FIELDS_SECTION(telemetry)

enum { PLACE_FIELDS = 3 /* the first ones say where things are */ };

static const struct field config_fields[] = {
	{"instance", FIELD_NAME, FIELD_AT(struct config, instance), .standard = "kalki",
	 .about = "of this daemon; several on one machine need different ones"},
	{"data_plane", FIELD_OTHER, .read = read_data_plane,
	 .about = "the links that devices and the network are behind",
	 .describe = describe_data_plane},
	{"docker", FIELD_OTHER, .read = read_docker, .about = "the engine that runs umboxes",
	 .describe = describe_docker},
	{"umbox", FIELD_OTHER, .read = read_umbox, .about = "what is borne from umboxes",
	 .describe = describe_umbox},
	{"chain", FIELD_OTHER, .read = read_chain, .about = "how chains are replaced",
	 .describe = describe_chain},
	{"observe_every", FIELD_DURATION, FIELD_AT(struct config, observe_every_us),
	 .min = SECOND_US, .max = 3600 * SECOND_US, .standard = "30s",
	 .about = "a full look at links, rules and containers, although nobody told of a change"},
	{"history", FIELD_OTHER, .read = read_history, .about = "how much of it is kept",
	 .describe = describe_history},
	{"secrets", FIELD_OTHER, .read = read_secrets,
	 .about = "the directory of credentials, a file each", .describe = describe_secrets},
	{"telemetry", FIELD_OTHER, .read = read_telemetry, .about = "how devices are asked",
	 .describe = describe_telemetry},
	{"notifiers", FIELD_OTHER, .read = notifiers_read, .about = "who is told what happens",
	 .describe = describe_notifiers},
};

json_t *schema_of_config(void)
{
	json_t *schema = SCHEMA_MAP(config_fields);
	json_object_set_new(schema, "$schema",
			    json_string("https://json-schema.org/draft/2020-12/schema"));
	json_object_set_new(schema, "title", json_string("kalkid.yaml and conf.d of KalKi"));
	return schema;
}

void config_set_standard(struct config *config)
{
	*config = (struct config){0};
	fields_set_standard(config_fields, ARRAY_SIZE(config_fields), config);
	fields_set_standard(data_plane_fields, ARRAY_SIZE(data_plane_fields), &config->data_plane);
	fields_set_standard(docker_fields, ARRAY_SIZE(docker_fields), config);
	fields_set_standard(umbox_fields, ARRAY_SIZE(umbox_fields), config);
	fields_set_standard(chain_fields, ARRAY_SIZE(chain_fields), config);
	fields_set_standard(history_fields, ARRAY_SIZE(history_fields), config);
	fields_set_standard(telemetry_fields, ARRAY_SIZE(telemetry_fields), config);
}

void config_read(struct reading *reading, const struct document_node *map, struct config *config)
{
	(void)fields_read(reading, map, config_fields, ARRAY_SIZE(config_fields), config);
}

void config_read_place(struct reading *reading, const struct document_node *map,
		       struct config *config)
{
	struct document_node place = *map, parts[PLACE_FIELDS];
	if (map->kind == DOCUMENT_MAP)
		place.first = NULL;
	for (unsigned i = 0; i < PLACE_FIELDS; i++) {
		const struct document_node *part = document_find(map, config_fields[i].key);
		if (!part)
			continue;
		parts[i] = *part;
		parts[i].next = place.first;
		place.first = &parts[i];
	}
	(void)fields_read(reading, &place, config_fields, PLACE_FIELDS, config);
}

void config_differences(const struct config *a, const struct config *b, struct buffer *ret)
{
	static const struct {
		const char *key;
		size_t offset, size;
	} PARTS[] = {
		{"instance", FIELD_AT(struct config, instance)},
		{"data_plane", FIELD_AT(struct config, data_plane)},
		{"docker", FIELD_AT(struct config, docker_socket)},
		{"docker", FIELD_AT(struct config, starts_at_once)},
		{"umbox", FIELD_AT(struct config, alerts_per_second)},
		{"umbox", FIELD_AT(struct config, heartbeat_timeout_us)},
		{"umbox", FIELD_AT(struct config, ready_timeout_us)},
		{"chain", FIELD_AT(struct config, drain_quiet_us)},
		{"chain", FIELD_AT(struct config, drain_max_us)},
		{"observe_every", FIELD_AT(struct config, observe_every_us)},
		{"history", FIELD_AT(struct config, history_age_max_us)},
		{"history", FIELD_AT(struct config, history_bytes_max)},
		{"history", FIELD_AT(struct config, history_answers_max)},
		{"history", FIELD_AT(struct config, capture_bytes_max)},
		{"secrets", FIELD_AT(struct config, secrets)},
		{"telemetry", FIELD_AT(struct config, telemetry_from)},
		{"telemetry", FIELD_AT(struct config, telemetry_at_once)},
	};
	const char *last = "";
	for (size_t i = 0; i < ARRAY_SIZE(PARTS); i++) {
		if (text_equal(PARTS[i].key, last) ||
		    memcmp((const char *)a + PARTS[i].offset, (const char *)b + PARTS[i].offset,
			   PARTS[i].size) == 0)
			continue;
		last = PARTS[i].key;
		buffer_print(ret, "%s%s", ret->length ? ", " : "", last);
	}
}

static void check_port_names(const struct data_plane *plane, const char *file,
			     struct complaints *complaints)
{
	const char *host_leg = plane->host_leg, *network_port = plane->network_port;
	if (is_own_name(network_port))
		complaints_add(
			complaints,
			"%s:1:1: data_plane.network_port: '%s' is a name that kalkid gives to its "
			"own links (rename the interface, ip link set ... name ...)",
			file, network_port);
	if (network_port[0] && text_equal(network_port, host_leg))
		complaints_add(
			complaints,
			"%s:1:1: data_plane.host_leg.name: '%s' is the network port (a new name: "
			"kalkid makes this link)",
			file, host_leg);
	for (unsigned i = 0; i < plane->port_count; i++) {
		const char *port = plane->ports[i].name;
		if (text_equal(port, network_port) || text_equal(port, host_leg))
			complaints_add(
				complaints,
				"%s:1:1: data_plane.device_ports: '%s' is the %s too (one or the "
				"other)",
				file, port,
				text_equal(port, network_port) ? "network port" : "host leg");
	}
}

void config_check(const struct config *config, const char *file, struct complaints *complaints)
{
	const struct data_plane *plane = &config->data_plane;
	if (!plane->port_count)
		complaints_add(
			complaints,
			"%s:1:1: data_plane.device_ports: at least one is needed (- name: the "
			"interface that devices are behind)",
			file);
	if (!plane->network_port[0] && !plane->host_leg[0])
		complaints_add(
			complaints,
			"%s:1:1: data_plane: devices have no way out (network_port: an interface, "
			"or host_leg: {name: a link to this machine})",
			file);
	if (plane->host_address_count && !plane->host_leg[0])
		complaints_add(
			complaints,
			"%s:1:1: data_plane.host_leg: addresses without a link (name: kalki0)",
			file);
	check_port_names(plane, file, complaints);
	if (config->drain_quiet_us > config->drain_max_us)
		complaints_add(complaints, "%s:1:1: chain.drain_quiet: is longer than drain_max",
			       file);
}
