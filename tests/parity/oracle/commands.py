"""Writes commands for operations from the CLI's own command and argument tables."""
import base64
import json
import re
import shlex
import zlib

import paging
import waiters

ACCOUNT = '123456789012'


def h(path):
    return zlib.crc32(path.encode('utf-8'))


class Gen:
    def __init__(self, service):
        self.service = service

    # ---- values -------------------------------------------------------
    def string(self, shape, name, path):
        k = h(path)
        enum = getattr(shape, 'enum', None)
        if enum:
            if shape.name == 'ChecksumAlgorithm':
                enum = [e for e in enum if e.upper() in ('CRC32', 'SHA1', 'SHA256')] or enum
            return enum[k % len(enum)]
        if shape.serialization.get('jsonvalue'):
            return json.dumps({'k': 'v%d' % (k % 10)})
        low = (name or '').lower()
        meta = shape.metadata
        if low.endswith('arn') and self.service == 'kinesis' and low != 'consumerarn':
            kind = 'channel/c' if 'channel' in low else 'stream/s'
            v = 'arn:aws:kinesis:us-east-1:%s:%s%d' % (ACCOUNT, kind, k % 100)
        elif re.search(r'account_?-?ids?$', low):
            v = ACCOUNT
        elif low == 'bucket' or low.endswith('bucketname'):
            v = 'example-bucket-%d' % (k % 100)
        elif low == 'kvsarn':
            v = 'arn:aws:cloudfront::%s:key-value-store/11111111-2222-4333-8444-555555555555' % ACCOUNT
        elif low in ('queueurl',):
            v = 'https://sqs.us-east-1.amazonaws.com/%s/queue-%d' % (ACCOUNT, k % 100)
        elif low == 'predictendpoint':
            v = 'https://realtime.machinelearning.us-east-1.amazonaws.com'
        elif low == 'endpointid' and self.service in ('events', 'cloudwatch-events'):
            v = 'abcde.veo'
        elif low == 'invokeurl' or low.endswith('url') or low.endswith('uri'):
            v = 'https://example.com/x%d' % (k % 100)
        elif low == 'streamarn' or low == 'consumerarn':
            tail = 'stream/s%d' % (k % 100)
            if low == 'consumerarn':
                tail += '/consumer/c:1'
            v = 'arn:aws:kinesis:us-east-1:%s:%s' % (ACCOUNT, tail)
        elif low.endswith('arn'):
            v = 'arn:aws:%s:us-east-1:%s:thing/t%d' % (self.service, ACCOUNT, k % 100)
        elif low == 'copysource':
            v = 'src-bucket/src key %d' % (k % 100)
        elif low.endswith('md5'):
            v = base64.b64encode(b'0123456789abcdef').decode()
        elif low in ('json', 'policy', 'policydocument') and not meta.get('max', 99) < 10:
            v = json.dumps({'Version': '2012-10-17'})
        elif meta.get('hostLabel') or shape.serialization.get('hostLabel'):
            v = 'label-%d' % (k % 100)
        else:
            v = '%s-%d' % (re.sub(r'[^A-Za-z0-9]', '', name or 'v')[:20] or 'v', k % 1000)
            if k % 11 == 0:
                v = v + ' b&c'
        lo, hi = meta.get('min', 0) or 0, meta.get('max')
        if len(v) < lo:
            v = v + 'x' * (lo - len(v))
        if hi and len(v) > hi and hi >= 1:
            v = v[:hi]
        return v

    def number(self, shape, path):
        lo, hi = shape.metadata.get('min'), shape.metadata.get('max')
        k = h(path) % 50
        if lo is not None and hi is not None:
            n = lo + (k % max(1, int(hi - lo) + 1))
        elif lo is not None:
            n = lo + k
        elif hi is not None:
            n = min(hi, k)
        else:
            n = k
        if shape.type_name in ('float', 'double'):
            if (hi is None or n + 0.5 <= hi):
                return n + 0.5
            return float(n)
        return int(n)

    def value(self, shape, name, path, depth, full, stack=()):
        t = shape.type_name
        if getattr(shape, 'is_document_type', False):
            return {'doc': name or 'd', 'n': [1, True, None]}
        if t == 'structure':
            required = set(shape.required_members)
            union = getattr(shape, 'is_tagged_union', False)
            names = list(shape.members)
            if union and names:
                ok = [n for n in names if shape.members[n].name not in stack] or names
                names = [ok[h(path) % len(ok)]]
                required = set(names)
            out = {}
            for n in names:
                m = shape.members[n]
                need = n in required
                if not need and (not full or depth <= 0 or m.name in stack):
                    continue
                if m.serialization.get('eventstream'):
                    continue
                if len(stack) > 12:
                    continue
                out[n] = self.value(m, n, path + '.' + n, depth - 1, full and depth > 0, stack + (shape.name,))
            return out
        if t == 'list':
            lo = shape.metadata.get('min', 0) or 0
            n = max(lo, 2 if full else 1)
            if (shape.member.name in stack or len(stack) > 12) and not lo:
                return []
            hi = shape.metadata.get('max')
            if hi:
                n = min(n, max(hi, lo))
            n = min(n, max(lo, 3))
            return [self.value(shape.member, _singular(name), '%s[%d]' % (path, i), depth - 1, full, stack + (shape.name,))
                    for i in range(n)]
        if t == 'map':
            if shape.value.name in stack or len(stack) > 12:
                return {}
            enum = getattr(shape.key, 'enum', None)
            n = max(shape.metadata.get('min', 0) or 0, 2 if full else 1)
            out = {}
            for i in range(min(n, 5)):
                key = enum[(h(path) + i) % len(enum)] if enum else 'Key%d' % i
                key += 'x' * ((shape.key.metadata.get('min') or 0) - len(key))
                out[key] = self.value(shape.value, 'v', '%s{%s}' % (path, key), depth - 1, full, stack + (shape.name,))
            return out
        if t in ('string', 'character'):
            return self.string(shape, name, path)
        if t in ('integer', 'long', 'short', 'byte', 'float', 'double'):
            return self.number(shape, path)
        if t == 'boolean':
            return bool(h(path) & 1)
        if t == 'timestamp':
            k = h(path)
            return ('2024-01-02T03:04:%02dZ' % (k % 60), '17%08d' % (k % 100000000),
                    '2024-02-29', '2024-05-06T07:08:09+02:00', '2024-01-02T03:04:05.678Z')[k % 5 if full else 0]
        if t == 'blob':
            raw = 'blob%d' % (h(path) % 100)
            return base64.b64encode(raw.encode()).decode()
        return 'x'

    # ---- command words ------------------------------------------------
    def words(self, arg, name, op_name, style, depth):
        full = style != 'min'
        if positional(arg):
            return ['out.bin'] if name == 'outfile' else ['pos']
        if self.service == 'lambda' and name == 'zip-file':
            return [arg.cli_name, 'fileb://payload.zip']
        shape = arg.argument_model
        if arg.cli_type_name == 'boolean' or type(arg).__name__ in ('PositiveBooleanArgument', 'NegativeBooleanParameter'):
            return [arg.cli_name]
        choices = list(getattr(arg, 'choices', None) or [])
        if choices:
            return [arg.cli_name, str(choices[h(op_name + name) % len(choices)])]
        if shape is None:
            return None
        path = op_name + '.' + getattr(arg, '_serialized_name', name)
        member = getattr(arg, '_serialized_name', None) or name.replace('-', '')
        t = shape.type_name
        if t == 'blob' and shape.serialization.get('streaming'):
            return [arg.cli_name, 'payload.bin']
        if t == 'blob' and full and h(path) % 3 == 0:
            return [arg.cli_name, 'fileb://payload.bin']
        v = self.value(shape, member, path, depth, full)
        if getattr(shape, 'is_document_type', False):
            return [arg.cli_name, json.dumps(v)]
        if t in ('structure', 'map'):
            if style == 'short':
                s = shorthand(v)
                if s:
                    return [arg.cli_name, s]
            return [arg.cli_name, json.dumps(v)]
        if t == 'list':
            mt = shape.member.type_name
            if mt in ('structure', 'map', 'list') or getattr(shape.member, 'is_document_type', False):
                if style == 'short' and mt != 'list' and v:
                    parts = [shorthand(x) for x in v]
                    if all(parts):
                        return [arg.cli_name] + parts
                return [arg.cli_name, json.dumps(v)]
            if not v:
                return [arg.cli_name, '[]']
            if style == 'short':
                return [arg.cli_name, json.dumps(v)]
            return [arg.cli_name] + [('true' if x is True else 'false' if x is False else str(x)) for x in v]
        if t in ('integer', 'long', 'float', 'double'):
            return [arg.cli_name, repr(v)]
        return [arg.cli_name, str(v)]

    def command(self, svc_cli, op_cli, op_obj, style, depth):
        table = op_obj.arg_table
        words = ['aws', svc_cli, op_cli]
        chosen, covered, skipped = set(), set(), []
        model = op_obj._operation_model.input_shape
        must = set(model.required_members) if model is not None else set()
        if model is not None:
            must -= {n for n, m in model.members.items() if m.metadata.get('idempotencyToken')}

        def add(name, arg):
            w = self.words(arg, name, op_obj._operation_model.name, style, depth)
            if w is None:
                skipped.append(name)
                return
            words.extend(w)
            covered.add(getattr(arg, '_serialized_name', name))

        for name, arg in list(table.items()):
            required = bool(arg.required)
            modeled = hasattr(arg, '_serialized_name')
            pos = positional(arg)
            zipped = self.service == 'lambda' and name == 'zip-file'
            if getattr(arg, '_UNDOCUMENTED', False) and not required:
                continue
            if type(arg).__name__ == 'PageArgument':
                continue
            if style == 'min' and not required and not pos:
                continue
            if not modeled and not required and not pos and not zipped:
                skipped.append(name)
                continue
            if (arg.cli_type_name == 'boolean' or type(arg).__name__ in ('PositiveBooleanArgument', 'NegativeBooleanParameter')) and modeled:
                group = getattr(arg, 'group_name', None) or name
                if group in chosen:
                    continue
                negative = 'no-' + name
                if h(op_cli + group) & 1 and negative in table and not required:
                    arg = table[negative]
                chosen.add(group)
            add(name, arg)
        # Members that the service needs although the CLI does not insist on them.
        for name, arg in list(table.items()):
            if getattr(arg, '_serialized_name', None) in must - covered and not positional(arg):
                add(name, arg)
        return words, skipped


