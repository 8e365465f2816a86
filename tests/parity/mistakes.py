"""Commands broken on purpose, one mistake each, made from commands that are right."""
import shlex
import zlib

# How many are made of each kind.
OF_EACH = 2000


def misspelt(word):
    """The word with two letters swapped, or doubled where that changes nothing."""
    at = 2 + zlib.crc32(word.encode()) % max(1, len(word) - 3)
    swapped = word[:at] + word[at + 1:at + 2] + word[at:at + 1] + word[at + 2:]
    return swapped if swapped != word else word + word[-1]


def options(words):
    """Where the options stand: (start, end) of each with its values."""
    starts = [at for at, word in enumerate(words) if at >= 3 and word.startswith('--')]
    return list(zip(starts, starts[1:] + [len(words)]))


def without_option(words, seed):
    places = options(words)
    if not places:
        return None
    start, end = places[seed % len(places)]
    return words[:start] + words[end:]


def misspelt_option(words, seed):
    places = options(words)
    if not places:
        return None
    start, _ = places[seed % len(places)]
    return words[:start] + ['--' + misspelt(words[start][2:])] + words[start + 1:]


def shortened_option(words, seed):
    """A prefix, which may be ambiguous."""
    places = options(words)
    if not places:
        return None
    start, _ = places[seed % len(places)]
    return words[:start] + [words[start][:4 + seed % 6]] + words[start + 1:]


def misspelt_operation(words, _):
    return words[:2] + [misspelt(words[2])] + words[3:]


def misspelt_service(words, _):
    return words[:1] + [misspelt(words[1])] + words[2:]


def without_value(words, seed):
    places = [(start, end) for start, end in options(words) if end - start == 2]
    if not places:
        return None
    start, end = places[seed % len(places)]
    return words[:start + 1] + words[end:]


def broken_value(words, seed):
    """A value cut off in the middle, which breaks JSON and shorthand, and turns numbers into words."""
    places = [(start, end) for start, end in options(words) if end - start >= 2]
    if not places:
        return None
    start, _ = places[seed % len(places)]
    value = words[start + 1]
    broken = value[:len(value) // 2 + 1] if value[:1] in '[{' else ['x=', 'a=b,c', '=', '{', '[', 'x', '', '-1.5'][seed % 8]
    return words[:start + 1] + [broken] + words[start + 2:]


def wrong_member(words, seed):
    """Structures with a member that they do not have, or of the wrong type."""
    places = [start for start, end in options(words) if end - start >= 2 and words[start + 1][:1] in '[{']
    if not places:
        return None
    start = places[seed % len(places)]
    value = words[start + 1]
    broken = ['{"NoSuchMember": 1}', '[1, "x", {"y": null}]', '{}', '[]', '"text"', '7', 'null'][seed % 7]
    return words[:start + 1] + [broken if broken != value else '{"a"'] + words[start + 2:]


def stray_word(words, seed):
    return words + ['stray' + str(seed % 10)]


def unknown_global(words, seed):
    return words + [['--output', 'xml'], ['--color', 'blue'], ['--regions', 'x'], ['--cli-binary-format', 'hex'],
                    ['--query', 'a['], ['--output'], ['--query', '`'], ['--page-sizes', '1']][seed % 8]


KINDS = (without_option, misspelt_option, shortened_option, misspelt_operation, misspelt_service, without_value,
         broken_value, wrong_member, stray_word, unknown_global)


def of(commands):
    """About OF_EACH commands with each kind of mistake, spread over all services."""
    whole = {'min': [], 'max': []}
    for command in commands:
        if command['style'] in whole:
            whole[command['style']].append(command)
    for kind in KINDS:
        source = whole['max' if kind in (broken_value, wrong_member) else 'min']
        made = []
        for command in sorted(source, key=lambda command: zlib.crc32((kind.__name__ + command['cmd']).encode())):
            if len(made) == OF_EACH:
                break
            words = kind(shlex.split(command['cmd']), zlib.crc32(command['cmd'].encode()))
            if words:
                made.append({'cmd': shlex.join(words), 'service': command['service'], 'op': command['op'],
                             'style': 'mistake'})
        yield from sorted(made, key=lambda command: command['service'])
