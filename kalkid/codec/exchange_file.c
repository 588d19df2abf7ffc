/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/exchange_file.c - see exchange_file.h. */
#include "codec/exchange_file.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "codec/schema.h"

enum text_kind {
	TEXT_PLAIN,
	TEXT_HTTP, /* {credential} may stand in it */
	TEXT_BODY, /* several lines, and braces that mean nothing */
};

static bool complain_characters(struct reading *reading, const struct document_node *node,
				const char *text, bool lines)
{
	for (const char *c = text; *c; c++) {
		bool control = (unsigned char)*c < ' ' || *c == 0x7f;
		if (!control || (lines && strchr("\r\n\t", *c)))
			continue;
		document_complain_inside(reading->document, node, (size_t)(c - text),
					 reading->complaints, lines ? "text" : "one line of text",
					 "holds a control character");
		return true;
	}
	return false;
}

static bool complain_placeholder(struct reading *reading, const struct document_node *node,
				 const char *text, enum text_kind kind)
{
	char word[NAME_BYTES], right[160];
	size_t offset;
	if (kind == TEXT_BODY || !exchange_find_unknown(text, &offset, word) ||
	    (kind == TEXT_HTTP && text_equal(word, "credential")))
		return false;
	const char *nearest = text_nearest(word, EXCHANGE_PLACEHOLDERS, 4);
	snprintf(right, sizeof(right),
		 nearest ? "did you mean '{%s}'?" : "{ip}, {device}, {mac}, {type}", nearest);
	document_complain_inside(reading->document, node, offset, reading->complaints, right,
				 "no placeholder '{%s}'", word);
	return true;
}

static char *read_checked(struct reading *reading, const struct document_node *node, size_t max,
			  enum text_kind kind)
{
	const char *text = read_text(reading, node);
	if (!text || complain_characters(reading, node, text, kind == TEXT_BODY) ||
	    complain_placeholder(reading, node, text, kind))
		return NULL;
	if (strlen(text) > max) {
		document_complain(reading->document, node, reading->complaints, NULL,
				  "is longer than %zu bytes", max);
		return NULL;
	}
	return mem_copy_text(text);
}

char *exchange_read_text(struct reading *reading, const struct document_node *node, size_t max)
{
	return read_checked(reading, node, max, TEXT_PLAIN);
}

/* Braces are common in bodies: only the four placeholders mean anything there. */
static void read_body(struct reading *reading, const struct document_node *node, void *target)
{
	((struct exchange *)target)->body = read_checked(reading, node, EXCHANGE_BODY_BYTES,
							 TEXT_BODY);
}

static json_t *describe_body(void)
{
	return schema_line("^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f]*$", EXCHANGE_BODY_BYTES);
}

static json_t *describe_text(void)
{
	return schema_line(NULL, EXCHANGE_TEXT_BYTES);
}

/* --- addresses --- */

static json_t *describe_http_url(void)
{
	return schema_line("^https?://[^/:?# ][^ ]*$", EXCHANGE_TEXT_BYTES);
}

json_t *exchange_describe_broker(void)
{
	return schema_line("^mqtts?://[^/:?# ][^/?# ]*$", EXCHANGE_TEXT_BYTES);
}

static const char *after_scheme(const char *url, const char *const *schemes)
{
	for (; *schemes; schemes++)
		if (text_starts(url, *schemes))
			return url + strlen(*schemes);
	return NULL;
}

static char *read_url(struct reading *reading, const struct document_node *node,
		      const char *const *schemes, enum text_kind kind, const char *right)
{
	cleanup_free char *url = read_checked(reading, node, EXCHANGE_TEXT_BYTES, kind);
	const char *host = url ? after_scheme(url, schemes) : NULL;
	if (!url)
		return NULL;
	if (!host || !*host || strchr("/:?#", *host) || strchr(url, ' ')) {
		document_complain(reading->document, node, reading->complaints, right,
				  "is no address of a server");
		return NULL;
	}
	const char *at = strpbrk(host, "@/?#");
	if (at && *at == '@') {
		document_complain(reading->document, node, reading->complaints,
				  "credential: the name of a secret",
				  "a password does not belong into a URL");
		return NULL;
	}
	return take(url);
}

static void read_http_url(struct reading *reading, const struct document_node *node, void *target)
{
	static const char *const schemes[] = {"http://", "https://", NULL};
	((struct exchange *)target)->url = read_url(reading, node, schemes, TEXT_HTTP,
						    "http://{ip}/path, https://host:443/path");
}

