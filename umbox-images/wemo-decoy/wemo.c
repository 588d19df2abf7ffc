/* SPDX-License-Identifier: Apache-2.0 */
/* wemo.c - see wemo.h. */
#include "wemo.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { DAY_S = 86400, THRESHOLD_MW = 8000 };

static const char xml_head[] = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";

/* The services, each with its description and the actions that it names there. */
static const struct service {
	const char *name, *path;
	const char *actions[4];
} services[] = {
	{"basicevent",
	 "/eventservice.xml",
	 {"SetBinaryState", "GetBinaryState", "GetFriendlyName"}},
	{"insight", "/insightservice.xml", {"GetInsightParams", "GetPower", "GetTodayKWH"}},
	{"WiFiSetup", "/setupservice.xml", {"GetApList", "GetNetworkStatus"}},
	{"timesync", "/timesyncservice.xml", {"TimeSync", "GetTime"}},
	{"firmwareupdate", "/firmwareupdate.xml", {"UpdateFirmware", "GetFirmwareVersion"}},
	{"rules", "/rulesservice.xml", {"UpdateWeeklyCalendar", "FetchRules"}},
	{"metainfo", "/metainfoservice.xml", {"GetMetaInfo", "GetExtMetaInfo"}},
	{"remoteaccess", "/remoteaccess.xml", {"RemoteAccess"}},
	{"deviceinfo", "/deviceinfoservice.xml", {"GetDeviceInformation"}},
	{"smartsetup", "/smartsetup.xml", {"PairAndRegister", "GetRegistrationStatus"}},
	{"manufacture", "/manufacture.xml", {"GetManufactureData"}},
};

enum { SERVICE_COUNT = sizeof(services) / sizeof(services[0]) };

bool wemo_is_plain(const char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && *text != '-' && *text != ' ')
			return false;
	return true;
}

/* What does not fit is cut. */
__attribute__((format(printf, 2, 3))) static void put(struct wemo_answer *answer,
						      const char *format, ...)
{
	size_t room = sizeof(answer->text) - answer->length;
	va_list list;
	va_start(list, format);
	int count = vsnprintf(answer->text + answer->length, room, format, list);
	va_end(list);
	answer->length += count < 0 ? 0 : (size_t)count < room ? (size_t)count : room - 1;
}

/* --- documents --- */

static void put_setup(struct wemo_answer *answer, const struct wemo *wemo)
{
	put(answer,
	    "<root xmlns=\"urn:Belkin:device-1-0\"><specVersion><major>1</major><minor>0</minor>"
	    "</specVersion><device><deviceType>urn:Belkin:device:insight:1</deviceType>"
	    "<friendlyName>%s</friendlyName><manufacturer>Belkin International Inc.</manufacturer>"
	    "<modelName>Insight</modelName><modelNumber>1.0</modelNumber>"
	    "<serialNumber>%s</serialNumber><UDN>uuid:Insight-1_0-%s</UDN>"
	    "<firmwareVersion>WeMo_WW_2.00.11532.PVT-OWRT-Insight</firmwareVersion>"
	    "<binaryState>%d</binaryState><serviceList>",
	    wemo->name, wemo->serial, wemo->serial, wemo->is_on);
	for (size_t i = 0; i < SERVICE_COUNT; i++)
		put(answer,
		    "<service><serviceType>urn:Belkin:service:%s:1</serviceType>"
		    "<serviceId>urn:Belkin:serviceId:%s1</serviceId>"
		    "<controlURL>/upnp/control/%s1</controlURL>"
		    "<eventSubURL>/upnp/event/%s1</eventSubURL><SCPDURL>%s</SCPDURL></service>",
		    services[i].name, services[i].name, services[i].name, services[i].name,
		    services[i].path);
	put(answer, "</serviceList></device></root>\n");
}

static void put_service(struct wemo_answer *answer, const struct service *service)
{
	put(answer, "<scpd xmlns=\"urn:Belkin:service-1-0\"><specVersion><major>1</major>"
		    "<minor>0</minor></specVersion><actionList>");
	for (size_t i = 0; service->actions[i]; i++)
		put(answer, "<action><name>%s</name></action>", service->actions[i]);
	put(answer, "</actionList></scpd>\n");
}

static bool answer_document(struct wemo_answer *answer, const struct wemo *wemo, const char *path)
{
	if (strcmp(path, "/setup.xml") == 0) {
		put_setup(answer, wemo);
		return true;
	}
	for (size_t i = 0; i < SERVICE_COUNT; i++)
		if (strcmp(path, services[i].path) == 0) {
			put_service(answer, &services[i]);
			return true;
		}
	return false;
}

/* --- actions --- */

static void put_fault(struct wemo_answer *answer, unsigned code, const char *words)
{
	answer->status = 500;
	put(answer,
	    "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>"
	    "<UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\"><errorCode>%u</errorCode>"
	    "<errorDescription>%s</errorDescription></UPnPError></detail></s:Fault>",
	    code, words);
}

