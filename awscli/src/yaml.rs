//! YAML as the official CLI writes and reads it: [`write`] for `--output yaml` and `yaml-stream`, [`read`] for
//! `--cli-input-yaml`.

mod read;
mod scalar;
mod write;

pub use read::{Document, InvalidYaml, read};
pub use write::{Layout, text, write, write_as};
