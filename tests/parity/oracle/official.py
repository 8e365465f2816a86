"""Runs official AWS CLI commands inside this interpreter with the network cut.

Imported by serve.py inside the frozen CLI v2. Everything that makes a run differ
from the next is pinned: time, UUIDs, credentials, region, home directory.
"""
import base64
import datetime as _real_dt
import gc
import io
import os
import random
import shlex
import sys
import time as _real_time
import traceback
import uuid

import payload

FIXED_EPOCH = 1736944496.0  # 2025-01-15T12:34:56Z
FIXED_UUID = '11111111-2222-4333-8444-555555555555'
BASE_ENV = {
    'AWS_ACCESS_KEY_ID': 'AKIAIOSFODNN7EXAMPLE',
    'AWS_SECRET_ACCESS_KEY': 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    'AWS_SESSION_TOKEN': 'FwoGZXIvYXdzEXAMPLETOKEN',
    'AWS_ACCOUNT_ID': '123456789012',
    'AWS_DEFAULT_REGION': 'us-east-1',
    'AWS_EC2_METADATA_DISABLED': 'true',
    'AWS_PAGER': '',
    'AWS_CLI_HISTORY_FILE': '/nonexistent',
    'COLUMNS': '80',
    'LANG': 'C.UTF-8',
    'TZ': 'UTC',
}
MAX_REQUESTS = 8


class StopRun(BaseException):
    """Ends a command that sends more requests than its job allows."""


class _State:
    job = None
    requests = None
    served = None
    operation = None
    limit = MAX_REQUESTS
    runs = 0


STATE = _State()


def _fixed_dt(remove_tzinfo=True):
    d = _real_dt.datetime.fromtimestamp(FIXED_EPOCH, _real_dt.timezone.utc)
    return d.replace(tzinfo=None) if remove_tzinfo else d


class FixedDatetime(_real_dt.datetime):
    """A datetime class whose clock stands still."""

    @classmethod
    def utcnow(cls):
        return _fixed_dt()

    @classmethod
    def now(cls, tz=None):
        d = _fixed_dt(False)
        return d.astimezone(tz) if tz is not None else d.replace(tzinfo=None)


class FakeDatetimeModule:
    datetime = FixedDatetime

    def __getattr__(self, name):
        return getattr(_real_dt, name)


class FakeTime:
    """Stands in for the time module inside the modules that sign or wait."""

    def __getattr__(self, name):
        return getattr(_real_time, name)

    @staticmethod
    def time():
        return FIXED_EPOCH

    @staticmethod
    def gmtime(secs=None):
        return _real_time.gmtime(FIXED_EPOCH if secs is None else secs)

    @staticmethod
    def localtime(secs=None):
        return _real_time.gmtime(FIXED_EPOCH if secs is None else secs)

    @staticmethod
    def sleep(_):
        return None


def _read_body(body):
    if body is None:
        return b''
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    if isinstance(body, str):
        return body.encode('utf-8')
    if hasattr(body, 'read'):
        data = body.read()
        return data if isinstance(data, bytes) else str(data).encode('utf-8')
    return b''.join(body)


def encode_bytes(data):
    """Bytes for a JSON line: text where it is UTF-8, else {"b64": ...}."""
    try:
        return data.decode('utf-8')
    except UnicodeDecodeError:
        return {'b64': base64.b64encode(data).decode('ascii')}


def decode_bytes(value):
    if isinstance(value, dict):
        return base64.b64decode(value['b64'])
    return (value or '').encode('utf-8')


def _emulated(address, record):
    """What an emulator answers to a request that was made for AWS itself."""
    import http.client
    import urllib.parse

    url = urllib.parse.urlsplit(record['url'])
    # A body that waits until it is asked for would only be slower.
    headers = {k: v for k, v in record['headers'].items() if k.lower() != 'expect'}
    connection = http.client.HTTPConnection(address, timeout=60)
    try:
        connection.request(record['method'], (url.path or '/') + (f'?{url.query}' if url.query else ''),
                           decode_bytes(record['body']), {**headers, 'Host': url.netloc})
        response = connection.getresponse()
        # An operation that the emulator does not have.
        STATE.unanswered |= response.status >= 500 and 'html' in response.getheader('Content-Type', '')
        return {'status': response.status, 'headers': dict(response.getheaders()),
                'body': encode_bytes(response.read())}
    finally:
        connection.close()