static void put_value(struct wemo_answer *answer, const char *service, const char *action,
		      const char *name, const char *value)
{
	put(answer, "<u:%sResponse xmlns:u=\"urn:Belkin:service:%s:1\"><%s>%s</%s></u:%sResponse>",
	    action, service, name, value, name, action);
}

/* 1: on, 8: on with next to no load, 0: off. */
static unsigned state_of(const struct wemo *wemo)
{
	if (!wemo->is_on)
		return 0;
	return wemo->power_mw >= THRESHOLD_MW ? 1 : 8;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void begin_today(struct wemo *wemo, int64_t now_s)
{
	int64_t midnight_s = now_s - now_s % DAY_S;
	if (midnight_s == wemo->midnight_s)
		return;
	wemo->midnight_s = midnight_s;
	wemo->on_before_s = 0;
}

static void put_insight(struct wemo_answer *answer, const struct wemo *wemo, int64_t now_s)
{
	char text[256];
	int64_t on_s = wemo->is_on ? later(0, now_s - wemo->changed_s) : 0;
	int64_t on_today_s = wemo->on_before_s;
	if (wemo->is_on)
		on_today_s += later(0, now_s - later(wemo->changed_s, wemo->midnight_s));
	int64_t mw_minutes = on_today_s * wemo->power_mw / 60;
	snprintf(text, sizeof(text),
		 "%u|%" PRId64 "|%" PRId64 "|%" PRId64 "|%" PRId64 "|1209600|19|%u|%" PRId64
		 "|%" PRId64 ".000000|%d",
		 state_of(wemo), wemo->changed_s, on_s, on_today_s, on_today_s,
		 wemo->is_on ? wemo->power_mw : 0, mw_minutes, mw_minutes, THRESHOLD_MW);
	put_value(answer, "insight", "GetInsightParams", "InsightParams", text);
}

static void set_state(struct wemo_answer *answer, struct wemo *wemo,
		      const struct wemo_request *request)
{
	static const char tag[] = "<BinaryState>";
	const char *value = strstr(request->body, tag);
	value = value ? value + sizeof(tag) - 1 : "";
	value += strspn(value, " \t\r\n");
	if (*value != '0' && *value != '1') {
		put_fault(answer, 402, "Invalid Args");
		return;
	}
	bool is_on = *value == '1';
	if (is_on != wemo->is_on) {
		if (wemo->is_on)
			wemo->on_before_s +=
				later(0, request->now_s - later(wemo->changed_s, wemo->midnight_s));
		wemo->is_on = is_on;
		wemo->changed_s = request->now_s;
	}
	put_value(answer, "basicevent", "SetBinaryState", "BinaryState", is_on ? "1" : "0");
}

/* `wanted` as in "urn:Belkin:service:basicevent:1#GetBinaryState", with the quotes or without. */
static bool is_action(const char *action, const char *wanted)
{
	static const char begin[] = "urn:Belkin:service:";
	action += *action == '"';
	if (strncmp(action, begin, sizeof(begin) - 1) != 0)
		return false;
	action += sizeof(begin) - 1;
	size_t length = strlen(wanted);
	return strncmp(action, wanted, length) == 0 && (!action[length] || action[length] == '"');
}

static void answer_action(struct wemo_answer *answer, struct wemo *wemo,
			  const struct wemo_request *request)
{
	char state[4];
	begin_today(wemo, request->now_s);
	snprintf(state, sizeof(state), "%u", state_of(wemo));
	put(answer, "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "
		    "s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>");
	if (is_action(request->action, "basicevent:1#SetBinaryState"))
		set_state(answer, wemo, request);
	else if (is_action(request->action, "basicevent:1#GetBinaryState"))
		put_value(answer, "basicevent", "GetBinaryState", "BinaryState", state);
	else if (is_action(request->action, "basicevent:1#GetFriendlyName"))
		put_value(answer, "basicevent", "GetFriendlyName", "FriendlyName", wemo->name);
	else if (is_action(request->action, "insight:1#GetInsightParams"))
		put_insight(answer, wemo, request->now_s);
	else
		put_fault(answer, 401, "Invalid Action");
	put(answer, "</s:Body></s:Envelope>\n");
}

void wemo_answer(struct wemo *wemo, const struct wemo_request *request, struct wemo_answer *ret)
{
	ret->status = 200;
	ret->type = "text/xml; charset=\"utf-8\"";
	ret->length = 0;
	put(ret, "%s", xml_head);
	if (strcmp(request->method, "POST") == 0) {
		answer_action(ret, wemo, request);
	} else if (!answer_document(ret, wemo, request->path)) {
		ret->status = 404;
		ret->type = "text/html";
		ret->length = 0;
		put(ret, "<html><body><h1>404 Not Found</h1></body></html>\n");
	}
}
