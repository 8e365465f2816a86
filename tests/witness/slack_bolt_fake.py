"""A small app of Slack's own framework, Bolt for Python, unmodified, against the fake Slack of the local run.

Run by the test `slack_bolt` of the package `tests`. By hand, with a fake that listens at BASE, whose app is not
installed, has all its request URLs at /slack/events, its install page at /slack/install, and /slack/oauth_redirect as
its redirect URL:

    .env/venv/bin/python tests/witness/slack_bolt_fake.py --base http://127.0.0.1:PORT --client-id … --client-secret …
        --secret …

It needs the packages of `tests/witness/requirements.txt` and nothing else. It prints the address of the app,
`app http://127.0.0.1:PORT`, and waits for a line on standard input, so that whoever started the fake can point its
request URLs there. Then it does what people would do, in the fake's pages and console, says what came of it on
standard error, and ends with 0 or 1.

What is judged: that an app which knows the real Slack is installed, hears, answers and is uninstalled here as there.
"""

import argparse
import html
import http.cookiejar
import json
import logging
import re
import socketserver
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
import wsgiref.simple_server

from slack_bolt import App
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_bolt.oauth.oauth_settings import OAuthSettings
from slack_sdk import WebClient
from slack_sdk.oauth.installation_store import FileInstallationStore
from slack_sdk.oauth.state_store import FileOAuthStateStore

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--base", required=True, help="origin of the fake, without a slash at the end")
parser.add_argument("--client-id", required=True)
parser.add_argument("--client-secret", required=True)
parser.add_argument("--secret", required=True, help="signing secret of the fake's app")
OPTIONS = parser.parse_args()
SCOPES = ["commands", "chat:write", "channels:read", "groups:read", "users:read", "files:write", "files:read"]
LIMIT = 20


class Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True


class Quiet(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *_):
        pass


def bolt_app(folder, address):
    """The app: every kind of request that Slack sends, each answered by another way that Slack offers."""
    store = FileInstallationStore(base_dir=folder, client_id=OPTIONS.client_id)
    app = App(
        client=WebClient(base_url=f"{OPTIONS.base}/api/"),
        signing_secret=OPTIONS.secret,
        oauth_settings=OAuthSettings(
            client_id=OPTIONS.client_id,
            client_secret=OPTIONS.client_secret,
            scopes=SCOPES,
            redirect_uri=f"{address}/slack/oauth_redirect",
            install_path="/slack/install",
            redirect_uri_path="/slack/oauth_redirect",
            authorization_url=f"{OPTIONS.base}/oauth/v2/authorize",
            installation_store=store,
            state_store=FileOAuthStateStore(expiration_seconds=600, base_dir=folder, client_id=OPTIONS.client_id),
        ),
    )
    app.enable_token_revocation_listeners()

    @app.command("/alfred-invoke")
    def invoke(ack, command, respond):
        ack("On it")
        respond({"text": f"ran {command['text']}", "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": f"ran `{command['text']}`"}},
            {"type": "actions", "elements": [
                {"type": "button", "text": {"type": "plain_text", "text": "Again"}, "action_id": "again"},
                {"type": "button", "text": {"type": "plain_text", "text": "Form"}, "action_id": "form"}]}]})

    @app.action("again")
    def again(ack, respond):
        ack()
        respond("ran again", replace_original=True)

    @app.action("form")
    def form(ack, body, client):
        ack()
        client.views_open(trigger_id=body["trigger_id"], view={
            "type": "modal", "callback_id": "run", "title": {"type": "plain_text", "text": "Run"},
            "submit": {"type": "plain_text", "text": "Run"}, "notify_on_close": True,
            "private_metadata": body["channel"]["id"], "blocks": [
                {"type": "input", "block_id": "command", "label": {"type": "plain_text", "text": "Command"},
                 "element": {"type": "plain_text_input", "action_id": "text"}},
                {"type": "input", "block_id": "role", "label": {"type": "plain_text", "text": "Role"},
                 "optional": True, "element": {"type": "external_select", "action_id": "role",
                                               "min_query_length": 1}}]})

    @app.options("role")
    def roles(ack, payload):
        ack(options=[{"text": {"type": "plain_text", "text": f"{payload['value']} {n}"}, "value": str(n)}
                     for n in range(2)])

    @app.view("run")
    def run(ack, view, body, client):
        values = view["state"]["values"]
        command = values["command"]["text"]["value"]
        if "rm" in command:
            return ack(response_action="errors", errors={"command": "That would delete."})
        ack()
        role = values["role"]["role"]["selected_option"]
        client.chat_postMessage(channel=view["private_metadata"],
                                text=f"{body['user']['name']} ran {command} as {role and role['value']}")

    @app.view_closed("run")
    def closed(ack, view, client):
        ack()
        client.chat_postMessage(channel=view["private_metadata"], text="nothing was run")

    @app.event("member_joined_channel")
    def joined(event, client, say):
        if event["user"] == client.auth_test()["user_id"]:
            client.files_upload_v2(channel=event["channel"], filename="hello.txt", content="hello\n", title="Hello")
        else:
            say(f"welcome <@{event['user']}>")

    @app.event("app_home_opened")
    def home(event, client):
        client.views_publish(user_id=event["user"], view={"type": "home", "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": f"home of <@{event['user']}>"}}]})

    return app, store