void exchange_read_broker(struct reading *reading, const struct document_node *node, void *target)
{
	static const char *const schemes[] = {"mqtt://", "mqtts://", NULL};
	static const char right[] = "mqtt://127.0.0.1:1883, mqtts://host:8883";
	struct exchange *exchange = target;
	exchange->url = read_url(reading, node, schemes, TEXT_PLAIN, right);
	const char *host = exchange->url ? strstr(exchange->url, "://") + strlen("://") : "";
	if (strpbrk(host, "/?#"))
		document_complain(reading->document, node, reading->complaints, right,
				  "a broker has no path");
}

/* --- HTTP --- */

static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", NULL};

static json_t *describe_method(void)
{
	return schema_one_of_texts(methods);
}

static void read_method(struct reading *reading, const struct document_node *node, void *target)
{
	const char *text = read_text(reading, node);
	if (!text)
		return;
	for (size_t i = 0; methods[i]; i++)
		if (text_equal(methods[i], text)) {
			TEXT_COPY(((struct exchange *)target)->method, text);
			return;
		}
	complain_unknown(reading, node, "method", text, methods, ARRAY_SIZE(methods) - 1);
}

static bool is_token(const char *text)
{
	if (!*text)
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("!#$%&'*+-.^_`|~", *text))
			return false;
	return true;
}

/* What the client itself writes, or a secret is needed for. */
static const char *why_not_header(const char *name, const char **ret_right)
{
	static const char *const own[] = {"host", "content-length", "transfer-encoding",
					  "connection", "expect"};
	*ret_right = "letters, digits and '-'";
	if (!is_token(name))
		return "is no name of a header";
	*ret_right = "credential: the name of a secret";
	if (strcasecmp(name, "authorization") == 0)
		return "a credential does not belong into a type's file";
	*ret_right = "leave it out";
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (strcasecmp(name, own[i]) == 0)
			return "is written by the client itself";
	return NULL;
}

static void read_headers(struct reading *reading, const struct document_node *map, void *target)
{
	struct exchange *exchange = target;
	if (map->kind != DOCUMENT_MAP) {
		document_complain(reading->document, map, reading->complaints, "Name: value",
				  "headers are a map");
		return;
	}
	for (const struct document_node *entry = map->first; entry; entry = entry->next) {
		const char *right, *why = why_not_header(entry->key, &right);
		if (exchange->header_count == EXCHANGE_HEADERS_MAX)
			why = "is one header too many";
		if (why) {
			document_complain_key(reading->document, entry, reading->complaints, right,
					      "%s", why);
			continue;
		}
		char *value = read_checked(reading, entry, EXCHANGE_TEXT_BYTES, TEXT_HTTP);
		if (!value)
			continue;
		exchange->header_names[exchange->header_count] = mem_copy_text(entry->key);
		exchange->header_values[exchange->header_count++] = value;
	}
}

static json_t *describe_headers(void)
{
	return schema_named(schema_line("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", DOCUMENT_BYTES_MAX),
			    describe_text(), 0, EXCHANGE_HEADERS_MAX);
}

static json_t *describe_pin(void)
{
	return schema_line("^sha256//.*=$", EXCHANGE_TEXT_BYTES);
}

/* 32 bytes of a digest in base64. */
static void read_pin(struct reading *reading, const struct document_node *node, void *target)
{
	static const char start[] = "sha256//";
	char *pin = exchange_read_text(reading, node, EXCHANGE_TEXT_BYTES);
	((struct exchange *)target)->pin = pin;
	if (pin && (!text_starts(pin, start) || strlen(pin) != strlen(start) + 44 ||
		    pin[strlen(pin) - 1] != '='))
		document_complain(reading->document, node, reading->complaints,
				  "sha256// and the digest of its public key in base64",
				  "is no pin");
}

/* --- MQTT, SSH, programs --- */

static void read_topic(struct reading *reading, const struct document_node *node, void *target)
{
	struct exchange *exchange = target;
	exchange->topic = exchange_read_text(reading, node, EXCHANGE_TEXT_BYTES);
	if (exchange->topic && (!exchange->topic[0] || strpbrk(exchange->topic, "+#")))
		document_complain(reading->document, node, reading->complaints,
				  "one topic, without '+' and '#'",
				  "nothing can be published there");
}

