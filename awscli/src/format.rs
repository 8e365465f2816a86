//! What a result looks like on standard output, byte for byte as the official CLI v2 prints it.

mod error;
mod json;
mod python;
mod table;
mod text;
mod yaml;

use base64::Engine;

pub use error::ErrorFormat;
pub(crate) use error::{error_line, service_error, service_error_info, usage_error};
pub use json::json;
pub(crate) use json::{compact_ascii_json, indented_ascii_json, indented_json};
pub use python::python_text;
pub(crate) use python::{float, repr_bytes, repr_text};
pub use table::table;
pub use text::text;
pub use yaml::{yaml, yaml_item};

use crate::timestamp::date_and_time;
use crate::value::{Timestamp, Value};

/// Collects output up to a limit. What is beyond is not kept, and said so.
#[derive(Debug)]
pub struct Sink {
    bytes: Vec<u8>,
    limit: usize,
    cut: bool,
}

impl Sink {
    /// Keeps at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, cut: false }
    }

    /// Adds text. What does not fit is left out, at the border of a character.
    pub fn push(&mut self, text: &str) {
        let room = self.limit - self.bytes.len();
        if self.cut || text.len() <= room {
            if !self.cut {
                self.bytes.extend_from_slice(text.as_bytes());
            }
            return;
        }
        self.bytes.extend_from_slice(&text.as_bytes()[..text.floor_char_boundary(room)]);
        self.cut = true;
    }

    /// Adds bytes that need not be text. What does not fit is left out.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        if !self.cut {
            let room = self.limit - self.bytes.len();
            self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
            self.cut = bytes.len() > room;
        }
    }

    /// How many bytes are kept.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Whether something was left out: there is no point in going on.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// What was kept.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Turns timestamps and blobs into the texts that the CLI shows for them; queries see them so, too.
pub fn as_shown(value: &mut Value) {
    match value {
        Value::Timestamp(time) => *value = Value::Str(iso_8601(time)),
        Value::Bytes(bytes) => *value = Value::Str(base64::engine::general_purpose::STANDARD.encode(bytes)),
        Value::Date(date) => *value = Value::Str(date.to_string()),
        Value::List(items) => items.iter_mut().for_each(as_shown),
        Value::Map(map) => map.values_mut().for_each(as_shown),
        _ => {}
    }
}

/// Python's `isoformat()`: microseconds only if there are any.
pub(crate) fn iso_8601(time: &Timestamp) -> String {
    let time = time.0;
    let mut text = date_and_time(time);
    let (hours, minutes, seconds) = time.offset().as_hms();
    let sign = if time.offset().is_negative() { '-' } else { '+' };
    text.push_str(&format!("{sign}{:02}:{:02}", hours.unsigned_abs(), minutes.unsigned_abs()));
    if seconds != 0 {
        text.push_str(&format!(":{:02}", seconds.unsigned_abs()));
    }
    text
}
