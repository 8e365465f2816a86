//! JMESPath's grammar as the official CLI's Python implementation reads it, with its messages. It is laxer than the
//! specification in places: `{a: b c: d}` and `f(a b)` lack their commas.

use indexmap::IndexMap;
use jmespath::ast::{Ast, Comparator, KeyValuePair};
use jmespath::{Rcvar, Variable};

use crate::format::python_text;
use crate::value::Value;

/// Tokens that bind less than this end a projection.
const PROJECTION_STOP: u8 = 10;

const NAMES: [Kind; 2] = [Kind::QuotedIdentifier, Kind::UnquotedIdentifier];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    And,
    Colon,
    Comma,
    Current,
    Dot,
    End,
    Eq,
    Expref,
    Filter,
    Flatten,
    Gt,
    Gte,
    Lbrace,
    Lbracket,
    Literal,
    Lparen,
    Lt,
    Lte,
    Ne,
    Not,
    Number,
    Or,
    Pipe,
    QuotedIdentifier,
    Rbrace,
    Rbracket,
    Rparen,
    Star,
    UnquotedIdentifier,
}

impl Kind {
    /// How messages call it.
    fn name(self) -> &'static str {
        match self {
            Kind::And => "and",
            Kind::Colon => "colon",
            Kind::Comma => "comma",
            Kind::Current => "current",
            Kind::Dot => "dot",
            Kind::End => "eof",
            Kind::Eq => "eq",
            Kind::Expref => "expref",
            Kind::Filter => "filter",
            Kind::Flatten => "flatten",
            Kind::Gt => "gt",
            Kind::Gte => "gte",
            Kind::Lbrace => "lbrace",
            Kind::Lbracket => "lbracket",
            Kind::Literal => "literal",
            Kind::Lparen => "lparen",
            Kind::Lt => "lt",
            Kind::Lte => "lte",
            Kind::Ne => "ne",
            Kind::Not => "not",
            Kind::Number => "number",
            Kind::Or => "or",
            Kind::Pipe => "pipe",
            Kind::QuotedIdentifier => "quoted_identifier",
            Kind::Rbrace => "rbrace",
            Kind::Rbracket => "rbracket",
            Kind::Rparen => "rparen",
            Kind::Star => "star",
            Kind::UnquotedIdentifier => "unquoted_identifier",
        }
    }

    /// How strongly it binds what stands before it.
    fn power(self) -> u8 {
        match self {
            Kind::Pipe => 1,
            Kind::Or => 2,
            Kind::And => 3,
            Kind::Eq | Kind::Ne | Kind::Lt | Kind::Lte | Kind::Gt | Kind::Gte => 5,
            Kind::Flatten => 9,
            Kind::Star => 20,
            Kind::Filter => 21,
            Kind::Dot => 40,
            Kind::Not => 45,
            Kind::Lbrace => 50,
            Kind::Lbracket => 55,
            Kind::Lparen => 60,
            _ => 0,
        }
    }

    fn comparator(self) -> Option<Comparator> {
        Some(match self {
            Kind::Eq => Comparator::Equal,
            Kind::Ne => Comparator::NotEqual,
            Kind::Lt => Comparator::LessThan,
            Kind::Lte => Comparator::LessThanEqual,
            Kind::Gt => Comparator::GreaterThan,
            Kind::Gte => Comparator::GreaterThanEqual,
            _ => return None,
        })
    }
}

#[derive(Debug, Clone)]
struct Token {
    kind: Kind,
    value: Value,
    /// Where it begins, in characters.
    start: usize,
}

impl Token {
    /// Its value as messages show it.
    fn text(&self) -> String {
        match &self.value {
            Value::Str(text) => text.clone(),
            value => python_text(value),
        }
    }

    fn number(&self) -> i32 {
        match self.value {
            // No list is longer.
            Value::Int(number) => {
                i32::try_from(number).unwrap_or(if number < 0 { i32::MIN + 1 } else { i32::MAX })
            }
            _ => i32::MAX,
        }
    }
}

enum Problem {
    /// Something that is no token, where, and why.
    Token(usize, String),
    /// A token in the wrong place, and why.
    Place(Token, String),
    /// The end comes too early.
    Incomplete,
}