def posted(path, what):
    """Somebody does something in the console."""
    request = urllib.request.Request(f"{OPTIONS.base}/console/{path}", json.dumps(what).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=LIMIT) as answer:
        return json.load(answer)


def shown(path, **parameters):
    query = urllib.parse.urlencode(parameters)
    with urllib.request.urlopen(f"{OPTIONS.base}/console/{path}?{query}", timeout=LIMIT) as answer:
        return json.load(answer)


def seen(user, channel):
    return shown("messages", channel=channel, **{"as": user})


def words(message):
    """What is read of a message."""
    return " ".join(span["text"] for piece in message["pieces"] for span in piece.get("spans", []))


def until(look):
    """Looks until there is something."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come about in time")


class Browser:
    """What a person's browser does: it keeps cookies and follows redirects. As browsers do, it takes loopback for
    secure."""

    def __init__(self):
        policy = http.cookiejar.DefaultCookiePolicy(secure_protocols=("http", "https"))
        self.cookies = http.cookiejar.CookieJar(policy)
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def open(self, url, form=None):
        try:
            answer = self.opener.open(url, urllib.parse.urlencode(form).encode() if form else None, LIMIT)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            return answer.status, answer.url, answer.read().decode()


def consent_form(page, **fields):
    key = re.search(r'name="consent" value="([^"]+)"', page).group(1)
    return {"consent": key, "user": "U0ANNA", **fields}


class Installed(unittest.TestCase):
    """The tests run in the order of their names: installing comes first, uninstalling last."""

    def asks(self, browser):
        """From the app's install page to Slack's consent page."""
        status, _, page = browser.open(f"{ADDRESS}/slack/install")
        self.assertEqual(status, 200)
        link = html.unescape(re.search(r'href="([^"]+oauth/v2/authorize[^"]+)"', page).group(1))
        status, url, page = browser.open(link)
        self.assertEqual((status, urllib.parse.urlsplit(url).path), (200, "/oauth/v2/authorize"))
        for scope in SCOPES:
            self.assertIn(f"<code>{scope}</code>", page)
        return page

    def test_1_cancelling_installs_nothing(self):
        browser = Browser()
        page = self.asks(browser)
        _, url, page = browser.open(f"{OPTIONS.base}/oauth/v2/authorize", consent_form(page, decision="cancel"))
        self.assertIn("error=access_denied", url)
        self.assertIn("access_denied", page)
        self.assertIsNone(STORE.find_bot(enterprise_id=None, team_id="T0ALFRED1"))

    def test_1_another_browser_cannot_finish(self):
        page = self.asks(Browser())
        status, _, _ = Browser().open(f"{OPTIONS.base}/oauth/v2/authorize", consent_form(page, decision="allow"))
        self.assertEqual(status, 400)
        self.assertFalse(shown("workspace", **{"as": "U0ANNA"})["app"]["installed"])

    def test_1_an_installation_without_state_is_refused(self):
        browser = Browser()
        _, _, page = browser.open(f"{OPTIONS.base}/apps/A0ALFRED1")
        status, url, _ = browser.open(f"{OPTIONS.base}/oauth/v2/authorize", consent_form(page, decision="allow"))
        self.assertEqual(status, 400)
        self.assertNotIn("state", url)

    def test_2_install(self):
        browser = Browser()
        page = self.asks(browser)
        form = consent_form(page, decision="allow", optional="files:read")
        status, url, page = browser.open(f"{OPTIONS.base}/oauth/v2/authorize", form)
        self.assertEqual((status, urllib.parse.urlsplit(url).path), (200, "/slack/oauth_redirect"), page)
        bot = STORE.find_bot(enterprise_id=None, team_id="T0ALFRED1")
        self.assertEqual((bot.bot_user_id, bot.bot_id, sorted(bot.bot_scopes)), ("U0ALFRED", "B0ALFRED1", sorted(SCOPES)))
        self.assertEqual(shown("workspace", **{"as": "U0ANNA"})["app"]["installed_by"], "Anna Azarova")

    def test_3_a_command_is_acknowledged_and_answered(self):
        self.assertIsNone(posted("type", {"as": "U0ANNA", "channel": "C0OPS", "text": "/alfred-invoke s3 ls"})["error"])
        # Bolt answers from another thread, so either may come first.
        found = until(lambda: (found := seen("U0ANNA", "C0OPS")) and len(found) == 2 and found)
        self.assertEqual({message["origin"]: words(message) for message in found},
                         {"ack": "On it", "response_url": "ran  s3 ls"})
        self.assertTrue(all(message["only_you"] for message in found))

    def test_4_a_button_replaces_its_message(self):
        message = next(message for message in seen("U0ANNA", "C0OPS") if message["origin"] == "response_url")
        self.assertIsNone(posted("press", {"as": "U0ANNA", "ts": message["ts"], "action": "again"})["error"])
        replaced = until(lambda: [m for m in seen("U0ANNA", "C0OPS") if words(m) == "ran again"])
        self.assertEqual(replaced[0]["ts"], message["ts"])

    def test_5_inviting_the_bot_is_an_event_and_it_uploads(self):
        posted("type", {"as": "U0ANNA", "channel": "C0OPS", "text": "/invite @alfredbot"})
        file = until(lambda: [file for message in seen("U0ANNA", "C0OPS") for file in message["files"]])[0]
        self.assertEqual((file["name"], file["title"], file["size"]), ("hello.txt", "Hello", 6))
        posted("administration", {"do": "add", "by": "U0ANNA", "user": "U0DAN", "channel": "C0OPS"})
        until(lambda: any(words(message) == "welcome  @dan" for message in seen("U0DAN", "C0OPS")))

    def open_form(self):
        posted("type", {"as": "U0BEN", "channel": "C0OPS", "text": "/alfred-invoke ec2"})
        answer = until(lambda: [m for m in seen("U0BEN", "C0OPS") if "ec2" in words(m) and m["origin"] == "response_url"])[-1]
        self.assertIsNone(posted("press", {"as": "U0BEN", "ts": answer["ts"], "action": "form"})["error"])
        return until(lambda: shown("workspace", **{"as": "U0BEN"})["view"])

    def test_6_a_form_is_checked_and_sent(self):
        view = self.open_form()
        self.assertEqual((view["title"], view["submit"]), ("Run", "Run"))
        options = posted("suggest", {"as": "U0BEN", "action": "role", "value": "ops"})["options"]
        self.assertEqual(options, [{"text": "ops 0", "value": "0"}, {"text": "ops 1", "value": "1"}])
        entered = {"as": "U0BEN", "values": {"command/text": "s3 rm x", "role/role": "1"}}
        self.assertIsNone(posted("submit", entered)["error"])
        errors = shown("workspace", **{"as": "U0BEN"})["view"]["errors"]
        self.assertEqual(errors, {"command": "That would delete."})
        entered["values"]["command/text"] = "s3 ls"
        self.assertIsNone(posted("submit", entered)["error"])
        self.assertIsNone(shown("workspace", **{"as": "U0BEN"})["view"])
        until(lambda: any(words(message) == "ben ran s3 ls as 1" for message in seen("U0ANNA", "C0OPS")))

    def test_7_closing_a_form_is_told(self):
        self.open_form()
        self.assertIsNone(posted("close", {"as": "U0BEN"})["error"])
        until(lambda: any(words(message) == "nothing was run" for message in seen("U0ANNA", "C0OPS")))

    def test_8_the_home_tab_is_published_when_it_is_opened(self):
        posted("open", {"as": "U0BEN", "tab": "home"})
        home = until(lambda: shown("workspace", **{"as": "U0BEN"})["home"])
        self.assertEqual(words(home), "home of  @ben")

    def test_9_an_uninstallation_ends_it(self):
        posted("administration", {"do": "uninstall", "by": "U0ANNA"})
        until(lambda: STORE.find_bot(enterprise_id=None, team_id="T0ALFRED1") is None)
        typed = posted("type", {"as": "U0ANNA", "channel": "C0OPS", "text": "/alfred-invoke s3 ls"})
        self.assertEqual(typed["error"], "invalid_command")


if __name__ == "__main__":
    # What Bolt refuses on purpose here it also warns of.
    logging.getLogger("slack_bolt").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        server = wsgiref.simple_server.make_server("127.0.0.1", 0, None, server_class=Server, handler_class=Quiet)
        ADDRESS = f"http://127.0.0.1:{server.server_port}"
        app, STORE = bolt_app(folder, ADDRESS)
        server.set_app(SlackRequestHandler(app))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"app {ADDRESS}", flush=True)
        sys.stdin.readline()
        unittest.main(argv=[sys.argv[0], "-v"])