def positional(arg):
    if type(arg).__name__ in ('StreamingOutputArgument',):
        return True
    return bool(getattr(arg, 'positional_arg', False))


def _singular(name):
    return name[:-1] if name and name.endswith('s') else name


SAFE = re.compile(r'^[A-Za-z0-9_./:+@-]+$')


def shorthand(v, top=True):
    """Shorthand for a value, or None where the syntax cannot express it plainly."""
    if isinstance(v, dict):
        if not v:
            return None
        parts = []
        for k, x in v.items():
            if not re.match(r'^[A-Za-z0-9_.:/-]+$', k):
                return None
            s = shorthand(x, False)
            if s is None:
                return None
            parts.append('%s=%s' % (k, s))
        body = ','.join(parts)
        return body if top else '{%s}' % body
    if isinstance(v, list):
        parts = [shorthand(x, False) for x in v]
        if not parts or any(p is None for p in parts):
            return None
        return '[%s]' % ','.join(parts)
    if v is None:
        return None
    if isinstance(v, bool):
        return 'true' if v else 'false'
    s = str(v)
    if not s or top:
        return None
    if SAFE.match(s) and not s.startswith('file'):
        return s
    if "'" in s or '\\' in s:
        return None
    return "'%s'" % s


def _table(obj):
    """The sub-commands of a driver, service or custom command."""
    got = getattr(obj, 'subcommand_table', None)
    if got is None:
        for meth in ('_get_command_table', '_build_subcommand_table'):
            if hasattr(obj, meth):
                got = getattr(obj, meth)()
                break
    return got or {}


