"""Worker processes that run commands: the official CLI, and ours. Both take jobs and give results as lines of JSON."""
import json
import os
import shlex
import subprocess
import tempfile
import threading

import payload

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, '..', '..', '..'))
OFFICIAL = os.path.join(ROOT, '.env', 'awscli-v2', 'awscli', 'v2', 'current', 'dist', 'aws')


class Worker:
    """A process that answers one line with one."""

    def __init__(self, argv, env):
        self.process = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, encoding='utf-8')

    def tell(self, job):
        self.process.stdin.write(json.dumps(job) + '\n')
        self.process.stdin.flush()

    def hear(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError('the worker ended')
        return json.loads(line)

    def call(self, job):
        """Runs a command."""
        self.tell(job)
        return self.hear()

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()


class Official(Worker):
    """The frozen CLI v2, which our plugin turns into a worker."""

    def __init__(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith(('AWS_', 'PYTHON'))}
        fd, self.config = tempfile.mkstemp(prefix='parity-config-')
        os.write(fd, f'[plugins]\ncli_legacy_plugin_path = {HERE}\nparity = plugin\n'.encode())
        os.close(fd)
        env.update(PYTHONHASHSEED='0', PYTHONDONTWRITEBYTECODE='1', AWS_CONFIG_FILE=self.config, ORACLE_WORKER='1')
        super().__init__([OFFICIAL, '--version'], env)

    def stream(self, job):
        """What a job of kind `gen` yields."""
        self.tell(dict(job, kind='gen', id='gen'))
        while 'end' not in (item := self.hear()):
            yield item

    def close(self):
        super().close()
        os.unlink(self.config)


class Ours(Worker):
    """`aws-replay`."""

    def __init__(self, program):
        super().__init__([program], {})

    def call(self, job):
        if 'cmd' in job:
            job = dict(job, argv=shlex.split(job['cmd'])[1:], files={**payload.FILES, **job.get('files', {})})
        return super().call(job)


def run_all(jobs, make_worker, sink, workers=None):
    """Runs jobs by service, so that each worker keeps its model, and calls sink(index, result) for each."""
    groups = {}
    for index, job in enumerate(jobs):
        groups.setdefault(job['service'], []).append(index)
    todo = [group[at:at + 150] for group in sorted(groups.values(), key=len, reverse=True)
            for at in range(0, len(group), 150)]
    lock = threading.Lock()
    errors = []

    def work():
        worker = None
        try:
            while True:
                with lock:
                    if not todo or errors:
                        return
                    group = todo.pop(0)
                for index in group:
                    worker = worker or make_worker()
                    try:
                        result = worker.call(dict(jobs[index], group=jobs[index]['service']))
                    except RuntimeError:
                        # A crash is a result as well.
                        result = {'rc': None, 'crash': True, 'stdout': '', 'stderr': '', 'requests': []}
                        worker.close()
                        worker = None
                    with lock:
                        sink(index, result)
        except BaseException as error:
            errors.append(error)
        finally:
            if worker:
                worker.close()

    threads = [threading.Thread(target=work) for _ in range(min(workers or os.cpu_count() or 1, max(1, len(todo))))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
