//! `--include` and `--exclude`: patterns over the whole path, of which the last that matches decides.

use super::path;
use crate::custom::Options;

/// The filters of one command, in their order.
#[derive(Debug, Default)]
pub struct Filter {
    /// Whether what matches is in, and the pattern under the source and under the target.
    rules: Vec<(bool, [String; 2])>,
}

impl Filter {
    /// The filters among `options`. `paths` are the source and the target as typed: patterns are read below both, since
    /// `sync --delete` looks at both.
    pub fn new(options: &Options, paths: [&str; 2], recursive: bool) -> Self {
        let roots = paths.map(|path| root(path, recursive));
        let rules = options.in_order().iter().filter_map(|given| {
            let includes = match given.name {
                "include" => true,
                "exclude" => false,
                _ => return None,
            };
            let pattern = given.words.first()?;
            Some((includes, [join(&roots[0], pattern), join(&roots[1], pattern)]))
        });
        Self { rules: rules.collect() }
    }

    /// Whether a path is in.
    pub fn lets(&self, path: &str) -> bool {
        let matching = self.rules.iter().rev();
        let mut matching =
            matching.filter(|(_, patterns)| patterns.iter().any(|pattern| matches(pattern, path)));
        matching.next().is_none_or(|(includes, _)| *includes)
    }
}

/// The folder or prefix below which patterns are read.
fn root(typed: &str, recursive: bool) -> String {
    if let Some(path) = typed.strip_prefix(path::SCHEME) {
        let (bucket, key) = path::split(path);
        let key = if recursive || key.ends_with('/') {
            key
        } else {
            key.rsplit_once('/').map_or("", |(folder, _)| folder)
        };
        return format!("{bucket}/{key}");
    }
    if recursive {
        return path::absolute(typed);
    }
    path::absolute(typed.rsplit_once('/').map_or("", |(folder, _)| folder))
}

/// Joins as Python's `os.path.join` does.
fn join(root: &str, pattern: &str) -> String {
    if pattern.starts_with('/') {
        return pattern.to_owned();
    }
    let slash = if root.is_empty() || root.ends_with('/') { "" } else { "/" };
    format!("{root}{slash}{pattern}")
}

/// Whether `text` fits `pattern` by the rules of Python's `fnmatch`: `*` and `?` match slashes too. What a star takes is
/// only ever lengthened, so that the time is bounded by the product of both lengths.
pub fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut place) = (0, 0);
    // Where to go on after the last star, and from where in the text.
    let mut retry: Option<(usize, usize)> = None;
    while place < text.len() {
        let next = match pattern.get(at) {
            Some('*') => {
                retry = Some((at + 1, place));
                at += 1;
                continue;
            }
            Some('?') => Some(at + 1),
            Some('[') => match class(&pattern, at, text[place]) {
                Some((end, true)) => Some(end),
                Some((_, false)) => None,
                None => (text[place] == '[').then_some(at + 1),
            },
            Some(letter) if *letter == text[place] => Some(at + 1),
            _ => None,
        };
        match (next, &mut retry) {
            (Some(next), _) => {
                at = next;
                place += 1;
            }
            (None, Some((after, from))) => {
                *from += 1;
                (at, place) = (*after, *from);
            }
            (None, None) => return false,
        }
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}

/// The end of the class `[…]` that begins at `at`, and whether it has `letter`. `None` if it does not end.
fn class(pattern: &[char], at: usize, letter: char) -> Option<(usize, bool)> {
    let negated = pattern.get(at + 1) == Some(&'!');
    let first = at + 1 + usize::from(negated);
    // A bracket at the very beginning is one of the class.
    let length = pattern.get(first + 1..)?.iter().position(|c| *c == ']')?;
    let members = &pattern[first..=first + length];
    let mut has = false;
    let mut next = 0;
    while let Some(low) = members.get(next) {
        match (members.get(next + 1), members.get(next + 2)) {
            (Some('-'), Some(high)) => {
                has |= (*low..=*high).contains(&letter);
                next += 3;
            }
            _ => {
                has |= *low == letter;
                next += 1;
            }
        }
    }
    Some((first + length + 1 + 1, has != negated))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Judged by Python's `fnmatch`.
    #[test]
    fn patterns_are_those_of_fnmatch() {
        for (pattern, text, fits) in [
            ("*", "a/b", true),
            ("*.txt", "a/b.txt", true),
            ("a?c", "a/c", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[!a-c]x", "dx", true),
            ("[]]", "]", true),
            ("[!]]", "]", false),
            ("[a", "[a", true),
            ("[a", "a", false),
            ("[a-]", "-", true),
            ("[c-a]", "b", false),
            ("[!c-a]", "b", true),
            ("[]", "[]", true),
            ("[!]", "[!]", true),
            ("a*b*c", "axxbyybzc", true),
            ("a*b*c", "axxbyybz", false),
            ("A", "a", false),
            ("", "", true),
            ("", "a", false),
            ("**", "", true),
            ("*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn patterns_are_read_below_what_was_typed() {
        for (typed, recursive, expected) in [
            ("s3://b", true, "b/"),
            ("s3://b/p", true, "b/p"),
            ("s3://b/p/k", false, "b/p"),
            ("s3://b/p/", false, "b/p/"),
            ("d/", true, "/d"),
            (".", true, "/"),
            ("d/a", false, "/d"),
            ("a", false, "/"),
        ] {
            assert_eq!(root(typed, recursive), expected, "{typed}");
        }
        assert_eq!(join("b/p", "*.txt"), "b/p/*.txt");
        assert_eq!(join("/", "*"), "/*");
        assert_eq!(join("/d", "/x*"), "/x*");
    }
}