def list_commands():
    """Every command: (service, operation, kind); kind is api, custom or wait."""
    import official
    official.patch()
    driver = official.new_driver([])
    out = []
    for svc, obj in sorted(_table(driver).items()):
        table = _table(obj)
        if not table:
            out.append({'service': svc, 'op': None, 'kind': 'custom', 'class': type(obj).__name__})
        for op, o in table.items():
            api = hasattr(o, '_operation_model')
            sub = []
            if not api:
                sub = sorted(_table(o))
            out.append({'service': svc, 'op': op, 'kind': 'api' if api else ('wait' if op == 'wait' else 'custom'),
                        'class': type(o).__name__, 'sub': sub,
                        'hidden': bool(getattr(o, '_UNDOCUMENTED', False)),
                        'api_name': o._operation_model.name if api else None,
                        'api_service': o._operation_model.service_model.service_name if api else None,
                        'streaming_out': bool(api and o._operation_model.has_streaming_output),
                        'event_out': bool(api and o._operation_model.has_event_stream_output)})
    return out


def dump_args(job):
    """The argument table of every operation, after all customizations."""
    import official
    driver = official.new_driver([])
    table = _table(driver)
    for svc in job['services']:
        for op, o in _table(table[svc]).items():
            args = []
            # Some options of `s3 sync` come with its subcommands, of which it has none.
            _table(o)
            for name, arg in (getattr(o, 'arg_table', None) or {}).items():
                row = {'name': name, 'type': arg.cli_type_name, 'required': bool(arg.required)}
                for key, attr in (('serialized', '_serialized_name'), ('group', 'group_name'), ('dest', '_destination'),
                                  ('nargs', '_nargs'), ('action', '_action'), ('choices', 'choices')):
                    v = getattr(arg, attr, None)
                    if v:
                        row[key] = list(v) if isinstance(v, (list, tuple, set)) else str(v)
                if getattr(arg, '_UNDOCUMENTED', False):
                    row['hidden'] = True
                if positional(arg):
                    row['positional'] = True
                cls = type(arg).__name__
                if cls not in ('CLIArgument', 'ListArgument', 'BooleanArgument'):
                    row['class'] = cls
                args.append(row)
            out = {'service': svc, 'op': op, 'class': type(o).__name__, 'args': args}
            if getattr(o, '_UNDOCUMENTED', False):
                out['hidden'] = True
            yield out


