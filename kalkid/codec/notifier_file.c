/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/notifier_file.c - `notifiers:` of kalkid.yaml: who is told what, and how. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/files_internal.h"
#include "codec/schema.h"

#define SECOND_US ((int64_t)1000000)
#define DAY_US    (86400 * SECOND_US)

enum { RIGHT_BYTES = 192, PORT_MAX = 65535 };

static void complain(struct reading *reading, const struct document_node *node, const char *right,
		     const char *words)
{
	document_complain(reading->document, node, reading->complaints, right, "%s", words);
}

/* --- templates --- */

static bool has_good_words(struct reading *reading, const struct document_node *node,
			   const char *text)
{
	char word[NAME_BYTES], right[RIGHT_BYTES];
	size_t offset, at = 0;
	if (!text_unknown_braced(text, NOTICE_WORDS, &offset, word, sizeof(word)))
		return true;
	const char *nearest = text_nearest(word, NOTICE_WORDS, NOTICE_WORD_COUNT);
	if (nearest)
		snprintf(right, sizeof(right), "did you mean '{%s}'?", nearest);
	for (size_t i = 0; !nearest && i < NOTICE_WORD_COUNT; i++)
		at += (size_t)snprintf(right + at, sizeof(right) - at, "%s{%s}", i ? " " : "",
				       NOTICE_WORDS[i]);
	document_complain_inside(reading->document, node, offset, reading->complaints, right,
				 "no placeholder '{%s}'", word);
	return false;
}

static void read_body(struct reading *reading, const struct document_node *node, void *target)
{
	struct notifier *notifier = target;
	const char *text = read_text(reading, node);
	if (!text || !has_good_words(reading, node, text))
		return;
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c >= ' ' || strchr("\r\n\t", *c))
			continue;
		complain(reading, node, "lines of text", "holds a control character");
		return;
	}
	if (!TEXT_COPY(notifier->body, text))
		document_complain(reading->document, node, reading->complaints, NULL,
				  "is longer than %d bytes", NOTIFIER_BODY_BYTES - 1);
}

static void read_subject(struct reading *reading, const struct document_node *node, void *target)
{
	struct notifier *notifier = target;
	const char *text = read_text(reading, node);
	if (!text || !has_good_words(reading, node, text))
		return;
	if (strpbrk(text, "\r\n") || !TEXT_COPY(notifier->subject, text))
		complain(reading, node, "at most 255 bytes", "is no single line");
}

/* Only what is whole JSON when it is filled in can be sent as such. */
static void check_json_body(struct reading *reading, const struct document_node *map,
			    const struct notifier *notifier)
{
	const struct notice notice = {.kind = NOTICE_TEST};
	cleanup_buffer struct buffer filled = {0};
	if (!notifier->body[0] || !text_equal(notifier->content_type, "application/json"))
		return;
	notice_fill(&filled, notifier->body, NOTICE_IN_JSON, &notice);
	json_t *json = json_loads(filled.bytes, JSON_DECODE_ANY, NULL);
	if (!json)
		complain(reading, document_find(map, "body"),
			 "quote the placeholders, or content_type: text/plain", "is no JSON");
	json_decref(json);
}

/* --- addresses --- */

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f || strchr("<>\"\\{}", *text))
			return false;
	return true;
}

static void read_url(struct reading *reading, const struct document_node *node, void *target)
{
	struct notifier *notifier = target;
	const char *text = read_text(reading, node);
	if (!text)
		return;
	size_t scheme = text_starts(text, "https://")  ? strlen("https://")
			: text_starts(text, "http://") ? strlen("http://")
						       : 0;
	const char *host = text + scheme;
	if (!scheme || !*host || strchr("/:?#", *host) || !is_plain(text) ||
	    !TEXT_COPY(notifier->url, text))
		complain(reading, node, "https://host/path; at most 511 bytes",
			 "is no address of an HTTP server");
	else if (host[strcspn(host, "@/?#")] == '@')
		complain(reading, node, "credential: the name of a secret",
			 "a password does not belong into a URL");
}

