//! `--query` and the paginators' expressions: JMESPath over ordered values. Keys keep their order, as they do in the
//! official CLI; types and comparisons are those of its Python implementation. What an expression may use up is
//! metered while it runs, because a short expression can ask for an endless result.

mod functions;
mod node;
mod parse;

use std::borrow::Cow;
use std::rc::Rc;

use indexmap::IndexMap;
use jmespath::ast::{Ast, Comparator};

use crate::value::Value;
use node::{Node, Number};

/// How long an expression may be, in bytes.
pub const MAX_EXPRESSION_BYTES: usize = 16 * 1024;
/// How many brackets, dots, pipes and other operators an expression may have; each can nest the parser once deeper.
pub const MAX_EXPRESSION_OPERATORS: usize = 250;
/// How many steps an evaluation may take: nodes visited, items looked at, values compared.
pub const MAX_STEPS: u64 = 10_000_000;
/// How much an evaluation may produce: the bytes of its texts, and [`NODE_BYTES`] for each value of its result.
pub const MAX_PRODUCED_BYTES: u64 = 64 * 1024 * 1024;
/// What one value costs in memory, about.
pub const NODE_BYTES: u64 = 64;

/// A parsed expression.
#[derive(Debug, Clone)]
pub struct Expression {
    ast: Ast,
    /// The expression's literals by their offset, with their keys in order.
    literals: IndexMap<usize, Value>,
}

/// Why an evaluation gives no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A function does not take what it is given, in the words of the official CLI.
    #[error("{0}")]
    Type(String),
    /// The expression asks for more than it may use up.
    #[error("the query was stopped: it needs more than {limit} {unit} (ask for fewer or smaller values)")]
    Limit {
        /// The limit that was reached.
        limit: u64,
        /// What it counts.
        unit: &'static str,
    },
}

impl Expression {
    /// Parses `text`. The error is for the user and says where the expression is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("Invalid JMESPath expression: cannot be empty.".to_owned());
        }
        if text.len() > MAX_EXPRESSION_BYTES {
            return Err(format!(
                "Invalid jmespath expression: it is longer than {MAX_EXPRESSION_BYTES} bytes."
            ));
        }
        let operators = text.bytes().filter(|byte| b"([{.|&!<>=".contains(byte)).count();
        if operators > MAX_EXPRESSION_OPERATORS {
            return Err(format!(
                "Invalid jmespath expression: it has more than {MAX_EXPRESSION_OPERATORS} operators."
            ));
        }
        let (ast, literals) = parse::parse(text)?;
        Ok(Self { ast, literals })
    }

    /// Evaluates the expression over `input`.
    pub fn search(&self, input: &Value) -> Result<Value, QueryError> {
        let mut run = Run { literals: &self.literals, steps: 0, produced: 0 };
        let found = run.evaluate(&self.ast, Node::Value(input))?;
        run.export(&found)
    }
}

/// One evaluation.
struct Run<'a> {
    literals: &'a IndexMap<usize, Value>,
    steps: u64,
    produced: u64,
}

impl<'a> Run<'a> {
    fn step(&mut self, count: usize) -> Result<(), QueryError> {
        self.steps += count as u64;
        if self.steps > MAX_STEPS {
            return Err(QueryError::Limit { limit: MAX_STEPS, unit: "steps" });
        }
        Ok(())
    }

    fn produce(&mut self, bytes: usize) -> Result<(), QueryError> {
        self.produced += bytes as u64 + NODE_BYTES;
        if self.produced > MAX_PRODUCED_BYTES {
            return Err(QueryError::Limit { limit: MAX_PRODUCED_BYTES, unit: "bytes" });
        }
        Ok(())
    }