/// An expression and the values of its literals, by their places.
pub(super) fn parse(text: &str) -> Result<(Ast, IndexMap<usize, Value>), String> {
    let caret = |column: usize| format!("{}^", " ".repeat(column));
    parsed(text).map_err(|problem| match problem {
        Problem::Token(start, reason) => {
            format!("Bad jmespath expression: {reason}:\n{text}\n{}", caret(start))
        }
        Problem::Place(token, reason) => format!(
            "{reason}: Parse error at column {}, token \"{}\" ({}), for expression:\n\"{text}\"\n{}",
            token.start,
            token.text(),
            token.kind.name().to_uppercase(),
            caret(token.start + 1)
        ),
        Problem::Incomplete => format!(
            "Invalid jmespath expression: Incomplete expression:\n\"{text}\"\n{}",
            caret(text.chars().count() + 1)
        ),
    })
}

fn parsed(text: &str) -> Result<(Ast, IndexMap<usize, Value>), Problem> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, literals: IndexMap::new() };
    let ast = parser.expression(0)?;
    let rest = parser.look(0);
    if rest.kind != Kind::End {
        let reason = format!("Unexpected token: {}", rest.text());
        return Err(Problem::Place(rest, reason));
    }
    Ok((ast, parser.literals))
}

fn tokens(text: &str) -> Result<Vec<Token>, Problem> {
    let letters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(letter) = letters.get(at).copied() {
        let start = at;
        let next = letters.get(at + 1).copied();
        let run = |from: usize, fits: fn(&char) -> bool| -> String {
            letters[from..].iter().take_while(|letter| fits(letter)).collect()
        };
        let one = |kind| (kind, 1);
        let or =
            |second: char, two: Kind, kind: Kind| if next == Some(second) { (two, 2) } else { (kind, 1) };
        let (kind, length) = match letter {
            ' ' | '\t' | '\n' | '\r' => {
                at += 1;
                continue;
            }
            '.' => one(Kind::Dot),
            '*' => one(Kind::Star),
            ']' => one(Kind::Rbracket),
            ',' => one(Kind::Comma),
            ':' => one(Kind::Colon),
            '@' => one(Kind::Current),
            '(' => one(Kind::Lparen),
            ')' => one(Kind::Rparen),
            '{' => one(Kind::Lbrace),
            '}' => one(Kind::Rbrace),
            '[' if next == Some('?') => (Kind::Filter, 2),
            '[' => or(']', Kind::Flatten, Kind::Lbracket),
            '|' => or('|', Kind::Or, Kind::Pipe),
            '&' => or('&', Kind::And, Kind::Expref),
            '<' => or('=', Kind::Lte, Kind::Lt),
            '>' => or('=', Kind::Gte, Kind::Gt),
            '!' => or('=', Kind::Ne, Kind::Not),
            '=' if next == Some('=') => (Kind::Eq, 2),
            '=' => return Err(Problem::Token(start, "Unknown token '='".to_owned())),
            'a'..='z' | 'A'..='Z' | '_' => {
                let name = run(at, |letter| letter.is_ascii_alphanumeric() || *letter == '_');
                at += name.len();
                tokens.push(Token { kind: Kind::UnquotedIdentifier, value: Value::Str(name), start });
                continue;
            }
            '0'..='9' | '-' => {
                let digits = run(at + 1, char::is_ascii_digit);
                if letter == '-' && digits.is_empty() {
                    return Err(Problem::Token(start, "Unknown token '-'".to_owned()));
                }
                at += 1 + digits.len();
                let digits = format!("{letter}{digits}");
                let value = digits.parse().map_or(Value::BigInt(digits), Value::Int);
                tokens.push(Token { kind: Kind::Number, value, start });
                continue;
            }
            '`' | '\'' | '"' => {
                let inside = delimited(&letters, at, letter)?;
                at += inside.chars().count() + 2;
                let (kind, value) = match letter {
                    '`' => (Kind::Literal, literal(&inside.replace("\\`", "`"), start)?),
                    '\'' => (Kind::Literal, Value::Str(inside.replace("\\'", "'"))),
                    _ => (Kind::QuotedIdentifier, Value::Str(quoted(&inside, start)?)),
                };
                tokens.push(Token { kind, value, start });
                continue;
            }
            other => return Err(Problem::Token(start, format!("Unknown token {other}"))),
        };
        at += length;
        let value = Value::Str(letters[start..at].iter().collect());
        tokens.push(Token { kind, value, start });
    }
    tokens.push(Token { kind: Kind::End, value: Value::Str(String::new()), start: letters.len() });
    Ok(tokens)
}

