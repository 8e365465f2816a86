"""Whether two runs of a command are equal, and if not, in what: the first difference in words."""
import json
import re
from urllib.parse import parse_qsl, urlsplit

# Headers that tell the sender, or count what is sent again.
SENDER = ('user-agent', 'x-amz-user-agent', 'amz-sdk-invocation-id', 'amz-sdk-request')


def requests(theirs, ours):
    """The first difference between two lists of requests, signatures aside, and whether all signatures are equal."""
    if len(theirs) != len(ours):
        return f'{len(theirs)} requests but here {len(ours)}', False
    signed = True
    for number, (their, our) in enumerate(zip(theirs, ours)):
        difference = request(their, our)
        if difference:
            return (f'request {number + 1}: ' if len(theirs) > 1 else '') + difference, False
        signed &= signature(their) == signature(our)
    return None, signed


def request(theirs, ours):
    if theirs['method'] != ours['method']:
        return f"method {theirs['method']} but here {ours['method']}"
    their_url, our_url = urlsplit(theirs['url']), urlsplit(ours['url'])
    if (their_url.scheme, their_url.netloc) != (our_url.scheme, our_url.netloc):
        return f'host {their_url.netloc} but here {our_url.netloc}'
    if (their_url.path or '/') != (our_url.path or '/'):
        return f'path {their_url.path} but here {our_url.path}'
    if pairs(their_url.query) != pairs(our_url.query):
        return f'query {their_url.query} but here {our_url.query}'
    their_headers, our_headers = headers(theirs), headers(ours)
    for name in sorted(their_headers.keys() | our_headers.keys()):
        if their_headers.get(name) != our_headers.get(name):
            return f'header {name}: {their_headers.get(name)} but here {our_headers.get(name)}'
    if body(theirs) != body(ours):
        return f"body {theirs['body']} but here {ours['body']}"
    return None


def pairs(query):
    """Presigned parts of a query hold a signature, which the parameters before it decide."""
    return [pair for pair in parse_qsl(query, keep_blank_values=True)]


def headers(request):
    found = {'host': urlsplit(request['url']).netloc.lower()}
    for name, value in request['headers'].items():
        name = name.lower()
        if name in SENDER:
            continue
        if name == 'authorization' and value.startswith('AWS4-'):
            value = value.rsplit('Signature=', 1)[0]
        found[name] = value.lower() if name == 'host' else value
    return found


def signature(request):
    """A request's signature. Those of version 4A hold a random number in the official CLI, so they cannot be compared."""
    authorization = {name.lower(): value for name, value in request['headers'].items()}.get('authorization', '')
    return None if 'AWS4-ECDSA' in authorization else authorization.rsplit('Signature=', 1)[-1]


def body(request):
    content = request['body']
    if not isinstance(content, str):
        return content
    kind = {name.lower(): value for name, value in request['headers'].items()}.get('content-type', '')
    if 'json' in kind or content.startswith('{'):
        try:
            return json.loads(content)
        except ValueError:
            return content
    if 'x-www-form-urlencoded' in kind:
        return pairs(content)
    return content


# What Python shows of an object that has no text.
PLACE = re.compile(r'<[^<>]* at 0x[0-9a-f]+>')


def text(name, theirs, ours):
    """The first line that differs between two texts."""
    if theirs == ours:
        return None
    if not (isinstance(theirs, str) and isinstance(ours, str)):
        return f'{name} differs in bytes'
    if PLACE.search(theirs) and not PLACE.search(ours):
        return f'{name}: a place in memory is shown'
    their_lines, our_lines = theirs.split('\n'), ours.split('\n')
    for number, (their, our) in enumerate(zip(their_lines, our_lines)):
        if their != our:
            return f'{name}, line {number + 1}: {their!r} but here {our!r}'
    return f'{name}: {len(their_lines)} lines but here {len(our_lines)}'


def status(theirs, ours):
    if theirs.get('stopped') and ours.get('stopped'):
        # Both would have gone on; how they end when nothing answers any more is nobody's business.
        return None
    if theirs.get('rc') != ours.get('rc'):
        tail = ours.get('stderr', '').strip().split('\n')
        return f"exit status {theirs.get('rc')} but here {ours.get('rc')} ({' '.join(tail)[:300]})"
    return None


def files(theirs, ours):
    if theirs.get('files', {}) != ours.get('files', {}):
        return f"files {sorted(theirs.get('files', {}))} but here {sorted(ours.get('files', {}))}, or their contents"
    return None
