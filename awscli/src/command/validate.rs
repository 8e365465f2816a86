//! Parameters checked against the model before anything is sent: types, required members, lower limits and unions, with
//! botocore's messages. Upper limits, patterns and choices are left to the service, as botocore does.

use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

use super::UsageError;
use super::values::time;
use crate::format::{python_text, repr_text};
use crate::model::{Kind, Member, Service, ShapeId, Structure};
use crate::serialize::python_float;
use crate::value::{Map, Value};

/// What messages tell of how values were written.
#[derive(Debug, Default)]
pub struct Typed {
    /// The top-level members that were written as JSON: their objects have another type.
    pub json: HashSet<String>,
    /// Keys of maps that are no texts: where they are, such as `.Tags (key: 5)`, and the names of their types.
    pub keys: HashMap<String, &'static str>,
}

/// Checks the parameters of an operation.
pub fn validate(
    service: &Service,
    input: Option<ShapeId>,
    parameters: &Map,
    typed: &Typed,
) -> Result<(), UsageError> {
    match mistakes(service, input, parameters, typed) {
        Some(mistakes) => Err(UsageError::parameter(&mistakes)),
        None => Ok(()),
    }
}

/// All that is wrong with the parameters of an operation, if anything is.
pub fn mistakes(
    service: &Service,
    input: Option<ShapeId>,
    parameters: &Map,
    typed: &Typed,
) -> Option<String> {
    let empty = Structure::default();
    let structure = match input.map(|input| &service.shapes[input as usize].kind) {
        Some(Kind::Structure(structure)) => structure,
        _ => &empty,
    };
    let mut report = Report { service, errors: Vec::new(), ordered: false, keys: &typed.keys };
    report.members(structure, parameters, "", |member| member.idempotency_token);
    for (name, value) in parameters {
        if let Some(member) = structure.members.iter().find(|member| member.name == *name) {
            report.ordered = typed.json.contains(name);
            report.value(member, value, &format!(".{name}"));
        }
    }
    report.text()
}

/// The same for a single value. `json` says that it was written as JSON.
pub fn value_mistakes(service: &Service, member: &Member, value: &Value, json: bool) -> Option<String> {
    let keys = HashMap::new();
    let mut report = Report { service, errors: Vec::new(), ordered: json, keys: &keys };
    report.value(member, value, "");
    report.text()
}

/// The shapes whose lower limit the models write as `1.0` and the like, and messages do, too. Elsewhere it is `1`.
const POINTED_LIMITS: [&str; 9] = [
    "AdamParamsConfigLoraPlusLrRatioDouble",
    "CoordinateLatitudeDouble",
    "CoordinateLongitudeDouble",
    "GrowthFactor",
    "NullableProficiencyLevel",
    "Percentage",
    "ProficiencyLevel",
    "ProvisionedThroughputInMibps",
    "RuleOrderValueV2",
];

struct Report<'a> {
    service: &'a Service,
    errors: Vec<String>,
    /// Objects below came from JSON, whose type has another name.
    ordered: bool,
    keys: &'a HashMap<String, &'static str>,
}

