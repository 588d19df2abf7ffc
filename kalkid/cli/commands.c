/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/commands.c - the tables of flags and commands. */
#include "cli/command.h"

#include <string.h>

#include "base/macros.h"
#include "base/text.h"

const struct flag_info FLAGS[FLAG_COUNT] = {
	[FLAG_HELP] = {"help", 'h', NULL, NULL, "say how it is used"},
	[FLAG_OUTPUT] = {"output", 'o', "FORMAT", "human json jsonl",
			 "human (default), json (as the API answers), jsonl (one object a line)"},
	[FLAG_DRY_RUN] = {"dry-run", 0, NULL, NULL, "check everything, change nothing"},
	[FLAG_YES] = {"yes", 'y', NULL, NULL, "do not ask"},
	[FLAG_TIMEOUT] = {"timeout", 0, "TIME", NULL, "wait so long for an answer (default 10s)"},
	[FLAG_QUIET] = {"quiet", 'q', NULL, NULL, "only what was asked for: names in lists"},
	[FLAG_VERBOSE] = {"verbose", 'v', NULL, NULL, "say which requests are made"},
	[FLAG_SOCKET] = {"socket", 0, "PATH", NULL,
			 "where kalkid listens (default /run/kalki/kalkid.sock)"},
	[FLAG_ROOT] = {"root", 0, "DIR", NULL, "the --root of the daemon that is meant"},
	[FLAG_BYTES] = {"bytes", 0, "N", NULL, "at most so many"},
	[FLAG_CHECK] = {"check", 0, "A,B", NULL, "only these checks"},
	[FLAG_COVERAGE] = {"coverage", 0, "PERCENT", NULL,
			   "fail when fewer of the rules fire in the tests"},
	[FLAG_DESCRIPTION] = {"description", 0, "TEXT", NULL, "what it is, for people"},
	[FLAG_DETAILED_EXITCODE] = {"detailed-exitcode", 0, NULL, NULL,
				    "exit with 10 when there is something to do"},
	[FLAG_DEVICE] = {"device", 0, "DEVICE", NULL, "only of this device"},
	[FLAG_DEVICES] = {"devices", 0, "FILE", NULL,
			  "devices as in devices.d: whose addresses are whose, groups, tags"},
	[FLAG_DOCKER] = {"docker", 0, "SOCKET", NULL,
			 "the Docker engine that is meant (default /var/run/docker.sock)"},
	[FLAG_DOT] = {"dot", 0, NULL, NULL, "for graphviz: ... --dot | dot -Tsvg"},
	[FLAG_FILE] = {"file", 0, "FILE", NULL, "YAML or JSON as in devices.d; - reads from here"},
	[FLAG_FOLLOW] = {"follow", 'f', NULL, NULL, "and what comes, as it happens"},
	[FLAG_FOR] = {"for", 0, "TIME", NULL, "only so long, then back: 30m, 2h"},
	[FLAG_FORMAT] = {"format", 0, "FORMAT", NULL, "of what is printed"},
	[FLAG_GROUP] = {"group", 0, "GROUP", NULL, "only of the devices in this group"},
	[FLAG_GROUPS] = {"groups", 0, "A,B", NULL, "groups that it belongs to"},
	[FLAG_ADDRESSES] = {"addresses", 0, "HOW", "fixed learn learn-arp any",
			    "whether they are learnt"},
	[FLAG_ID] = {"id", 0, "CAPTURE", NULL, "one that is there already"},
	[FLAG_IPS] = {"ips", 0, "A,B", NULL, "its addresses"},
	[FLAG_KIND] = {"kind", 0, "A,B", NULL, "only of these kinds"},
	[FLAG_LIMIT] = {"limit", 'n', "N", NULL, "at most so many (default 100)"},
	[FLAG_MAC] = {"mac", 0, "MAC", NULL, "its MAC address"},
	[FLAG_MULTICAST] = {"multicast", 0, NULL, NULL,
			    "multicast other than ARP, ND and DHCP passes"},
	[FLAG_OF] = {"of", 0, "WHAT", "type devices config", "of which files (default type)"},
	[FLAG_PARAMETERS] = {"parameters", 0, "JSON", NULL, "the umbox's parameters"},
	[FLAG_PORT] = {"port", 0, "PORT", NULL, "the device port that it is behind"},
	[FLAG_REASON] = {"reason", 0, "TEXT", NULL, "why; stands in the history"},
	[FLAG_REPLACE] = {"replace", 0, NULL, NULL,
			  "change the device of that name, where there is one"},
	[FLAG_SINCE] = {"since", 0, "WHEN", NULL,
			"from then on: 1h30m back, or 2026-01-31T12:00:00Z"},
	[FLAG_STRICT] = {"strict", 0, NULL, NULL, "what is doubtful is wrong, too"},
	[FLAG_TAGS] = {"tags", 0, "A,B", NULL, "tags that it carries"},
	[FLAG_TELEMETRY_FACTOR] = {"telemetry-factor", 0, "N", NULL,
				   "ask its sources so much more often; 0: not at all"},
	[FLAG_TYPE] = {"type", 0, "TYPE", NULL, "the device type"},
	[FLAG_UNACKNOWLEDGED] = {"unacknowledged", 'u', NULL, NULL,
				 "only what nobody acknowledged"},
};

