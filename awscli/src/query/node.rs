//! A value during an evaluation: parts of the input are borrowed, what the expression builds is shared.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

use indexmap::IndexMap;
use jmespath::ast::Ast;

use crate::value::Value;

#[derive(Debug, Clone)]
pub(super) enum Node<'a> {
    /// A part of the input, or a literal of the expression.
    Value(&'a Value),
    /// A scalar that a function made.
    Made(Rc<Value>),
    List(Rc<Vec<Node<'a>>>),
    Map(Rc<IndexMap<Cow<'a, str>, Node<'a>>>),
    /// `&expression`, an argument of some functions.
    Reference(&'a Ast),
}

/// A number as Python sees it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Int(i128),
    Float(f64),
}

impl Number {
    pub fn as_float(&self) -> f64 {
        match self {
            Number::Int(value) => *value as f64,
            Number::Float(value) => *value,
        }
    }

    pub fn compare(&self, other: &Number) -> Option<Ordering> {
        match (self, other) {
            (Number::Int(left), Number::Int(right)) => Some(left.cmp(right)),
            _ => self.as_float().partial_cmp(&other.as_float()),
        }
    }

    pub fn into_value(self) -> Value {
        match self {
            Number::Float(value) => Value::Float(value),
            Number::Int(value) => {
                i64::try_from(value).map_or_else(|_| Value::BigInt(value.to_string()), Value::Int)
            }
        }
    }
}

impl<'a> Node<'a> {
    pub fn null() -> Self {
        Node::Value(&Value::Null)
    }

    pub fn made(value: Value) -> Self {
        Node::Made(Rc::new(value))
    }

    pub fn list(items: Vec<Node<'a>>) -> Self {
        Node::List(Rc::new(items))
    }

    fn value(&self) -> Option<&Value> {
        match self {
            Node::Value(value) => Some(value),
            Node::Made(value) => Some(value),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self.value(), Some(Value::Null))
    }

    pub fn boolean(&self) -> Option<bool> {
        match self.value() {
            Some(Value::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        self.value().and_then(Value::as_str)
    }

    pub fn number(&self) -> Option<Number> {
        match self.value()? {
            Value::Int(value) => Some(Number::Int(i128::from(*value))),
            Value::Float(value) => Some(Number::Float(*value)),
            Value::BigInt(digits) => Some(
                digits
                    .parse()
                    .map_or_else(|_| Number::Float(digits.parse().unwrap_or(f64::NAN)), Number::Int),
            ),
            _ => None,
        }
    }

    /// What looking at it takes besides a step: a text or number is as much work as it is long.
    pub fn weight(&self) -> usize {
        match self.value() {
            Some(Value::Str(text) | Value::BigInt(text)) => text.len() / 64,
            _ => 0,
        }
    }

    /// How many items a list has.
    pub fn length(&self) -> Option<usize> {
        match self {
            Node::List(items) => Some(items.len()),
            Node::Value(Value::List(items)) => Some(items.len()),
            _ => None,
        }
    }

    /// An item of a list.
    pub fn item(&self, index: usize) -> Option<Node<'a>> {
        match self {
            Node::List(items) => items.get(index).cloned(),
            Node::Value(Value::List(items)) => items.get(index).map(Node::Value),
            _ => None,
        }
    }

    /// All items of a list.
    pub fn items(&self) -> Option<Vec<Node<'a>>> {
        match self {
            Node::List(items) => Some(items.to_vec()),
            Node::Value(Value::List(items)) => Some(items.iter().map(Node::Value).collect()),
            _ => None,
        }
    }

    /// How many members a map has.
    pub fn size(&self) -> Option<usize> {
        match self {
            Node::Map(map) => Some(map.len()),
            Node::Value(Value::Map(map)) => Some(map.len()),
            _ => None,
        }
    }

    /// A member of a map.
    pub fn get(&self, key: &str) -> Option<Node<'a>> {
        match self {
            Node::Map(map) => map.get(key).cloned(),
            Node::Value(Value::Map(map)) => map.get(key).map(Node::Value),
            _ => None,
        }
    }

    pub fn field(&self, key: &str) -> Node<'a> {
        self.get(key).unwrap_or_else(Node::null)
    }

    /// All members of a map.
    pub fn entries(&self) -> Option<Vec<(Cow<'a, str>, Node<'a>)>> {
        match self {
            Node::Map(map) => Some(map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()),
            Node::Value(Value::Map(map)) => Some(
                map.iter().map(|(key, value)| (Cow::Borrowed(key.as_str()), Node::Value(value))).collect(),
            ),
            _ => None,
        }
    }

    /// JMESPath's truth: everything but null, false and what is empty. 0 is true.
    pub fn is_true(&self) -> bool {
        match self {
            Node::List(items) => !items.is_empty(),
            Node::Map(map) => !map.is_empty(),
            Node::Reference(_) => true,
            Node::Value(_) | Node::Made(_) => match self.value() {
                None | Some(Value::Null | Value::Bool(false)) => false,
                Some(Value::Str(text)) => !text.is_empty(),
                Some(Value::List(items)) => !items.is_empty(),
                Some(Value::Map(map)) => !map.is_empty(),
                Some(_) => true,
            },
        }
    }

    /// JMESPath's name of the type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Node::List(_) => "array",
            Node::Map(_) => "object",
            Node::Reference(_) => "expref",
            Node::Value(_) | Node::Made(_) => match self.value() {
                None | Some(Value::Null) => "null",
                Some(Value::Bool(_)) => "boolean",
                Some(Value::Int(_) | Value::BigInt(_) | Value::Float(_)) => "number",
                Some(Value::Str(_) | Value::Bytes(_) | Value::Timestamp(_) | Value::Date(_)) => "string",
                Some(Value::List(_)) => "array",
                Some(Value::Map(_)) => "object",
            },
        }
    }

    /// Python's name of the type, which some errors show.
    pub fn python_type(&self) -> &'static str {
        match self.type_name() {
            "array" => "list",
            "object" => "dict",
            "null" => "NoneType",
            "boolean" => "bool",
            "string" => "str",
            "expref" => "_Expression",
            _ if matches!(self.value(), Some(Value::Float(_))) => "float",
            _ => "int",
        }
    }
}
