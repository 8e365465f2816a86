#!/usr/bin/env python3
"""Counts how much of the official AWS CLI v2 our `aws` does as it does: runs the same commands through both, against the
same recorded answers, and compares requests, output and exit status. The official CLI's answers are kept in
.env/parity, so that only the first whole count takes long.
"""
import argparse
import collections
import contextlib
import datetime
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, 'oracle'))
import causes  # noqa: E402
import emulator  # noqa: E402
import examples  # noqa: E402
import mistakes  # noqa: E402
import pool  # noqa: E402
import rows  # noqa: E402
import system_calls  # noqa: E402

EXAMPLES = os.path.join(pool.ROOT, '.env', 'awscli', 'awscli', 'examples')
# How many cases of a row may differ in whatever small a sample.
FEW = 5
# What the report says of the rows of a trace.
TRACED = (
    '',
    'The rows of system calls and connections are of ours alone, under a trace: no command may open a file, start a',
    'process, or connect to anything but its endpoint. Hostile words name files, programs and other hosts, and stand in',
    'the place of every value of every operation.',
)
KEPT = os.path.join(pool.ROOT, '.env', 'parity')
# The official CLI's version.
RELEASE = os.path.basename(os.path.realpath(os.path.join(pool.ROOT, '.env', 'awscli-v2', 'awscli', 'v2', 'current')))


def say(text):
    print(f'parity: {text}', file=sys.stderr, flush=True)


def digest():
    """Names the answers: another release of the CLI, or another way to make commands or answers, gives others."""
    state = hashlib.sha256(RELEASE.encode())
    for folder in ('', 'oracle'):
        for name in sorted(os.listdir(os.path.join(HERE, folder))):
            if name.endswith('.py') and name not in ('parity.py', 'compare.py', 'causes.py', 'system_calls.py'):
                with open(os.path.join(HERE, folder, name), 'rb') as file:
                    state.update(file.read())
    return state.hexdigest()[:16]


class Kept:
    """What the official CLI gave, by name."""

    def __init__(self):
        self.folder = os.path.join(KEPT, digest())
        os.makedirs(self.folder, exist_ok=True)

    def path(self, name):
        return os.path.join(self.folder, name + '.jsonl.gz')

    def read(self, name):
        if not os.path.exists(self.path(name)):
            return None
        with gzip.open(self.path(name), 'rt', encoding='utf-8') as lines:
            return [json.loads(line) for line in lines]

    def write(self, name, items):
        scratch = f'{self.path(name)}.{os.getpid()}'
        with gzip.open(scratch, 'wt', encoding='utf-8', compresslevel=4) as file:
            for item in items:
                file.write(json.dumps(item) + '\n')
        os.replace(scratch, self.path(name))


def all_commands(kept):
    """Commands for every operation of every service, made from the official CLI's own tables."""
    commands = kept.read('commands')
    if commands is None:
        say('making the commands from the official CLI\'s tables')
        worker = pool.Official()
        table = list(worker.stream({'list': True}))
        services = sorted({item['service'] for item in table if item['kind'] == 'api'})
        commands = []
        for service in services:
            commands += worker.stream({'services': [service], 'group': service, 'depth': 3, 'styles': [
                'min', 'max', 'short', 'cij', 'skeleton', 'skeleton-out', 'paging', 'waiter']})
        worker.close()
        commands += list(mistakes.of(commands))
        commands += examples.commands(EXAMPLES)
        kept.write('commands', commands)
    return commands


def chosen(case, sample, day):
    """Whether the sample of a day has this case: each day has another."""
    return zlib.crc32(f'{day} {case}'.encode()) % 10_000 < sample * 100


class Count:
    """How many cases of a row are equal, and what of the others is known."""

    def __init__(self, title):
        self.title = title
        self.cases = 0
        self.equal = 0
        self.signatures = 0
        self.signed = 0
        # The first difference of each case that has one: (command, difference).
        self.differences = []

    def add(self, case, outcomes):
        """Adds a case: the outcomes of its commands."""
        self.cases += 1
        for job, difference, signed in outcomes:
            if difference is not None:
                self.differences.append((job, difference))
                return
        self.equal += 1
        for job, _, signed in outcomes:
            if signed is not None:
                self.signatures += 1
                self.signed += signed
                if not signed:
                    self.differences.append((job, 'the signature'))

    def chosen(self):
        return sum((causes.of(difference) or (False, None))[0] for _, difference in self.differences)


