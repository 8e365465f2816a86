"""Sets Alfredbot up and uses it as people do: in a browser, with clicks, keys and the clipboard.

The browser is Debian's Chromium; nothing of the page is reached past its surface. Each step waits for what the person
would see next. Exits 1 with the text of every open page if a step fails.

Usage: browser_walk.py CONSOLE_URL FAILURE_PICTURE [PICTURE]

PICTURE gets the console as it is once Ben has run his commands.
"""

import re
import shutil
import sys
import time
import traceback
from urllib.parse import urlsplit

from playwright.sync_api import expect, sync_playwright

# Milliseconds for one thing to appear, on a machine that does other things as well.
PATIENCE = 40_000
# Seconds for which a worker may go by mappings that it has read (TENANCY_AGE).
MAPPINGS_KEPT = 5
ANNA = ("Anna Azarova", "U0ANNA")
BEN = ("Ben Okafor", "U0BEN")
ROLE = "arn:aws:iam::111111111111:role/alfredbot/ReadOnly"
ADD = f"/alfred-admin add channel #ops {ROLE} 30"
INSTANCES = "/alfred-invoke aws ec2 describe-instances"


class Console:
    """The page that looks like Slack."""

    def __init__(self, page):
        self.page = page
        self.messages = page.locator("#messages")

    def acts_as(self, name, user):
        self.page.locator("#people label", has_text=name).click()
        expect(self.page.get_by_role("radio", name=name)).to_be_checked()
        expect(self.messages).to_have_attribute("data-of", f"{user} C0OPS")

    def said(self, words):
        return self.messages.locator("article").filter(has_text=words)

    def types(self, line):
        field = self.page.locator("#composer")
        field.click()
        field.press_sequentially(line)
        field.press("Enter")
        expect(field).to_have_value("")

    def asks(self, line, words):
        """Types a line, and gives the message with these words that was not there before."""
        before = self.said(words).count()
        self.types(line)
        expect(self.said(words), f"no answer to {line}").to_have_count(before + 1)
        return self.said(words).last

    def asks_until(self, line, answer, words):
        """Types a line again until its answer, which has the words `answer`, has `words` as well."""
        for _ in range(40):
            if re.search(words, self.asks(line, answer).inner_text()):
                return
        raise AssertionError(f"{line} never answered {words}")


def install(context, page):
    expect(page.locator("#app-state")).to_have_text("not installed")
    page.locator("#apps").click()
    expect(page.locator("#app-installed")).to_have_text("Not installed in this workspace.")
    with context.expect_page() as opened:
        page.locator("#add-to-slack").click()
    app = opened.value
    expect(app.get_by_role("heading", level=1)).to_have_text("Add Alfredbot to Slack")
    app.get_by_role("link", name="Add to Slack").click()
    expect(app.get_by_role("heading", level=1)).to_contain_text("Alfredbot is requesting permission")
    expect(app.locator("#scopes")).to_contain_text("commands")
    expect(app.locator("#authorize-user option:checked")).to_have_text("Anna Azarova")
    app.get_by_role("button", name="Allow").click()
    expect(app.get_by_role("heading", level=1)).to_have_text("Alfredbot is installed")
    expect(app.get_by_role("strong")).to_have_text("Wayne Cloud")
    app.close()
    expect(page.locator("#app-installed")).to_contain_text("Installed by Anna Azarova. It may: ")
    expect(page.locator("#app-state")).to_have_text("installed")


def trust(page, shown):
    """Carries the policy of an answer to the role by the clipboard. A half of it is refused first."""
    shown.locator(".code").hover()
    shown.get_by_role("button", name="Copy").click()
    page.locator("#aws-open").click()
    dialog = page.get_by_role("dialog", name="AWS administrator")
    dialog.get_by_label("Role").select_option(ROLE)
    policy = dialog.get_by_label("Trust policy")
    policy.click()
    policy.press_sequentially('{"Version": "2012-10-17", "Statement": [')
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("#aws-result")).to_have_text(re.compile("^Not saved: MalformedPolicyDocument: "))
    policy.press("Control+a")
    policy.press("Control+v")
    expect(policy).to_have_value(re.compile("sts:ExternalId"))
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("#aws-result")).to_have_text("Saved: the trust policy of ReadOnly in 111111111111.")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def uses_the_keys(page, last_line):
    """A slash command is completed, and what was typed before comes back."""
    field = page.locator("#composer")
    field.click()
    field.press_sequentially("/alfred-inv")
    expect(page.get_by_role("option").filter(has_text="/alfred-invoke")).to_be_visible()
    field.press("Tab")
    expect(field).to_have_value("/alfred-invoke ")
    field.press("Control+a")
    field.press("Delete")
    field.press("ArrowUp")
    expect(field).to_have_value(last_line)
    field.press("ArrowDown")
    expect(field).to_have_value("")