def _fake_send(self, request):
    import urllib3
    from botocore.awsrequest import AWSResponse

    headers = {}
    for k, v in request.headers.items():
        headers[str(k)] = v.decode('utf-8') if isinstance(v, bytes) else str(v)
    record = {
        'method': request.method,
        'url': request.url,
        'headers': headers,
        'body': encode_bytes(_read_body(request.body)),
    }
    STATE.requests.append(record)
    n = len(STATE.requests)
    if n > STATE.limit:
        raise StopRun()
    canned = STATE.job.get('responses')
    if canned:
        if n > len(canned) and STATE.job.get('strict'):
            raise StopRun()
        resp = canned[min(n, len(canned)) - 1]
    elif STATE.job.get('emulator'):
        resp = _emulated(STATE.job['emulator'], record)
    else:
        from answers import make_response
        resp = make_response(STATE.operation, STATE.job.get('respond', 'min'), n,
                             STATE.job.get('respond_json'))
    STATE.served.append(resp)
    body = decode_bytes(resp.get('body', ''))
    rh = dict(resp.get('headers') or {})
    raw = urllib3.response.HTTPResponse(
        body=io.BytesIO(body), headers=rh, status=resp.get('status', 200),
        preload_content=False, request_method=request.method)
    ar = AWSResponse(request.url, resp.get('status', 200), rh, raw)
    if not request.stream_output:
        ar.content
    return ar


_PATCHED = False


def patch():
    global _PATCHED
    if _PATCHED:
        return
    _PATCHED = True
    uuid.uuid4 = lambda: uuid.UUID(FIXED_UUID)
    import importlib
    import awscli  # noqa: F401  (installs the botocore alias)
    import botocore.auth
    import botocore.compat
    import botocore.endpoint
    import botocore.httpsession
    import botocore.loaders
    import botocore.signers
    import botocore.utils
    import botocore.waiter

    fake = FakeTime()
    fake_dt = FakeDatetimeModule()
    for name in ('botocore.compat', 'botocore.auth', 'botocore.endpoint',
                 'botocore.signers', 'botocore.utils', 'botocore.waiter',
                 'botocore.retries.bucket', 'botocore.retries.standard',
                 's3transfer.bandwidth', 'botocore.crt.auth',
                 'awscli.customizations.cloudformation.deployer',
                 'awscli.customizations.cloudtrail.validation',
                 'awscli.customizations.codeartifact.login',
                 'awscli.customizations.codecommit',
                 'awscli.customizations.codedeploy.push',
                 'awscli.customizations.datapipeline',
                 'awscli.customizations.ec2.bundleinstance',
                 'awscli.customizations.eks.get_token',
                 'awscli.customizations.logs.tail',
                 'awscli.customizations.servicecatalog.utils',
                 'awscli.customizations.dsql',
                 'awscli.customizations.waiters',
                 'awscli.customizations.cloudfront',
                 'awscli.customizations.utils'):
        try:
            m = importlib.import_module(name)
        except ImportError:
            continue
        if hasattr(m, 'get_current_datetime'):
            m.get_current_datetime = _fixed_dt
        if getattr(m, 'time', None) is _real_time:
            m.time = fake
        if getattr(m, 'datetime', None) is _real_dt:
            m.datetime = fake_dt
        elif getattr(m, 'datetime', None) is _real_dt.datetime:
            m.datetime = FixedDatetime
    botocore.httpsession.URLLib3Session.send = _fake_send

    orig = botocore.endpoint.Endpoint.make_request

    def make_request(self, operation_model, request_dict):
        STATE.operation = operation_model
        return orig(self, operation_model, request_dict)

    botocore.endpoint.Endpoint.make_request = make_request

    # One parse of each model per process; the CLI itself parses per session.
    L = botocore.loaders.Loader
    for meth in ('load_service_model', 'load_data', 'load_data_with_path',
                 'determine_latest_version', 'list_available_services',
                 'list_api_versions'):
        if not hasattr(L, meth):
            continue
        setattr(L, meth, _cached(getattr(L, meth)))


    _speedups()