impl Report<'_> {
    fn text(&self) -> Option<String> {
        let wrong = !self.errors.is_empty();
        wrong.then(|| format!("Parameter validation failed:\n{}", self.errors.join("\n")))
    }

    fn members(&mut self, structure: &Structure, map: &Map, name: &str, filled_in: fn(&Member) -> bool) {
        let names = |between| {
            structure.members.iter().map(|member| member.name.as_str()).collect::<Vec<_>>().join(between)
        };
        if structure.union && map.is_empty() {
            self.errors.push(format!(
                "Must set one of the following keys for tagged unionstructure {}: {}.",
                shown(name),
                names(". ")
            ));
        } else if structure.union && map.len() > 1 {
            self.errors.push(format!(
                "Invalid number of parameters set for tagged union structure {}. Can only set one of the following keys: {}.",
                shown(name),
                names(". ")
            ));
        }
        for member in structure.required() {
            if !filled_in(member) && !map.contains_key(&member.name) {
                self.errors.push(format!(
                    "Missing required parameter in {}: \"{}\"",
                    shown(name),
                    member.name
                ));
            }
        }
        for key in map.keys() {
            if !structure.members.iter().any(|member| member.name == *key) {
                self.errors.push(format!(
                    "Unknown parameter in {}: \"{key}\", must be one of: {}",
                    shown(name),
                    names(", ")
                ));
            }
        }
    }

    fn value(&mut self, member: &Member, value: &Value, name: &str) {
        if member.is_json_header() {
            return;
        }
        match (&self.service.shapes[member.shape as usize].kind, value) {
            (Kind::Structure(structure), _) if structure.document => self.document(name, value),
            (Kind::Structure(structure), Value::Map(map)) => {
                self.members(structure, map, name, |_| false);
                for (key, value) in map {
                    if let Some(member) = structure.members.iter().find(|member| member.name == *key) {
                        self.value(member, value, &format!("{name}.{key}"));
                    }
                }
            }
            (Kind::Structure(_), _) => self.wrong_type(name, value, &["dict"]),
            (Kind::Map { key: key_member, value: value_member, .. }, Value::Map(map)) => {
                for (key, value) in map {
                    let key_name = format!("{name} (key: {key})");
                    match self.keys.get(&key_name) {
                        Some(kind) => self.errors.push(format!(
                            "Invalid type for parameter {}, value: {key}, type: <class '{kind}'>, valid types: <class 'str'>",
                            shown(&key_name)
                        )),
                        None => self.value(key_member, &Value::Str(key.clone()), &key_name),
                    }
                    self.value(value_member, value, &format!("{name}.{key}"));
                }
            }
            (Kind::Map { .. }, _) => self.wrong_type(name, value, &["dict"]),
            (Kind::List { member: item, min, .. }, Value::List(items)) => {
                self.length(name, items.len(), *min);
                for (i, value) in items.iter().enumerate() {
                    self.value(item, value, &format!("{name}[{i}]"));
                }
            }
            (Kind::List { .. }, _) => self.wrong_type(name, value, &["list", "tuple"]),
            (Kind::String { min, .. }, Value::Str(text)) => {
                // What becomes a part of the host cannot be empty.
                let min = if member.host_label { (*min).max(1) } else { *min };
                self.length(name, text.chars().count(), min);
            }
            (Kind::String { .. }, _) => self.wrong_type(name, value, &["str"]),
            (Kind::Integer { min } | Kind::Long { min }, Value::Int(number)) => {
                if let Some(min) = min.filter(|min| number < min) {
                    self.range(name, number.to_string(), min.to_string());
                }
            }
            (Kind::Integer { .. } | Kind::Long { .. }, Value::BigInt(_) | Value::Bool(_)) => {}
            (Kind::Integer { .. } | Kind::Long { .. }, _) => self.wrong_type(name, value, &["int"]),
            (
                Kind::Float { min } | Kind::Double { min },
                Value::Float(_) | Value::Int(_) | Value::BigInt(_),
            ) => {
                let number = match value {
                    Value::Float(number) => *number,
                    Value::Int(number) => *number as f64,
                    _ => return,
                };
                if let Some(min) = min.filter(|min| number < *min) {
                    let shape = &self.service.shapes[member.shape as usize].name;
                    let is_whole = min.fract() == 0.0 && !POINTED_LIMITS.contains(&shape.as_str());
                    let min = if is_whole { min.to_string() } else { python_float(min) };
                    self.range(name, python_text(value), min);
                }
            }
            (Kind::Float { .. } | Kind::Double { .. }, Value::Bool(_)) => {}
            (Kind::Float { .. } | Kind::Double { .. }, _) => {
                self.wrong_type(name, value, &["float", "decimal.Decimal", "int"]);
            }
            (Kind::Boolean, Value::Bool(_)) => {}
            (Kind::Boolean, _) => self.wrong_type(name, value, &["bool"]),
            (Kind::Blob { .. }, Value::Bytes(_) | Value::Str(_)) => {}
            (Kind::Blob { .. }, _) => {
                let valid = "<class 'bytes'>, <class 'bytearray'>, file-like object";
                self.invalid(name, value, valid);
            }
            (Kind::Timestamp { .. }, Value::Timestamp(_)) => {}
            // Which day it is does not decide whether something is a time.
            (Kind::Timestamp { .. }, _) if time(value, SystemTime::UNIX_EPOCH).is_some() => {}
            (Kind::Timestamp { .. }, _) => {
                self.invalid(name, value, "<class 'datetime.datetime'>, timestamp-string");
            }
        }
    }

    /// Free-form JSON cannot hold what only YAML has.
    fn document(&mut self, name: &str, value: &Value) {
        match value {
            Value::List(items) => {
                items.iter().enumerate().for_each(|(i, item)| self.document(&format!("{name}[{i}]"), item));
            }
            Value::Map(map) => map.iter().for_each(|(key, item)| self.document(key, item)),
            Value::Bytes(_) | Value::Timestamp(_) | Value::Date(_) => self.errors.push(format!(
                "Invalid type for document parameter {}, value: {}, type: <class '{}'>, valid types: <class 'str'>, <class \
                 'int'>, <class 'bool'>, <class 'float'>, <class 'list'>, <class 'dict'>",
                shown(name),
                python_text(value),
                value.python_type()
            )),
            _ => {}
        }
    }

    fn length(&mut self, name: &str, length: usize, min: u32) {
        if length < min as usize {
            let name = shown(name);
            self.errors.push(format!(
                "Invalid length for parameter {name}, value: {length}, valid min length: {min}"
            ));
        }
    }

    fn range(&mut self, name: &str, value: String, min: String) {
        let name = shown(name);
        self.errors
            .push(format!("Invalid value for parameter {name}, value: {value}, valid min value: {min}"));
    }

    fn wrong_type(&mut self, name: &str, value: &Value, valid: &[&str]) {
        let valid: Vec<_> = valid.iter().map(|name| format!("<class '{name}'>")).collect();
        self.invalid(name, value, &valid.join(", "));
    }

    fn invalid(&mut self, name: &str, value: &Value, valid: &str) {
        let kind = match value {
            Value::Map(_) if self.ordered => "collections.OrderedDict",
            other => other.python_type(),
        };
        let shown_value = match value {
            Value::Str(text) => text.clone(),
            other => self.repr(other),
        };
        self.errors.push(format!(
            "Invalid type for parameter {}, value: {shown_value}, type: <class '{kind}'>, valid types: {valid}",
            shown(name)
        ));
    }

    fn repr(&self, value: &Value) -> String {
        match value {
            Value::Str(text) => repr_text(text),
            Value::List(items) => {
                format!("[{}]", items.iter().map(|item| self.repr(item)).collect::<Vec<_>>().join(", "))
            }
            Value::Map(map) => {
                let members =
                    map.iter().map(|(key, value)| format!("{}: {}", repr_text(key), self.repr(value)));
                let members = members.collect::<Vec<_>>().join(", ");
                match (self.ordered, map.is_empty()) {
                    (false, _) => format!("{{{members}}}"),
                    (true, true) => "OrderedDict()".to_owned(),
                    (true, false) => format!("OrderedDict({{{members}}})"),
                }
            }
            scalar => python_text(scalar),
        }
    }
}

/// A path as messages show it: without the leading dot, and the whole input by a name.
fn shown(name: &str) -> &str {
    if name.is_empty() { "input" } else { name.strip_prefix('.').unwrap_or(name) }
}