/// What is between the delimiter at `start` and the next one that no backslash escapes.
fn delimited(letters: &[char], start: usize, delimiter: char) -> Result<String, Problem> {
    let mut escaped = false;
    let rest = &letters[start + 1..];
    let end = rest.iter().position(|letter| {
        let ends = *letter == delimiter && !escaped;
        escaped = *letter == '\\' && !escaped;
        ends
    });
    let unclosed = || Problem::Token(start, format!("Unclosed {delimiter} delimiter"));
    end.map(|end| rest[..end].iter().collect()).ok_or_else(unclosed)
}

/// A literal's JSON. What is none is taken for a text without its quotes, as in the widespread ``[?Key==`Name`]``.
fn literal(json: &str, start: usize) -> Result<Value, Problem> {
    let read = |json: &str| serde_json::from_str::<serde_json::Value>(json).ok();
    let value = read(json).or_else(|| read(&format!("\"{}\"", json.trim_start())));
    let value = value.ok_or_else(|| Problem::Token(start, format!("Bad token {json}")))?;
    Ok(Value::from_json(&value))
}

/// The name in a quoted identifier, which is a JSON text.
fn quoted(inside: &str, start: usize) -> Result<String, Problem> {
    serde_json::from_str(&format!("\"{inside}\"")).map_err(|_| {
        let mut letters = inside.chars();
        let reason = loop {
            match letters.next() {
                Some('\\') => match letters.next() {
                    Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => {}
                    Some('u') if letters.clone().take(4).filter(char::is_ascii_hexdigit).count() == 4 => {}
                    Some('u') => break "Invalid \\uXXXX escape",
                    _ => break "Invalid \\escape",
                },
                Some('\0'..='\x1f') => break "Invalid control character at",
                Some(_) => {}
                None => break "Invalid \\uXXXX escape",
            }
        };
        Problem::Token(start, reason.to_owned())
    })
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    literals: IndexMap<usize, Value>,
}

impl Parser {
    fn look(&self, ahead: usize) -> Token {
        let last = self.tokens.len().saturating_sub(1);
        self.tokens[(self.at + ahead).min(last)].clone()
    }

    fn kind(&self) -> Kind {
        self.look(0).kind
    }

    fn take(&mut self) -> Token {
        let token = self.look(0);
        self.at += 1;
        token
    }

    fn misplaced<T>(&self, reason: &str) -> Result<T, Problem> {
        Err(Problem::Place(self.look(0), reason.to_owned()))
    }

    fn want(&mut self, kind: Kind) -> Result<Token, Problem> {
        self.want_one(&[kind], kind.name())
    }

    fn want_one(&mut self, kinds: &[Kind], named: &str) -> Result<Token, Problem> {
        match self.kind() {
            kind if kinds.contains(&kind) => Ok(self.take()),
            Kind::End => Err(Problem::Incomplete),
            kind => self.misplaced(&format!("Expecting: {named}, got: {}", kind.name())),
        }
    }

    fn expression(&mut self, power: u8) -> Result<Ast, Problem> {
        let token = self.take();
        let mut left = self.first(token)?;
        while power < self.kind().power() {
            let token = self.take();
            left = self.next(left, &token)?;
        }
        Ok(left)
    }

    /// What begins with `token`. What nests does so in functions of its own, which keeps the frames on the stack small.
    fn first(&mut self, token: Token) -> Result<Ast, Problem> {
        match token.kind {
            Kind::Lparen => self.grouped(),
            Kind::Lbracket => self.bracketed(),
            Kind::Lbrace => self.hash(),
            Kind::Not => self.not(token.start),
            Kind::Expref => self.reference(token.start),
            Kind::Star => self.star(),
            Kind::Filter => self.filter(identity()),
            Kind::Flatten => self.flatten(identity()),
            _ => self.single(token),
        }
    }