def _speedups():
    """Memoises pure functions that the CLI calls thousands of times a command."""
    import gc
    import botocore.compat
    import botocore.endpoint_provider as ep
    import botocore.hooks as hooks

    if hasattr(getattr(hooks, 'EventAliaser', None), '_alias_event_name'):
        plain = hooks.EventAliaser._alias_event_name
        names = {}

        def alias(self, event_name):
            # The alias table and its exceptions are the same for all sessions.
            got = names.get(event_name)
            if got is None:
                got = names[event_name] = plain(self, event_name)
            return got

        hooks.EventAliaser._alias_event_name = alias
    real_accepts = botocore.compat.accepts_kwargs
    known = {}

    def accepts_kwargs(func):
        code = getattr(getattr(func, '__func__', func), '__code__', None)
        if code is None:
            return real_accepts(func)
        got = known.get(code)
        if got is None:
            got = known[code] = bool(code.co_flags & 0x08)
        return got

    botocore.compat.accepts_kwargs = accepts_kwargs
    hooks.accepts_kwargs = accepts_kwargs

    rulesets = {}
    plain_ruleset = ep.RuleSet

    def ruleset(**kw):
        # A RuleSet holds no per-request state, so one per service will do.
        got = rulesets.get(id(kw['rules']))
        if got is None or got[0] is not kw['rules']:
            if len(rulesets) > 8:
                rulesets.clear()
            got = rulesets[id(kw['rules'])] = (kw['rules'], plain_ruleset(**kw))
        return got[1]

    ep.RuleSet = ruleset

    # Service models are read-only views on the (cached) model data.
    import botocore.client
    import botocore.session as bs
    models = {}
    plain_model = bs.Session.get_service_model

    def get_service_model(self, service_name, *args, **kw):
        key = (service_name, args, tuple(kw.items()))
        if key not in models:
            if len(models) > 3:
                models.clear()
            models[key] = plain_model(self, service_name, *args, **kw)
        return models[key]

    bs.Session.get_service_model = get_service_model
    plain_load = botocore.client.ClientCreator._load_service_model
    client_models = {}

    def load(self, service_name, *args, **kw):
        if service_name not in client_models:
            if len(client_models) > 3:
                client_models.clear()
            client_models[service_name] = plain_load(self, service_name, *args, **kw)
        return client_models[service_name]

    botocore.client.ClientCreator._load_service_model = load
    plain_methods = botocore.client.ClientCreator._create_methods
    methods = {}

    def create_methods(self, service_model):
        got = methods.get(id(service_model))
        if got is None or got[0] is not service_model:
            methods.clear()
            got = methods[id(service_model)] = (service_model, plain_methods(self, service_model))
        return dict(got[1])

    botocore.client.ClientCreator._create_methods = create_methods
    # The CLI makes one output factory per operation of the service; one will do.
    import awscli.clidriver as cd
    if hasattr(cd, 'OutputStreamFactory'):
        plain_factory = cd.OutputStreamFactory
        last = [None, None]

        def factory(session, *args, **kw):
            if args or kw:
                return plain_factory(session, *args, **kw)
            if last[0] is not session:
                last[:] = [session, plain_factory(session)]
            return last[1]

        cd.OutputStreamFactory = factory
    gc.disable()


def _cached(func):
    cache = {}
    inner = getattr(func, '__wrapped__', func)

    def wrapper(self, *args, **kw):
        key = (args, tuple(sorted(kw.items())))
        if key not in cache:
            cache[key] = func(self, *args, **kw)
        return cache[key]

    wrapper.__name__ = getattr(inner, '__name__', 'cached')
    wrapper.cache = cache
    return wrapper


def drop_model_cache():
    """Frees the parsed models (called between services)."""
    import botocore.loaders
    for meth in ('load_service_model', 'load_data', 'load_data_with_path'):
        f = getattr(botocore.loaders.Loader, meth, None)
        if f is not None and hasattr(f, 'cache'):
            keep = {k: v for k, v in f.cache.items()
                    if k[0] and str(k[0][0]) in ('partitions', 'sdk-default-configuration', 'cli', '_retry', 'endpoints')}
            f.cache.clear()
            f.cache.update(keep)


