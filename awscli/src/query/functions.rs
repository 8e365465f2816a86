//! JMESPath's 26 functions, with the argument checks and error texts of the Python implementation.

use std::borrow::Cow;
use std::cmp::Ordering;

use indexmap::IndexMap;

use super::node::{Node, Number};
use super::{QueryError, Run};
use crate::format;
use crate::value::Value;

/// The types that each parameter takes; none stands for any. The flag tells that the last one may be repeated.
type Signature = (&'static str, &'static [&'static [&'static str]], bool);

const SIGNATURES: &[Signature] = &[
    ("abs", &[&["number"]], false),
    ("avg", &[&["array-number"]], false),
    ("ceil", &[&["number"]], false),
    ("contains", &[&["array", "string"], &[]], false),
    ("ends_with", &[&["string"], &["string"]], false),
    ("floor", &[&["number"]], false),
    ("join", &[&["string"], &["array-string"]], false),
    ("keys", &[&["object"]], false),
    ("length", &[&["string", "array", "object"]], false),
    ("map", &[&["expref"], &["array"]], false),
    ("max", &[&["array-number", "array-string"]], false),
    ("max_by", &[&["array"], &["expref"]], false),
    ("merge", &[&["object"]], true),
    ("min", &[&["array-number", "array-string"]], false),
    ("min_by", &[&["array"], &["expref"]], false),
    ("not_null", &[&[]], true),
    ("reverse", &[&["array", "string"]], false),
    ("sort", &[&["array-string", "array-number"]], false),
    ("sort_by", &[&["array"], &["expref"]], false),
    ("starts_with", &[&["string"], &["string"]], false),
    ("sum", &[&["array-number"]], false),
    ("to_array", &[&[]], false),
    ("to_number", &[&[]], false),
    ("to_string", &[&[]], false),
    ("type", &[&[]], false),
    ("values", &[&["object"]], false),
];

/// Calls the function `name`.
pub(super) fn call<'a>(
    run: &mut Run<'a>,
    name: &str,
    arguments: Vec<Node<'a>>,
) -> Result<Node<'a>, QueryError> {
    let Some((name, parameters, repeats)) = SIGNATURES.iter().find(|(known, ..)| *known == name) else {
        return Err(QueryError::Type(format!("Unknown function: {name}()")));
    };
    let (wanted, given) = (parameters.len(), arguments.len());
    if given < wanted || (given > wanted && !repeats) {
        let least = if *repeats { "at least " } else { "" };
        let plural = if wanted == 1 { "" } else { "s" };
        return Err(QueryError::Type(format!(
            "Expected {least}{wanted} argument{plural} for function {name}(), received {given}"
        )));
    }
    run.step(arguments.iter().map(Node::weight).sum())?;
    for (argument, types) in arguments.iter().zip(*parameters) {
        check(run, name, argument, types)?;
    }
    let mut call = Call { run, name, arguments };
    call.run()
}

fn check<'a>(run: &mut Run<'a>, name: &str, argument: &Node<'a>, types: &[&str]) -> Result<(), QueryError> {
    if types.is_empty() {
        return Ok(());
    }
    let actual = argument.type_name();
    if !types.iter().any(|wanted| wanted.split('-').next() == Some(actual)) {
        return Err(type_error(run, name, argument, types, actual));
    }
    let item_types: Vec<&str> =
        types.iter().filter_map(|wanted| wanted.split_once('-')).map(|(_, of)| of).collect();
    if item_types.is_empty() {
        return Ok(());
    }
    let Some(items) = argument.items() else { return Ok(()) };
    run.step(items.iter().map(|item| 1 + item.weight()).sum())?;
    // The first item decides which of several types the others must have.
    let decided = match items.first() {
        Some(first) if item_types.len() > 1 => first.type_name(),
        _ => item_types[0],
    };
    match items.iter().find(|item| item.type_name() != decided || !item_types.contains(&decided)) {
        Some(item) => Err(type_error(run, name, item, types, item.python_type())),
        None => Ok(()),
    }
}

fn type_error<'a>(
    run: &mut Run<'a>,
    name: &str,
    value: &Node<'a>,
    types: &[&str],
    actual: &str,
) -> QueryError {
    let value = match run.export(value) {
        Ok(value) => format::python_text(&value),
        Err(limit) => return limit,
    };
    let types = types.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    QueryError::Type(format!(
        "In function {name}(), invalid type for value: {value}, expected one of: [{types}], received: \"{actual}\""
    ))
}

/// A call whose arguments fit the signature.
struct Call<'r, 'a> {
    run: &'r mut Run<'a>,
    name: &'static str,
    arguments: Vec<Node<'a>>,
}

