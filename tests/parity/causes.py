"""Why a command does otherwise here, where that is known. What is chosen is for the safety of those who share a channel;
the rest is what remains."""
import re

# (what the difference looks like, whether it is chosen, why)
CAUSES = [
    (r'(is|are) not available here: ', True, 'refused: the answer says why, and what to use instead'),
    (r'given more than once', True, 'an option that is given twice is an error, since one of the two would be lost'),
    (r'exit status 255 but here 0 \(\)|a place in memory is shown', True, 'the official CLI breaks on this answer, and ours shows it'),
    (r'x-amz-trailer', True,
     'the checksum of an upload stands in a signed header instead of behind the body, since the body is at hand'),
    (r'<CallerReference>cli-', True, 'a reference that is to be the only one of its kind is made of chance'),
    (r'awscli.clidriver - DEBUG', True, 'refused: what `--debug` prints holds keys'),
    (r'^request \d+: (path|method) |Completed .* remaining', False,
     'transfers go on side by side: which is the first is chance, and the recorded answers come in the order of the other'),
    (r'exit status 252 but here 0 \(\)', False,
     'the official CLI overwrites what `--cli-input-json` gives with the option that is not there, and refuses that'),
    (r"b'blob text|!!binary", False, 'a key from which a listing goes on is shown by the official CLI as it is kept, in bytes'),
    (r'exit status 252 but here 255 .* invalid XML', False,
     'the file is to lie in a folder that does not exist, and in the files of a job folders need not exist'),
    (r'reached max retries', True,
     'a call that may change something is not sent again, unless it carries an idempotency token'),
]


def of(difference):
    """Whether a difference is chosen, and its cause. None if nobody knows it."""
    for pattern, chosen, why in CAUSES:
        if re.search(pattern, difference):
            return chosen, why
    return None
