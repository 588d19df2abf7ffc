# SPDX-License-Identifier: GPL-2.0-or-later
"""People are told what happens: over real servers that fail, go and come back."""
import json
import os

import pytest

from harness.daemon import wait_for
from harness.receivers import Broker, Hook, MailServer, make_certificate

CAMERA = {"type": "camera", "states": {"Normal": {"chain": "pass"}, "Attack": {"chain": "block"}}}
# What must never stand anywhere but in its own file.
SECRETS = {"hook-key": "k7-hook-secret-k7", "token": "t5-bearer-token-t5",
           "mail-login": "p9-mail-password-p9", "broker-login": "kalki:b3-broker-password-b3"}
QUICK = {"retry": {"first": "100ms", "max": "400ms"}, "limit": {"count": 1000, "per": "1m"}}


@pytest.fixture
def told(site):
    """A site with a camera and the credentials; notifiers are the test's."""
    site.types = [CAMERA]
    site.add_device("cam1", "camera")
    folder = os.path.join(site.root, "etc/kalki/secrets")
    os.makedirs(folder, 0o700, exist_ok=True)
    for name, text in SECRETS.items():
        path = os.path.join(folder, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write(text + "\n")
    yield site
    assert not found_secrets(site)


def found_secrets(site):
    """Files below the root, the credentials' own left out, and answers of the API with one."""
    found = []
    for folder, folders, names in os.walk(site.root):
        if folder.endswith("etc/kalki/secrets"):
            folders.clear()
            continue
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    text = file.read()
                found += [path for secret in SECRETS.values()
                          if secret.rsplit(":", 1)[-1].encode() in text]
    if site.daemon.running():
        for path in ("/notifiers", "/events?limit=1000", "/status"):
            answer = json.dumps(site.api.get(path))
            found += [path for secret in SECRETS.values()
                      if secret.rsplit(":", 1)[-1] in answer]
    return found


def use(site, **notifiers):
    site.settings["notifiers"] = {name: {**QUICK, **notifier}
                                  for name, notifier in notifiers.items()}


def trust(site, certificate):
    """Puts a certificate beside the credentials; its name is `own-ca`."""
    path = os.path.join(site.root, "etc/kalki/secrets/own-ca")
    with open(certificate, "rb") as source:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(source.read())


def notifier(site, name):
    return next(item for item in site.api.get("/notifiers")["items"] if item["name"] == name)


def wait_taken(receiver, count, what="deliveries"):
    return wait_for(lambda: len(receiver) >= count and receiver, timeout=60, what=what)


def results(site, **wanted):
    events = site.api.get("/events?kind=notice&limit=1000")["items"]
    return [event["eve"]["kalki"] for event in events
            if all(event["eve"]["kalki"].get(key) == value for key, value in wanted.items())]


def hook_url(hook, scheme="http"):
    return f"{scheme}://127.0.0.1:{hook.port}/x"


@pytest.fixture
def receivers():
    running = []

    def start(receiver):
        receiver.start()
        running.append(receiver)
        return receiver

    yield start
    for receiver in running:
        receiver.stop()


def test_a_signed_webhook_comes_although_the_server_fails_twice(told, receivers):
    hook = receivers(Hook(statuses=[500, 503]))
    use(told, ops={"webhook": {"url": hook_url(hook), "secret": "hook-key",
                               "credential": "token"}, "events": ["transition"]})
    told.start()
    told.set_state("cam1", "Attack", reason="a test")
    headers, body = wait_taken(hook.taken, 1)[0]
    assert Hook.is_signed(headers, body, SECRETS["hook-key"].encode())
    assert not Hook.is_signed(headers, body + b" ", SECRETS["hook-key"].encode())
    assert headers["Authorization"] == "Bearer " + SECRETS["token"]
    notice = json.loads(body)
    assert (notice["notice"], notice["device"], notice["type"]) == ("transition", "cam1", "camera")
    assert (notice["from"], notice["state"], notice["reason"]) == ("Normal", "Attack", "a test")
    # The same notice each time, and its delivery stands in the history.
    assert {again["X-Kalki-Id"] for again, _ in hook.refused} == {headers["X-Kalki-Id"]}
    sent = wait_for(lambda: results(told, result="sent"), what="the event")
    assert (sent[0]["notifier"], sent[0]["attempts"]) == ("ops", 3)
    assert notifier(told, "ops")["last_error"] == "the server answers with status 503"


def test_a_server_with_a_certificate_of_its_own(told, receivers, tmp_path):
    pair = make_certificate(tmp_path)
    hook = receivers(Hook(tls=pair))
    trust(told, pair[0])
    use(told, good={"webhook": {"url": hook_url(hook, "https"), "ca": "own-ca", "body":
                                '{"text": "{device} is {state}: {reason}"}'},
                    "events": ["transition"]},
        bad={"webhook": {"url": hook_url(hook, "https")}, "events": ["transition"]})
    told.start()
    told.set_state("cam1", "Attack", reason='say "no"')
    _, body = wait_taken(hook.taken, 1)[0]
    assert json.loads(body) == {"text": 'cam1 is Attack: say "no"'}
    failed = wait_for(lambda: notifier(told, "bad")["failures"] and notifier(told, "bad"),
                      what="the refusal")
    assert "certificate" in failed["last_error"].lower()
    assert len(hook.taken) == 1


def test_mail_goes_over_starttls_with_a_login(told, receivers, tmp_path):
    pair = make_certificate(tmp_path)
    server = receivers(MailServer(pair, "kalki", SECRETS["mail-login"]))
    naked = receivers(MailServer(pair, "kalki", SECRETS["mail-login"], starttls=False))
    trust(told, pair[0])
    mail = {"from": "kalki@example.net", "to": ["a@example.net", "b@example.net"],
            "user": "kalki", "credential": "mail-login", "ca": "own-ca",
            "subject": "{device}: {state} ({reason})"}
    use(told, mail={"email": {"server": f"127.0.0.1:{server.port}", **mail},
                    "events": ["transition"]},
        naked={"email": {"server": f"127.0.0.1:{naked.port}", **mail}, "events": ["transition"]})
    told.start()
    told.set_state("cam1", "Attack", reason="Ärger im Flur\nBcc: x@example.net")
    recipients, message = wait_taken(server.mails, 1)[0]
    assert recipients == ["<a@example.net>", "<b@example.net>"]
    assert message["Subject"] == "cam1: Attack (Ärger im Flur Bcc: x@example.net)"
    assert message["Bcc"] is None
    assert "state     Attack" in message.get_content()
    # Without STARTTLS neither password nor mail leaves.
    wait_for(lambda: notifier(told, "naked")["failures"], what="the refusal")
    assert not naked.logins and not naked.mails
    # A mail that the server will never take does not hold up the next one.
    server.refuse = "550 nobody here"
    told.set_state("cam1", "Normal")
    refused = wait_for(lambda: results(told, notifier="mail", result="refused"), what="the refusal")
    assert refused[0]["words"] == "the mail server refuses it: 550"
    server.refuse = None
    told.set_state("cam1", "Attack")
    wait_taken(server.mails, 2)


def test_a_broker_that_goes_and_comes_back(told, tmp_path):
    broker = Broker(tmp_path, *SECRETS["broker-login"].split(":"))
    broker.start()
    use(told, home={"mqtt": {"broker": f"mqtt://127.0.0.1:{broker.port}", "discovery": "ha",
                             "credential": "broker-login"}, "events": ["transition"], "timeout": "2s"})
    topic = f"kalki/{told.tag}"

    def last_word():
        return json.loads(broker.retained(f"{topic}/cam1")[f"{topic}/cam1"])
    try:
        listener = broker.listen(f"{topic}/notice")
        told.start()
        kept = wait_for(lambda: len(kept := broker.retained(count=3)) == 3 and kept, timeout=60,
                        what="the announcements")
        state = json.loads(kept[f"{topic}/cam1"])
        assert (state["state"], state["problem"], state["type"]) == ("Normal", "OFF", "camera")
        unique = f"kalki_{told.tag}_cam1"
        sensor = json.loads(kept[f"ha/sensor/{unique}/state/config"])
        assert (sensor["state_topic"], sensor["unique_id"]) == (f"{topic}/cam1", unique + "_state")
        assert f"ha/binary_sensor/{unique}/problem/config" in kept
        told.set_state("cam1", "Attack", reason="first")
        line = wait_for(listener.lines, timeout=60, what="the notice")[0]
        assert json.loads(line.split(" ", 1)[1])["reason"] == "first"
        listener.stop()
        broker.stop()
        # Nobody is there: notices wait, and of the states only the newest one.
        for number in range(3):
            told.set_state("cam1", "Normal" if number % 2 == 0 else "Attack", reason=f"no. {number}")
        wait_for(lambda: notifier(told, "home")["failures"], timeout=60, what="the failure")
        assert 3 <= notifier(told, "home")["waiting"] <= 5
        broker.start()
        wait_for(lambda: notifier(told, "home")["waiting"] == 0, timeout=60, what="the deliveries")
        state = last_word()
        assert (state["state"], state["reason"]) == ("Normal", "no. 2")
        told.api.post("/devices/cam1/quarantine", {})
        wait_for(lambda: last_word()["problem"] == "ON", what="the quarantine")
    finally:
        broker.stop()


def test_a_full_outbox_survives_a_kill(told, receivers):
    hook = Hook()
    hook.start()
    hook.stop()  # its port is known, and nobody is there
    use(told, ops={"webhook": {"url": hook_url(hook), "secret": "hook-key"},
                   "events": ["transition"], "keep": {"count": 5}})
    told.start()
    for number in range(8):
        told.set_state("cam1", "Attack" if number % 2 == 0 else "Normal", reason=f"no. {number}")
    wait_for(lambda: notifier(told, "ops")["waiting"] == 5 and notifier(told, "ops")["failures"],
             what="the full outbox")
    dropped = wait_for(lambda: len(results(told, result="dropped")) == 3 and
                       results(told, result="dropped"), what="the dropped")
    assert {event["words"] for event in dropped} == {"too many wait"}
    told.daemon.kill()
    receivers(hook)
    told.daemon.start()
    taken = wait_taken(hook.taken, 5)
    reasons = [json.loads(body)["reason"] for _, body in taken]
    assert reasons[-4:] == ["no. 4", "no. 5", "no. 6", "no. 7"]
    assert all(Hook.is_signed(headers, body, SECRETS["hook-key"].encode())
               for headers, body in taken)
    wait_for(lambda: notifier(told, "ops")["waiting"] == 0, what="the empty outbox")


def test_what_is_above_the_limit_comes_as_a_digest(told, receivers):
    hook = receivers(Hook())
    use(told, ops={"webhook": {"url": hook_url(hook)}, "events": ["transition"],
                   "limit": {"count": 2, "per": "2s"}})
    told.start()
    for number in range(7):
        told.set_state("cam1", "Attack" if number % 2 == 0 else "Normal")
    counts = wait_for(lambda: (notices := [json.loads(body) for _, body in hook.taken]) and
                      sum(notice.get("count", 1) for notice in notices) == 7 and notices,
                      timeout=60, what="all of them")
    assert any(notice["notice"] == "digest" and notice["reason"] == f"{notice['count']} transition"
               for notice in counts)


def test_an_operator_tests_a_notifier(told, receivers):
    hook = receivers(Hook(statuses=[422]))
    use(told, ops={"webhook": {"url": hook_url(hook)}},
        broken={"webhook": {"url": hook_url(hook), "secret": "no-such-key"}})
    told.start()
    refused = told.daemon.kalkictl("notifier", "test", "ops")
    assert (refused.returncode, refused.stderr) == (
        1, "kalkictl: 'ops': not taken: the server answers with status 422\n")
    done = told.daemon.kalkictl("notifier", "test", "ops", "--reason", "shift begins")
    assert (done.returncode, done.stdout) == (0, "ops: taken\n")
    assert json.loads(hook.taken[0][1])["reason"] == "shift begins"
    assert told.daemon.kalkictl("notifier", "test", "opz").returncode == 4
    missing = told.daemon.kalkictl("notifier", "test", "broken")
    assert missing.returncode == 1 and "credential 'no-such-key'" in missing.stderr
    code, words = told.daemon.check()
    assert code == 0
    assert "warning: notifier 'broken': credential 'no-such-key'" in words
    listed = told.daemon.kalkictl("notifier", "list").stdout
    assert "broken" in listed and "webhook" in listed


def test_a_reload_brings_other_notifiers(told, receivers):
    first, second = receivers(Hook()), receivers(Hook())
    use(told, ops={"webhook": {"url": hook_url(first)}, "events": ["transition"]})
    told.start()
    told.set_state("cam1", "Attack")
    wait_taken(first.taken, 1)
    use(told, ops={"webhook": {"url": hook_url(second)}, "events": ["transition"]},
        more={"webhook": {"url": hook_url(second)}, "events": ["engine-down"]})
    told.reload()
    assert len(told.api.get("/notifiers")["items"]) == 2
    told.set_state("cam1", "Normal")
    wait_taken(second.taken, 1)
    assert len(first.taken) == 1