def new_driver(args):
    import awscli.clidriver as cd
    return cd.create_clidriver(args)


def _main(args):
    import awscli.clidriver as cd
    from botocore.context import start_as_current_context
    with start_as_current_context():
        return cd.AWSCLIEntryPoint().main(args)


class _Capture:
    def __init__(self):
        self.raw = io.BytesIO()
        self.text = io.TextIOWrapper(
            self.raw, encoding='utf-8', newline='\n', write_through=True)

    def value(self):
        try:
            self.text.flush()
        except ValueError:
            pass
        return self.raw.getvalue()


def split_command(job):
    if 'argv' in job:
        return list(job['argv'])
    argv = shlex.split(job['cmd'])
    if argv and argv[0] == 'aws':
        argv = argv[1:]
    return argv


def run_job(job):
    """Runs one job in this process and returns its result as a dict."""
    patch()
    argv = split_command(job)
    STATE.job = job
    STATE.requests = []
    STATE.served = []
    STATE.operation = None
    STATE.unanswered = False
    STATE.limit = job.get('limit', MAX_REQUESTS)
    env = dict(BASE_ENV)
    env.update(job.get('env') or {})
    home = os.environ.get('ORACLE_HOME', '/nonexistent')
    env.setdefault('HOME', home)
    env.setdefault('AWS_CONFIG_FILE', os.path.join(home, 'config'))
    env.setdefault('AWS_SHARED_CREDENTIALS_FILE', os.path.join(home, 'credentials'))
    env.setdefault('PATH', os.environ.get('PATH', ''))
    data_path = os.environ.get('AWS_DATA_PATH')
    for k in [k for k in os.environ if k.startswith('AWS_')]:
        del os.environ[k]
    os.environ.update(env)
    if data_path:
        os.environ['AWS_DATA_PATH'] = data_path
    for name, content in (job.get('files') or {}).items():
        with open(name, 'wb') as f:
            f.write(decode_bytes(content))
    for name, content in payload.FILES.items():
        if not os.path.exists(name):
            with open(name, 'wb') as f:
                f.write(decode_bytes(content))
    random.seed(0)
    out, err = _Capture(), _Capture()
    saved = sys.stdin, sys.stdout, sys.stderr, sys.argv
    sys.stdin = io.TextIOWrapper(
        io.BytesIO(decode_bytes(job.get('stdin', ''))), encoding='utf-8')
    sys.stdout, sys.stderr = out.text, err.text
    sys.argv = ['aws'] + argv
    started = _real_time.process_time()
    crash = None
    stopped = False
    try:
        rc = _main(argv)
    except StopRun:
        rc, stopped = None, True
    except SystemExit as e:
        rc = e.code if isinstance(e.code, int) else (0 if e.code is None else 1)
    except BaseException:
        rc, crash = None, traceback.format_exc()
    finally:
        sys.stdin, sys.stdout, sys.stderr, sys.argv = saved
    STATE.runs += 1
    if STATE.runs % 25 == 0:
        gc.collect()
    if len(STATE.requests) > STATE.limit:
        stopped = True
        STATE.requests = STATE.requests[:STATE.limit]
    result = {
        'rc': rc,
        'stdout': encode_bytes(out.value()),
        'stderr': encode_bytes(err.value()),
        'requests': STATE.requests,
        'ms': round((_real_time.process_time() - started) * 1000, 1),
    }
    if 'id' in job:
        result['id'] = job['id']
    if job.get('return_responses'):
        result['responses'] = STATE.served
    if stopped:
        result['stopped'] = True
    if STATE.unanswered:
        result['unanswered'] = True
    if crash:
        result['crash'] = crash
    made = {}
    for name in sorted(os.listdir('.')):
        if name in payload.FILES:
            continue
        if os.path.isfile(name):
            if name not in (job.get('files') or {}):
                with open(name, 'rb') as f:
                    made[name] = encode_bytes(f.read())
            os.unlink(name)
        elif job.get('clean', True):
            import shutil
            shutil.rmtree(name, ignore_errors=True)
    if made:
        result['files'] = made
    return result
