"""The Socket Mode client of Slack's own Python SDK, unmodified, against the fake Slack of the local run.

Run by the test `slack_socket_mode` of the package `tests`. By hand, with a fake that listens at BASE and whose app is in
Socket Mode:

    .env/venv/bin/python tests/witness/slack_sdk_socket_mode.py --base http://127.0.0.1:PORT --app-token xapp-… --token xoxb-…

It needs the packages of `tests/witness/requirements.txt` and nothing else. It does what people would do in the fake's
console, says what came of it on standard error, and ends with 0 or 1.

What is judged: that a client which knows the real Slack connects, hears, acknowledges, reconnects when it is told to, and
is refused, here as there.
"""

import argparse
import json
import logging
import queue
import sys
import time
import unittest
import urllib.request

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--base", required=True, help="origin of the fake, without a slash at the end")
parser.add_argument("--app-token", required=True, help="app-level token that the fake knows")
parser.add_argument("--token", required=True, help="bot token that the fake knows")
OPTIONS = parser.parse_args()
LIMIT = 40
# How long Slack lets a connection live, and how long before it says so.
LIFETIME, AHEAD = 18060, 10
SILENCE = object()


class App:
    """An app in Socket Mode: keeps what it is told, and answers each request with what `answer` makes of it."""

    def __init__(self, answer=lambda request: None, token=OPTIONS.app_token, address=None, **settings):
        self.hellos, self.requests, self.answer = queue.Queue(), queue.Queue(), answer
        web_client = WebClient(base_url=f"{OPTIONS.base}/api/")
        self.client = SocketModeClient(app_token=token, web_client=web_client, **settings)
        self.client.wss_uri = address
        self.client.message_listeners.append(self.hears)
        self.client.socket_mode_request_listeners.append(self.is_asked)
        self.client.connect()

    def hears(self, _, message, raw):
        if message.get("type") == "hello":
            self.hellos.put(message)

    def is_asked(self, client, request):
        self.requests.put(request)
        payload = self.answer(request)
        if payload is not SILENCE:
            client.send_socket_mode_response(SocketModeResponse(request.envelope_id, payload))

    def hello(self):
        return self.hellos.get(timeout=LIMIT)

    def request(self):
        return self.requests.get(timeout=LIMIT)


def does(path, what):
    """A person does something in the console."""
    body = json.dumps(what).encode()
    request = urllib.request.Request(f"{OPTIONS.base}/console/{path}", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=LIMIT) as answer:
        return json.load(answer)["error"]


def types(user, text):
    return does("type", {"as": user, "channel": "C0OPS", "text": text})


def shown(path):
    with urllib.request.urlopen(f"{OPTIONS.base}/console/{path}", timeout=LIMIT) as answer:
        return json.load(answer)


def words(user):
    """What a person has read in the channel, line by line."""
    messages = shown(f"messages?as={user}&channel=C0OPS")
    return [" ".join(span["text"] for piece in message["pieces"] for span in piece.get("spans", []))
            for message in messages]