def count(row, jobs, kept, program, whole, traced):
    """Runs the jobs of a row through both and compares. `traced` is told of ours, if that is to be traced."""
    started = time.time()
    theirs = kept.read(row.name)
    if theirs is None:
        todo = [job for job in jobs if whole or job['chosen']]
        say(f'{row.name}: running {len(todo)} commands through the official CLI')
        theirs = [None] * len(jobs)
        done = [0]

        def keep(index, result):
            theirs[todo[index]['index']] = result
            done[0] += 1
            if done[0] % 2000 == 0:
                say(f'{row.name}: {done[0]} of {len(todo)} ({time.time() - started:.0f} s)')

        with emulator.running() if row.emulated else contextlib.nullcontext() as address:
            pool.run_all([dict(job, emulator=address) for job in todo], pool.Official, keep)
        if whole:
            kept.write(row.name, theirs)
    todo = [dict(job, responses=theirs[job['index']].get('responses') or [{}]) for job in jobs
            if job['chosen'] and not theirs[job['index']].get('unanswered')]
    outcomes = [None] * len(todo)

    def judge(index, ours):
        job = todo[index]
        difference, signed = ('a crash here', None) if ours.get('crash') else row.judge(theirs[job['index']], ours)
        outcomes[index] = (job, difference, signed)
        if traced:
            traced.add(job, ours)

    pool.run_all(todo, lambda: (system_calls.Traced if traced else pool.Ours)(program), judge)
    cases = {}
    for outcome in outcomes:
        job = outcome[0]
        cases.setdefault(row.case(job), []).append(outcome)
    found = Count(row.title)
    for case, parts in cases.items():
        found.add(case, parts)
    say(f'{row.name}: {found.equal} of {found.cases} ({time.time() - started:.0f} s)')
    return found


def tables(kept, program):
    """What each command takes, in the official CLI's own tables and in ours."""
    theirs = kept.read('tables')
    if theirs is None:
        say('reading the official CLI\'s tables of arguments')
        worker = pool.Official()
        services = sorted({item['service'] for item in worker.stream({'list': True}) if item['op']})
        theirs = list(worker.stream({'args': True, 'services': services}))
        worker.close()
        kept.write('tables', theirs)
    found = Count('argument tables')
    worker = pool.Ours(program)
    ours = {service: worker.call({'tables': service}) for service in sorted({table['service'] for table in theirs})}
    worker.close()
    commands_there = {f"{table['service']} {table['op']}" for table in theirs}
    commands_here = {f'{service} {command}' for service, commands in ours.items() for command in commands}
    for whose, alone in (('the official CLI', commands_there - commands_here), ('ours', commands_here - commands_there)):
        if alone:
            say(f"only {whose} has {', '.join(sorted(alone))}")
    for table in theirs:
        service, operation = table['service'], table['op']
        rows_here = ours[service].get(operation, [])
        rows_there = [{key: row[key] for key in ('name', 'type', 'required', 'serialized', 'hidden', 'positional')
                       if key in row} for row in table['args']]
        job = {'service': service, 'op': operation, 'cmd': f'aws {service} {operation}'}
        for number in range(max(len(rows_here), len(rows_there))):
            there = rows_there[number] if number < len(rows_there) else None
            here = rows_here[number] if number < len(rows_here) else None
            found.add(number, [(job, None if there == here else f'{there} but here {here}', None)])
    say(f'argument tables: {found.equal} of {found.cases}')
    return found


class TracedRows:
    """What the commands of the rows asked of the system, and of each service one that was answered."""

    def __init__(self):
        self.count = Count('no system calls: the commands of all rows')
        self.answered = {}

    def add(self, job, ours):
        if ours.get('crash'):
            return
        self.count.add(job['index'], [(job, system_calls.difference(ours), None)])
        if ours['rc'] == 0 and ours['requests']:
            self.answered.setdefault(job['service'], dict(job, answers=job['responses']))


