//! Expressions as people write them: names and values stand in them, where DynamoDB wants both apart.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::attribute;
use crate::command::UsageError;
use crate::format::repr_text;
use crate::value::{Map, Value};

/// How deep expressions and values may be nested.
const MAX_DEPTH: usize = 200;

/// An expression with marks for what was in it.
pub struct Substituted {
    /// With `#n0` for names and `:n1` for values.
    pub expression: String,
    /// What the marks for names stand for.
    pub names: Map,
    /// What the marks for values stand for.
    pub values: Map,
}

/// Takes names and values out of an expression. Their marks are counted from `offset`.
pub fn substitute(expression: &str, offset: usize) -> Result<Substituted, UsageError> {
    let tokens = Lexer::new(expression)?.tokens()?;
    let mut parser =
        Parser { source: expression, tokens, at: 0, depth: 0, offset, names: Map::new(), values: Map::new() };
    let (text, _) = parser.expression()?;
    if parser.token().kind != Kind::Eof {
        return Err(parser.unexpected("eof"));
    }
    Ok(Substituted { expression: text.trim().to_owned(), names: parser.names, values: parser.values })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Literal,
    Identifier,
    Unquoted,
    /// A mark or a word with a meaning, by its name in messages.
    Word(&'static str),
    Eof,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Literal => "literal",
            Self::Identifier => "identifier",
            Self::Unquoted => "unquoted_identifier",
            Self::Word(name) => name,
            Self::Eof => "eof",
        }
    }
}

/// A part of an expression. The official CLI tells places in its own way, which messages show.
#[derive(Debug, Clone)]
struct Token {
    kind: Kind,
    /// As Python prints its value.
    shown: String,
    /// The value of a literal, with its type for DynamoDB.
    value: Option<Literal>,
    start: usize,
    end: usize,
}

#[derive(Debug, Clone)]
enum Literal {
    Null,
    Bool(bool),
    Text(String),
    Number(String),
    Bytes(Vec<u8>),
}

impl Literal {
    fn python_type(&self) -> &'static str {
        match self {
            Self::Null => "NoneType",
            Self::Bool(_) => "bool",
            Self::Text(_) => "str",
            Self::Number(_) => "decimal.Decimal",
            Self::Bytes(_) => "awscli.customizations.dynamodb.types.Binary",
        }
    }

    fn attribute(self) -> Result<Value, UsageError> {
        let (name, value) = match self {
            Self::Null => ("NULL", Value::Bool(true)),
            Self::Bool(value) => ("BOOL", Value::Bool(value)),
            Self::Text(text) => ("S", Value::Str(text)),
            Self::Number(text) => ("N", Value::Str(attribute::number(&text)?)),
            Self::Bytes(bytes) => ("B", Value::Bytes(bytes)),
        };
        Ok(typed(name, value))
    }
}

fn typed(name: &str, value: Value) -> Value {
    Value::Map(Map::from([(name.to_owned(), value)]))
}

fn empty() -> UsageError {
    UsageError::parameter("Expressions must not be empty")
}

/// Reads characters. Its place stays at the last one when there are no more, as in the official CLI.
struct Lexer<'a> {
    source: &'a str,
    characters: Vec<char>,
    at: usize,
    current: Option<char>,
}

impl<'a> Lexer<'a> {
    fn new(source: &'a str) -> Result<Self, UsageError> {
        let characters: Vec<char> = source.chars().collect();
        let current = characters.first().copied();
        if current.is_none() {
            return Err(empty());
        }
        Ok(Self { source, characters, at: 0, current })
    }

    fn next(&mut self) -> Option<char> {
        if self.at + 1 >= self.characters.len() {
            self.current = None;
        } else {
            self.at += 1;
            self.current = self.characters.get(self.at).copied();
        }
        self.current
    }

    fn error(&self, message: &str, at: usize) -> UsageError {
        UsageError::parameter(&format!("{message}\n{}\n{}^", self.source, " ".repeat(at)))
    }