    fn single(&mut self, token: Token) -> Result<Ast, Problem> {
        let offset = token.start;
        Ok(match token.kind {
            Kind::Literal => {
                self.literals.insert(offset, token.value);
                Ast::Literal { offset, value: Rcvar::new(Variable::Null) }
            }
            Kind::QuotedIdentifier if self.kind() == Kind::Lparen => {
                let token = Token { start: 0, ..self.look(0) };
                let reason = "Quoted identifier not allowed for function names.".to_owned();
                return Err(Problem::Place(token, reason));
            }
            Kind::UnquotedIdentifier | Kind::QuotedIdentifier => Ast::Field { offset, name: token.text() },
            Kind::Current => identity(),
            Kind::End => return Err(Problem::Incomplete),
            _ => return Err(Problem::Place(token, "invalid token".to_owned())),
        })
    }

    fn grouped(&mut self) -> Result<Ast, Problem> {
        let inside = self.expression(0)?;
        self.want(Kind::Rparen)?;
        Ok(inside)
    }

    fn bracketed(&mut self) -> Result<Ast, Problem> {
        match self.kind() {
            Kind::Number | Kind::Colon => self.index(identity()),
            Kind::Star if self.look(1).kind == Kind::Rbracket => {
                self.at += 2;
                Ok(projection(identity(), self.projected(Kind::Star.power())?))
            }
            _ => self.list(),
        }
    }

    fn not(&mut self, offset: usize) -> Result<Ast, Problem> {
        Ok(Ast::Not { offset, node: Box::new(self.expression(Kind::Not.power())?) })
    }

    fn reference(&mut self, offset: usize) -> Result<Ast, Problem> {
        Ok(Ast::Expref { offset, ast: Box::new(self.expression(Kind::Expref.power())?) })
    }

    fn star(&mut self) -> Result<Ast, Problem> {
        let rhs = match self.kind() {
            Kind::Rbracket => identity(),
            _ => self.projected(Kind::Star.power())?,
        };
        Ok(values(identity(), rhs))
    }

    /// What `token` makes of what stands before it.
    fn next(&mut self, left: Ast, token: &Token) -> Result<Ast, Problem> {
        let offset = token.start;
        let power = token.kind.power();
        if let Some(comparator) = token.kind.comparator() {
            let (lhs, rhs) = (Box::new(left), Box::new(self.expression(power)?));
            return Ok(Ast::Comparison { offset, comparator, lhs, rhs });
        }
        Ok(match token.kind {
            Kind::Dot if self.kind() == Kind::Star => {
                self.at += 1;
                values(left, self.projected(power)?)
            }
            Kind::Dot => within(left, self.member(power)?),
            Kind::Pipe => within(left, self.expression(power)?),
            Kind::Or => Ast::Or { offset, lhs: Box::new(left), rhs: Box::new(self.expression(power)?) },
            Kind::And => Ast::And { offset, lhs: Box::new(left), rhs: Box::new(self.expression(power)?) },
            Kind::Flatten => self.flatten(left)?,
            Kind::Filter => self.filter(left)?,
            Kind::Lbracket => match self.kind() {
                Kind::Number | Kind::Colon => self.index(left)?,
                _ => {
                    self.want(Kind::Star)?;
                    self.want(Kind::Rbracket)?;
                    projection(left, self.projected(Kind::Star.power())?)
                }
            },
            Kind::Lparen => {
                let Ast::Field { name, .. } = left else {
                    let called = self.tokens[self.at.saturating_sub(2)].clone();
                    let reason = format!("Invalid function name '{}'", called.text());
                    return Err(Problem::Place(called, reason));
                };
                let mut args = Vec::new();
                while self.kind() != Kind::Rparen {
                    args.push(self.expression(0)?);
                    if self.kind() == Kind::Comma {
                        self.at += 1;
                    }
                }
                self.at += 1;
                Ast::Function { offset, name, args }
            }
            _ => return Err(Problem::Place(token.clone(), "invalid token".to_owned())),
        })
    }

