"""Commands that read several pages, cut them off, and go on where another one was cut off."""
import base64
import json
import shlex

import answers


def commands(command, words, service, operation):
    """Three commands for an operation that is read in pages, none for another one."""
    paginator = answers.paginator(command._operation_model)
    if paginator is None or 'starting-token' not in command.arg_table:
        return
    tokens = paginator['input_token']
    tokens = tokens if isinstance(tokens, list) else [tokens]
    resumed = {token: f'resumed-{number}' for number, token in enumerate(tokens)}
    token = base64.b64encode(json.dumps(dict(resumed, boto_truncate_amount=1)).encode()).decode()
    for more in ([], ['--max-items', '3'], ['--max-items', '2', '--starting-token', token]):
        yield {'cmd': shlex.join(words + more), 'service': service, 'op': operation, 'style': 'paging'}