#define F(flag) (1ULL << FLAG_##flag)

const struct command COMMANDS[] = {
	{"status", NULL, "", 0, run_status, "the whole site in short, and what is wrong"},
	{"device", "list", "", 0, run_device_list, "all devices with their states"},
	{"device", "show", "DEVICE", 0, run_device_show, "everything about a device"},
	{"device", "add", "[NAME]",
	 F(FILE) | F(TYPE) | F(PORT) | F(MAC) | F(IPS) | F(ADDRESSES) | F(GROUPS) | F(TAGS) |
		 F(DESCRIPTION) | F(MULTICAST) | F(TELEMETRY_FACTOR) | F(REPLACE),
	 run_device_add, "enrol a device, by flags or from a file"},
	{"device", "rm", "DEVICE", 0, run_device_rm,
	 "remove a device; nothing of it passes any more"},
	{"device", "quarantine", "DEVICE", F(REASON), run_device_quarantine,
	 "let nothing pass until released"},
	{"device", "release", "DEVICE", F(REASON), run_device_release,
	 "end a quarantine or a state set by hand; back to the initial state"},
	{"device", "shadow", "DEVICE", F(REASON), run_device_shadow,
	 "let its policy decide without enforcing it"},
	{"device", "enforce", "DEVICE", F(REASON), run_device_enforce,
	 "end the shadow: what was decided meanwhile takes over"},
	{"device", "set-state", "DEVICE STATE", F(FOR) | F(REASON), run_device_set_state,
	 "set the state by hand"},
	{"device", "command", "DEVICE COMMAND", F(REASON), run_device_command,
	 "send a command of its type to a device"},
	{"device", "timeline", "DEVICE", F(SINCE) | F(KIND) | F(LIMIT), run_device_timeline,
	 "what happened to a device, and why"},
	{"device", "why", "DEVICE", 0, run_device_why,
	 "what brought a device into its state, and what each rule is now (-v: part by part)"},
	{"device", "telemetry", "DEVICE", F(SINCE) | F(LIMIT), run_device_telemetry,
	 "what the sensors of a device said"},
	{"chain", "list", "", 0, run_chain_list, "the chains of all devices"},
	{"chain", "show", "DEVICE", 0, run_chain_show,
	 "the hops of a device's chain, with counters"},
	{"chain", "graph", "DEVICE", F(DOT), run_chain_graph, "the chain as a picture"},
	{"chain", "capture", "DEVICE [FILE]", F(ID) | F(REASON), run_chain_capture,
	 "write the newest frames of a device into a file (- to standard output)"},
	{"chain", "captures", "DEVICE", 0, run_chain_captures,
	 "frames that were kept, because of alerts or by hand"},
	{"chain", "rm-capture", "CAPTURE", 0, run_chain_rm_capture,
	 "remove frames that were kept (chain captures names them)"},
	{"alert", "list", "",
	 F(DEVICE) | F(TYPE) | F(GROUP) | F(SINCE) | F(LIMIT) | F(UNACKNOWLEDGED), run_alert_list,
	 "alerts, the newest first"},
	{"alert", "ack", "ALERT", F(REASON), run_alert_ack, "mark an alert as seen"},
	{"event", NULL, "",
	 F(FOLLOW) | F(SINCE) | F(KIND) | F(DEVICE) | F(TYPE) | F(GROUP) | F(LIMIT), run_event,
	 "everything that happened; -f follows"},
	{"umbox", "list", "", 0, run_umbox_list, "the umboxes that run or are starting"},
	{"umbox", "show", "UMBOX", 0, run_umbox_show,
	 "one umbox: its legs, and what became of the frames inside"},
	{"umbox", "logs", "UMBOX", F(BYTES), run_umbox_logs, "the last lines that a umbox wrote"},
	{"umbox", "init", "NAME", F(KIND), run_umbox_init,
	 "begin an image in a new folder NAME; --kind kit (default), wrapper or kernel"},
	{"umbox", "test", "IMAGE", F(CHECK) | F(DOCKER) | F(PARAMETERS), run_umbox_test,
	 "say whether an image keeps the umbox contract; starts it on this machine's Docker"},
	{"notifier", "list", "", 0, run_notifier_list,
	 "those that are told what happens, and how their deliveries go"},
	{"notifier", "test", "NOTIFIER", F(REASON), run_notifier_test,
	 "send a notifier something, and say whether it was taken"},
	{"plan", NULL, "[DEVICE]", F(DETAILED_EXITCODE), run_plan, "what would be done now"},
	{"reload", NULL, "", F(REASON), run_reload,
	 "read the files anew, and say what that changes; --dry-run: only say it"},
	{"type", "list", "", 0, run_type_list, "the device types"},
	{"type", "show", "TYPE", 0, run_type_show, "states, postures and rules of a type"},
	{"policy", "check", "FILE...", F(STRICT) | F(DOCKER), run_policy_check,
	 "say what is wrong or doubtful in policy files; needs no daemon (-v: cost of rules)"},
	{"policy", "explain", "FILE", 0, run_policy_explain,
	 "say in words what a policy does; FILE may be a type that kalkid has loaded"},
	{"policy", "graph", "FILE", F(FORMAT), run_policy_graph,
	 "states, rules and chains as a picture; --format text, dot or svg"},
	{"policy", "replay", "FILE HISTORY...", F(DEVICE) | F(DEVICES) | F(DETAILED_EXITCODE),
	 run_policy_replay,
	 "what a policy would have done; HISTORY: event -o jsonl, EVE, or sensors as CSV; - reads "
	 "from here"},
	{"policy", "schema", "", F(OF), run_policy_schema,
	 "JSON Schema for editors of a type's file, of devices, or of kalkid.yaml"},
	{"policy", "test", "FILE...", F(COVERAGE) | F(FORMAT), run_policy_test,
	 "run the tests beside policy files (TYPE.test.yaml); --format text, tap or junit"},
	{"version", NULL, "", 0, run_version, "versions of kalkictl and kalkid"},
	{"completion", NULL, "SHELL", 0, run_completion,
	 "for bash: source <(kalkictl completion bash)"},
	{"help", NULL, "[NOUN] [VERB]", 0, run_help, "say how a command is used"},
	{"__complete", NULL, "[WORD...]", 0, run_complete, NULL},
};
const size_t COMMAND_COUNT = ARRAY_SIZE(COMMANDS);

