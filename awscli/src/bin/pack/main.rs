//! Turns the JSON models of a botocore release into the packed files of this crate: `pack <data folder> <out folder>`.
//! `pack --changes <old folder> <new folder>` tells what changed between two folders of packed files.
//!
//! Documentation is left out, the order of members is kept, the command line's names are worked out. The same models
//! give the same bytes, so the committed files can be checked against a release (`models/update.sh --check`).

mod changes;
mod names;
mod options;
mod service;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use awscli::catalog::Entry;
use awscli::endpoint::Partitions;
use awscli::model;
use serde_json::Value;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1..).unwrap_or_default() {
        [word, old, new] if word == "--changes" => {
            print!("{}", changes::between(old.as_ref(), new.as_ref())?)
        }
        [data, out] => println!("{} services", pack(data.as_ref(), out.as_ref())?),
        _ => bail!("usage: pack <data folder> <out folder>, or pack --changes <old folder> <new folder>"),
    }
    Ok(())
}

/// Packs the models of a folder into another. Gives how many services there are.
fn pack(data: &Path, out: &Path) -> Result<usize> {
    fs::create_dir_all(out)?;
    let mut index = Vec::new();
    for folder in sorted(data)? {
        if !folder.is_dir() {
            continue;
        }
        // One folder per API version; the newest sorts last.
        let Some(version) = sorted(&folder)?.into_iter().rfind(|path| path.join("service-2.json").exists())
        else {
            continue;
        };
        let name = folder
            .file_name()
            .and_then(|name| name.to_str())
            .context("a folder's name is not text")?
            .to_owned();
        let source = read(&name, &version)?;
        let service = service::service(&source).with_context(|| format!("service {name}"))?;
        let packed = postcard::to_stdvec(&service)?;
        fs::write(out.join(format!("{name}.bin")), model::compress(&packed)?)?;
        index.push(Entry { command: service.command, name, full_name: service.full_name });
    }
    index.sort_by(|a, b| a.command.cmp(&b.command));
    fs::write(out.join("index.bin"), postcard::to_stdvec(&index)?)?;
    let partitions = Partitions::from_json(&json(&data.join("partitions.json"))?)?;
    fs::write(out.join("partitions.bin"), model::compress(&postcard::to_stdvec(&partitions)?)?)?;
    fs::write(out.join("embedded.rs"), embedded(&index))?;
    Ok(index.len())
}

/// The table through which the library carries the packed files, in the order of the index.
fn embedded(index: &[Entry]) -> String {
    let lines = index.iter().map(|entry| format!("    include_bytes!(\"{}.bin\"),\n", entry.name));
    format!("[\n{}]\n", lines.collect::<String>())
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)
        .with_context(|| format!("read {}", folder.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn read(name: &str, folder: &Path) -> Result<service::Source> {
    let merged = |file: &str| -> Result<Value> {
        let path = folder.join(format!("{file}.json"));
        if !path.exists() {
            return Ok(Value::Null);
        }
        let mut model = json(&path)?;
        let extras = folder.join(format!("{file}.sdk-extras.json"));
        if extras.exists() {
            merge(&mut model, json(&extras)?.get("merge").context("extras without merge")?);
        }
        Ok(model)
    };
    Ok(service::Source {
        name: name.to_owned(),
        service: merged("service-2")?,
        paginators: merged("paginators-1")?,
        waiters: merged("waiters-2")?,
        rules: merged("endpoint-rule-set-1")?,
    })
}

fn json(path: &Path) -> Result<Value> {
    let text = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("parse {}", path.display()))
}

/// Objects are merged member by member; everything else in `extra` replaces what is in `model`.
fn merge(model: &mut Value, extra: &Value) {
    match (model, extra) {
        (Value::Object(model), Value::Object(extra)) => {
            for (key, value) in extra {
                merge(model.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (model, extra) => *model = extra.clone(),
    }
}
