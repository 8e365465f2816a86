//! Words of a command line told apart: options, their values and positional words, by the rules of Python's argparse,
//! which the official CLI uses and which people see in its messages.

/// How many words an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// None: a flag.
    Zero,
    /// Exactly one.
    One,
    /// One or none.
    Optional,
    /// Any number.
    Any,
    /// One or more.
    OneOrMore,
    /// So many.
    Exactly(usize),
}

/// What an option's value must look like for the words to be accepted at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Anything.
    Text,
    /// A whole number as Python reads it.
    Int,
    /// A number as Python reads it.
    Float,
    /// One of these.
    Choice(&'static [&'static str]),
}

/// An option that a command has.
#[derive(Debug, Clone)]
pub struct OptionSpec {
    /// With its dashes, such as `--region`.
    pub name: String,
    /// How many words it takes.
    pub arity: Arity,
    /// What they look like.
    pub check: Check,
    /// It must be given.
    pub required: bool,
    /// It may be given more than once, and all of its words count.
    pub repeats: bool,
}

impl OptionSpec {
    /// An option with one word of any form that need not be given.
    pub fn text(name: impl Into<String>) -> Self {
        Self { name: name.into(), arity: Arity::One, check: Check::Text, required: false, repeats: false }
    }

    /// A flag.
    pub fn flag(name: impl Into<String>) -> Self {
        Self { arity: Arity::Zero, ..Self::text(name) }
    }
}

/// A word without dashes that a command has.
#[derive(Debug, Clone, Copy)]
pub struct Positional<'a> {
    /// Its name in messages.
    pub name: &'a str,
    /// It must be given.
    pub required: bool,
    /// It must be one of these. Empty if anything will do.
    pub choices: &'a [&'a str],
    /// How many words it takes.
    pub arity: Arity,
}

impl<'a> Positional<'a> {
    /// One word of any form.
    pub fn new(name: &'a str, required: bool) -> Self {
        Self { name, required, choices: &[], arity: Arity::One }
    }
}

/// A command line's words, told apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// The options that were given, in order: index of the option, its words.
    pub options: Vec<(usize, Vec<String>)>,
    /// The words of each positional, none if it was not given.
    pub positionals: Vec<Vec<String>>,
    /// What nothing took.
    pub rest: Vec<String>,
}

impl Words {
    /// The words of an option, if it was given.
    pub fn option(&self, index: usize) -> Option<&[String]> {
        self.options.iter().find(|(given, _)| *given == index).map(|(_, words)| words.as_slice())
    }

    /// The first word of a positional, if it was given.
    pub fn positional(&self, index: usize) -> Option<&str> {
        self.positionals.get(index)?.first().map(String::as_str)
    }
}

/// What one word looks like before anything is consumed.
enum Class {
    /// A value or positional word.
    Argument,
    /// `--` itself: what follows are arguments.
    Separator,
    /// An option: the options that it may mean (none if unknown) and the value behind its `=`.
    Option(Vec<usize>, Option<String>),
}

