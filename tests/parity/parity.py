#!/usr/bin/env python3
"""Counts how much of the official AWS CLI v2 our `aws` does as it does: runs the same commands through both, against the
same recorded answers, and compares requests, output and exit status. The official CLI's answers are kept in
.env/parity, so that only the first whole count takes long.
"""
import argparse
import collections
import datetime
import gzip
import hashlib
import json
import os
import sys
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, 'oracle'))
import examples  # noqa: E402
import mistakes  # noqa: E402
import pool  # noqa: E402
import rows  # noqa: E402

EXAMPLES = os.path.join(pool.ROOT, '.env', 'awscli', 'awscli', 'examples')
KEPT = os.path.join(pool.ROOT, '.env', 'parity')


def say(text):
    print(f'parity: {text}', file=sys.stderr, flush=True)


def digest():
    """Names the answers: another way to make commands or answers gives others."""
    state = hashlib.sha256()
    for folder in ('', 'oracle'):
        for name in sorted(os.listdir(os.path.join(HERE, folder))):
            if name.endswith('.py') and name not in ('parity.py', 'compare.py'):
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


def chosen(job, sample, day):
    """Whether the sample of a day has this job: each day has another."""
    return zlib.crc32(f"{day} {job['cmd']}".encode()) % 10_000 < sample * 100


class Count:
    """How many cases of a row are equal."""

    def __init__(self):
        self.cases = 0
        self.equal = 0
        self.signed = 0
        self.signatures = 0
        self.differences = []

    def add(self, job, difference, signed):
        self.cases += 1
        self.equal += difference is None
        if signed is not None and difference is None:
            self.signatures += 1
            self.signed += signed
            if not signed:
                self.differences.append((job, 'signature'))
        if difference is not None:
            self.differences.append((job, difference))


def count(row, jobs, kept, program, whole):
    """Runs the jobs of a row through both and compares."""
    started = time.time()
    theirs = kept.read(row.name)
    if theirs is None:
        todo = [job for job in jobs if whole or job['chosen']]
        results = [None] * len(todo)
        pool.run_all(todo, pool.Official, lambda index, result: results.__setitem__(index, result))
        theirs = [None] * len(jobs)
        for job, result in zip(todo, results):
            theirs[job['index']] = result
        if whole:
            kept.write(row.name, theirs)
    todo = []
    for job in jobs:
        if job['chosen']:
            todo.append(dict(job, responses=theirs[job['index']].get('responses') or [{}]))
    found = Count()
    outcome = [None] * len(todo)

    def judge(index, ours):
        their = theirs[todo[index]['index']]
        if ours.get('crash'):
            outcome[index] = ('a crash here', None)
        else:
            outcome[index] = row.judge(their, ours)

    pool.run_all(todo, lambda: pool.Ours(program), judge)
    for job, (difference, signed) in zip(todo, outcome):
        found.add(job, difference, signed)
    say(f'{row.name}: {found.equal} of {found.cases} ({time.time() - started:.0f} s)')
    return found


def main():
    parser = argparse.ArgumentParser(prog='./alfred parity', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--program', required=True, help=argparse.SUPPRESS)
    parser.add_argument('--rows', help='names of rows, with commas between them; all of them without this')
    parser.add_argument('--services', help='services, with commas between them')
    parser.add_argument('--sample', type=float, default=100, metavar='PERCENT',
                        help='how much of each row to run; another part each day')
    parser.add_argument('--differences', metavar='FOLDER', help='where to write what differs, a file for each row')
    options = parser.parse_args()
    names = options.rows.split(',') if options.rows else [row.name for row in rows.ROWS]
    unknown = set(names) - {row.name for row in rows.ROWS}
    if unknown:
        parser.error(f"there is no row {', '.join(sorted(unknown))}: {', '.join(row.name for row in rows.ROWS)}")
    kept = Kept()
    commands = all_commands(kept)
    day = datetime.date.today().isoformat()
    services = options.services.split(',') if options.services else None
    whole = options.sample >= 100 and not services
    for row in rows.ROWS:
        if row.name not in names:
            continue
        jobs = list(row.jobs(commands))
        for index, job in enumerate(jobs):
            job['index'] = index
            job['chosen'] = (not services or job['service'] in services) and (
                options.sample >= 100 or chosen(job, options.sample, day))
        found = count(row, jobs, kept, options.program, whole)
        signatures = f', signatures {found.signed} of {found.signatures}' if found.signatures else ''
        print(f'{row.title}: {found.equal} of {found.cases}{signatures}')
        if options.differences:
            os.makedirs(options.differences, exist_ok=True)
            with open(os.path.join(options.differences, row.name + '.txt'), 'w', encoding='utf-8') as file:
                for job, difference in found.differences:
                    file.write(f"{job['cmd']}\n    {difference}\n")


if __name__ == '__main__':
    main()
