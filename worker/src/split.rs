//! What was typed, as words by the quoting rules of the POSIX shell. There is no shell behind it: every operator that
//! a shell would act on is refused by its name, never passed on and never ignored, so that nobody believes that
//! something ran which did not.

use std::fmt;

/// A word after its quotes are taken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// What it says.
    pub text: String,
    /// The same, with [`QUOTED`] in place of every character that was quoted. Quoted characters are values: they name none of
    /// our own options and mean nothing to a shell.
    pub bare: String,
}

/// Stands for a quoted character; no character of a command is this one.
pub const QUOTED: char = '\0';

impl Word {
    fn push_bare(&mut self, character: char) {
        self.text.push(character);
        self.bare.push(character);
    }

    fn push_quoted(&mut self, character: char) {
        self.text.push(character);
        self.bare.push(QUOTED);
    }
}

/// Why a text is not a plain command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitError {
    /// Something that a shell acts on, outside of quotes (or, for `$` and the backquote, outside of single quotes).
    Operator {
        /// As typed.
        sign: &'static str,
        /// What the field calls it.
        name: &'static str,
    },
    /// A quote that never ends.
    Unclosed(char),
    /// A backslash with nothing after it.
    TrailingBackslash,
    /// A character that no command has.
    ControlCharacter(char),
}

impl fmt::Display for SplitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SplitError::Operator { sign: "\n", .. } => {
                f.write_str("There is more than one line. Send one command at a time; to continue a line, end it with a backslash.")
            }
            SplitError::Operator { sign, name } => write!(
                f,
                "{sign} ({name}) does not work here: a message is one aws command, not a shell. If it is part of a value, \
                 put the value in single quotes."
            ),
            SplitError::Unclosed(quote) => write!(
                f,
                "A quote {quote} is opened and never closed. Close it, or write \\{quote} if you mean the character."
            ),
            SplitError::TrailingBackslash => {
                f.write_str("The command ends with a backslash. Remove it, or write \\\\ if you mean the character.")
            }
            SplitError::ControlCharacter(character) => {
                write!(f, "The command contains the control character U+{:04X}. Remove it.", u32::from(*character))
            }
        }
    }
}

/// Splits `text` into words.
pub fn split(text: &str) -> Result<Vec<Word>, SplitError> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut characters = text.trim_matches([' ', '\t', '\n', '\r']).chars().peekable();
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        match character {
            ' ' | '\t' => words.extend(word.take().map(checked).transpose()?),
            '\'' => {
                let word = begin(&mut word);
                loop {
                    match characters.next() {
                        Some('\'') => break,
                        Some(character) => word.push_quoted(printable(character)?),
                        None => return Err(SplitError::Unclosed('\'')),
                    }
                }
            }
            '"' => {
                let word = begin(&mut word);
                loop {
                    match characters.next() {
                        Some('"') => break,
                        Some('\\') => match characters.next() {
                            Some('\n') => {}
                            Some(escaped @ ('$' | '`' | '"' | '\\')) => word.push_quoted(escaped),
                            Some(other) => {
                                word.push_quoted('\\');
                                word.push_quoted(printable(other)?);
                            }
                            None => return Err(SplitError::Unclosed('"')),
                        },
                        Some('`') => return Err(operator('`', None)),
                        Some('$') if characters.peek().copied().is_some_and(begins_expansion) => {
                            return Err(operator('$', characters.peek().copied()));
                        }
                        Some(character) => word.push_quoted(printable(character)?),
                        None => return Err(SplitError::Unclosed('"')),
                    }
                }
            }
            '\\' => match characters.next() {
                Some('\n') => {}
                Some(escaped) => begin(&mut word).push_quoted(printable(escaped)?),
                None => return Err(SplitError::TrailingBackslash),
            },
            '|' | '&' | ';' | '<' | '>' | '(' | ')' | '$' | '`' | '\n' => {
                return Err(operator(character, next));
            }
            '~' | '#' if word.is_none() => return Err(operator(character, next)),
            _ => begin(&mut word).push_bare(printable(character)?),
        }
    }
    words.extend(word.map(checked).transpose()?);
    match words.first() {
        Some(first) if is_assignment(&first.bare) => {
            Err(SplitError::Operator { sign: "=", name: "variable assignment" })
        }
        _ => Ok(words),
    }
}