/// Tells the words apart. The error is what argparse would say, such as `argument --region: expected one argument`;
/// unlike there, an option given twice is an error too, since one of the two would be lost in silence.
pub fn parse(
    options: &[OptionSpec],
    positionals: &[Positional<'_>],
    words: &[String],
) -> Result<Words, String> {
    let classes = classify(options, words);
    let mut parsed = Words { positionals: vec![Vec::new(); positionals.len()], ..Words::default() };
    let mut next_positional = 0;
    let mut at = 0;
    while at < words.len() {
        if let Class::Option(matches, explicit) = &classes[at] {
            at = match matches.as_slice() {
                [] => {
                    parsed.rest.push(words[at].clone());
                    at + 1
                }
                [one] => {
                    take_option(&options[*one], *one, explicit.as_deref(), words, &classes, at, &mut parsed)?
                }
                many => {
                    let names: Vec<_> = many.iter().map(|index| options[*index].name.as_str()).collect();
                    return Err(format!("ambiguous option: {} could match {}", words[at], names.join(", ")));
                }
            };
            continue;
        }
        let end = (at..words.len()).find(|i| matches!(classes[*i], Class::Option(..))).unwrap_or(words.len());
        while next_positional < positionals.len() {
            let positional = &positionals[next_positional];
            let there: Vec<usize> = (at..end).filter(|i| matches!(classes[*i], Class::Argument)).collect();
            let wanted = match positional.arity {
                Arity::Zero => 0,
                Arity::One | Arity::Optional => 1,
                Arity::Any | Arity::OneOrMore => there.len().max(1),
                Arity::Exactly(count) => count,
            };
            let Some(taken) = there.get(..wanted) else {
                // An optional word may still come after the next option.
                if end == words.len() && !positional.required {
                    next_positional += 1;
                    continue;
                }
                break;
            };
            for word in taken {
                check_choice(positional.name, positional.choices, &words[*word])?;
                parsed.positionals[next_positional].push(words[*word].clone());
            }
            next_positional += 1;
            at = taken.last().map_or(at, |last| last + 1);
            // A separator behind it goes with it.
            if matches!(classes.get(at), Some(Class::Separator)) {
                at += 1;
            }
        }
        parsed.rest.extend_from_slice(&words[at..end]);
        at = end;
    }
    let mut missing: Vec<&str> = Vec::new();
    for (index, option) in options.iter().enumerate() {
        if option.required && parsed.option(index).is_none() {
            missing.push(&option.name);
        }
    }
    for (positional, words) in positionals.iter().zip(&parsed.positionals) {
        if positional.required && words.is_empty() {
            missing.push(positional.name);
        }
    }
    if missing.is_empty() {
        return Ok(parsed);
    }
    Err(format!("the following arguments are required: {}", missing.join(", ")))
}

fn classify(options: &[OptionSpec], words: &[String]) -> Vec<Class> {
    let mut only_arguments = false;
    let mut classes = Vec::with_capacity(words.len());
    for word in words {
        classes.push(if only_arguments {
            Class::Argument
        } else if word == "--" {
            only_arguments = true;
            Class::Separator
        } else {
            class(options, word)
        });
    }
    classes
}

fn class(options: &[OptionSpec], word: &str) -> Class {
    if !word.starts_with('-') || word.len() == 1 {
        return Class::Argument;
    }
    let exact = |name: &str| options.iter().position(|option| option.name == name);
    if let Some(index) = exact(word) {
        return Class::Option(vec![index], None);
    }
    let (name, value) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (word, None),
    };
    if let Some(index) = exact(name) {
        return Class::Option(vec![index], value);
    }
    if name.starts_with("--") {
        let matches: Vec<_> =
            (0..options.len()).filter(|index| options[*index].name.starts_with(name)).collect();
        if !matches.is_empty() {
            return Class::Option(matches, value);
        }
    }
    let mut characters = word.chars().skip(1).skip_while(|c| *c == '.');
    let number = !word.starts_with("-..") && characters.next().is_some_and(|c| c.is_ascii_digit());
    if number || word.contains(' ') { Class::Argument } else { Class::Option(Vec::new(), None) }
}

/// Takes an option and its words. Returns where the next word is.
fn take_option(
    option: &OptionSpec,
    index: usize,
    explicit: Option<&str>,
    words: &[String],
    classes: &[Class],
    at: usize,
    parsed: &mut Words,
) -> Result<usize, String> {
    let name = &option.name;
    if parsed.option(index).is_some() && !option.repeats {
        return Err(format!("argument {name}: given more than once"));
    }
    let (taken, next) = match explicit {
        Some(value) if option.arity == Arity::Zero => {
            return Err(format!("argument {name}: ignored explicit argument {}", quoted(value)));
        }
        Some(value) => match option.arity {
            Arity::Exactly(count) if count != 1 => {
                return Err(format!("argument {name}: expected {count} arguments"));
            }
            _ => (vec![value.to_owned()], at + 1),
        },
        None => {
            let there = classes[at + 1..].iter().take_while(|class| matches!(class, Class::Argument)).count();
            let count = match option.arity {
                Arity::Zero => 0,
                Arity::One if there == 0 => return Err(format!("argument {name}: expected one argument")),
                Arity::OneOrMore if there == 0 => {
                    return Err(format!("argument {name}: expected at least one argument"));
                }
                Arity::One => 1,
                Arity::Optional => there.min(1),
                Arity::Exactly(count) if there < count => {
                    let plural = if count == 1 { "" } else { "s" };
                    return Err(format!("argument {name}: expected {count} argument{plural}"));
                }
                Arity::Exactly(count) => count,
                Arity::Any | Arity::OneOrMore => there,
            };
            (words[at + 1..at + 1 + count].to_vec(), at + 1 + count)
        }
    };
    for word in &taken {
        match option.check {
            Check::Text => {}
            Check::Int if super::values::int(word).is_some() => {}
            Check::Float if super::values::float(word).is_some() => {}
            Check::Int => return Err(format!("argument {name}: invalid int value: {}", quoted(word))),
            Check::Float => return Err(format!("argument {name}: invalid float value: {}", quoted(word))),
            Check::Choice(choices) => check_choice(name, choices, word)?,
        }
    }
    parsed.options.push((index, taken));
    Ok(next)
}

fn check_choice(name: &str, choices: &[&str], word: &str) -> Result<(), String> {
    if choices.is_empty() || choices.contains(&word) {
        return Ok(());
    }
    let mut message = format!("argument {name}: Found invalid choice {}\n", quoted(word));
    let close = close_matches(word, choices);
    if !close.is_empty() {
        message.push_str("\nMaybe you meant:\n");
        for choice in close {
            message.push_str(&format!("\n  * {choice}"));
        }
    }
    Err(message)
}

/// A text as Python shows it in messages.
pub fn quoted(text: &str) -> String {
    crate::format::repr_text(text)
}

/// How alike two words must be to be suggested, from 0 to 1.
const ALIKE: f64 = 0.8;

