/* SPDX-License-Identifier: Apache-2.0 */
/* setup.c - see setup.h. */
#include "setup.h"

#include <string.h>
#include <time.h>

static bool is_plain(const char *text, const char *allowed)
{
	return *text && !text[strspn(text, allowed)];
}

/* A line each: what follows a line break would be a rule of its own, or the end of none. */
static bool is_one_line(const char *text)
{
	size_t length = strcspn(text, "\r\n");
	return length && !text[length] && text[length - 1] != '\\';
}

const char *setup_check(const struct setup *setup)
{
	struct umbox_prefix prefix;
	if (!setup->rule_count && !setup->rule_file_count)
		return "no rules: neither in the parameter 'rules' nor in /etc/suricata/rules of "
		       "the image";
	for (size_t i = 0; i < setup->rule_count; i++)
		if (!is_one_line(setup->rules[i]))
			return "parameter 'rules': each is one line, and not empty";
	for (size_t i = 0; i < setup->home_count; i++)
		if (!umbox_prefix_parse(&prefix, setup->home[i]))
			return "parameter 'home_net': not a list of addresses and prefixes";
	for (size_t i = 0; i < setup->record_count; i++)
		if (!is_plain(setup->records[i], "abcdefghijklmnopqrstuvwxyz0123456789"))
			return "parameter 'records': not a list of kinds of events";
	return NULL;
}

void setup_write_rules(const struct setup *setup, FILE *file)
{
	for (size_t i = 0; i < setup->rule_count; i++)
		fprintf(file, "%s\n", setup->rules[i]);
}

static void write_addresses(const struct umbox_addresses *addresses, FILE *file)
{
	char text[UMBOX_IP_TEXT_BYTES];
	for (unsigned i = 0; i < addresses->count; i++) {
		umbox_ip_print(text, &addresses->ip[i]);
		fprintf(file, "%s%s", i ? "," : "", text);
	}
}

/* Suricata takes neither an empty group nor the opposite of `any`. */
static void write_groups(const struct setup *setup, FILE *file)
{
	bool known = setup->home_count || setup->device->count;
	fputs("vars:\n  address-groups:\n    HOME_NET: \"", file);
	if (setup->home_count) {
		fputc('[', file);
		for (size_t i = 0; i < setup->home_count; i++)
			fprintf(file, "%s%s", i ? "," : "", setup->home[i]);
		fputc(']', file);
	} else if (known) {
		fputc('[', file);
		write_addresses(setup->device, file);
		fputc(']', file);
	} else {
		fputs("any", file);
	}
	fprintf(file, "\"\n    EXTERNAL_NET: \"%s\"\n    KALKI_NET: \"[",
		known ? "!$HOME_NET" : "any");
	if (setup->host->count)
		write_addresses(setup->host, file);
	else
		fputs("127.0.0.1", file); /* never on a wire */
	fputs("]\"\n", file);
	static const char *const servers[] = {"HTTP_SERVERS", "SMTP_SERVERS", "SQL_SERVERS",
					      "DNS_SERVERS", "TELNET_SERVERS"};
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++)
		fprintf(file, "    %s: \"$HOME_NET\"\n", servers[i]);
	fputs("  port-groups:\n"
	      "    HTTP_PORTS: \"[80,81,8000,8080,8081,8888]\"\n"
	      "    SHELLCODE_PORTS: \"!80\"\n"
	      "    ORACLE_PORTS: \"1521\"\n"
	      "    SSH_PORTS: \"22\"\n"
	      "    FTP_PORTS: \"21\"\n"
	      "    FILE_DATA_PORTS: \"[$HTTP_PORTS,110,143]\"\n",
	      file);
}

void setup_write_yaml(const struct setup *setup, FILE *file)
{
	fputs("%YAML 1.1\n---\n", file);
	write_groups(setup, file);
	fputs("rule-files:\n  - /etc/suricata/undecodable.rules\n", file);
	fprintf(file, "  - %s/umbox.rules\n", setup->folder);
	for (size_t i = 0; i < setup->rule_file_count; i++)
		fprintf(file, "  - \"%s\"\n", setup->rule_files[i]);
	fprintf(file,
		"outputs:\n"
		"  - eve-log:\n"
		"      enabled: yes\n"
		"      filetype: unix_stream\n"
		"      filename: %s/eve.sock\n"
		"      types:\n"
		"        - alert:\n"
		"            metadata:\n"
		"              app-layer: false\n"
		"              flow: false\n"
		"              rule: {metadata: true, raw: false}\n"
		"        - stats: {totals: yes, threads: no, deltas: no}\n",
		setup->folder);
	for (size_t i = 0; i < setup->record_count; i++)
		fprintf(file, "        - %s:\n", setup->records[i]);
}

static void look_for_date(struct rules_seen *seen, const char *line, const char *key)
{
	const char *at = strstr(line, key);
	int year, month, day;
	if (!at || sscanf(at + strlen(key), " %4d_%2d_%2d", &year, &month, &day) != 3)
		return;
	struct tm date = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
	int64_t days = timegm(&date) / 86400;
	if (days > seen->newest_day)
		seen->newest_day = days;
}

void rules_look(struct rules_seen *seen, const char *line)
{
	line += strspn(line, " \t\r\n");
	if (!*line || *line == '#')
		return;
	seen->count++;
	look_for_date(seen, line, "created_at");
	look_for_date(seen, line, "updated_at");
}
