"""Why a command does otherwise here, where that is known. What is chosen is for the safety of those who share a channel;
the rest is what remains."""
import re

# (what the difference looks like, whether it is chosen, why)
CAUSES = [
    (r'(is|are) not available here: ', True, 'refused: the answer says why, and what to use instead'),
    (r'given more than once', True, 'an option that is given twice is an error, since one of the two would be lost'),
    (r'exit status 255 but here 0 \(\)', True, 'the official CLI breaks on this answer, and ours shows it'),
    (r'x-amz-trailer', True,
     'the checksum of an upload stands in a signed header instead of behind the body, since the body is at hand'),
    (r'invalid event stream received: it ends early', True,
     'an answer that breaks off is an error: half of it would pass for the whole'),
    (r'<CallerReference>cli-', True, 'a reference that is to be the only one of its kind is made of chance'),
    (r'reached max retries', True,
     'a call that may change something is not sent again, unless it carries an idempotency token'),
]


def of(difference):
    """Whether a difference is chosen, and its cause. None if nobody knows it."""
    for pattern, chosen, why in CAUSES:
        if re.search(pattern, difference):
            return chosen, why
    return None