    /// A list that the expression makes: its items are shared, and their places take memory all the same.
    fn list(&mut self, items: Vec<Node<'a>>) -> Result<Node<'a>, QueryError> {
        self.produce(items.len() * size_of::<Node<'_>>())?;
        Ok(Node::list(items))
    }

    /// A map that the expression makes, in the same way.
    fn map(&mut self, members: IndexMap<Cow<'a, str>, Node<'a>>) -> Result<Node<'a>, QueryError> {
        self.produce(members.len() * NODE_BYTES as usize)?;
        Ok(Node::Map(Rc::new(members)))
    }

    fn evaluate(&mut self, ast: &'a Ast, current: Node<'a>) -> Result<Node<'a>, QueryError> {
        self.step(1)?;
        Ok(match ast {
            Ast::Identity { .. } => current,
            Ast::Literal { offset, .. } => self.literals.get(offset).map_or_else(Node::null, Node::Value),
            Ast::Field { name, .. } => current.field(name),
            Ast::Subexpr { lhs, rhs, .. } => {
                let left = self.evaluate(lhs, current)?;
                self.evaluate(rhs, left)?
            }
            Ast::Index { idx, .. } => {
                let length = current.length().unwrap_or(0);
                let index = if *idx < 0 {
                    length.checked_sub(idx.unsigned_abs() as usize)
                } else {
                    usize::try_from(*idx).ok()
                };
                index.and_then(|index| current.item(index)).unwrap_or_else(Node::null)
            }
            Ast::Slice { start, stop, step, .. } => self.slice(&current, *start, *stop, *step)?,
            Ast::And { lhs, rhs, .. } => {
                let left = self.evaluate(lhs, current.clone())?;
                if left.is_true() { self.evaluate(rhs, current)? } else { left }
            }
            Ast::Or { lhs, rhs, .. } => {
                let left = self.evaluate(lhs, current.clone())?;
                if left.is_true() { left } else { self.evaluate(rhs, current)? }
            }
            Ast::Not { node, .. } => Node::made(Value::Bool(!self.evaluate(node, current)?.is_true())),
            Ast::Condition { predicate, then, .. } => {
                if self.evaluate(predicate, current.clone())?.is_true() {
                    self.evaluate(then, current)?
                } else {
                    Node::null()
                }
            }
            Ast::Comparison { comparator, lhs, rhs, .. } => {
                let left = self.evaluate(lhs, current.clone())?;
                let right = self.evaluate(rhs, current)?;
                self.compare(comparator, &left, &right)?
            }
            Ast::ObjectValues { node, .. } => {
                let of = self.evaluate(node, current)?;
                match of.entries() {
                    Some(entries) => {
                        self.step(entries.len())?;
                        self.list(entries.into_iter().map(|(_, value)| value).collect())?
                    }
                    None => Node::null(),
                }
            }
            Ast::Projection { lhs, rhs, .. } => {
                let base = self.evaluate(lhs, current)?;
                let Some(length) = base.length() else { return Ok(Node::null()) };
                let mut collected = Vec::new();
                for index in 0..length {
                    let Some(item) = base.item(index) else { break };
                    let found = self.evaluate(rhs, item)?;
                    if !found.is_null() {
                        collected.push(found);
                    }
                }
                self.list(collected)?
            }
            Ast::Flatten { node, .. } => {
                let base = self.evaluate(node, current)?;
                let Some(items) = base.items() else { return Ok(Node::null()) };
                let mut flat = Vec::new();
                for item in items {
                    match item.items() {
                        Some(inner) => {
                            self.step(inner.len())?;
                            flat.extend(inner);
                        }
                        None => {
                            self.step(1)?;
                            flat.push(item);
                        }
                    }
                }
                self.list(flat)?
            }
            Ast::MultiList { elements, .. } => {
                if current.is_null() {
                    return Ok(current);
                }
                let items = elements.iter().map(|element| self.evaluate(element, current.clone()));
                let items = items.collect::<Result<_, _>>()?;
                self.list(items)?
            }
            Ast::MultiHash { elements, .. } => {
                if current.is_null() {
                    return Ok(current);
                }
                let mut map = IndexMap::with_capacity(elements.len());
                for pair in elements {
                    map.insert(
                        Cow::Borrowed(pair.key.as_str()),
                        self.evaluate(&pair.value, current.clone())?,
                    );
                }
                self.map(map)?
            }
            Ast::Expref { ast, .. } => Node::Reference(ast),
            Ast::Function { name, args, .. } => {
                let arguments = args.iter().map(|argument| self.evaluate(argument, current.clone()));
                let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
                functions::call(self, name, arguments)?
            }
        })
    }