fn begin(word: &mut Option<Word>) -> &mut Word {
    word.get_or_insert_with(|| Word { text: String::new(), bare: String::new() })
}

/// Refuses what can only be judged once the word is complete: a brace expansion.
fn checked(word: Word) -> Result<Word, SplitError> {
    // For each brace that is open, whether something in it divides it.
    let mut open = Vec::new();
    let mut before = QUOTED;
    for character in word.bare.chars() {
        match (character, before) {
            ('{', _) => open.push(false),
            (',', _) | ('.', '.') => open.last_mut().into_iter().for_each(|divided| *divided = true),
            ('}', _) if open.pop() == Some(true) => {
                return Err(SplitError::Operator { sign: "{…}", name: "brace expansion" });
            }
            _ => {}
        }
        before = character;
    }
    Ok(word)
}

fn operator(character: char, next: Option<char>) -> SplitError {
    let (sign, name) = match (character, next) {
        ('|', Some('|')) => ("||", "or list"),
        ('|', _) => ("|", "pipe"),
        ('&', Some('&')) => ("&&", "and list"),
        ('&', _) => ("&", "background job"),
        (';', _) => (";", "command list"),
        ('<', Some('<')) => ("<<", "here-document"),
        ('<', _) => ("<", "input redirection"),
        ('>', Some('>')) => (">>", "appending redirection"),
        ('>', _) => (">", "output redirection"),
        ('(', _) => ("(", "subshell"),
        (')', _) => (")", "subshell"),
        ('$', Some('(')) => ("$(…)", "command substitution"),
        ('$', _) => ("$", "variable"),
        ('`', _) => ("`", "command substitution"),
        ('\n', _) => ("\n", "new line"),
        ('~', _) => ("~", "home directory"),
        _ => ("#", "comment"),
    };
    SplitError::Operator { sign, name }
}

/// Whether a `$` before this character would be replaced inside double quotes.
fn begins_expansion(next: char) -> bool {
    next.is_ascii_alphanumeric() || "_({@*#?$!-".contains(next)
}

