//! The command line's spelling of the API's names: `DescribeInstances` becomes `describe-instances`.

/// Names that the rule below would split in the wrong place. The official CLI lists them one by one.
const EXCEPTIONS: [(&str, &str); 3] = [
    ("CachediSCSI", "cached-iscsi"),
    ("StorediSCSI", "stored-iscsi"),
    ("ListHITsForQualificationType", "list-hits-for-qualification-type"),
];

/// Words whose inner capitals do not start a word.
const WORDS: [(&str, &str); 4] =
    [("PartiQL", "Partiql"), ("OAuth2", "Oauth2"), ("WhatsApp", "Whatsapp"), ("OTel", "Otel")];

/// Spells a name of the API as the command line does.
///
/// A dash goes before each capital that is followed by small letters and before each capital after a small letter or
/// digit; a plural acronym at the end (`ListARNs`) stays in one piece. `operation` says whether the name is an
/// operation's: only those have exceptions (a parameter `OAuth2…` is spelled by the rule).
pub fn dashed(name: &str, operation: bool) -> String {
    if name.contains('-') {
        return name.to_owned();
    }
    let mut name = name.to_owned();
    if operation {
        if name == EXCEPTIONS[2].0 {
            return EXCEPTIONS[2].1.to_owned();
        }
        for (from, to) in &EXCEPTIONS[..2] {
            if let Some(at) = name.find(from) {
                let (before, after) = (dashed(&name[..at], false), dashed(&name[at + from.len()..], false));
                return [before.as_str(), to, after.as_str()]
                    .iter()
                    .filter(|part| !part.is_empty())
                    .copied()
                    .collect::<Vec<_>>()
                    .join("-");
            }
        }
        for (from, to) in WORDS {
            name = name.replace(from, to);
        }
    }
    let mut letters: Vec<char> = name.chars().collect();
    if let Some(start) = plural_acronym(&letters) {
        let tail: Vec<char> = letters.split_off(start).iter().map(char::to_ascii_lowercase).collect();
        letters.push('-');
        letters.extend(tail);
    }
    let words = split_before_words(&letters);
    split_before_capitals(&words).to_lowercase()
}

/// Where a trailing acronym in the plural begins: two or more capitals and an `s` at the very end.
fn plural_acronym(letters: &[char]) -> Option<usize> {
    let (last, rest) = letters.split_last()?;
    let capitals = rest.iter().rev().take_while(|c| c.is_ascii_uppercase()).count();
    (*last == 's' && capitals >= 2).then_some(rest.len() - capitals)
}

/// Puts a dash between any letter and a capital that small letters follow.
fn split_before_words(letters: &[char]) -> Vec<char> {
    let mut out = Vec::with_capacity(letters.len() + 4);
    let mut at = 0;
    while at < letters.len() {
        let starts_word = |i: usize| {
            letters.get(i).is_some_and(char::is_ascii_uppercase)
                && letters.get(i + 1).is_some_and(char::is_ascii_lowercase)
        };
        out.push(letters[at]);
        if starts_word(at + 1) {
            out.push('-');
            at += 1;
            out.push(letters[at]);
            at += 1;
            while letters.get(at).is_some_and(char::is_ascii_lowercase) {
                out.push(letters[at]);
                at += 1;
            }
        } else {
            at += 1;
        }
    }
    out
}

/// Puts a dash between a small letter or digit and a capital.
fn split_before_capitals(letters: &[char]) -> String {
    let mut out = String::with_capacity(letters.len() + 4);
    for (i, c) in letters.iter().enumerate() {
        if c.is_ascii_uppercase()
            && i > 0
            && (letters[i - 1].is_ascii_lowercase() || letters[i - 1].is_ascii_digit())
        {
            out.push('-');
        }
        out.push(*c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::dashed;

    #[test]
    fn names_are_spelled_as_in_the_official_cli() {
        for (name, expected) in [
            ("DescribeInstances", "describe-instances"),
            ("ListARNs", "list-arns"),
            ("DBInstanceIdentifier", "db-instance-identifier"),
            ("EC2TagSet", "ec2-tag-set"),
            ("S3Location", "s3-location"),
            ("ListObjectsV2", "list-objects-v2"),
            ("VPCEndpointIDs", "vpc-endpoint-ids"),
            ("ListHITsForQualificationType", "list-hits-for-qualification-type"),
            ("DescribeCachediSCSIVolumes", "describe-cached-iscsi-volumes"),
            ("ExecutePartiQLStatement", "execute-partiql-statement"),
            ("CreateOAuth2TokenWithIAM", "create-oauth2-token-with-iam"),
            ("already-dashed", "already-dashed"),
        ] {
            assert_eq!(dashed(name, true), expected, "{name}");
        }
    }
}