const struct command *command_find(const char *noun, const char *verb)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (text_equal(COMMANDS[i].noun, noun) &&
		    (!COMMANDS[i].verb || text_equal(COMMANDS[i].verb, verb)))
			return &COMMANDS[i];
	}
	return NULL;
}

bool command_has_flag(const struct command *command, enum flag flag)
{
	return flag < FLAG_GLOBAL_COUNT || (command->flags & (1ULL << flag));
}

/* As event_kind_name has them. */
static const char EVENT_KINDS[] =
	"alert transition chain step operator umbox node sensor notice action shadow";

const char *command_choices(const struct command *command, enum flag flag)
{
	static const struct {
		int (*run)(struct cli *cli);
		enum flag flag;
		const char *choices;
	} own[] = {
		{run_event, FLAG_KIND, EVENT_KINDS},
		{run_device_timeline, FLAG_KIND, EVENT_KINDS},
		{run_umbox_init, FLAG_KIND, "kit wrapper kernel"},
		{run_policy_graph, FLAG_FORMAT, "text dot svg"},
		{run_policy_test, FLAG_FORMAT, "text tap junit"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		if (own[i].run == command->run && own[i].flag == flag)
			return own[i].choices;
	}
	return FLAGS[flag].choices;
}

bool command_is_noun(const char *noun)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (text_equal(COMMANDS[i].noun, noun))
			return true;
	}
	return false;
}

bool command_argument_name(const struct command *command, unsigned place, char *name,
			   size_t name_bytes)
{
	const char *word = command->arguments;
	for (unsigned i = 0;; i++) {
		size_t length = strcspn(word, " ");
		bool last = !word[length];
		bool many = strstr(word, "...");
		if (!length)
			return false;
		if (i == place || (last && many && place > i)) {
			word += *word == '[';
			length = strcspn(word, "]. ");
			text_copy(name, length < name_bytes ? length + 1 : name_bytes, word);
			return true;
		}
		if (last)
			return false;
		word += length + 1;
	}
}