/* "host:port" or "[::1]:port"; the port may be left out. */
static bool is_server(const char *text)
{
	const char *port = text;
	if (*text == '[') {
		port = text + 1 + strspn(text + 1, "0123456789abcdefABCDEF:.");
		if (port == text + 1 || *port++ != ']')
			return false;
	} else {
		while (isalnum((unsigned char)*port) || (*port && strchr("-.", *port)))
			port++;
		if (port == text || *text == '-')
			return false;
	}
	if (!*port)
		return true;
	size_t digits = *port == ':' ? strspn(port + 1, "0123456789") : 0;
	return digits && digits <= 5 && !port[1 + digits] && atoi(port + 1) >= 1 &&
	       atoi(port + 1) <= PORT_MAX;
}

static void read_server(struct reading *reading, const struct document_node *node, void *target)
{
	struct notifier *notifier = target;
	const char *text = read_text(reading, node);
	if (text && (!is_server(text) || !TEXT_COPY(notifier->url, text)))
		complain(reading, node, "mail.example.net:587", "is no mail server");
}

static void read_broker(struct reading *reading, const struct document_node *node, void *target)
{
	struct notifier *notifier = target;
	const char *text = read_text(reading, node);
	if (!text)
		return;
	size_t scheme = text_starts(text, "mqtts://")  ? strlen("mqtts://")
			: text_starts(text, "mqtt://") ? strlen("mqtt://")
						       : 0;
	if (!scheme || !is_server(text + scheme) || !TEXT_COPY(notifier->url, text))
		complain(reading, node, "mqtt://127.0.0.1:1883, mqtts://host:8883",
			 "is no address of a broker");
}

static bool read_mail_address(struct reading *reading, const struct document_node *node,
			      char target[static NOTIFIER_ADDRESS_BYTES])
{
	const char *text = read_text(reading, node);
	if (!text)
		return false;
	const char *at = strchr(text, '@');
	if (at && at != text && at[1] && !strchr(at + 1, '@') && is_plain(text) &&
	    !strpbrk(text, ",;:") && text_copy(target, NOTIFIER_ADDRESS_BYTES, text))
		return true;
	complain(reading, node, "somebody@example.net", "is no address for mail");
	return false;
}

static void read_sender(struct reading *reading, const struct document_node *node, void *target)
{
	(void)read_mail_address(reading, node, ((struct notifier *)target)->sender);
}

static void read_recipients(struct reading *reading, const struct document_node *list, void *target)
{
	struct notifier *notifier = target;
	if (!read_is_list(reading, list, NOTIFIER_RECIPIENTS_MAX))
		return;
	if (!list->first)
		complain(reading, list, "[somebody@example.net]", "nobody is named");
	for (const struct document_node *item = list->first; item; item = item->next)
		if (read_mail_address(reading, item,
				      notifier->recipients[notifier->recipient_count]))
			notifier->recipient_count++;
}

/* What stands in front of topics. */
static bool read_topic(struct reading *reading, const struct document_node *node,
		       char target[static NOTIFIER_ADDRESS_BYTES])
{
	const char *text = read_text(reading, node);
	if (!text)
		return false;
	size_t length = strlen(text);
	if (length && is_plain(text) && !strpbrk(text, "+#$") && text[0] != '/' &&
	    text[length - 1] != '/' && text_copy(target, NOTIFIER_ADDRESS_BYTES, text))
		return true;
	complain(reading, node, "kalki, site/kalki", "is no topic to publish below");
	return false;
}

static void read_prefix(struct reading *reading, const struct document_node *node, void *target)
{
	(void)read_topic(reading, node, ((struct notifier *)target)->topic);
}

static void read_discovery(struct reading *reading, const struct document_node *node, void *target)
{
	(void)read_topic(reading, node, ((struct notifier *)target)->discovery);
}

/* --- the three ways --- */

static bool begin(struct reading *reading, const struct document_node *node,
		  struct notifier *notifier, enum notifier_kind kind)
{
	if (notifier->url[0]) {
		document_complain_key(
			reading->document, node, reading->complaints,
			"a notifier of its own for each", "'%s' and '%s' in one notifier",
			NOTIFIER_KIND_NAMES[notifier->kind], NOTIFIER_KIND_NAMES[kind]);
		return false;
	}
	notifier->kind = kind;
	return true;
}

static json_t *describe_text(void)
{
	return json_pack("{s:s, s:i}", "type", "string", "maxLength", NOTIFIER_BODY_BYTES - 1);
}