    fn tokens(mut self) -> Result<Vec<Token>, UsageError> {
        let mut tokens = Vec::new();
        while let Some(c) = self.current {
            let mark = match c {
                '.' => "dot",
                ',' => "comma",
                ':' => "colon",
                '(' => "lparen",
                ')' => "rparen",
                '{' => "lbrace",
                '}' => "rbrace",
                '[' => "lbracket",
                ']' => "rbracket",
                '=' => "eq",
                _ => "",
            };
            let start = self.at;
            let token = match c {
                _ if !mark.is_empty() => {
                    self.next();
                    Token { kind: Kind::Word(mark), shown: c.to_string(), value: None, start, end: start + 1 }
                }
                'a'..='z' | 'A'..='Z' | '_' => self.identifier()?,
                '\'' => {
                    let shown = self.until('\'')?.replace("\\'", "'");
                    Token { kind: Kind::Identifier, shown, value: None, start, end: self.at - start }
                }
                '"' => self.text()?,
                ' ' | '\t' | '\n' | '\r' => {
                    self.next();
                    continue;
                }
                '0'..='9' | '-' => self.number()?,
                '<' | '>' => self.comparator(c),
                other => return Err(self.error(&format!("Unrecognized character {other}"), self.at)),
            };
            tokens.push(token);
        }
        let end = self.characters.len();
        tokens.push(Token { kind: Kind::Eof, shown: String::new(), value: None, start: end, end });
        Ok(tokens)
    }

    fn identifier(&mut self) -> Result<Token, UsageError> {
        let start = self.at;
        let mut word = String::from(self.current.unwrap_or_default());
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        let token = |kind, word: &str, value| Token {
            kind,
            shown: word.to_owned(),
            value,
            start,
            end: start + word.len(),
        };
        if matches!(self.current, Some('b' | 'B')) {
            match self.next() {
                Some('"') => return self.bytes(),
                c if is_part(c) => word.extend(c),
                _ => return Ok(token(Kind::Unquoted, &word, None)),
            }
        }
        while let c @ Some(_) = self.next()
            && is_part(c)
        {
            word.extend(c);
        }
        let literal = |shown: &str, value| Token {
            shown: shown.to_owned(),
            ..token(Kind::Literal, &word, Some(value))
        };
        Ok(match word.to_ascii_lowercase().as_str() {
            "true" => literal("True", Literal::Bool(true)),
            "false" => literal("False", Literal::Bool(false)),
            "null" => literal("None", Literal::Null),
            lower => match ["and", "between", "in", "or", "not"].into_iter().find(|name| *name == lower) {
                Some(name) => token(Kind::Word(name), &word, None),
                None => token(Kind::Unquoted, &word, None),
            },
        })
    }

    fn text(&mut self) -> Result<Token, UsageError> {
        let start = self.at;
        let text = self.until('"')?.replace("\\\"", "\"");
        let end = self.at - start;
        Ok(Token { kind: Kind::Literal, shown: text.clone(), value: Some(Literal::Text(text)), start, end })
    }

    /// `b"…"`, of which the `b` is read.
    fn bytes(&mut self) -> Result<Token, UsageError> {
        let start = self.at - 1;
        let mut token = self.text()?;
        let wrong =
            |reason: &str| self.error(&format!("Invalid base64 string b\"{}\"{reason}", token.shown), start);
        let is_base_64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
        if token.shown.chars().next().is_some_and(|c| !is_base_64(c)) {
            return Err(wrong(""));
        }
        // Python passes over what does not belong there.
        let clean: String = token.shown.chars().filter(|c| is_base_64(*c)).collect();
        let bytes = STANDARD.decode(clean).map_err(|_| wrong(": Incorrect padding"))?;
        (token.value, token.start) = (Some(Literal::Bytes(bytes)), start);
        Ok(token)
    }

    /// The characters up to a quote that has no backslash.
    fn until(&mut self, quote: char) -> Result<String, UsageError> {
        let start = self.at;
        let mut text = String::new();
        self.next();
        while self.current != Some(quote) {
            if self.current == Some('\\') {
                text.push('\\');
                self.next();
            }
            let Some(c) = self.current else {
                return Err(self.error(&format!("Unclosed {quote} delimiter"), start));
            };
            text.push(c);
            self.next();
        }
        self.next();
        Ok(text)
    }

    fn number(&mut self) -> Result<Token, UsageError> {
        let start = self.at;
        let mut text = self.int()?;
        let shown = |c: Option<char>| c.map_or_else(|| "None".to_owned(), String::from);
        if self.current == Some('.') {
            text.push('.');
            if !self.next().is_some_and(|c| c.is_ascii_digit()) {
                let message = format!("Invalid fractional character {}", shown(self.current));
                return Err(self.error(&message, self.at));
            }
            text.push_str(&self.int()?);
        }
        if let Some(e @ ('e' | 'E')) = self.current {
            text.push(e);
            if !self.next().is_some_and(|c| c.is_ascii_digit() || c == '-' || c == '+') {
                let message = format!("Invalid exponential character {}", shown(self.current));
                return Err(self.error(&message, self.at));
            }
            text.push_str(&self.int()?);
        }
        let end = start + text.len();
        Ok(Token { kind: Kind::Literal, shown: text.clone(), value: Some(Literal::Number(text)), start, end })
    }