def until(look):
    """Looks until there is something."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come about in time")


class SocketMode(unittest.TestCase):
    def opens(self, **settings):
        app = App(**settings)
        self.addCleanup(app.client.close)
        return app

    def alone(self, **settings):
        """An app with the only connection: those of the tests before are gone."""
        def connected():
            app = self.opens(**settings)
            if app.hello()["num_connections"] == 1:
                return app
            app.client.close()

        return until(connected)

    def test_a_command_is_acknowledged_with_what_the_person_sees(self):
        app = self.alone(answer=lambda request: {"text": f"ran{request.payload['text']}over a socket"})
        self.assertIsNone(types("U0ANNA", "/alfred-invoke  s3 ls @ben & more "))
        request = app.request()
        self.assertEqual((request.type, request.accepts_response_payload), ("slash_commands", True))
        self.assertEqual((request.payload["command"], request.payload["user_id"]), ("/alfred-invoke", "U0ANNA"))
        self.assertEqual(request.payload["text"], " s3 ls <@U0BEN|ben> &amp; more")
        self.assertIn("over a socket", words("U0ANNA")[-1])
        self.assertTrue(app.requests.empty())

    def test_a_press_is_acknowledged(self):
        app = self.alone()
        button = {"type": "button", "text": {"type": "plain_text", "text": "Again"}, "action_id": "again"}
        bot = WebClient(base_url=f"{OPTIONS.base}/api/", token=OPTIONS.token)
        posted = bot.chat_postMessage(channel="C0OPS", text="x", blocks=[{"type": "actions", "elements": [button]}])
        self.assertIsNone(does("press", {"as": "U0ANNA", "ts": posted["ts"], "action": "again"}))
        request = app.request()
        self.assertEqual((request.type, request.payload["type"]), ("interactive", "block_actions"))

    def test_an_event_that_nobody_acknowledges_comes_again(self):
        app = self.alone(answer=lambda request: None if request.retry_attempt else SILENCE)
        does("administration", {"do": "add", "by": "U0ANNA", "user": "U0DAN", "channel": "C0OPS"})
        first, second = app.request(), app.request()
        self.assertEqual((first.type, first.retry_attempt, first.retry_reason), ("events_api", 0, ""))
        self.assertEqual((second.retry_attempt, second.retry_reason), (1, "timeout"))
        self.assertEqual(first.payload["event"]["type"], "member_joined_channel")
        self.assertEqual(first.payload, second.payload)
        event = until(lambda: [event for event in shown("administration")["events"]
                               if event["id"] == first.payload["event_id"] and event["deliveries"] == 2])[0]
        self.assertEqual(event["status"], 200)

    def test_a_warning_makes_the_client_connect_anew(self):
        app = self.alone()
        before = app.client.session_id()
        self.assertIsNone(does("administration", {"do": "advance", "seconds": LIFETIME - AHEAD}))
        self.assertEqual(app.hello()["connection_info"]["app_id"], "A0ALFRED1")
        until(lambda: app.client.session_id() != before and app.client.is_connected())
        # The client has hung up the old connection; Slack has noticed when one that is opened now is the second.
        def noticed():
            other = self.opens()
            total = other.hello()["num_connections"]
            other.client.close()
            return total == 2

        until(noticed)
        until(lambda: types("U0ANNA", "/alfred-invoke afterwards") is None)
        self.assertEqual(app.request().payload["text"], "afterwards")

    def test_a_connection_at_its_end_is_replaced(self):
        app = self.alone()
        self.assertIsNone(does("administration", {"do": "advance", "seconds": LIFETIME}))
        app.hello()
        until(lambda: types("U0ANNA", "/alfred-invoke on") is None)
        self.assertEqual(app.request().payload["text"], "on")

    def test_several_clients_share_what_comes(self):
        first = self.alone()
        second = self.opens()
        self.assertEqual(second.hello()["num_connections"], 2)
        for number in range(6):
            self.assertIsNone(types("U0BEN", f"/alfred-invoke {number}"))
        texts = [[app.request().payload["text"] for _ in range(app.requests.qsize())] for app in (first, second)]
        self.assertEqual(sorted(texts[0] + texts[1]), [str(number) for number in range(6)])
        self.assertTrue(all(texts), texts)

    def test_other_tokens_are_refused(self):
        for token, word in [(OPTIONS.token, "not_allowed_token_type"), ("xapp-1-unknown", "invalid_auth")]:
            with self.subTest(token), self.assertRaises(SlackApiError) as raised:
                App(token=token)
            self.assertEqual(raised.exception.response["error"], word)
        with self.assertRaises(SlackApiError) as raised:
            WebClient(base_url=f"{OPTIONS.base}/api/", token=OPTIONS.app_token).auth_test()
        self.assertEqual(raised.exception.response["error"], "not_allowed_token_type")

    def test_an_address_connects_once(self):
        app = self.alone()
        again = self.opens(address=app.client.wss_uri, auto_reconnect_enabled=False)
        self.assertFalse(again.client.is_connected())
        self.assertTrue(app.client.is_connected())


if __name__ == "__main__":
    # What is refused on purpose here the SDK also warns of.
    logging.getLogger("slack_sdk").setLevel(logging.CRITICAL)
    unittest.main(argv=[sys.argv[0], "-v"])
