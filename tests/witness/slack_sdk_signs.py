"""Sends slash commands that Slack's own Python SDK has signed, and prints how they were answered.

    .env/venv/bin/python tests/witness/slack_sdk_signs.py --url http://127.0.0.1:PORT/slack/commands --secret …

It needs the packages of `tests/witness/requirements.txt` and nothing else. Standard input has one request a line, as
JSON: `{"body": "command=%2Falfred&text=help&…"}`, with `"age": SECONDS` for one that was signed so long ago (negative:
in the future), and `"secret": "…"` for one that is signed with another secret. Standard output has one answer a line,
as JSON: `{"status": 200, "body": "…"}`. It ends with 0 when standard input does.
"""

import argparse
import json
import sys
import time
import urllib.error
import urllib.request

from slack_sdk.signature import SignatureVerifier

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--url", required=True, help="request URL of the slash command")
parser.add_argument("--secret", required=True, help="signing secret")
options = parser.parse_args()

for line in sys.stdin:
    asked = json.loads(line)
    timestamp = str(int(time.time()) - asked.get("age", 0))
    verifier = SignatureVerifier(asked.get("secret", options.secret))
    signature = verifier.generate_signature(timestamp=timestamp, body=asked["body"])
    request = urllib.request.Request(options.url, asked["body"].encode(), {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signature,
    })
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            status, body = answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        status, body = refused.code, refused.read()
    print(json.dumps({"status": status, "body": body.decode()}), flush=True)