    /// What follows a projection and is done to each of its items.
    fn projected(&mut self, power: u8) -> Result<Ast, Problem> {
        match self.kind() {
            kind if kind.power() < PROJECTION_STOP => Ok(identity()),
            Kind::Lbracket | Kind::Filter => self.expression(power),
            Kind::Dot => {
                self.at += 1;
                self.member(power)
            }
            _ => self.misplaced("syntax error"),
        }
    }

    /// What may follow a dot.
    fn member(&mut self, power: u8) -> Result<Ast, Problem> {
        match self.kind() {
            Kind::QuotedIdentifier | Kind::UnquotedIdentifier | Kind::Star => self.expression(power),
            Kind::Lbracket => {
                self.at += 1;
                self.list()
            }
            Kind::Lbrace => {
                self.at += 1;
                self.hash()
            }
            kind => self.misplaced(&format!(
                "Expecting: ['quoted_identifier', 'unquoted_identifier', 'lbracket', 'lbrace'], got: {}",
                kind.name()
            )),
        }
    }

    fn flatten(&mut self, of: Ast) -> Result<Ast, Problem> {
        let flat = Ast::Flatten { offset: 0, node: Box::new(of) };
        Ok(projection(flat, self.projected(Kind::Flatten.power())?))
    }

    fn filter(&mut self, of: Ast) -> Result<Ast, Problem> {
        let predicate = Box::new(self.expression(0)?);
        self.want(Kind::Rbracket)?;
        let then = match self.kind() {
            Kind::Flatten => identity(),
            _ => self.projected(Kind::Filter.power())?,
        };
        Ok(projection(of, Ast::Condition { offset: 0, predicate, then: Box::new(then) }))
    }

    /// `[1]` and `[1:2]`, behind the bracket.
    fn index(&mut self, of: Ast) -> Result<Ast, Problem> {
        if self.kind() != Kind::Colon && self.look(1).kind != Kind::Colon {
            let index = Ast::Index { offset: 0, idx: self.take().number() };
            self.want(Kind::Rbracket)?;
            return Ok(within(of, index));
        }
        let mut parts = [None; 3];
        let mut part = 0;
        while self.kind() != Kind::Rbracket && part < parts.len() {
            match self.kind() {
                Kind::Colon if part < 2 => part += 1,
                Kind::Number => parts[part] = Some(self.look(0).number()),
                _ => return self.misplaced("syntax error"),
            }
            self.at += 1;
        }
        self.want(Kind::Rbracket)?;
        let [start, stop, step] = parts;
        let slice = Ast::Slice { offset: 0, start, stop, step: step.unwrap_or(1) };
        Ok(projection(within(of, slice), self.projected(Kind::Star.power())?))
    }

    fn list(&mut self) -> Result<Ast, Problem> {
        let mut elements = vec![self.expression(0)?];
        while self.kind() != Kind::Rbracket {
            self.want(Kind::Comma)?;
            elements.push(self.expression(0)?);
        }
        self.at += 1;
        Ok(Ast::MultiList { offset: 0, elements })
    }

    fn hash(&mut self) -> Result<Ast, Problem> {
        let mut elements = Vec::new();
        loop {
            let key = self.want_one(&NAMES, "['quoted_identifier', 'unquoted_identifier']")?.text();
            self.want(Kind::Colon)?;
            elements.push(KeyValuePair { key, value: self.expression(0)? });
            match self.kind() {
                Kind::Comma => self.at += 1,
                Kind::Rbrace => {
                    self.at += 1;
                    return Ok(Ast::MultiHash { offset: 0, elements });
                }
                _ => {}
            }
        }
    }
}

fn identity() -> Ast {
    Ast::Identity { offset: 0 }
}

fn within(lhs: Ast, rhs: Ast) -> Ast {
    Ast::Subexpr { offset: 0, lhs: Box::new(lhs), rhs: Box::new(rhs) }
}

fn projection(lhs: Ast, rhs: Ast) -> Ast {
    Ast::Projection { offset: 0, lhs: Box::new(lhs), rhs: Box::new(rhs) }
}

fn values(of: Ast, rhs: Ast) -> Ast {
    projection(Ast::ObjectValues { offset: 0, node: Box::new(of) }, rhs)
}