static json_t *describe_url(void)
{
	return schema_line("^https?://", NOTIFIER_URL_BYTES - 1);
}

static const struct field webhook_fields[] = {
	{"url", FIELD_OTHER, .required = true, .read = read_url, .about = "what is posted to",
	 .describe = describe_url},
	{"secret", FIELD_NAME, FIELD_AT(struct notifier, secret),
	 .about = "a credential that signs each post"},
	{"credential", FIELD_NAME, FIELD_AT(struct notifier, credential),
	 .about = "a credential, the bearer token"},
	{"ca", FIELD_NAME, FIELD_AT(struct notifier, ca),
	 .about = "a credential with the certificates to trust instead of the system's"},
	{"content_type", FIELD_TEXT, FIELD_AT(struct notifier, content_type),
	 .standard = "application/json", .about = "of the body"},
	{"body", FIELD_OTHER, .read = read_body,
	 .about = "a template; left out: the notice as JSON", .describe = describe_text},
};

static json_t *describe_webhook(void)
{
	return SCHEMA_MAP(webhook_fields);
}

static void read_webhook(struct reading *reading, const struct document_node *map, void *target)
{
	if (!begin(reading, map, target, NOTIFIER_WEBHOOK))
		return;
	fields_set_standard(webhook_fields, ARRAY_SIZE(webhook_fields), target);
	if (fields_read(reading, map, webhook_fields, ARRAY_SIZE(webhook_fields), target))
		check_json_body(reading, map, target);
}

static void finish_email(struct reading *reading, const struct document_node *map,
			 struct notifier *notifier)
{
	char url[NOTIFIER_URL_BYTES];
	bool implicit = notifier->tls == NOTIFIER_TLS_IMPLICIT;
	const char *colon = strrchr(notifier->url, ':');
	bool port = colon && colon[strspn(colon, ":0123456789")] == '\0';
	if (notifier->tls == NOTIFIER_TLS_NONE && notifier->credential[0])
		complain(reading, document_find(map, "tls"), "starttls, implicit",
			 "a password would cross the network in the clear");
	if (!notifier->user[0] != !notifier->credential[0])
		complain(reading, map, "user and credential belong together",
			 "a login is not complete");
	snprintf(url, sizeof(url), "%s://%.*s%s", implicit ? "smtps" : "smtp",
		 NOTIFIER_URL_BYTES - 16, notifier->url,
		 port       ? ""
		 : implicit ? ":465"
			    : ":587");
	TEXT_COPY(notifier->url, url);
}

static json_t *describe_address(void)
{
	return schema_line(NULL, NOTIFIER_ADDRESS_BYTES - 1);
}

static json_t *describe_recipients(void)
{
	return schema_list(describe_address(), 1, NOTIFIER_RECIPIENTS_MAX);
}

static json_t *describe_subject(void)
{
	return json_pack("{s:s, s:s, s:i}", "type", "string", "pattern", "^[^\\r\\n]*$",
			 "maxLength", NOTIFIER_SUBJECT_BYTES - 1);
}

static const struct field email_fields[] = {
	{"server", FIELD_OTHER, .required = true, .read = read_server,
	 .about = "of mail: host:port; the port may be left out", .describe = describe_address},
	{"tls", FIELD_CHOICE, FIELD_AT(struct notifier, tls), .choices = NOTIFIER_TLS_NAMES,
	 .about = "how the connection is protected; left out: starttls"},
	{"from", FIELD_OTHER, .required = true, .read = read_sender, .about = "the sender",
	 .describe = describe_address},
	{"to", FIELD_OTHER, .required = true, .read = read_recipients, .about = "the recipients",
	 .describe = describe_recipients},
	{"user", FIELD_TEXT, FIELD_AT(struct notifier, user), .about = "logs in, with credential"},
	{"credential", FIELD_NAME, FIELD_AT(struct notifier, credential),
	 .about = "a credential, the password"},
	{"ca", FIELD_NAME, FIELD_AT(struct notifier, ca),
	 .about = "a credential with the certificates to trust instead of the system's"},
	{"subject", FIELD_OTHER, .read = read_subject, .about = "a template",
	 .describe = describe_subject},
	{"body", FIELD_OTHER, .read = read_body, .about = "a template", .describe = describe_text},
};

