"""The rows of the parity table that are counted by running commands: what is run, and what must be equal."""
import compare

# Options in front of which a format is set, so that positional words stay last.
FORMATS = ('json', 'text', 'table', 'yaml')


class Row:
    """One line of the table."""

    def __init__(self, name, title, styles, judge, respond='min', words='', limit=None, grouped=False,
                 emulated=False):
        self.name = name
        self.title = title
        # The generated commands that are run.
        self.styles = styles
        self.judge = judge
        self.respond = respond
        self.words = words
        self.limit = limit
        # Whether the commands of one operation are one case.
        self.grouped = grouped
        # Whether an emulator answers instead of made answers. What it cannot answer is no case.
        self.emulated = emulated

    def case(self, job):
        """Names the case that a job is of."""
        return f"{job['service']} {job['op']}" if self.grouped else job['index']

    def jobs(self, commands):
        for command in commands:
            if command['style'] not in self.styles:
                continue
            job = {'service': command['service'], 'op': command['op'], 'cmd': command['cmd'] + self.words,
                   'respond': self.respond, 'return_responses': True}
            for key in ('files', 'respond_json', 'responses', 'limit'):
                if key in command and not (self.emulated and key == 'respond_json'):
                    job[key] = command[key]
            if self.limit:
                job['limit'] = self.limit
            yield job


def wire(theirs, ours):
    """Requests and exit status. What is printed has rows of its own."""
    difference, signed = compare.requests(theirs['requests'], ours['requests'])
    if len(theirs['requests']) != len(ours['requests']):
        # What is said of it tells why.
        difference = compare.text('stderr', theirs['stderr'], ours['stderr']) or difference
    return compare.status(theirs, ours) or difference, signed


def printed(theirs, ours):
    """What is printed, and the exit status."""
    return compare.status(theirs, ours) or compare.text('stdout', theirs['stdout'], ours['stdout']), None


def failed(theirs, ours):
    """What is said about an error, and the exit status."""
    if theirs.get('stopped'):
        return compare.status(theirs, ours), None
    return compare.status(theirs, ours) or compare.text('stderr', theirs['stderr'], ours['stderr']), None


def asked_and_printed(theirs, ours):
    difference, signed = wire(theirs, ours)
    return difference or printed(theirs, ours)[0] or compare.files(theirs, ours), signed


def asked_and_failed(theirs, ours):
    difference, signed = wire(theirs, ours)
    return difference or failed(theirs, ours)[0], signed


ROWS = [
    Row('wire-min', 'wire, required options', ['min'], wire),
    Row('wire-max', 'wire, all options', ['max'], wire, respond='max'),
    Row('wire-shorthand', 'wire, shorthand', ['short'], wire),
    Row('wire-json', 'wire, `--cli-input-json`', ['cij'], wire),
    Row('skeleton-input', 'skeleton of the input', ['skeleton'], printed),
    Row('skeleton-output', 'skeleton of the output', ['skeleton-out'], printed),
    *(Row(f'output-{name}', f'output {name}', ['min'], printed, respond='max', words=f' --output {name}')
      for name in FORMATS),
    Row('service-errors', 'service errors', ['min'], failed, respond='error'),
    Row('mistakes', 'commands with a mistake', ['mistake'], failed),
    Row('paging', 'paging', ['paging'], asked_and_printed, respond='max', grouped=True),
    Row('waiters', 'waiters', ['waiter'], asked_and_failed, limit=130),
    Row('examples', 'official examples', ['example'], asked_and_printed, limit=8),
    Row('emulated', 'official examples at an emulator', ['example'], asked_and_printed, limit=8, emulated=True),
]
