"""The commands of the official documentation's examples, with the output that it shows."""
import glob
import json
import os
import re
import shlex

FILE_RE = re.compile(r'(?:^|=|[\s\'"\[,])(fileb?)://([^\s\'",\]}]+)')
META = re.compile(r'[|;<>`]|\$\(|&&|\|\||\$\{?[A-Za-z]')


def blocks(text):
    """(preceding paragraph, block lines) for each indented literal block."""
    lines = text.expandtabs(4).split('\n')
    i, para, last = 0, [], ''
    while i < len(lines):
        line = lines[i]
        if not line.strip():
            if para:
                last = ' '.join(para)
                para = []
            i += 1
            continue
        indent = len(line) - len(line.lstrip())
        if indent and last and (last.rstrip().endswith(':') or last.startswith('.. code')):
            block = []
            while i < len(lines) and (not lines[i].strip() or len(lines[i]) - len(lines[i].lstrip()) > 0):
                block.append(lines[i])
                i += 1
            while block and not block[-1].strip():
                block.pop()
            base = min(len(x) - len(x.lstrip()) for x in block if x.strip())
            yield last, [x[base:] for x in block]
            last = ''
            continue
        para.append(line.strip())
        i += 1


def balanced(s):
    try:
        shlex.split(s)
        return True
    except ValueError:
        return False


def command_lines(block):
    """Command lines of a block, continuation lines and open quotes joined."""
    out, cur = [], None
    for line in block:
        s = line.rstrip()
        if cur is None:
            t = s.strip()
            t = re.sub(r'^[$%>#]\s+', '', t)
            if t.startswith('aws '):
                cur = t
            else:
                continue
        else:
            cur += s.strip() if cur.endswith('\x00') else '\n' + s
            cur = cur.replace('\x00', '')
        if cur.endswith('\\'):
            cur = cur[:-1].rstrip() + ' \x00'
            continue
        if not balanced(cur):
            if len(cur) > 20000:
                cur = None
            continue
        out.append(cur)
        cur = None
    if cur:
        out.append(cur.replace('\x00', '').rstrip())
    return out


def page(path, root):
    rel = os.path.relpath(path, root)
    with open(path, encoding='utf-8', errors='replace') as f:
        text = f.read()
    rows, files, pending = [], {}, []
    for before, block in blocks(text):
        body = '\n'.join(block)
        first = next((x.strip() for x in block if x.strip()), '')
        first = re.sub(r'^[$%>#]\s+', '', first)
        is_output = re.search(r'\b(output|response|returns?)\b', before[-200:], re.I) is not None
        if first.startswith('aws '):
            cmds = command_lines(block)
            pending = []
            for c in cmds:
                row = {'cmd': c}
                rows.append(row)
                pending.append(row)
            continue
        names = re.findall(r'([A-Za-z0-9_.-]+\.(?:json|ya?ml|txt|xml|zip|py|js|template|policy))', before)
        if names and not re.match(r'output\s*::?$', before.strip(), re.I):
            for name in names:
                files.setdefault(name, body)
            continue
        if is_output and pending:
            pending[-1].setdefault('output', body)
            pending = []
    parts = rel[:-4].split(os.sep)
    for n, row in enumerate(rows):
        row['service'] = parts[0]
        row['op'] = ' '.join(parts[1:])
        row['source'] = rel
        row['n'] = n
        if 'output' in row:
            try:
                row['output_json'] = isinstance(json.loads(row['output']), (dict, list))
            except ValueError:
                row['output_json'] = False
        need = [(k, p) for k, p in FILE_RE.findall(row['cmd'])]
        got, missing = {}, []
        for _, p in need:
            base = os.path.basename(p)
            if base in files and '/' not in p:
                got[p] = files[base]
            else:
                missing.append(p)
        if got:
            row['files'] = got
        if missing:
            row['missing'] = missing
        reason = None
        try:
            words = shlex.split(row['cmd'])
            plain = re.sub(r"'[^']*'|\"[^\"]*\"", '', row['cmd'])
            if META.search(plain):
                reason = 'shell syntax or placeholder'
            elif len(words) < 3 and words[1:2] not in (['help'],):
                reason = 'incomplete'
            elif missing:
                reason = 'file contents not given'
        except ValueError:
            reason = 'unbalanced quotes'
        if reason:
            row['reason'] = reason
    return rows


def commands(root):
    """Every example that can be run as it stands; the JSON that it shows is the service's answer."""
    found = []
    for path in sorted(glob.glob(os.path.join(root, '**', '*.rst'), recursive=True)):
        for row in page(path, root):
            if 'reason' in row:
                continue
            job = {'cmd': row['cmd'], 'service': row['service'], 'op': row['op'], 'style': 'example',
                   'files': row.get('files', {})}
            if row.get('output_json'):
                job['respond_json'] = json.loads(row['output'])
            found.append(job)
    return found