    fn int(&mut self) -> Result<String, UsageError> {
        let mut text = String::from(self.current.unwrap_or_default());
        while let Some(c) = self.next()
            && c.is_ascii_digit()
        {
            text.push(c);
        }
        if text == "-" {
            return Err(self.error("Unknown token -", self.at));
        }
        Ok(text)
    }

    fn comparator(&mut self, first: char) -> Token {
        let mark = match (first, self.next()) {
            ('<', Some('>')) => Some(("ne", "<>")),
            ('<', Some('=')) => Some(("lte", "<=")),
            ('>', Some('=')) => Some(("gte", ">=")),
            _ => None,
        };
        let (name, shown) = match mark {
            Some(mark) => {
                self.next();
                mark
            }
            None if first == '<' => ("lt", "<"),
            None => ("gt", ">"),
        };
        let start = self.at.saturating_sub(shown.len());
        Token { kind: Kind::Word(name), shown: shown.to_owned(), value: None, start, end: self.at }
    }
}

/// What an expression was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Name,
    Other,
}

struct Parser<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    offset: usize,
    names: Map,
    values: Map,
}

const OPERANDS: [&str; 5] = ["literal", "lbracket", "lbrace", "identifier", "unquoted_identiifer"];
const VALUES: [&str; 3] = ["literal", "lbracket", "lbrace"];

/// Names as Python prints a list of them.
fn listed(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| repr_text(name)).collect();
    format!("[{}]", names.join(", "))
}