static json_t *describe_email(void)
{
	return SCHEMA_MAP(email_fields);
}

static void read_email(struct reading *reading, const struct document_node *map, void *target)
{
	if (begin(reading, map, target, NOTIFIER_EMAIL) &&
	    fields_read(reading, map, email_fields, ARRAY_SIZE(email_fields), target))
		finish_email(reading, map, target);
}

static json_t *describe_broker(void)
{
	return schema_line("^mqtts?://", NOTIFIER_URL_BYTES - 1);
}

static const struct field mqtt_fields[] = {
	{"broker", FIELD_OTHER, .required = true, .read = read_broker,
	 .about = "mqtt://host:port or mqtts://host:port", .describe = describe_broker},
	{"topic", FIELD_OTHER, .read = read_prefix, .standard = "kalki",
	 .about = "what stands in front of each topic", .describe = describe_address},
	{"discovery", FIELD_OTHER, .read = read_discovery,
	 .about = "the prefix that Home Assistant looks for devices at",
	 .describe = describe_address},
	{"credential", FIELD_NAME, FIELD_AT(struct notifier, credential),
	 .about = "a credential, user:password"},
	{"ca", FIELD_NAME, FIELD_AT(struct notifier, ca),
	 .about = "a credential with the certificates to trust instead of the system's"},
};

static json_t *describe_mqtt(void)
{
	return SCHEMA_MAP(mqtt_fields);
}

static void read_mqtt(struct reading *reading, const struct document_node *map, void *target)
{
	if (!begin(reading, map, target, NOTIFIER_MQTT))
		return;
	fields_set_standard(mqtt_fields, ARRAY_SIZE(mqtt_fields), target);
	(void)fields_read(reading, map, mqtt_fields, ARRAY_SIZE(mqtt_fields), target);
}

/* --- what every notifier has --- */

static bool read_event_word(const char *word, struct notifier *notifier)
{
	static const char least[] = "alert>=";
	for (unsigned kind = NOTICE_TRANSITION; kind <= NOTICE_ENGINE_UP; kind++)
		if (text_equal(word, NOTICE_KIND_NAMES[kind])) {
			notifier->kinds |= UINT32_C(1) << kind;
			return true;
		}
	if (!text_starts(word, least))
		return false;
	for (unsigned i = 0; i < ALERT_SEVERITY_COUNT; i++)
		if (text_equal(word + strlen(least), alert_severity_name((enum alert_severity)i))) {
			notifier->kinds |= UINT32_C(1) << NOTICE_ALERT;
			notifier->alert_min = (enum alert_severity)i;
			return true;
		}
	return false;
}

static const char *const event_words[] = {
	"transition", "alert",     "alert>=low",  "alert>=medium",   "alert>=high", "degraded",
	"held",       "engine-up", "engine-down", "alert>=critical", NULL,
};

enum { EVENT_WORDS = ARRAY_SIZE(event_words) - 1 };

static json_t *describe_events(void)
{
	return schema_list(schema_one_of_texts(event_words), 0, EVENT_WORDS);
}

static void read_events(struct reading *reading, const struct document_node *list, void *target)
{
	if (!read_is_list(reading, list, EVENT_WORDS))
		return;
	for (const struct document_node *item = list->first; item; item = item->next) {
		const char *text = read_text(reading, item);
		if (text && !read_event_word(text, target))
			complain_unknown(reading, item, "kind of event", text, event_words,
					 EVENT_WORDS);
	}
}

static const struct field limit_fields[] = {
	{"count", FIELD_UNSIGNED, FIELD_AT(struct notifier, limit), .min = 1, .max = 10000,
	 .standard = "20", .about = "notices in that time; more come as one digest"},
	{"per", FIELD_DURATION, FIELD_AT(struct notifier, limit_per_us), .min = SECOND_US,
	 .max = DAY_US, .standard = "1m", .about = "the time"},
};
static const struct field keep_fields[] = {
	{"count", FIELD_UNSIGNED, FIELD_AT(struct notifier, queue_max), .min = 1, .max = 100000,
	 .standard = "1000", .about = "so many; the oldest goes first"},
	{"age", FIELD_DURATION, FIELD_AT(struct notifier, age_max_us), .min = SECOND_US,
	 .max = 365 * DAY_US, .standard = "1d", .about = "so long"},
};
static const struct field retry_fields[] = {
	{"first", FIELD_DURATION, FIELD_AT(struct notifier, retry_first_us), .min = SECOND_US / 10,
	 .max = DAY_US, .standard = "5s",
	 .about = "after so long first; each wait is twice the last"},
	{"max", FIELD_DURATION, FIELD_AT(struct notifier, retry_max_us), .min = SECOND_US / 10,
	 .max = DAY_US, .standard = "10m", .about = "the longest wait"},
};

