//! Finds the witness material, which lies in `.env` at the root of the workspace.

use std::path::{Path, PathBuf};

/// A file or folder of the witness material; fails with the remedy if it is not there.
pub fn path(inside: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.env");
    let path = root.join(inside);
    assert!(path.exists(), "{} is missing: run `./alfred test`, which sets it up", path.display());
    path
}

/// A JSON file of the witness material.
pub fn json(path: &Path) -> serde_json::Value {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{} is not JSON: {error}", path.display()))
}

/// What is in a folder, by name.
pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(folder).unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()));
    let mut entries: Vec<PathBuf> =
        entries.map(|entry| entry.expect("an entry can be read").path()).collect();
    entries.sort();
    entries
}