impl Parser<'_> {
    fn token(&self) -> &Token {
        // The last token is never passed.
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn is(&self, name: &str) -> bool {
        self.token().kind.name() == name
    }

    fn next_is(&self, name: &str) -> bool {
        self.tokens.get(self.at + 1).is_some_and(|token| token.kind.name() == name)
    }

    fn advance(&mut self) {
        self.at += 1;
    }

    fn expect(&mut self, name: &str) -> Result<(), UsageError> {
        if !self.is(name) {
            return Err(self.unexpected(name));
        }
        self.advance();
        Ok(())
    }

    fn underline(&self) -> String {
        let token = self.token();
        let length = token.end.saturating_sub(token.start).max(1);
        format!("{}\n{}{}", self.source, " ".repeat(token.start), "^".repeat(length))
    }

    fn unexpected(&self, expected: &str) -> UsageError {
        let token = self.token();
        UsageError::parameter(&format!(
            "Unexpected token `{}` of type `{}`. Expected type: {expected}\n{}",
            token.shown,
            token.kind.name(),
            self.underline()
        ))
    }

    fn invalid(&self, message: &str) -> UsageError {
        UsageError::parameter(&format!("Invalid token value: {message}\n{}\n", self.underline()))
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, UsageError>) -> Result<T, UsageError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.invalid(&format!("nested more than {MAX_DEPTH} times")));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn mark(&self, sign: char) -> String {
        format!("{sign}n{}", self.names.len() + self.values.len() + self.offset)
    }

    fn name(&mut self, name: &str) -> String {
        let mark = self.mark('#');
        self.names.insert(mark.clone(), Value::Str(name.to_owned()));
        mark
    }

    fn expression(&mut self) -> Result<(String, Form), UsageError> {
        if self.is("eof") {
            return Err(empty());
        }
        let (mut text, form) = self.simple()?;
        if form == Form::Name && self.is("comma") {
            self.advance();
            return Ok((format!("{}, {}", text.trim(), self.sequence()?), Form::Other));
        }
        while self.is("and") || self.is("or") {
            let word = if self.is("and") { "AND" } else { "OR" };
            self.advance();
            let (right, _) = self.simple()?;
            text = format!("{text}{word} {right}");
        }
        Ok((text, Form::Other))
    }

    fn simple(&mut self) -> Result<(String, Form), UsageError> {
        if self.is("lparen") {
            self.advance();
            let (inner, _) = self.deeper(Self::expression)?;
            self.expect("rparen")?;
            return Ok((format!("( {inner}) "), Form::Other));
        }
        if self.is("not") {
            self.advance();
            let (inner, _) = self.deeper(Self::simple)?;
            return Ok((format!("NOT {inner}"), Form::Other));
        }
        self.condition()
    }

    fn condition(&mut self) -> Result<(String, Form), UsageError> {
        if self.next_is("lparen") {
            return self.function();
        }
        let starts = ["literal", "identifier", "unquoted_identifier", "lbracket", "lbrace"];
        if !starts.contains(&self.token().kind.name()) {
            return Err(UsageError::parameter(&format!(
                "Unknown expression type starting at token `{}`\n{}",
                self.token().shown,
                self.underline()
            )));
        }
        let (left, form) = self.operand()?;
        let sign = match self.token().kind {
            Kind::Word("in") => {
                self.advance();
                self.expect("lparen")?;
                let right = self.sequence()?;
                self.expect("rparen")?;
                return Ok((format!("{left}IN ({right}) "), Form::Other));
            }
            Kind::Word("between") => {
                self.advance();
                let (low, _) = self.operand()?;
                self.expect("and")?;
                let (high, _) = self.operand()?;
                return Ok((format!("{left}BETWEEN {low}AND {high}"), Form::Other));
            }
            Kind::Word("eq") => "=",
            Kind::Word("ne") => "<>",
            Kind::Word("lt") => "<",
            Kind::Word("lte") => "<=",
            Kind::Word("gt") => ">",
            Kind::Word("gte") => ">=",
            _ => return Ok((left, form)),
        };
        self.advance();
        let (right, _) = self.operand()?;
        Ok((format!("{left}{sign} {right}"), Form::Other))
    }

    fn function(&mut self) -> Result<(String, Form), UsageError> {
        let name = self.token().shown.clone();
        if !matches!(self.token().kind, Kind::Identifier | Kind::Unquoted) {
            return Err(self.unexpected(&listed(&["identifier", "unquoted_identifier"])));
        }
        self.advance();
        self.expect("lparen")?;
        let arguments = self.sequence()?;
        self.expect("rparen")?;
        Ok((format!("{name}({arguments}) "), Form::Other))
    }

    fn sequence(&mut self) -> Result<String, UsageError> {
        let mut operands = Vec::new();
        loop {
            operands.push(self.operand()?.0.trim().to_owned());
            if !self.is("comma") {
                return Ok(operands.join(", "));
            }
            self.advance();
        }
    }

    fn operand(&mut self) -> Result<(String, Form), UsageError> {
        match self.token().kind {
            Kind::Identifier | Kind::Unquoted => {
                // An unquoted name is one only once it has a list behind it or is read as a path.
                let mut path = self.identifier()?;
                while self.is("dot") {
                    self.advance();
                    path = format!("{path}.{}", self.identifier()?);
                }
                Ok((format!("{path} "), Form::Name))
            }
            _ if VALUES.contains(&self.token().kind.name()) => {
                let value = self.literal()?;
                let mark = self.mark(':');
                self.values.insert(mark.clone(), value);
                Ok((format!("{mark} "), Form::Other))
            }
            _ => Err(self.unexpected(&listed(&OPERANDS))),
        }
    }

    /// One part of a path, with an index if it has one. Any token will do for a name.
    fn identifier(&mut self) -> Result<String, UsageError> {
        let name = self.token().shown.clone();
        let mark = self.name(&name);
        self.advance();
        if !self.is("lbracket") {
            return Ok(mark);
        }
        self.advance();
        let index = match &self.token().value {
            Some(Literal::Number(number)) => Some(attribute::number(number)?),
            _ => None,
        };
        self.literal()?;
        let whole = index.filter(|index| !index.contains(['.', 'E']));
        let whole = whole.ok_or_else(|| self.invalid("List indices must be whole numbers."))?;
        self.expect("rbracket")?;
        Ok(format!("{mark}[{whole}]"))
    }

    /// A value with its type.
    fn literal(&mut self) -> Result<Value, UsageError> {
        match self.token().kind {
            Kind::Literal => {
                let literal = self.token().value.clone().unwrap_or(Literal::Null);
                self.advance();
                literal.attribute()
            }
            Kind::Word("lbracket") => {
                self.advance();
                let mut items = Vec::new();
                while !self.is("rbracket") {
                    items.push(self.deeper(Self::literal)?);
                    if !self.is("comma") {
                        break;
                    }
                    self.advance();
                    if self.is("rbracket") {
                        return Err(self.unexpected(&listed(&VALUES)));
                    }
                }
                self.expect("rbracket")?;
                Ok(typed("L", Value::List(items)))
            }
            Kind::Word("lbrace") => {
                self.advance();
                let value = if self.next_is("colon") || self.is("rbrace") {
                    typed("M", Value::Map(self.members()?))
                } else {
                    self.set()?
                };
                self.expect("rbrace")?;
                Ok(value)
            }
            _ => Err(self.unexpected(&listed(&VALUES))),
        }
    }

    fn members(&mut self) -> Result<Map, UsageError> {
        let mut members = Map::new();
        if self.is("rbrace") {
            return Ok(members);
        }
        loop {
            let token = self.token();
            let kind = token.value.as_ref().map_or("str", Literal::python_type);
            if kind != "str" {
                return Err(self.invalid(&format!("Keys must be of type `str`, found `<class '{kind}'>`")));
            }
            let key = token.shown.clone();
            self.expect("literal")?;
            self.expect("colon")?;
            members.insert(key, self.deeper(Self::literal)?);
            if !self.is("comma") {
                return Ok(members);
            }
            self.advance();
        }
    }

    fn set(&mut self) -> Result<Value, UsageError> {
        let first = self.token().value.as_ref().map_or("str", Literal::python_type);
        let mut items: Vec<Value> = Vec::new();
        loop {
            let Some(literal) = self.token().value.clone() else { return Err(self.unexpected("literal")) };
            let kind = literal.python_type();
            if ["NoneType", "bool"].contains(&kind) {
                // The official CLI names the type of the name of the type.
                return Err(self.invalid(
                    "Sets may only contain numbers, strings, or bytes, but literal of type `<class 'str'>` was found",
                ));
            }
            if kind != first {
                return Err(self.invalid(&format!(
                    "Set values must all be of the same type. First type was `<class '{first}'>`, but found value of \
                     type `<class 'str'>`"
                )));
            }
            let Value::Map(typed) = literal.attribute()? else { continue };
            items.extend(typed.into_values().filter(|value| !items.contains(value)).collect::<Vec<_>>());
            self.advance();
            if !self.is("comma") {
                break;
            }
            self.advance();
        }
        let name = match first {
            "decimal.Decimal" => "NS",
            "str" => "SS",
            _ => "BS",
        };
        Ok(typed(name, Value::List(items)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::compact_ascii_json;

    /// As the official CLI 2.38.5 sends and says it.
    #[test]
    fn names_and_values_are_taken_out() {
        for (given, expression, names, values) in [
            ("a, b.c[1].d", "#n0, #n1.#n2[1].#n3", r##"{"#n0":"a","#n1":"b","#n2":"c","#n3":"d"}"##, "{}"),
            ("a=1.5e3", "#n0 = :n1", r##"{"#n0":"a"}"##, r#"{":n1":{"N":"1.5E+3"}}"#),
            (
                "(a < 1 or not b >= \"x\") and c in (1, null)",
                "( #n0 < :n1 OR NOT #n2 >= :n3 ) AND #n4 IN (:n5, :n6)",
                r##"{"#n0":"a","#n2":"b","#n4":"c"}"##,
                r#"{":n1":{"N":"1"},":n3":{"S":"x"},":n5":{"N":"1"},":n6":{"NULL":true}}"#,
            ),
            (
                "begins_with(a, \"x\") or b between {1} and [{\"k\": true}]",
                "begins_with(#n0, :n1) OR #n2 BETWEEN :n3 AND :n4",
                r##"{"#n0":"a","#n2":"b"}"##,
                r#"{":n1":{"S":"x"},":n3":{"NS":["1"]},":n4":{"L":[{"M":{"k":{"BOOL":true}}}]}}"#,
            ),
        ] {
            let found = substitute(given, 0).unwrap();
            assert_eq!(found.expression, expression);
            assert_eq!(compact_ascii_json(&Value::Map(found.names)), names);
            assert_eq!(compact_ascii_json(&Value::Map(found.values)), values);
        }
        for (given, error) in [
            ("", "Expressions must not be empty"),
            ("a b", "Unexpected token `b` of type `unquoted_identifier`. Expected type: eof\na b\n  ^"),
            ("and", "Unknown expression type starting at token `and`\nand\n^^^"),
            ("a = \"un", "Unclosed \" delimiter\na = \"un\n    ^"),
            ("a[1.5]", "Invalid token value: List indices must be whole numbers.\na[1.5]\n     ^"),
        ] {
            let Err(found) = substitute(given, 0) else { panic!("{given} is read") };
            assert_eq!(found.stderr, UsageError::parameter(error).stderr, "{given}");
        }
    }

    #[test]
    fn nesting_ends_somewhere() {
        for open in ["(", "NOT ", "a = [", "a = {\"k\": "] {
            assert!(substitute(&open.repeat(100_000), 0).is_err());
        }
    }
}