static void read_host(struct reading *reading, const struct document_node *node, void *target)
{
	char *host = exchange_read_text(reading, node, EXCHANGE_TEXT_BYTES);
	((struct exchange *)target)->host = host;
	if (host && (!*host || *host == '-' || strpbrk(host, " @/")))
		document_complain(reading->document, node, reading->complaints,
				  "\"{ip}\" or a name", "is no host");
}

static void read_user(struct reading *reading, const struct document_node *node, void *target)
{
	(void)read_name(reading, node, ((struct exchange *)target)->user);
}

static void read_arguments(struct reading *reading, const struct document_node *list, void *target)
{
	struct exchange *exchange = target;
	if (!read_is_list(reading, list, EXCHANGE_ARGUMENTS_MAX))
		return;
	if (!list->first)
		document_complain(reading->document, list, reading->complaints,
				  "[program, argument, ...]", "no program is named");
	for (const struct document_node *item = list->first; item; item = item->next) {
		char *argument = exchange_read_text(reading, item, EXCHANGE_TEXT_BYTES);
		if (argument)
			exchange->arguments[exchange->argument_count++] = argument;
	}
}

static void read_program_arguments(struct reading *reading, const struct document_node *list,
				   void *target)
{
	struct exchange *exchange = target;
	read_arguments(reading, list, target);
	if (exchange->argument_count && exchange->arguments[0][0] != '/')
		document_complain(reading->document, list->first, reading->complaints,
				  "/usr/lib/kalki/probe", "is no whole path of a program");
}

static json_t *describe_topic(void)
{
	return schema_line("^[^+#]+$", EXCHANGE_TEXT_BYTES);
}

static json_t *describe_host(void)
{
	return schema_line("^(?!-)[^ @/]+$", EXCHANGE_TEXT_BYTES);
}

static json_t *describe_arguments(void)
{
	return schema_list(describe_text(), 1, EXCHANGE_ARGUMENTS_MAX);
}

static json_t *describe_program_arguments(void)
{
	json_t *schema = describe_arguments();
	json_object_set_new(schema, "prefixItems",
			    json_pack("[o]", schema_line("^/", EXCHANGE_TEXT_BYTES)));
	return schema;
}

/* --- the forms --- */

static bool begin(struct reading *reading, const struct document_node *node,
		  struct exchange *exchange, enum exchange_kind kind)
{
	if (exchange->kind != EXCHANGE_NONE) {
		document_complain_key(reading->document, node, reading->complaints,
				      "leave one of them out", "'%s' and '%s' in one place",
				      EXCHANGE_KIND_NAMES[exchange->kind],
				      EXCHANGE_KIND_NAMES[kind]);
		return false;
	}
	exchange->kind = kind;
	return true;
}

static void check_credential(struct reading *reading, const struct document_node *node,
			     struct exchange *exchange)
{
	const struct document_node *login = document_find(node, "login");
	bool in_text = exchange_has_credential(exchange->url) ||
		       exchange_has_credential(exchange->body);
	for (unsigned i = 0; i < exchange->header_count; i++)
		in_text = in_text || exchange_has_credential(exchange->header_values[i]);
	exchange->credential_in_text = in_text;
	if ((in_text || login) && !exchange->credential[0])
		document_complain(reading->document, node, reading->complaints,
				  "credential: the name of a secret",
				  in_text ? "{credential} without a credential"
					  : "a login without a credential");
	else if (in_text && login)
		document_complain_key(reading->document, login, reading->complaints, "leave it out",
				      "{credential} is no login");
}

static const struct field http_fields[] = {
	{"url", FIELD_OTHER, .required = true, .read = read_http_url,
	 .about = "where; {ip}, {device}, {mac}, {type} and {credential} are filled in",
	 .describe = describe_http_url},
	{"method", FIELD_OTHER, .read = read_method, .standard = "GET",
	 .about = "the method of the request", .describe = describe_method},
	{"headers", FIELD_OTHER, .read = read_headers, .about = "further headers, name to value",
	 .describe = describe_headers},
	{"body", FIELD_OTHER, .read = read_body, .about = "what is sent",
	 .describe = describe_body},
	{"credential", FIELD_NAME, FIELD_AT(struct exchange, credential),
	 .about = "the name of a secret"},
	{"login", FIELD_CHOICE, FIELD_AT(struct exchange, login), .choices = EXCHANGE_LOGIN_NAMES,
	 .about = "how the credential is shown"},
	{"ca", FIELD_NAME, FIELD_AT(struct exchange, ca),
	 .about = "the name of a secret with the certificates to trust"},
	{"pin", FIELD_OTHER, .read = read_pin,
	 .about = "sha256// and the digest of the public key in base64", .describe = describe_pin},
	{"verify", FIELD_BOOLEAN, FIELD_AT(struct exchange, verify), .standard = "true",
	 .about = "whether the certificate of the server is checked"},
};

