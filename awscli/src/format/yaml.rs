//! `--output yaml` and `yaml-stream`.

use super::{Sink, json};
use crate::value::Value;
use crate::yaml;

/// Writes a result and a line end. An empty structure prints nothing, and a single text or number is written as JSON.
pub fn yaml(value: &Value, sink: &mut Sink) {
    match value {
        Value::Map(map) if map.is_empty() => {}
        Value::List(_) | Value::Map(_) => yaml::write(value, sink),
        scalar => json(scalar, sink),
    }
}

/// Writes one of the results of a stream, which is a list of one.
pub fn yaml_item(value: Value, sink: &mut Sink) {
    yaml::write(&Value::List(vec![value]), sink);
}