def hostile(jobs, answered, program):
    """What hostile commands ask of the system; and these, or a few of them, beside one of each service as processes."""
    found = Count('no system calls, no other host: hostile words')

    def judge(index, ours):
        found.add(index, [(jobs[index], 'a crash here' if ours.get('crash') else system_calls.hostile_difference(ours), None)])

    pool.run_all(jobs, lambda: system_calls.Traced(program), judge)
    processes = Count('no connection but to the endpoint, no file: processes of their own')
    chosen_jobs = answered + [job for job in jobs if job['service'] == 'none']
    for job, difference in system_calls.native(os.path.join(os.path.dirname(program), 'aws-native'), chosen_jobs):
        processes.add(job['cmd'], [(job, difference, None)])
    for each in (found, processes):
        say(f'{each.title}: {each.equal} of {each.cases}')
    return [found, processes]


def static():
    """The rows that our own tests count, over cases that botocore and JMESPath publish. Builds what is needed."""
    say('building, and counting what needs no commands')
    cargo = ['cargo', 'test', '--locked', '--workspace', '--all-features', '--test', 'parity', '--test', 'protocols',
             '--test', 'signatures', '--', '--nocapture', 'endpoints', 'jmespath', 'requests_are_signed', 'of_the_cases']
    run = subprocess.run(cargo, cwd=pool.ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if run.returncode:
        sys.exit(run.stdout[-5000:] + '\nparity: the cases of the static rows fail, or do not build')
    totals = {}
    for title, equal, cases in re.findall(r'counted: (.+): (\d+) of (\d+)', run.stdout):
        found = totals.setdefault(title, Count(title))
        found.equal += int(equal)
        found.cases += int(cases)
    return list(totals.values())


def report(counts, sample, seconds, traced):
    """The table and the differences, as Markdown."""
    part = ('' if sample >= 100 else f' --sample {sample:g}') + (' --trace' if traced else '')
    lines = [
        '# Parity with the official AWS CLI',
        '',
        f'Ours beside the official AWS CLI {RELEASE}, command by command: {datetime.date.today().isoformat()}, '
        f'`./alfred parity{part}`, {seconds / 60:.0f} min.',
        'Both run the same commands against the same recorded answers; what a row says must be equal is compared as it',
        'stands: requests with their headers and bodies, printed bytes, exit status. Time, keys and tokens stand still, so',
        'signatures are compared as well. `tests/parity` holds the harness.',
        *(TRACED if traced else ()),
        '',
        '| row | cases | equal | share | chosen to differ | differ |',
        '|---|---:|---:|---:|---:|---:|',
    ]
    signatures = Count('signatures of the requests of all rows')
    for found in counts:
        lines.append(line(found))
        signatures.cases += found.signatures
        signatures.equal += found.signed
    if signatures.cases:
        lines.append(line(signatures))
    for wanted, title, text in (
            (True, 'Chosen to differ', 'These do otherwise on purpose.'),
            (False, 'Differ', 'These do not do as the official CLI does, and nobody chose it.')):
        by_cause = collections.OrderedDict()
        for found in counts:
            for job, difference in found.differences:
                chosen, why = causes.of(difference) or (False, None)
                if chosen == wanted:
                    by_cause.setdefault(why, []).append((found.title, job, difference))
        lines += ['', f'## {title}', '', text if by_cause else 'Nothing.']
        for why, cases in by_cause.items():
            lines += ['', f'### {(why or "Not explained")[:1].upper()}{(why or "Not explained")[1:]}', '']
            if why:
                lines += summary(cases)
            else:
                lines += [f'- {title}: `{short(job["cmd"])}`: {escaped(difference)}' for title, job, difference in cases]
    return '\n'.join(lines) + '\n'


def line(found):
    chosen = found.chosen()
    share = 100 * found.equal / found.cases if found.cases else 100
    shown = '100' if found.equal == found.cases else f'{min(share, 99.99):.2f}'
    return (f'| {found.title} | {found.cases:,} | {found.equal:,} | {shown} % | {chosen:,} | '
            f'{found.cases - found.equal - chosen:,} |')


def summary(cases):
    """The commands of a cause, by service, with the rows in which they differ."""
    rows_of = collections.OrderedDict()
    for title, job, _ in cases:
        rows_of.setdefault((job['service'], job['op']), []).append(title)
    services = collections.OrderedDict()
    for (service, operation), _ in sorted(rows_of.items()):
        services.setdefault(service, []).append(operation)
    return [f"- {len(cases)} cases of {len(rows_of)} commands"] + [
        f'- `{service}`: {", ".join(operations)}' for service, operations in services.items()]


def short(command):
    command = ' '.join(command.split())
    return (command if len(command) <= 160 else command[:157] + '…').replace('`', "'").replace('|', '\\|')


def escaped(text):
    text = ' '.join(text.split())
    return '`' + (text if len(text) <= 300 else text[:297] + '…').replace('`', "'") + '`'


def keep_differences(folder, name, found):
    """Writes what differs in a row, if that is wanted."""
    if folder:
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, name + '.txt'), 'w', encoding='utf-8') as file:
            for job, difference in found.differences:
                file.write(f"{job['cmd']}\n    {difference}\n")