json_t *exchange_describe_http(void)
{
	return SCHEMA_MAP(http_fields);
}
void exchange_read_http(struct reading *reading, const struct document_node *node, void *target)
{
	struct exchange *exchange = target;
	if (!begin(reading, node, exchange, EXCHANGE_HTTP))
		return;
	fields_set_standard(http_fields, ARRAY_SIZE(http_fields), exchange);
	if (!fields_read(reading, node, http_fields, ARRAY_SIZE(http_fields), exchange))
		return;
	if (exchange->body && text_equal(exchange->method, "GET"))
		document_complain(reading->document, document_find(node, "body"),
				  reading->complaints, "method: POST", "a GET has no body");
	check_credential(reading, node, exchange);
}

static const struct field mqtt_fields[] = {
	{"broker", FIELD_OTHER, .required = true, .read = exchange_read_broker,
	 .about = "mqtt://host:1883 or mqtts://host:8883", .describe = exchange_describe_broker},
	{"topic", FIELD_OTHER, .required = true, .read = read_topic,
	 .about = "where it is published", .describe = describe_topic},
	{"payload", FIELD_OTHER, .required = true, .read = read_body, .about = "what is published",
	 .describe = describe_body},
	{"qos", FIELD_UNSIGNED, FIELD_AT(struct exchange, qos), .max = 2,
	 .about = "0 at most once, 1 at least once, 2 exactly once"},
	{"retain", FIELD_BOOLEAN, FIELD_AT(struct exchange, retain),
	 .about = "whether the broker keeps it"},
	{"credential", FIELD_NAME, FIELD_AT(struct exchange, credential),
	 .about = "the name of a secret"},
	{"ca", FIELD_NAME, FIELD_AT(struct exchange, ca),
	 .about = "the name of a secret with the certificates to trust"},
};

json_t *exchange_describe_mqtt(void)
{
	return SCHEMA_MAP(mqtt_fields);
}
void exchange_read_mqtt(struct reading *reading, const struct document_node *node, void *target)
{
	if (begin(reading, node, target, EXCHANGE_MQTT))
		(void)fields_read(reading, node, mqtt_fields, ARRAY_SIZE(mqtt_fields), target);
}

static const struct field ssh_fields[] = {
	{"user", FIELD_OTHER, .required = true, .read = read_user, .about = "who logs in",
	 .describe = schema_name},
	{"host", FIELD_OTHER, .read = read_host, .about = "{ip} or a name",
	 .describe = describe_host},
	{"port", FIELD_UNSIGNED, FIELD_AT(struct exchange, port), .min = 1, .max = 65535,
	 .standard = "22", .about = "the port of the server"},
	{"command", FIELD_OTHER, .required = true, .read = read_arguments,
	 .about = "the program and its arguments", .describe = describe_arguments},
	{"credential", FIELD_NAME, .required = true, FIELD_AT(struct exchange, credential),
	 .about = "the name of a secret"},
};

json_t *exchange_describe_ssh(void)
{
	return SCHEMA_MAP(ssh_fields);
}
void exchange_read_ssh(struct reading *reading, const struct document_node *node, void *target)
{
	if (!begin(reading, node, target, EXCHANGE_SSH))
		return;
	fields_set_standard(ssh_fields, ARRAY_SIZE(ssh_fields), target);
	(void)fields_read(reading, node, ssh_fields, ARRAY_SIZE(ssh_fields), target);
}

static const struct field program_fields[] = {
	{"command", FIELD_OTHER, .required = true, .read = read_program_arguments,
	 .about = "the whole path of the program and its arguments",
	 .describe = describe_program_arguments},
};

json_t *exchange_describe_program(void)
{
	return SCHEMA_MAP(program_fields);
}
void exchange_read_program(struct reading *reading, const struct document_node *node, void *target)
{
	if (begin(reading, node, target, EXCHANGE_PROGRAM))
		(void)fields_read(reading, node, program_fields, ARRAY_SIZE(program_fields),
				  target);
}
