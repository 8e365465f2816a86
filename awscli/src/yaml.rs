//! YAML as the official CLI writes and reads it: [`write`] for `--output yaml` and `yaml-stream`, [`read`] for
//! `--cli-input-yaml` and the files of the CLI's own commands.

mod read;
mod scalar;
mod write;

pub use read::{Dialect, Document, YamlError, read, read_or_json};
pub use write::{ITEMS, Layout, text, write, write_as};

/// The one member of a structure that stands for a set of the list below it. No document can have it but as an escape.
pub const SET: &str = "\0set";