def main():
    parser = argparse.ArgumentParser(prog='./alfred parity', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rows', help='names of rows, with commas between them; all of them without this')
    parser.add_argument('--services', help='services, with commas between them')
    parser.add_argument('--sample', type=float, default=100, metavar='PERCENT',
                        help='how much of each row to run; another part each day')
    parser.add_argument('--differences', metavar='FOLDER', help='where to write what differs, a file for each row')
    parser.add_argument('--program', help='a built aws-replay; without this it is built')
    parser.add_argument('--write', metavar='FILE', help='where to write the table, as Markdown')
    parser.add_argument('--trace', action='store_true',
                        help='run ours under a trace of its system calls as well, and hostile commands besides')
    parser.add_argument('--least', type=float, metavar='PERCENT',
                        help='fail if fewer cases of a row are equal or chosen to differ')
    options = parser.parse_args()
    started = time.time()
    all_names = ['tables'] + [row.name for row in rows.ROWS]
    names = options.rows.split(',') if options.rows else all_names
    unknown = set(names) - set(all_names)
    if unknown:
        parser.error(f"there is no row {', '.join(sorted(unknown))}: {', '.join(all_names)}")
    counts = [] if options.program or options.rows else static()
    program = options.program or os.path.join(
        os.environ.get('CARGO_TARGET_DIR', os.path.join(pool.ROOT, 'target')), 'debug', 'aws-replay')
    kept = Kept()
    if 'tables' in names:
        counts.append(tables(kept, program))
        keep_differences(options.differences, 'tables', counts[-1])
    commands = all_commands(kept) if names != ['tables'] else []
    day = datetime.date.today().isoformat()
    services = options.services.split(',') if options.services else None
    whole = options.sample >= 100 and not services

    def is_chosen(service, case):
        return (not services or service in services) and (options.sample >= 100 or chosen(case, options.sample, day))

    traced = TracedRows() if options.trace else None
    for row in rows.ROWS:
        if row.name not in names:
            continue
        jobs = list(row.jobs(commands))
        for index, job in enumerate(jobs):
            job['index'] = index
            job['chosen'] = is_chosen(job['service'], row.case(job))
        found = count(row, jobs, kept, program, whole, traced)
        counts.append(found)
        keep_differences(options.differences, row.name, found)
    if traced:
        jobs = [job for job in system_calls.hostile(commands)
                if job['service'] == 'none' or is_chosen(job['service'], job['cmd'])]
        answered = [job for service, job in traced.answered.items() if is_chosen(service, service)]
        traced = [traced.count, *hostile(jobs, answered, program)]
        counts += traced
    text = report(counts, options.sample, time.time() - started, options.trace)
    if options.write:
        with open(options.write, 'w', encoding='utf-8') as file:
            file.write(text)
    print(text.split('\n## ')[0].split('\n\n', 2)[2])
    for found in traced or ():
        if found.differences:
            for job, difference in found.differences[:20]:
                print(f"{found.title}: {job['cmd']}\n    {difference}")
            sys.exit(f'parity: {found.title}: not so')
    if options.least:
        # Of a small sample a few cases say nothing.
        short_rows = [found for found in counts if found.cases - found.equal - found.chosen()
                      > max(FEW, found.cases * (100 - options.least) / 100)]
        for found in short_rows:
            for job, difference in found.differences[:20]:
                print(f"{found.title}: {job['cmd']}\n    {difference}")
        if short_rows:
            sys.exit(f"parity: under {options.least:g} %: {', '.join(found.title for found in short_rows)}")


if __name__ == '__main__':
    main()