def generate(job):
    """Yields {"cmd", "service", "op", "style"} for the services of a job."""
    import official
    official.patch()
    driver = official.new_driver([])
    styles = job.get('styles', ['min', 'max'])
    depth = job.get('depth', 3)
    table = _table(driver)
    if job.get('list'):
        for item in list_commands():
            yield item
        return
    if job.get('args'):
        yield from dump_args(job)
        return
    for svc in job['services']:
        obj = table[svc]
        g = Gen(svc)
        for op, o in _table(obj).items():
            if not hasattr(o, '_operation_model'):
                if op == 'wait' and 'waiter' in styles:
                    for waiter, wo in _table(o).items():
                        if not hasattr(wo, '_operation_model'):
                            continue
                        words, _ = g.command(svc, waiter, wo, 'min', depth)
                        words[2:3] = ['wait', waiter]
                        yield from waiters.commands(driver.session, wo._operation_model, words, svc, waiter)
                continue
            for style in styles:
                if style == 'waiter':
                    continue
                if style == 'paging':
                    yield from paging.commands(o, g.command(svc, op, o, 'min', depth)[0], svc, op)
                    continue
                if style in ('skeleton', 'skeleton-out'):
                    words = ['aws', svc, op, '--generate-cli-skeleton'] + (['output'] if style == 'skeleton-out' else [])
                    if style == 'skeleton-out':
                        words += g.command(svc, op, o, 'min', depth)[0][3:]
                elif style == 'cij':
                    om = o._operation_model
                    v = g.value(om.input_shape, '', om.name, depth, True) if om.input_shape is not None else {}
                    if om.input_shape is not None:
                        for n, m in om.input_shape.members.items():
                            if m.type_name == 'blob' and m.serialization.get('streaming'):
                                v.pop(n, None)
                    words = ['aws', svc, op, '--cli-input-json', json.dumps(v)]
                    for name, arg in o.arg_table.items():
                        if positional(arg):
                            words += g.words(arg, name, om.name, 'min', depth)
                else:
                    words, _ = g.command(svc, op, o, style, depth)
                yield {'cmd': shlex.join(words), 'service': svc, 'op': op, 'style': style}