FIELDS_SECTION(limit)
FIELDS_SECTION(keep)
FIELDS_SECTION(retry)

static const struct field notifier_fields[] = {
	{"webhook", FIELD_OTHER, .read = read_webhook, .about = "by a post to a web server",
	 .describe = describe_webhook},
	{"email", FIELD_OTHER, .read = read_email, .about = "by mail", .describe = describe_email},
	{"mqtt", FIELD_OTHER, .read = read_mqtt, .about = "by a message to a broker",
	 .describe = describe_mqtt},
	{"events", FIELD_OTHER, .read = read_events,
	 .about = "what it is told besides what rules tell it", .describe = describe_events},
	{"limit", FIELD_OTHER, .read = read_limit, .about = "how many notices it gets",
	 .describe = describe_limit},
	{"keep", FIELD_OTHER, .read = read_keep, .about = "what cannot be delivered waits",
	 .describe = describe_keep},
	{"retry", FIELD_OTHER, .read = read_retry, .about = "when it is tried again",
	 .describe = describe_retry},
	{"timeout", FIELD_DURATION, FIELD_AT(struct notifier, timeout_us), .min = SECOND_US / 10,
	 .max = 600 * SECOND_US, .standard = "30s", .about = "of a delivery"},
};

json_t *describe_notifiers(void)
{
	json_t *notifier = SCHEMA_MAP(notifier_fields);
	schema_add_ways(notifier, NOTIFIER_KIND_NAMES, 0, NULL);
	return schema_named(schema_name(), notifier, 0, NOTIFIERS_MAX);
}

static void read_notifier(struct reading *reading, const struct document_node *entry,
			  struct notifier *notifier)
{
	*notifier = (struct notifier){0};
	TEXT_COPY(notifier->name, entry->key);
	fields_set_standard(limit_fields, ARRAY_SIZE(limit_fields), notifier);
	fields_set_standard(keep_fields, ARRAY_SIZE(keep_fields), notifier);
	fields_set_standard(retry_fields, ARRAY_SIZE(retry_fields), notifier);
	fields_set_standard(notifier_fields, ARRAY_SIZE(notifier_fields), notifier);
	if (!fields_read(reading, entry, notifier_fields, ARRAY_SIZE(notifier_fields), notifier))
		return;
	if (!notifier->url[0])
		complain(reading, entry, "webhook, email or mqtt", "does not say how to tell");
	if (notifier->retry_first_us > notifier->retry_max_us)
		complain(reading, document_find(entry, "retry"), NULL,
			 "its first wait is longer than its longest");
}

static struct notifier *place_for(struct config *config, const char *name)
{
	for (unsigned i = 0; i < config->notifier_count; i++)
		if (text_equal(config->notifiers[i].name, name))
			return &config->notifiers[i];
	config->notifiers = mem_resize(config->notifiers, config->notifier_count + 1,
				       sizeof(*config->notifiers));
	return &config->notifiers[config->notifier_count++];
}

void notifiers_read(struct reading *reading, const struct document_node *map, void *target)
{
	struct config *config = target;
	struct error err = {0};
	if (map->kind != DOCUMENT_MAP) {
		complain(reading, map, "NAME: {webhook: ...}", "notifiers are a map");
		return;
	}
	for (const struct document_node *entry = map->first; entry; entry = entry->next) {
		if (name_check("notifier", entry->key, &err) < 0)
			document_complain_key(reading->document, entry, reading->complaints, NULL,
					      "%s", err.text);
		else if (config->notifier_count == NOTIFIERS_MAX)
			document_complain_key(reading->document, entry, reading->complaints, NULL,
					      "more than %d notifiers", NOTIFIERS_MAX);
		else
			read_notifier(reading, entry, place_for(config, entry->key));
	}
}