/// How many words are suggested.
const SUGGESTIONS: usize = 3;

/// The choices that are most like a word, best first, as Python's `difflib.get_close_matches` finds them.
pub fn close_matches<'a>(word: &str, choices: &[&'a str]) -> Vec<&'a str> {
    let letters: Vec<char> = word.chars().collect();
    let mut scored: Vec<(f64, &str)> = choices
        .iter()
        .filter_map(|choice| {
            let other: Vec<char> = choice.chars().collect();
            let total = letters.len() + other.len();
            let ratio = |shared: usize| if total == 0 { 1.0 } else { 2.0 * shared as f64 / total as f64 };
            // They share no more than the shorter one has: a word of any length is told apart by that at once.
            if ratio(letters.len().min(other.len())) < ALIKE {
                return None;
            }
            Some((ratio(common(&other, &letters)), *choice)).filter(|(ratio, _)| *ratio >= ALIKE)
        })
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(a.1)));
    scored.truncate(SUGGESTIONS);
    scored.into_iter().map(|(_, choice)| choice).collect()
}

/// How many characters two texts have in common by Ratcliff and Obershelp: the longest common run, then the same on both
/// sides of it.
fn common(a: &[char], b: &[char]) -> usize {
    let (mut start_a, mut start_b, mut size) = (0, 0, 0);
    for i in 0..a.len() {
        for j in 0..b.len() {
            let run = a[i..].iter().zip(&b[j..]).take_while(|(x, y)| x == y).count();
            if run > size {
                (start_a, start_b, size) = (i, j, run);
            }
        }
    }
    if size == 0 {
        return 0;
    }
    size + common(&a[..start_a], &b[..start_b]) + common(&a[start_a + size..], &b[start_b + size..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn options() -> Vec<OptionSpec> {
        vec![
            OptionSpec::text("--region"),
            OptionSpec { arity: Arity::Any, ..OptionSpec::text("--instance-ids") },
            OptionSpec::flag("--dry-run"),
            OptionSpec { check: Check::Int, ..OptionSpec::text("--max-items") },
            OptionSpec::text("--max-results"),
        ]
    }

    #[test]
    fn messages_are_those_of_argparse() {
        let help = [Positional::new("help", false)];
        for (line, message) in [
            ("--region", "argument --region: expected one argument"),
            ("--region --dry-run", "argument --region: expected one argument"),
            ("--region -foo", "argument --region: expected one argument"),
            ("--dry-run=x", "argument --dry-run: ignored explicit argument 'x'"),
            ("--max 3", "ambiguous option: --max could match --max-items, --max-results"),
            ("--max-items x", "argument --max-items: invalid int value: 'x'"),
            ("--region a --region b", "argument --region: given more than once"),
            ("--region a --reg=b", "argument --region: given more than once"),
        ] {
            assert_eq!(parse(&options(), &help, &words(line)), Err(message.to_owned()), "{line}");
        }
    }

    #[test]
    fn values_go_to_their_options() {
        for (line, expected) in [
            ("--region a", vec![(0, "a")]),
            ("--region=-a", vec![(0, "-a")]),
            ("--reg -5", vec![(0, "-5")]),
            ("--region -", vec![(0, "-")]),
            ("--instance-ids a b --dry-run", vec![(1, "a b"), (2, "")]),
            ("--instance a", vec![(1, "a")]),
            ("--instance-ids", vec![(1, "")]),
        ] {
            let parsed = parse(&options(), &[], &words(line)).expect(line);
            let got: Vec<_> = parsed.options.iter().map(|(index, words)| (*index, words.join(" "))).collect();
            let expected: Vec<_> =
                expected.into_iter().map(|(index, words)| (index, words.to_owned())).collect();
            assert_eq!(got, expected, "{line}");
            assert!(parsed.rest.is_empty(), "{line}");
        }
    }

    #[test]
    fn the_first_stray_word_is_taken_last() {
        let help = [Positional::new("help", false)];
        let parsed = parse(&options(), &help, &words("--foo bar --baz qux")).expect("it parses");
        assert_eq!((parsed.positionals, parsed.rest), (vec![words("bar")], words("--foo --baz qux")));
    }

    #[test]
    fn suggestions_are_those_of_difflib() {
        let choices = ["ecs", "ecr", "ec2", "describe-instances", "describe-instance-status", "sns", "sqs"];
        for (word, expected) in [
            ("ec", vec!["ecs", "ecr", "ec2"]),
            ("descrbe-instances", vec!["describe-instances", "describe-instance-status"]),
            ("zzz", vec![]),
        ] {
            assert_eq!(close_matches(word, &choices), expected, "{word}");
        }
    }

    #[test]
    fn a_word_of_any_length_is_told_apart_at_once() {
        let choices = ["describe-instances", "disable-serial-console-access"].repeat(400);
        // Compared letter by letter, this takes hours.
        assert!(close_matches(&"disable-serial-console".repeat(50_000), &choices).is_empty());
    }
}
