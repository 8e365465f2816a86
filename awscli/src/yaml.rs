//! YAML as the official CLI reads and writes it: [`read`] for `--cli-input-yaml` and the files of the CLI's own commands,
//! `write` for `--output yaml` and `yaml-stream`.

mod read;
mod scalar;
mod write;

pub(crate) use read::read_or_json;
pub use read::{Dialect, Document, YamlError, read};
pub(crate) use write::{ITEMS, Layout, text, write, write_as};

/// The one member of a structure that stands for a set of the list below it. No document can have it but as an escape.
pub(crate) const SET: &str = "\0set";
