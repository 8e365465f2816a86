//! A value of an API's parameters or results. Structures and maps keep their order: parameters that of the command
//! line, results that of the model, because both can be seen in what is sent and printed.

/// A structure or map in order.
pub type Map = indexmap::IndexMap<String, Value>;

/// A value of an API.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each variant is the type of its name")]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    /// A number that neither an integer of 64 bits nor a float holds exactly, as its digits. Python has no limit, so the CLI
    /// passes it on.
    BigInt(String),
    Float(f64),
    Str(String),
    Bytes(Vec<u8>),
    Timestamp(Timestamp),
    /// A day without a time, which YAML has and no API takes.
    Date(time::Date),
    List(Vec<Value>),
    Map(Map),
}

/// A point in time with the offset it was written in, to the microsecond as in the CLI.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timestamp(pub time::OffsetDateTime);

impl Value {
    /// A JSON document's value. An integer stays one, whatever its size; a number with a point or exponent is a float.
    pub fn from_json(json: &serde_json::Value) -> Value {
        match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(value) => Value::Bool(*value),
            serde_json::Value::Number(number) => {
                let digits = number.to_string();
                if let Ok(value) = digits.parse() {
                    Value::Int(value)
                } else if digits.contains(['.', 'e', 'E']) {
                    Value::Float(digits.parse().unwrap_or(f64::NAN))
                } else {
                    Value::BigInt(digits)
                }
            }
            serde_json::Value::String(text) => Value::Str(text.clone()),
            serde_json::Value::Array(items) => Value::List(items.iter().map(Value::from_json).collect()),
            serde_json::Value::Object(map) => {
                Value::Map(map.iter().map(|(key, item)| (key.clone(), Value::from_json(item))).collect())
            }
        }
    }

    /// The name of the value's type in Python, which messages show.
    pub fn python_type(&self) -> &'static str {
        match self {
            Value::Null => "NoneType",
            Value::Bool(_) => "bool",
            Value::Int(_) | Value::BigInt(_) => "int",
            Value::Float(_) => "float",
            Value::Str(_) => "str",
            Value::Bytes(_) => "bytes",
            Value::Timestamp(_) => "datetime.datetime",
            Value::Date(_) => "datetime.date",
            Value::List(_) => "list",
            Value::Map(_) => "dict",
        }
    }

    /// The member `key` of a map, if this is one and has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Map(map) => map.get(key),
            _ => None,
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }
}
