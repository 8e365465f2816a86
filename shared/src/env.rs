//! The environment of a process, read once at its start.
//!
//! Everything that is missing or malformed is reported in one message, because whoever deploys would otherwise learn
//! of one variable a deployment.

use std::fmt;

/// What stops the start of a process: every variable that is missing or unusable, with what it is for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub struct Unusable(Vec<String>);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot start: {}", self.0.join("; "))
    }
}

/// Answers for variables and remembers what was wrong with them. Made by [`read`].
pub struct Environment<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

/// Builds a configuration from the process's environment.
///
/// # Errors
/// When any variable that `build` asked for is missing or unusable; what `build` made is then dropped.
pub fn read<T>(build: impl FnOnce(&mut Environment<'_>) -> T) -> Result<T, Unusable> {
    read_from(&|name| std::env::var(name).ok(), build)
}

/// As [`read`], from any source of variables.
///
/// # Errors
/// As [`read`].
pub fn read_from<T>(
    lookup: &dyn Fn(&str) -> Option<String>,
    build: impl FnOnce(&mut Environment<'_>) -> T,
) -> Result<T, Unusable> {
    let mut environment = Environment { lookup, problems: Vec::new() };
    let built = build(&mut environment);
    if environment.problems.is_empty() { Ok(built) } else { Err(Unusable(environment.problems)) }
}

impl Environment<'_> {
    /// The value of `name`, or nothing if it is unset or empty.
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    /// The value of `name`, which is `purpose` ("the app's signing secret"). Unset and empty both stop the start.
    pub fn required(&mut self, name: &str, purpose: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.problems.push(format!("{name} is not set ({purpose})"));
            String::new() // Never seen: `read` drops what is built from it.
        })
    }

    /// The value of `name` as `parse` makes it, or `default` if it is unset or empty. A value that `parse` refuses
    /// stops the start; it is not shown, since it may be a secret in the wrong place.
    pub fn parsed<T>(
        &mut self,
        name: &str,
        purpose: &str,
        default: T,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> T {
        match self.optional(name) {
            None => default,
            Some(value) => parse(&value).unwrap_or_else(|| {
                self.problems.push(format!("{name} cannot be used ({purpose})"));
                default
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(name: &str) -> Option<String> {
        match name {
            "SET" => Some("value".into()),
            "EMPTY" => Some(String::new()),
            "NUMBER" => Some("12".into()),
            _ => None,
        }
    }

    #[test]
    fn values_are_read_and_optional_ones_may_be_missing_or_empty() {
        let read = read_from(&variables, |env| {
            let number = env.parsed("NUMBER", "a number", 0, |text| text.parse().ok());
            let unset = env.parsed("UNSET", "a number", 7, |text| text.parse().ok());
            (env.required("SET", "what is set"), env.optional("EMPTY"), number, unset)
        });
        assert_eq!(read, Ok(("value".into(), None, 12, 7)));
    }

    #[test]
    fn everything_missing_is_named_at_once_with_its_purpose() {
        let error = read_from(&variables, |env| {
            env.required("EMPTY", "the signing secret");
            env.required("SET", "what is set");
            env.required("UNSET", "the queue");
            env.parsed("SET", "a number", 0, |text| text.parse().ok());
        })
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot start: EMPTY is not set (the signing secret); UNSET is not set (the queue); \
             SET cannot be used (a number)"
        );
    }
}