fn is_assignment(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, _)| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// Lets everything through that a parameter of AWS may hold: all but the control characters, of which tabs and line
/// ends are meant when they are quoted.
fn printable(character: char) -> Result<char, SplitError> {
    if character.is_control() && !matches!(character, '\n' | '\t' | '\r') {
        Err(SplitError::ControlCharacter(character))
    } else {
        Ok(character)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        split(text).unwrap().into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn quotes_group_and_disappear() {
        for (text, expected) in [
            ("", &[][..]),
            ("  \n ", &[]),
            ("aws s3 ls", &["aws", "s3", "ls"]),
            ("  aws\ts3   ls \n", &["aws", "s3", "ls"]),
            ("a 'b c' d", &["a", "b c", "d"]),
            ("a \"b c\" d", &["a", "b c", "d"]),
            ("a'b'\"c\"d", &["abcd"]),
            ("a '' \"\" b", &["a", "", "", "b"]),
            (r"a\ b \'c\' \\", &["a b", "'c'", "\\"]),
            (r#""a\"b" "c\\d" "e\f" "\$g" "\`h""#, &["a\"b", "c\\d", "e\\f", "$g", "`h"]),
            ("'$(id)' '`id`' 'a;b|c' '\\'", &["$(id)", "`id`", "a;b|c", "\\"]),
            ("\"a;b|c & d > e (f) * ? [g] #h ~i\"", &["a;b|c & d > e (f) * ? [g] #h ~i"]),
            ("\"100$\" \"a$ b\" \"$.x\"", &["100$", "a$ b", "$.x"]),
            ("a#b c~d {e} f=g,h", &["a#b", "c~d", "{e}", "f=g,h"]),
            ("{'a,b'} {a\",\"b} '{a',b} {a}, }a,b{", &["{a,b}", "{a,b}", "{a,b}", "{a},", "}a,b{"]),
            ("x Key={a},Value={b} {a,b{c} {a.b}", &["x", "Key={a},Value={b}", "{a,b{c}", "{a.b}"]),
            ("'A'=b aws A\"B\"=c", &["A=b", "aws", "AB=c"]),
            // Patterns of file names stay as they are where no file matches, and here there are none.
            ("--query A[].B[0] *.log a?", &["--query", "A[].B[0]", "*.log", "a?"]),
            ("--filters Name=tag:a,Values=b --x=y", &["--filters", "Name=tag:a,Values=b", "--x=y"]),
            ("'{\"a\":[1,2]}'", &["{\"a\":[1,2]}"]),
            ("aws s3 \\\n ls", &["aws", "s3", "ls"]),
            ("'two\nlines'", &["two\nlines"]),
            ("é 日本 '–'", &["é", "日本", "–"]),
        ] {
            assert_eq!(words(text), expected, "{text:?}");
        }
    }

    #[test]
    fn every_operator_is_refused_by_its_name() {
        for (text, name) in [
            ("aws s3 ls | sh", "pipe"),
            ("aws s3 ls || x", "or list"),
            ("aws s3 ls; curl http://x", "command list"),
            ("aws s3 ls && rm -rf /", "and list"),
            ("aws s3 ls & x", "background job"),
            ("aws s3 ls `id`", "command substitution"),
            ("aws s3 ls $(cat /etc/passwd)", "command substitution"),
            ("aws s3 ls \"$(cat /etc/passwd)\"", "command substitution"),
            ("aws s3 ls \"`id`\"", "command substitution"),
            ("aws s3 ls \"$HOME\"", "variable"),
            ("aws s3 ls \"${HOME}\"", "variable"),
            ("aws s3 ls $HOME", "variable"),
            ("aws s3 ls $", "variable"),
            ("aws s3 ls > /tmp/x", "output redirection"),
            ("aws s3 ls >> /tmp/x", "appending redirection"),
            ("aws s3 ls < /etc/passwd", "input redirection"),
            ("aws s3 ls << EOF", "here-document"),
            ("(aws s3 ls)", "subshell"),
            ("aws s3 ls )", "subshell"),
            ("aws s3 ls ~/x", "home directory"),
            ("aws s3 ls # all", "comment"),
            ("aws s3 ls {a,b}", "brace expansion"),
            ("aws s3 ls {1..9}", "brace expansion"),
            ("aws s3 ls {a}{b,c}", "brace expansion"),
            ("aws s3 ls {a{b},c}", "brace expansion"),
            ("aws s3 ls {a{b,c}", "brace expansion"),
            ("aws s3 ls \"x\"{a,b}'y'", "brace expansion"),
            ("aws s3 ls {'a',b}", "brace expansion"),
            ("A='b c' aws s3 ls", "variable assignment"),
            ("AWS_PROFILE=admin aws s3 ls", "variable assignment"),
            ("aws s3 ls\naws s3 ls", "new line"),
        ] {
            match split(text) {
                Err(SplitError::Operator { name: found, .. }) => assert_eq!(found, name, "{text:?}"),
                other => panic!("{text:?} gives {other:?}"),
            }
        }
        split(&"(".repeat(10_000)).unwrap_err();
    }

    #[test]
    fn what_is_not_finished_is_refused() {
        assert_eq!(split("a 'b"), Err(SplitError::Unclosed('\'')));
        assert_eq!(split("a \"b"), Err(SplitError::Unclosed('"')));
        assert_eq!(split("a \"b\\"), Err(SplitError::Unclosed('"')));
        assert_eq!(split("a \\"), Err(SplitError::TrailingBackslash));
        for text in ["a\0b", "'a\0b'", "\"a\u{1b}[1m\"", "a\\\0"] {
            assert!(matches!(split(text), Err(SplitError::ControlCharacter(_))), "{text:?}");
        }
    }

    #[test]
    fn which_characters_were_quoted_is_kept() {
        let bare: Vec<String> =
            split("--as '--as' --a\"s\" \\--as a=' '").unwrap().into_iter().map(|word| word.bare).collect();
        assert_eq!(bare, ["--as", "\0\0\0\0", "--a\0", "\0-as", "a=\0"]);
    }
}