    /// Python's `list[start:stop:step]`.
    fn slice(
        &mut self,
        of: &Node<'a>,
        start: Option<i32>,
        stop: Option<i32>,
        step: i32,
    ) -> Result<Node<'a>, QueryError> {
        let Some(length) = of.length() else { return Ok(Node::null()) };
        if step == 0 {
            return Err(QueryError::Type("slice step cannot be zero".to_owned()));
        }
        let (length, step) = (length as i64, i64::from(step));
        // The ends that can be reached: one before the first item when walking backwards, one after the last otherwise.
        let (least, most) = if step < 0 { (-1, length - 1) } else { (0, length) };
        let bound = |given: Option<i32>, default: i64| match given.map(i64::from) {
            None => default,
            Some(given) if given < 0 => (given + length).max(least),
            Some(given) => given.min(most),
        };
        let (mut at, end) = if step < 0 {
            (bound(start, most), bound(stop, least))
        } else {
            (bound(start, least), bound(stop, most))
        };
        let mut kept = Vec::new();
        while if step < 0 { at > end } else { at < end } {
            self.step(1)?;
            kept.extend(usize::try_from(at).ok().and_then(|index| of.item(index)));
            at += step;
        }
        self.list(kept)
    }

    fn compare(
        &mut self,
        comparator: &Comparator,
        left: &Node<'a>,
        right: &Node<'a>,
    ) -> Result<Node<'a>, QueryError> {
        self.step(left.weight() + right.weight())?;
        let order = match comparator {
            Comparator::Equal => return Ok(Node::made(Value::Bool(self.equal(left, right)?))),
            Comparator::NotEqual => return Ok(Node::made(Value::Bool(!self.equal(left, right)?))),
            _ => match (left.number(), right.number(), left.text(), right.text()) {
                (Some(left), Some(right), ..) => left.compare(&right),
                (.., Some(left), Some(right)) => Some(left.cmp(right)),
                (None, None, None, _) | (None, None, _, None) => return Ok(Node::null()),
                (left_number, right_number, left_text, right_text)
                    if (left_number.is_some() || left_text.is_some())
                        && (right_number.is_some() || right_text.is_some()) =>
                {
                    let sign = match comparator {
                        Comparator::LessThan => "<",
                        Comparator::LessThanEqual => "<=",
                        Comparator::GreaterThan => ">",
                        _ => ">=",
                    };
                    return Err(QueryError::Type(format!(
                        "'{sign}' not supported between instances of '{}' and '{}'",
                        left.python_type(),
                        right.python_type()
                    )));
                }
                _ => return Ok(Node::null()),
            },
        };
        // Not a number compares with nothing.
        Ok(Node::made(Value::Bool(order.is_some_and(|order| match comparator {
            Comparator::LessThan => order.is_lt(),
            Comparator::LessThanEqual => order.is_le(),
            Comparator::GreaterThan => order.is_gt(),
            _ => order.is_ge(),
        }))))
    }

    /// JMESPath's `==`: Python's, except that a number is never a boolean.
    fn equal(&mut self, left: &Node<'a>, right: &Node<'a>) -> Result<bool, QueryError> {
        if left.boolean().is_some() != right.boolean().is_some() {
            return Ok(false);
        }
        self.python_equal(left, right)
    }

    /// Python's `==`, for which `True` is 1, of all that is inside.
    fn python_equal(&mut self, left: &Node<'a>, right: &Node<'a>) -> Result<bool, QueryError> {
        self.step(1 + left.weight() + right.weight())?;
        let as_number = |node: &Node<'a>| {
            node.number().or_else(|| node.boolean().map(|value| Number::Int(i128::from(value))))
        };
        if let (Some(left), Some(right)) = (as_number(left), as_number(right)) {
            return Ok(left.compare(&right).is_some_and(std::cmp::Ordering::is_eq));
        }
        if let (Some(left), Some(right)) = (left.text(), right.text()) {
            return Ok(left == right);
        }
        if let (Some(length), Some(other)) = (left.length(), right.length()) {
            if length != other {
                return Ok(false);
            }
            for index in 0..length {
                if let (Some(left), Some(right)) = (left.item(index), right.item(index))
                    && !self.python_equal(&left, &right)?
                {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        if let (Some(size), Some(other)) = (left.size(), right.size()) {
            if size != other {
                return Ok(false);
            }
            self.step(size)?;
            for (key, value) in left.entries().unwrap_or_default() {
                match right.get(&key) {
                    Some(other) if self.python_equal(&value, &other)? => {}
                    _ => return Ok(false),
                }
            }
            return Ok(true);
        }
        Ok(left.is_null() && right.is_null())
    }

    /// Turns a result into a value of its own, metered: what is shared here is copied there.
    fn export(&mut self, node: &Node<'a>) -> Result<Value, QueryError> {
        match node {
            Node::Value(value) => self.copy(value),
            Node::Made(value) => self.copy(value),
            Node::List(items) => {
                self.produce(0)?;
                Ok(Value::List(items.iter().map(|item| self.export(item)).collect::<Result<_, _>>()?))
            }
            Node::Map(map) => {
                self.produce(0)?;
                let mut copied = crate::value::Map::with_capacity(map.len());
                for (key, item) in map.iter() {
                    self.produce(key.len())?;
                    copied.insert(key.clone().into_owned(), self.export(item)?);
                }
                Ok(Value::Map(copied))
            }
            Node::Reference(_) => Ok(Value::Null),
        }
    }

    fn copy(&mut self, value: &Value) -> Result<Value, QueryError> {
        Ok(match value {
            Value::List(items) => {
                self.produce(0)?;
                Value::List(items.iter().map(|item| self.copy(item)).collect::<Result<_, _>>()?)
            }
            Value::Map(map) => {
                self.produce(0)?;
                let mut copied = crate::value::Map::with_capacity(map.len());
                for (key, item) in map {
                    self.produce(key.len())?;
                    copied.insert(key.clone(), self.copy(item)?);
                }
                Value::Map(copied)
            }
            scalar => {
                self.produce(match scalar {
                    Value::Str(text) | Value::BigInt(text) => text.len(),
                    Value::Bytes(bytes) => bytes.len(),
                    _ => 0,
                })?;
                scalar.clone()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(expression: &str, input: &str) -> Result<Value, String> {
        let input = Value::from_json(&serde_json::from_str(input).unwrap());
        Expression::parse(expression)?.search(&input).map_err(|error| error.to_string())
    }

    #[test]
    fn literals_without_quotes_are_texts_as_in_the_official_cli() {
        for (expression, input, output) in [
            ("[?Key==`Name`].v", r#"[{"Key":"Name","v":1}]"#, "[1]"),
            ("` two words`", "null", r#""two words""#),
            ("`{broken`", "null", r#""{broken""#),
            ("['`raw`', \"`id`\", `a`]", r#"{"`id`":1}"#, r#"["`raw`",1,"a"]"#),
            ("'it\\'s' == `it's`", "null", "true"),
        ] {
            let expected = Value::from_json(&serde_json::from_str(output).unwrap());
            assert_eq!(search(expression, input), Ok(expected), "{expression}");
        }
    }

    #[test]
    fn results_keep_the_order_of_keys_and_pythons_numbers() {
        let cases = [
            ("@", r#"{"b":1,"a":2}"#, r#"{"b":1,"a":2}"#),
            ("{z: b, a: a}", r#"{"b":1,"a":2}"#, r#"{"z":1,"a":2}"#),
            ("keys(@)", r#"{"b":1,"a":2}"#, r#"["b","a"]"#),
            ("merge(@, `{\"z\": 1, \"b\": 3}`)", r#"{"b":1,"a":2}"#, r#"{"b":3,"a":2,"z":1}"#),
            ("sum(@)", "[1,2]", "3"),
            ("avg(@)", "[1,2,3]", "2.0"),
            ("ceil(@)", "1.2", "2"),
            ("to_number(' 1_000 ')", "null", "1000"),
            ("to_string(@)", r#"{"b":"ü"}"#, r#""{\"b\":\"\\u00fc\"}""#),
            ("[?a > 'b'].a", r#"[{"a":"a"},{"a":"c"}]"#, r#"["c"]"#),
            ("max_by(@, &n).i", r#"[{"n":1,"i":"x"},{"n":1,"i":"y"}]"#, r#""x""#),
            ("[::-1]", "[1,2,3]", "[3,2,1]"),
            ("contains(@, `1`)", "[true]", "true"),
            ("[0] == `1`", "[true]", "false"),
        ];
        for (expression, input, output) in cases {
            let expected = Value::from_json(&serde_json::from_str(output).unwrap());
            assert_eq!(search(expression, input), Ok(expected), "{expression}");
        }
    }

    #[test]
    fn mistakes_are_worded_as_by_the_official_cli() {
        let cases = [
            (
                "length(@)",
                "null",
                "In function length(), invalid type for value: None, expected one of: ['string', 'array', 'object'], received: \"null\"",
            ),
            (
                "join(',', @)",
                "[1]",
                "In function join(), invalid type for value: 1, expected one of: ['array-string'], received: \"int\"",
            ),
            ("nope(@)", "null", "Unknown function: nope()"),
            ("abs(@, @)", "1", "Expected 1 argument for function abs(), received 2"),
            ("@ > 'a'", "1", "'>' not supported between instances of 'int' and 'str'"),
        ];
        for (expression, input, error) in cases {
            assert_eq!(search(expression, input), Err(error.to_owned()), "{expression}");
        }
    }

    #[test]
    fn a_short_expression_with_an_endless_result_is_stopped() {
        let doubled = |times: usize| vec!["[@,@]"; times].join("|");
        for expression in [
            doubled(22),
            doubled(40),
            format!("{} | to_string(@)", doubled(22)),
            format!("{} | contains([@], @)", doubled(60)),
            format!("@ | {}", vec!["[@,@][]"; 40].join("|")),
            format!("{} | length(@)", vec!["[@,@,@,@][][]"; 20].join("|")),
            format!("{} | @", vec!["join('', [@,@])"; 40].join("|")),
        ] {
            let error = search(&expression, r#""some text""#).expect_err(&expression);
            assert!(error.starts_with("the query was stopped: it needs more than"), "{error}");
        }
        assert!(search(&doubled(15), "1").is_ok());
    }

    /// Each would look at much more than it makes, since what is long or has many members is looked at again and again.
    #[test]
    fn a_short_expression_does_no_endless_work() {
        let items = format!("[{}]", vec!["1"; 300_000].join(","));
        let text = format!("\"{}\"", "x".repeat(4 << 20));
        let members: Vec<String> = (0..50_000).map(|number| format!("\"{number}\":1")).collect();
        let members = format!("{{{}}}", members.join(","));
        let digits = "9".repeat(64 << 10);
        let copied = |rest: &str| format!("[@]|{}|{rest}", vec!["[@,@][]"; 16].join("|"));
        for (input, expression, is_stopped) in [
            (&items, copied("[?contains(@,`1`) && @==`0`]"), false),
            (&items, ["[*].[@]"; 5].join("|"), true),
            (&text, copied("sort(@)"), true),
            (&text, copied("max(@)"), true),
            (&text, copied("[?@<'x']"), true),
            (&text, copied("[?starts_with(@,'y')]"), true),
            (&members, copied("[?`{}`==@]"), false),
            (&members, copied("[?keys(@)==`0`]"), true),
            (&digits, copied("sum(@)"), true),
            (&digits, copied("[?@>`1`]"), true),
        ] {
            let started = std::time::Instant::now();
            let found = search(&expression, input);
            let elapsed = started.elapsed();
            let rest = expression.rsplit('|').next().unwrap_or_default();
            assert!(elapsed.as_secs() < 30, "{rest}: {elapsed:?}");
            assert_eq!(
                found.is_err_and(|error| error.starts_with("the query was stopped")),
                is_stopped,
                "{rest}"
            );
        }
    }

    #[test]
    fn long_and_deep_expressions_are_refused_at_the_limit() {
        let nested = |depth: usize| format!("{}@{}", "(".repeat(depth), ")".repeat(depth));
        assert!(Expression::parse(&nested(MAX_EXPRESSION_OPERATORS - 1)).is_ok());
        assert!(Expression::parse(&nested(MAX_EXPRESSION_OPERATORS)).is_ok());
        assert!(Expression::parse(&nested(MAX_EXPRESSION_OPERATORS + 1)).is_err());
        assert!(Expression::parse(&nested(10_000)).is_err());
        for (open, close) in
            [("[", "]"), ("{a:", "}"), ("!", ""), ("[?", "]"), ("f(", ")"), ("a.[", "]"), ("a||", "")]
        {
            let depth = MAX_EXPRESSION_OPERATORS / 2;
            let text = format!("{}a{}", open.repeat(depth), close.repeat(depth));
            assert!(Expression::parse(&text).is_ok(), "{text}");
        }
        let long = |bytes: usize| format!("'{}'", "x".repeat(bytes - 2));
        assert!(Expression::parse(&long(MAX_EXPRESSION_BYTES - 1)).is_ok());
        assert!(Expression::parse(&long(MAX_EXPRESSION_BYTES)).is_ok());
        assert!(Expression::parse(&long(MAX_EXPRESSION_BYTES + 1)).is_err());
        assert!(search(&vec!["[0]"; MAX_EXPRESSION_OPERATORS].concat(), "1").is_ok());
    }
}
