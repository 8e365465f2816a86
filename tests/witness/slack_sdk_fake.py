"""Slack's own Python SDK, unmodified, against the fake Slack of the local run.

Run by the test `slack::tests::witness` of the package `local`. By hand, with a fake that listens at BASE:

    .env/venv/bin/python tests/witness/slack_sdk_fake.py --base http://127.0.0.1:PORT --token xoxb-… --secret …
        --client-id … --client-secret …

It needs the packages of `tests/witness/requirements.txt` and nothing else. It prints the address of its own app,
`app http://127.0.0.1:PORT`, and waits for a line on standard input, so that whoever started the fake can point the
request URLs of the slash commands there. Then it checks, says so on standard error, and ends with 0 or 1.

What is judged: that a real client gets along with every method it calls (arguments, paging, errors, the
three steps of an upload, modals and the Home tab, tokens that rotate), and that the SDK's verifier accepts what the
fake signs and nothing else.
"""

import argparse
import http.server
import json
import queue
import re
import sys
import threading
import time
import unittest
import unittest.mock
import urllib.parse
import urllib.request

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackObjectFormationError
from slack_sdk.models.basic_objects import JsonObject
from slack_sdk.models.blocks import (
    ActionsBlock,
    ButtonElement,
    ContextBlock,
    DividerBlock,
    HeaderBlock,
    ImageBlock,
    InputBlock,
    MarkdownTextObject,
    Option,
    PlainTextInputElement,
    PlainTextObject,
    SectionBlock,
    StaticSelectElement,
)
from slack_sdk.models.views import View
from slack_sdk.oauth import AuthorizeUrlGenerator
from slack_sdk.oauth.installation_store import Bot
from slack_sdk.oauth.token_rotation import TokenRotator
from slack_sdk.signature import SignatureVerifier
from slack_sdk.webhook import WebhookClient

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--base", required=True, help="origin of the fake, without a slash at the end")
parser.add_argument("--token", required=True, help="bot token that the fake knows")
parser.add_argument("--secret", required=True, help="signing secret of the fake's app")
parser.add_argument("--client-id", required=True)
parser.add_argument("--client-secret", required=True)
OPTIONS = parser.parse_args()
REQUESTS = queue.Queue()
EVENTS = queue.Queue()


class App(http.server.BaseHTTPRequestHandler):
    """Keeps what it receives, and acknowledges."""

    def do_GET(self):
        """Where Slack sends a person who has answered the consent page."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        (EVENTS if self.path == "/slack/events" else REQUESTS).put((dict(self.headers.items()), body))
        answer = json.dumps({"text": "On it"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def does(path, what):
    """A person does something in the console."""
    body = json.dumps(what).encode()
    request = urllib.request.Request(f"{OPTIONS.base}/console/{path}", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def types(user, channel, text):
    """A person types a line in the console."""
    return does("type", {"as": user, "channel": channel, "text": text})


def trigger():
    """What lets the app open a modal for Anna, who has typed a command."""
    types("U0ANNA", "C0OPS", "/alfred-invoke aws")
    _, body = REQUESTS.get(timeout=20)
    return urllib.parse.parse_qs(body.decode())["trigger_id"][0]


def accepted_by_sdk(block):
    try:
        block.to_dict()
    except SlackObjectFormationError:
        return False
    return True


def unchecked(model):
    """A model as JSON, without the SDK's checks."""
    with unittest.mock.patch.object(JsonObject, "validate_json", lambda _: None):
        return model.to_dict()


