//! YAML as the official CLI writes and reads it: [`write`] for `--output yaml` and `yaml-stream`, and what an unquoted
//! text stands for.

mod scalar;
mod write;

pub use write::{text, write};