def changes_the_theme(page):
    """From the system's to dark to light and back; and the system's own may change."""
    body = page.locator("body")
    colour = "background-color"
    light = body.evaluate("body => getComputedStyle(body).backgroundColor")
    for theme, is_light in [("as the system", False), ("dark", True), ("light", True)]:
        page.get_by_role("button", name=f"Theme: {theme}").click()
        (expect(body).to_have_css if is_light else expect(body).not_to_have_css)(colour, light)
    page.emulate_media(color_scheme="dark")
    expect(body).not_to_have_css(colour, light)
    page.emulate_media(color_scheme="light")
    expect(body).to_have_css(colour, light)


def walk(context, page, url, picture):
    page.goto(url)
    install(context, page)

    console = Console(page)
    page.locator("#channels button", has_text="ops").click()
    console.acts_as(*ANNA)
    expect(page.locator("#title")).to_have_text("ops")
    members = page.locator("#topic")
    expect(members).to_have_text(re.compile("^3 members"))
    console.types("/invite @alfredbot")
    expect(members).to_have_text(re.compile("^4 members"))

    asked = console.asks(ADD, "everybody in this workspace can join it")
    expect(asked).to_contain_text("Nothing was changed.")
    confirmed = asked.locator("code", has_text="--confirm").inner_text()
    assert confirmed == f"/alfred-admin add channel C0OPS {ROLE} 30 --confirm anyone-can-join-ops", confirmed
    shown = console.asks(confirmed, "Put this trust policy on the role")
    expect(console.said("The mapping stays pending."), "the untrusting role was not tried").to_have_count(1)
    trust(page, shown)
    console.asks(confirmed, "so the mapping becomes active now")
    # What was tried becomes active a moment after it is said.
    console.asks_until("/alfred-admin list", "the lowest priority number wins", r"\bactive\b")
    console.asks_until("/alfred-sync start", " mappings in ", r"Read [1-9][0-9]* members of 1 of 1 mappings")

    console.acts_as(*BEN)
    expect(console.messages).not_to_contain_text("ExternalId")
    answer = console.asks(INSTANCES, "InstanceId")
    expect(answer).to_contain_text("exit 0 · ReadOnly · 111111111111")
    expect(answer).to_have_attribute("aria-label", re.compile("only visible to you$"))
    uses_the_keys(page, INSTANCES)
    changes_the_theme(page)
    rows = '--query "Reservations[].Instances[].[InstanceId,InstanceType,State.Name]" --output text'
    answer = console.asks(f"{INSTANCES} {rows}", "m7g.large\tstopped")
    instance = re.search(r"i-[0-9a-f]{8,17}", answer.inner_text())
    assert instance, answer.inner_text()
    stop = f"/alfred-invoke aws ec2 stop-instances --instance-ids {instance[0]}"
    console.asks(stop, "You are not authorized to perform this operation")
    # A job's path is there once its last step is.
    expect(page.locator("#paths > .job").first.locator(".chip")).to_have_text("Posted")
    if picture:
        page.screenshot(path=picture)

    console.acts_as(*ANNA)
    console.asks("/alfred-admin remove channel #ops", "is removed: its members do not have the role")
    removed_at = time.monotonic()
    console.acts_as(*BEN)
    while True:
        typed_at = time.monotonic()
        answer = console.asks(INSTANCES, re.compile("InstanceId|You have no AWS role")).inner_text()
        if "You have no AWS role" in answer:
            break
        assert typed_at < removed_at + MAPPINGS_KEPT, "the role outlived its mapping"
    assert "InstanceId" not in answer, answer


def main():
    url, failure_picture, *picture = sys.argv[1:]
    expect.set_options(timeout=PATIENCE)
    browser_path = shutil.which("chromium")
    if not browser_path:
        sys.exit("chromium is not on PATH: run scripts/witness.sh chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path)
        context = browser.new_context(
            viewport={"width": 1280, "height": 800}, color_scheme="light", locale="en-GB", timezone_id="Europe/Berlin",
            permissions=["clipboard-read", "clipboard-write"],
        )
        context.set_default_timeout(PATIENCE)
        troubles = []
        context.on("weberror", lambda error: troubles.append(f"{error.page.url}: {error.error}"))
        context.on("console", lambda line: line.type == "error" and troubles.append(f"{line.page.url}: {line.text}"))
        here = urlsplit(url).hostname
        context.on("request", lambda request: request.url.startswith("data:")
                   or urlsplit(request.url).hostname == here or troubles.append(f"a request to {request.url}"))
        page = context.new_page()
        try:
            walk(context, page, url, picture[0] if picture else None)
            assert not troubles, "the pages had errors"
        except Exception:
            traceback.print_exc()
            for trouble in troubles:
                print(f"error on a page: {trouble}", file=sys.stderr)
            for one in context.pages:
                print(f"--- {one.url} shows:\n{one.locator('body').inner_text()}", file=sys.stderr)
            context.pages[-1].screenshot(path=failure_picture)
            print(f"--- its picture: {failure_picture}", file=sys.stderr)
            sys.exit(1)
        finally:
            browser.close()


if __name__ == "__main__":
    main()