class FakeSlack(unittest.TestCase):
    def setUp(self):
        self.client = WebClient(token=OPTIONS.token, base_url=f"{OPTIONS.base}/api/")

    def test_who_am_i(self):
        me = self.client.auth_test()
        self.assertEqual((me["team_id"], me["user_id"]), ("T0ALFRED1", "U0ALFRED"))
        self.assertIn("chat:write", me.headers["x-oauth-scopes"])

    def test_people_and_channels(self):
        self.assertTrue(self.client.users_info(user="U0ANNA")["user"]["is_admin"])
        self.assertTrue(self.client.users_info(user="U0GUEST")["user"]["is_restricted"])
        # The response turns itself into the next page, so each is read while it is there.
        pages = [[member["id"] for member in page["members"]] for page in self.client.users_list(limit=2)]
        self.assertEqual([len(page) for page in pages], [2, 2, 2])
        self.assertEqual(len({user for page in pages for user in page}), 6)
        members = [member for page in self.client.conversations_members(channel="C0GENERAL", limit=1)
                   for member in page["members"]]
        self.assertEqual(sorted(members), ["U0ALFRED", "U0ANNA", "U0BEN", "U0CLEO", "U0DAN", "U0GUEST"])
        channels = self.client.conversations_list(types="public_channel,private_channel")["channels"]
        self.assertEqual({channel["id"] for channel in channels if channel["is_private"]}, {"G0PROD"})
        self.assertEqual(self.client.conversations_info(channel="C0OPS")["channel"]["name"], "ops")
        self.assertEqual(self.client.usergroups_users_list(usergroup="S0SRE")["users"], ["U0ANNA"])
        self.assertEqual(self.client.usergroups_list(include_users=True)["usergroups"][0]["users"], ["U0ANNA"])

    def test_errors_are_words(self):
        for word, call in [
            ("channel_not_found", lambda: self.client.conversations_info(channel="C0NOWHERE")),
            ("user_not_found", lambda: self.client.users_info(user="U0NOBODY")),
            ("no_text", lambda: self.client.chat_postMessage(channel="C0OPS", text="")),
            ("invalid_auth", lambda: WebClient(token="xoxb-other", base_url=self.client.base_url).auth_test()),
            ("not_authed", lambda: WebClient(base_url=self.client.base_url).auth_test()),
            ("unknown_method", lambda: self.client.api_call("no.such.method")),
        ]:
            with self.subTest(word), self.assertRaises(SlackApiError) as raised:
                call()
            self.assertEqual(raised.exception.response["error"], word)

    def test_messages(self):
        blocks = [
            HeaderBlock(text="Done"),
            SectionBlock(text=MarkdownTextObject(text="*bold* &amp; <@U0BEN>", verbatim=True)),
            DividerBlock(),
            ContextBlock(elements=[MarkdownTextObject(text="exit 0")]),
        ]
        posted = self.client.chat_postMessage(channel="C0OPS", text="Done", blocks=blocks)
        self.assertEqual(len(posted["message"]["blocks"]), 4)
        updated = self.client.chat_update(channel="C0OPS", ts=posted["ts"], text="Done again", blocks=blocks[:1])
        self.assertEqual((updated["ts"], len(updated["message"]["blocks"])), (posted["ts"], 1))
        self.client.chat_postEphemeral(channel="C0OPS", user="U0ANNA", text="psst")
        direct = self.client.chat_postMessage(channel="U0BEN", text="hello")
        self.assertTrue(direct["channel"].startswith("D"))

    def test_limits_are_those_of_the_sdk(self):
        """Where the SDK's own models know a limit, the fake draws the line at the same place."""

        def plain(length):
            return PlainTextObject(text="x" * length)

        def buttons(count=1, **fields):
            return ActionsBlock(elements=[
                ButtonElement(**{"text": "x", "action_id": f"a{number}", **fields}) for number in range(count)])

        def select(count=1, value=1):
            options = [Option(text=PlainTextObject(text="x"), value="v" * value)] * count
            return ActionsBlock(elements=[StaticSelectElement(placeholder="x", action_id="a", options=options)])

        for name, limit, make in [
            ("section text", 3000, lambda n: SectionBlock(text=plain(n))),
            ("section fields", 10, lambda n: SectionBlock(fields=[plain(1)] * n)),
            ("header", 150, lambda n: HeaderBlock(text=plain(n))),
            ("context", 10, lambda n: ContextBlock(elements=[plain(1)] * n)),
            ("actions", 25, lambda n: buttons(n)),
            ("button text", 75, lambda n: buttons(text="x" * n)),
            ("button value", 2000, lambda n: buttons(value="x" * n)),
            ("options", 100, lambda n: select(n)),
            ("option value", 150, lambda n: select(value=n)),
            ("alt text", 2000, lambda n: ImageBlock(image_url="https://a.example/x.png", alt_text="x" * n)),
            ("block id", 255, lambda n: DividerBlock(block_id="x" * n)),
        ]:
            for length, fits in [(limit, True), (limit + 1, False)]:
                with self.subTest(name, length=length):
                    block = make(length)
                    self.assertEqual(accepted_by_sdk(block), fits)
                    self.assertEqual(self.accepted(unchecked(block)), fits)

    def accepted(self, block):
        try:
            self.client.chat_postMessage(channel="C0OPS", text="x", blocks=json.dumps([block]))
        except SlackApiError as error:
            self.assertEqual(error.response["error"], "invalid_blocks", block)
            self.assertRegex(error.response["errors"][0], r"\[json-pointer:/blocks/0.*\]$")
            return False
        return True

    def test_modals(self):
        form = View(type="modal", title="Run", submit="Run", callback_id="run", blocks=[
            InputBlock(block_id="command", label="Command", element=PlainTextInputElement(action_id="text")),
            ActionsBlock(block_id="more", elements=[ButtonElement(text="More", action_id="more")])])
        first = trigger()
        opened = self.client.views_open(trigger_id=first, view=form)["view"]
        self.assertEqual((opened["type"], opened["callback_id"], opened["team_id"]), ("modal", "run", "T0ALFRED1"))
        for word, call in [
            ("exchanged_trigger_id", lambda: self.client.views_open(trigger_id=first, view=form)),
            ("invalid_trigger_id", lambda: self.client.views_open(trigger_id="1.2.3", view=form)),
            ("hash_conflict", lambda: self.client.views_update(view_id=opened["id"], hash="0.0", view=form)),
            ("not_found", lambda: self.client.views_update(view_id="V0NONE", view=form)),
        ]:
            with self.subTest(word), self.assertRaises(SlackApiError) as raised:
                call()
            self.assertEqual(raised.exception.response["error"], word)
        updated = self.client.views_update(view_id=opened["id"], hash=opened["hash"], view=form)["view"]
        self.assertNotEqual(updated["hash"], opened["hash"])
        # The SDK's own model reads the view as the fake describes it.
        self.assertEqual(View(**updated).blocks[0].block_id, "command")
        self.assertIsNone(does("press", {"as": "U0ANNA", "action": "more"})["error"])
        payload = json.loads(urllib.parse.parse_qs(REQUESTS.get(timeout=20)[1].decode())["payload"][0])
        pushed = self.client.views_push(trigger_id=payload["trigger_id"], view=form)["view"]
        self.assertEqual((pushed["previous_view_id"], pushed["root_view_id"]), (opened["id"], opened["id"]))
        home = View(type="home", blocks=[DividerBlock()])
        self.assertEqual(self.client.views_publish(user_id="U0ANNA", view=home)["view"]["type"], "home")

    def test_limits_of_views_are_those_of_the_sdk(self):
        for name, limit, make in [
            ("title", 24, lambda n: {"title": "x" * n}),
            ("submit", 24, lambda n: {"submit": "x" * n}),
            ("close", 24, lambda n: {"close": "x" * n}),
            ("blocks", 100, lambda n: {"blocks": [DividerBlock()] * n}),
            ("private_metadata", 3000, lambda n: {"private_metadata": "x" * n}),
            ("callback_id", 255, lambda n: {"callback_id": "x" * n}),
        ]:
            for length, fits in [(limit, True), (limit + 1, False)]:
                with self.subTest(name, length=length):
                    view = View(**{"type": "modal", "title": "x", "blocks": [DividerBlock()], **make(length)})
                    self.assertEqual(accepted_by_sdk(view), fits)
                    try:
                        self.client.views_open(trigger_id=trigger(), view=unchecked(view))
                        accepted = True
                    except SlackApiError as error:
                        self.assertEqual(error.response["error"], "invalid_arguments")
                        accepted = False
                    self.assertEqual(accepted, fits)

    def test_reactions(self):
        posted = self.client.chat_postMessage(channel="C0OPS", text="look")
        self.client.reactions_add(channel="C0OPS", timestamp=posted["ts"], name="eyes")
        with self.assertRaises(SlackApiError) as raised:
            self.client.reactions_add(channel="C0OPS", timestamp=posted["ts"], name="eyes")
        self.assertEqual(raised.exception.response["error"], "already_reacted")

    def test_events_are_signed_as_the_sdk_verifies(self):
        does("administration", {"do": "add", "by": "U0ANNA", "user": "U0DAN", "channel": "C0OPS"})
        headers, body = EVENTS.get(timeout=20)
        verifier = SignatureVerifier(OPTIONS.secret)
        self.assertTrue(verifier.is_valid_request(body, headers))
        self.assertFalse(verifier.is_valid_request(body + b" ", headers))
        event = json.loads(body)["event"]
        self.assertEqual((event["type"], event["user"]), ("member_joined_channel", "U0DAN"))

    def test_tokens_rotate(self):
        """The SDK writes the address of the consent page, redeems the code, and refreshes what expires soon."""
        redirect = f"http://127.0.0.1:{server.server_port}/slack/oauth/callback"
        generator = AuthorizeUrlGenerator(client_id=OPTIONS.client_id, redirect_uri=redirect, scopes=["chat:write"],
                                          authorization_url=f"{OPTIONS.base}/oauth/v2/authorize")
        with urllib.request.urlopen(generator.generate("a-state"), timeout=20) as answer:
            key = re.search(r'name="consent" value="([^"]+)"', answer.read().decode()).group(1)
        form = urllib.parse.urlencode({"consent": key, "user": "U0ANNA", "decision": "allow"}).encode()
        with urllib.request.urlopen(f"{OPTIONS.base}/oauth/v2/authorize", form, timeout=20) as answer:
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(answer.url).query)
        self.assertEqual(query["state"], ["a-state"])
        client = WebClient(base_url=self.client.base_url)
        redeem = {"client_id": OPTIONS.client_id, "client_secret": OPTIONS.client_secret, "code": query["code"][0],
                  "redirect_uri": redirect}
        installed = client.oauth_v2_access(**redeem)
        self.assertTrue(installed["access_token"].startswith("xoxe.xoxb-"))
        with self.assertRaises(SlackApiError) as raised:
            client.oauth_v2_access(**redeem)
        self.assertEqual(raised.exception.response["error"], "invalid_code")
        bot = Bot(app_id=installed["app_id"], team_id=installed["team"]["id"], bot_token=installed["access_token"],
                  bot_id="B0ALFRED1", bot_user_id=installed["bot_user_id"], bot_scopes=installed["scope"],
                  bot_refresh_token=installed["refresh_token"], installed_at=time.time(),
                  bot_token_expires_in=installed["expires_in"])
        rotator = TokenRotator(client_id=OPTIONS.client_id, client_secret=OPTIONS.client_secret, client=client)
        self.assertIsNone(rotator.perform_bot_token_rotation(bot=bot), "twelve hours are left")
        rotated = rotator.perform_bot_token_rotation(bot=bot, minutes_before_expiration=13 * 60)
        self.assertNotEqual(rotated.bot_token, bot.bot_token)
        for token in [bot.bot_token, rotated.bot_token]:
            self.assertEqual(client.auth_test(token=token)["user_id"], "U0ALFRED")

    def test_upload(self):
        content = "{\n" + "\n".join(f'  "line{number}": "ü"' for number in range(2000)) + "\n}"
        uploaded = self.client.files_upload_v2(
            channel="C0OPS", filename="out.json", title="Output", content=content, initial_comment="All of it")
        file = self.client.files_info(file=uploaded["file"]["id"])["file"]
        self.assertEqual((file["name"], file["title"], file["size"]), ("out.json", "Output", len(content.encode())))
        self.assertIn("C0OPS", file["shares"]["public"])
        request = urllib.request.Request(file["url_private"], headers={"Authorization": f"Bearer {OPTIONS.token}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            self.assertEqual(answer.read().decode(), content)

    def test_several_files_at_once(self):
        uploads = [{"filename": f"{name}.txt", "content": name * 10, "title": name} for name in "ab"]
        uploaded = self.client.files_upload_v2(channel="C0GENERAL", file_uploads=uploads)
        self.assertEqual([file["title"] for file in uploaded["files"]], ["a", "b"])

    def test_requests_are_signed_as_the_sdk_verifies(self):
        texts = ["", "s3 ls *.log —profile “dev” & <x>", "tab\tand ~tilde ünïcode 🎩", "@anna #ops https://a.example/?b=c&d"]
        verifier, other = SignatureVerifier(OPTIONS.secret), SignatureVerifier(OPTIONS.secret + "x")
        for text in texts:
            with self.subTest(text):
                self.assertIsNone(types("U0ANNA", "C0OPS", f"/alfred-invoke {text}")["error"])
                headers, body = REQUESTS.get(timeout=20)
                self.assertTrue(verifier.is_valid_request(body, headers))
                self.assertFalse(other.is_valid_request(body, headers))
                self.assertFalse(verifier.is_valid_request(body + b" ", headers))
                fields = urllib.parse.parse_qs(body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
                self.assertEqual(fields["user_id"], ["U0ANNA"])

    def test_response_urls_end_after_five_posts(self):
        types("U0ANNA", "C0OPS", "/alfred-invoke aws")
        _, body = REQUESTS.get(timeout=20)
        webhook = WebhookClient(urllib.parse.parse_qs(body.decode())["response_url"][0])
        for number in range(5):
            answer = webhook.send(text=f"answer {number}", response_type="ephemeral")
            self.assertEqual((answer.status_code, answer.body), (200, "ok"))
        self.assertEqual(webhook.send(text="one more").status_code, 404)


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), App)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"app http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.readline()
    unittest.main(argv=[sys.argv[0], "-v"])
