//! YAML as the official CLI writes and reads it: [`write`] for `--output yaml` and `yaml-stream`, [`read`] for
//! `--cli-input-yaml`.

mod read;
mod scalar;
mod write;

pub use read::{Document, InvalidYaml, read};
pub use write::{ITEMS, Layout, text, write, write_as};

/// The one member of a structure that stands for a set of the list below it. No document can have it but as an escape.
pub const SET: &str = "\0set";