impl<'a> Call<'_, 'a> {
    fn run(&mut self) -> Result<Node<'a>, QueryError> {
        let first = self.arguments[0].clone();
        let text = first.text().unwrap_or_default();
        let made = |value: Value| Ok(Node::made(value));
        match self.name {
            "abs" => number(&first, |float| Number::Float(float.abs()), i128::saturating_abs),
            "ceil" => number(&first, |float| Number::Int(float.ceil() as i128), |int| int),
            "floor" => number(&first, |float| Number::Int(float.floor() as i128), |int| int),
            "avg" | "sum" => {
                let numbers: Vec<Number> = first.items().iter().flatten().filter_map(Node::number).collect();
                let sum = numbers.iter().fold(Number::Int(0), |sum, next| match (sum, next) {
                    (Number::Int(sum), Number::Int(next)) => Number::Int(sum.saturating_add(*next)),
                    (sum, next) => Number::Float(sum.as_float() + next.as_float()),
                });
                match self.name {
                    "sum" => made(sum.into_value()),
                    _ if numbers.is_empty() => Ok(Node::null()),
                    _ => made(Value::Float(sum.as_float() / numbers.len() as f64)),
                }
            }
            "contains" => self.contains(&first),
            "starts_with" => {
                made(Value::Bool(text.starts_with(self.arguments[1].text().unwrap_or_default())))
            }
            "ends_with" => made(Value::Bool(text.ends_with(self.arguments[1].text().unwrap_or_default()))),
            "join" => {
                let items = self.arguments[1].items().unwrap_or_default();
                let mut joined = String::new();
                for (index, item) in items.iter().enumerate() {
                    let separator = if index == 0 { "" } else { text };
                    let item = item.text().unwrap_or_default();
                    self.run.produce(separator.len() + item.len())?;
                    joined.push_str(separator);
                    joined.push_str(item);
                }
                made(Value::Str(joined))
            }
            "keys" => {
                let entries = first.entries().unwrap_or_default();
                let mut keys = Vec::with_capacity(entries.len());
                for (key, _) in entries {
                    self.run.produce(key.len())?;
                    keys.push(Node::made(Value::Str(key.into_owned())));
                }
                self.run.list(keys)
            }
            "values" => {
                let entries = first.entries().unwrap_or_default();
                self.run.step(entries.len())?;
                self.run.list(entries.into_iter().map(|(_, value)| value).collect())
            }
            "length" => {
                let length = first.text().map(|text| text.chars().count()).or_else(|| first.length());
                let length = length.or_else(|| first.size()).unwrap_or(0);
                made(Value::Int(length as i64))
            }
            "map" => {
                let items = self.arguments[1].items().unwrap_or_default();
                let applied = items.into_iter().map(|item| self.apply(&first, item));
                let applied = applied.collect::<Result<_, _>>()?;
                self.run.list(applied)
            }
            "max" => self.extreme(first.items().unwrap_or_default(), None, Ordering::Greater),
            "min" => self.extreme(first.items().unwrap_or_default(), None, Ordering::Less),
            "max_by" => self.extreme_by(&first, Ordering::Greater),
            "min_by" => self.extreme_by(&first, Ordering::Less),
            "merge" => {
                let mut merged: IndexMap<Cow<'a, str>, Node<'a>> = IndexMap::new();
                for entries in self.arguments.iter().filter_map(Node::entries) {
                    self.run.step(entries.len())?;
                    merged.extend(entries);
                }
                self.run.map(merged)
            }
            "not_null" => {
                Ok(self.arguments.iter().find(|given| !given.is_null()).cloned().unwrap_or_else(Node::null))
            }
            "reverse" => match first.items() {
                Some(mut items) => {
                    self.run.step(items.len())?;
                    items.reverse();
                    self.run.list(items)
                }
                None => {
                    self.run.produce(text.len())?;
                    made(Value::Str(text.chars().rev().collect()))
                }
            },
            "sort" => {
                let items = first.items().unwrap_or_default();
                self.sorted(items.iter().cloned().map(|item| (item.clone(), item)).collect())
            }
            "sort_by" => self.sort_by(&first),
            "to_array" if first.length().is_some() => Ok(first),
            "to_array" => self.run.list(vec![first]),
            "to_number" => Ok(match first.text() {
                Some(text) => {
                    parse_number(text).map_or_else(Node::null, |number| Node::made(number.into_value()))
                }
                None if first.number().is_some() => first,
                None => Node::null(),
            }),
            "to_string" if first.text().is_some() => Ok(first),
            "to_string" => {
                let value = self.run.export(&first)?;
                made(Value::Str(format::compact_ascii_json(&value)))
            }
            _ => made(match first.type_name() {
                "expref" => Value::Null,
                name => Value::Str(name.to_owned()),
            }),
        }
    }

    /// Evaluates the `&expression` in `reference` over `item`.
    fn apply(&mut self, reference: &Node<'a>, item: Node<'a>) -> Result<Node<'a>, QueryError> {
        match reference {
            Node::Reference(ast) => self.run.evaluate(ast, item),
            _ => Ok(Node::null()),
        }
    }

    fn contains(&mut self, subject: &Node<'a>) -> Result<Node<'a>, QueryError> {
        let search = self.arguments[1].clone();
        let found = match (subject.text(), search.text()) {
            (Some(text), Some(part)) => text.contains(part),
            (Some(_), None) => {
                return Err(QueryError::Type(format!(
                    "'in <string>' requires string as left operand, not {}",
                    search.python_type()
                )));
            }
            _ => {
                let mut found = false;
                for index in 0..subject.length().unwrap_or(0) {
                    found = match subject.item(index) {
                        Some(item) => self.run.python_equal(&search, &item)?,
                        None => false,
                    };
                    if found {
                        break;
                    }
                }
                found
            }
        };
        Ok(Node::made(Value::Bool(found)))
    }

    /// The sort key of `item`, which must be of one of `types`.
    fn key(&mut self, item: &Node<'a>, types: &[&str]) -> Result<Node<'a>, QueryError> {
        let reference = self.arguments[1].clone();
        let key = self.apply(&reference, item.clone())?;
        if types.contains(&key.type_name()) {
            Ok(key)
        } else {
            Err(type_error(self.run, self.name, &key, types, key.type_name()))
        }
    }

    fn sort_by(&mut self, list: &Node<'a>) -> Result<Node<'a>, QueryError> {
        let items = list.items().unwrap_or_default();
        let Some(first) = items.first() else { return Ok(list.clone()) };
        let reference = self.arguments[1].clone();
        let required = self.apply(&reference, first.clone())?.type_name();
        if !["number", "string"].contains(&required) {
            return Err(type_error(self.run, "sort_by", first, &["string", "number"], required));
        }
        let keyed = items.iter().map(|item| Ok((self.key(item, &[required])?, item.clone())));
        let keyed = keyed.collect::<Result<Vec<_>, QueryError>>()?;
        self.sorted(keyed)
    }

    fn sorted(&mut self, mut keyed: Vec<(Node<'a>, Node<'a>)>) -> Result<Node<'a>, QueryError> {
        let rounds = 1 + keyed.len().checked_ilog2().unwrap_or(0) as usize;
        self.run.step(rounds * keyed.iter().map(|(key, _)| 1 + key.weight()).sum::<usize>())?;
        keyed.sort_by(|(left, _), (right, _)| order(left, right));
        self.run.list(keyed.into_iter().map(|(_, item)| item).collect())
    }

    fn extreme_by(&mut self, list: &Node<'a>, wanted: Ordering) -> Result<Node<'a>, QueryError> {
        let items = list.items().unwrap_or_default();
        let keys = items.iter().map(|item| self.key(item, &["number", "string"]));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        self.extreme(items, Some(keys), wanted)
    }

    /// The first item whose key is `wanted` compared with all before it.
    fn extreme(
        &mut self,
        items: Vec<Node<'a>>,
        keys: Option<Vec<Node<'a>>>,
        wanted: Ordering,
    ) -> Result<Node<'a>, QueryError> {
        let keys = keys.as_ref().unwrap_or(&items);
        self.run.step(keys.iter().map(|key| 1 + key.weight()).sum())?;
        let mut best = 0;
        for (index, key) in keys.iter().enumerate() {
            if let (Some(left), Some(right)) = (key.number().or(None), keys[best].text()) {
                let sign = if wanted == Ordering::Greater { ">" } else { "<" };
                let left = Node::made(left.into_value());
                return Err(QueryError::Type(format!(
                    "'{sign}' not supported between instances of '{}' and '{}'",
                    left.python_type(),
                    Node::made(Value::Str(right.to_owned())).python_type()
                )));
            }
            if order(key, &keys[best]) == wanted {
                best = index;
            }
        }
        Ok(items.get(best).cloned().unwrap_or_else(Node::null))
    }
}

/// The order of two numbers or two texts; others are as good as equal.
fn order(left: &Node<'_>, right: &Node<'_>) -> Ordering {
    match (left.number(), right.number()) {
        (Some(left), Some(right)) => left.compare(&right).unwrap_or(Ordering::Equal),
        _ => left.text().cmp(&right.text()),
    }
}

fn number<'a>(
    node: &Node<'a>,
    of_float: impl Fn(f64) -> Number,
    of_int: impl Fn(i128) -> i128,
) -> Result<Node<'a>, QueryError> {
    Ok(match node.number() {
        Some(Number::Int(value)) => Node::made(Number::Int(of_int(value)).into_value()),
        Some(Number::Float(value)) => Node::made(of_float(value).into_value()),
        None => Node::null(),
    })
}

/// Python's `int(text)`, else its `float(text)`: spaces around, and single underscores between digits, are allowed.
fn parse_number(text: &str) -> Option<Number> {
    let text = text.trim();
    let lonely = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    let underscores_fit = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'_')
        .all(|(at, _)| at > 0 && lonely(bytes.get(at - 1)) && lonely(bytes.get(at + 1)));
    if !underscores_fit {
        return None;
    }
    let plain = text.replace('_', "");
    plain.parse().map(Number::Int).or_else(|_| plain.parse().map(Number::Float)).ok()
}
