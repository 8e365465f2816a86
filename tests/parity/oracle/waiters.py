"""Commands that wait, with answers that let them succeed, fail and give up."""
import shlex

import jmespath
import jmespath.parser

import answers


def commands(session, operation, words, service, name):
    """Three commands for a waiter."""
    model = session.get_waiter_model(operation.service_model.service_name)
    by_word = {word(waiter): waiter for waiter in model.waiter_names}
    waiter = model.get_waiter(by_word[name])
    failure = next((a for a in waiter.acceptors if a.state == 'failure'), None)
    success = next((a for a in waiter.acceptors if a.state == 'success'), None)
    pending = answers.encode(operation, {}, 'min')
    for end, response in (
            ('success', answer(operation, success) if success else pending),
            ('failure', answer(operation, failure) if failure else answers.error_response(operation)),
            ('timeout', pending)):
        # One answer that leaves it waiting, then the one that ends it.
        found = [response] if end == 'timeout' else [pending, response]
        yield {'cmd': shlex.join(words), 'service': service, 'op': f'wait {name}', 'style': 'waiter',
               'responses': found}


def word(name):
    from botocore import xform_name
    return xform_name(name, '-')


def answer(operation, acceptor):
    """An answer that the acceptor accepts."""
    if acceptor.matcher == 'status':
        return dict(answers.encode(operation, {}, 'min'), status=acceptor.expected)
    if acceptor.matcher == 'error':
        if acceptor.expected is False or acceptor.expected is None:
            return answers.encode(operation, {}, 'min')
        code = acceptor.expected if isinstance(acceptor.expected, str) else 'SomeError'
        return answers.error_response(operation, code=code)
    tree = jmespath.parser.Parser().parse(acceptor.argument).parsed
    return answers.encode(operation, document(tree, acceptor.expected) or {}, 'max')


def document(tree, leaf):
    """A document in which the expression finds the leaf."""
    kind, inner = tree['type'], tree['children']
    if kind == 'field':
        return {tree['value']: leaf}
    if kind in ('identity', 'current', 'literal'):
        return leaf
    if kind == 'subexpression':
        return document(inner[0], document(inner[1], leaf))
    if kind in ('projection', 'value_projection'):
        value = document(inner[1], leaf)
        return document(inner[0], {'key': value} if kind == 'value_projection' else [value])
    if kind == 'filter_projection':
        return document(inner[0], [both(document(inner[1], leaf), document(inner[2], True))])
    if kind == 'flatten':
        return document(inner[0], leaf)
    if kind == 'index_expression':
        return document(inner[0], [leaf])
    if kind == 'comparator':
        return comparison(tree['value'], inner, leaf)
    if kind == 'function_expression':
        return function(tree['value'], inner, leaf)
    if kind == 'or_expression':
        return document(inner[0], leaf)
    if kind == 'and_expression':
        return both(document(inner[0], leaf), document(inner[1], leaf))
    if kind == 'not_expression':
        return document(inner[0], not leaf)
    if kind == 'pipe':
        return document(inner[0], document(inner[1], leaf))
    if kind == 'multi_select_list':
        return both(*(document(part, leaf) for part in inner[:2])) if len(inner) > 1 else document(inner[0], leaf)
    return {}


def comparison(sign, sides, wanted):
    left, right = sides
    if right['type'] != 'literal':
        left, right = right, left
    value = right.get('value') if right['type'] == 'literal' else 'x'
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = {'gt': value + 1, 'gte': value, 'lt': value - 1, 'lte': value, 'ne': value + 1}.get(sign, value)
    elif (sign == 'ne') == bool(wanted):
        value = 'other' if isinstance(value, str) else value
    return document(left, value)


def function(name, arguments, leaf):
    if name == 'length':
        return document(arguments[0], [{}] * leaf if isinstance(leaf, int) else [{}])
    if name == 'contains':
        literal = arguments[1].get('value')
        return document(arguments[0], [literal] if leaf else ['other'])
    return document(arguments[0], leaf) if arguments else {}


def both(one, other):
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: both(one[key], other[key]) if key in one and key in other else (one.get(key) or other.get(key))
                for key in one | other}
    if isinstance(one, list) and isinstance(other, list) and one and other:
        return [both(one[0], other[0])]
    return other
