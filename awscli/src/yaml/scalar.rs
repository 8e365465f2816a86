//! What a text without quotes stands for, by the rules of YAML 1.2 as ruamel.yaml has them.

use std::sync::LazyLock;

use regex::Regex;

/// What a plain scalar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
    Text,
    Null,
    Bool,
    Int,
    Float,
    Time,
    /// `<<`, which merges other mappings into one.
    Merge,
    /// `=`, which ruamel.yaml takes out of plain texts and then does not know.
    Default,
}

/// Whole numbers. They are asked for after [`FLOAT`].
static INT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new("^(?:[-+]?0b[01_]+|[-+]?0o?[0-7_]+|[-+][0-9_]+|[0-9][0-9_]*|[-+]?0x[0-9a-fA-F_]+)$").ok()
});

static FLOAT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
    )
    .ok()
});

/// A day, or a point in time: year, month, day, hour, minute, second, fraction, zone, and of that sign, hours and minutes.
pub(super) static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:(?:[Tt]|[ \t]+)([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]*))?(?:[ \t]*(Z|([-+])([0-9]{1,2})(?::([0-9]{2}))?))?)?$",
    )
    .ok()
});

/// How long a day is that has no time.
const DAY_LENGTH: usize = 10;

/// What `text` stands for where it has no quotes.
pub(super) fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return Scalar::Bool,
        "<<" => return Scalar::Merge,
        "=" => return Scalar::Default,
        _ => {}
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
        return Scalar::Text;
    }
    let is = |pattern: &Option<Regex>| pattern.as_ref().is_some_and(|pattern| pattern.is_match(text));
    match () {
        () if is(&FLOAT) => Scalar::Float,
        () if is(&INT) => Scalar::Int,
        () if is(&TIME) && text.len() >= DAY_LENGTH => Scalar::Time,
        () => Scalar::Text,
    }
}
