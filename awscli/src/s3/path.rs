//! What the paths of `s3` commands name: buckets, keys, and the job's own files.

use std::sync::LazyLock;

use regex::Regex;

use crate::files::{FileError, Files, normal};

/// What a path to S3 begins with.
pub const SCHEME: &str = "s3://";

/// Access points stand for buckets, and have slashes of their own.
static ACCESS_POINTS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    compiled(&[
        r"^(?<bucket>arn:aws.*:s3:[a-z\-0-9]*:[0-9]{12}:accesspoint[:/][^/]+)/?(?<key>.*)$",
        r"^(?<bucket>arn:aws.*:s3-outposts:[a-z\-0-9]+:[0-9]{12}:outpost[/:][a-zA-Z0-9\-]{1,63}[/:]accesspoint[/:][a-zA-Z0-9\-]{1,63})[/:]?(?<key>.*)$",
    ])
});

static OBJECT_LAMBDA: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    compiled(&[r"^arn:aws.*:s3-object-lambda:[a-z\-0-9]+:[0-9]{12}:accesspoint[/:][a-zA-Z0-9\-]{1,63}"])
});

static OUTPOST_BUCKET: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    compiled(&[r"^arn:aws.*:s3-outposts:[a-z\-0-9]+:[0-9]{12}:outpost[/:][a-zA-Z0-9\-]{1,63}[/:]bucket[/:]"])
});

/// The ones that compile, which are all, as the tests hold.
pub fn compiled(patterns: &[&str]) -> Vec<Regex> {
    patterns.iter().filter_map(|pattern| Regex::new(&format!("(?s){pattern}")).ok()).collect()
}

/// Refuses what only other commands can work on.
pub fn check_supported(path: &str) -> Result<(), &'static str> {
    let is = |patterns: &[Regex]| patterns.iter().any(|pattern| pattern.is_match(path));
    if is(&OBJECT_LAMBDA) {
        return Err("s3 commands do not support S3 Object Lambda resources. Use s3api commands instead.");
    }
    if is(&OUTPOST_BUCKET) {
        return Err("s3 commands do not support Outpost Bucket ARNs. Use s3control commands instead.");
    }
    Ok(())
}

/// Splits `bucket/key`, with or without `s3://` in front, and refuses what is not supported.
pub fn bucket_and_key(path: &str) -> Result<(&str, &str), &'static str> {
    let path = path.strip_prefix(SCHEME).unwrap_or(path);
    check_supported(path)?;
    Ok(split(path))
}

/// Splits `bucket/key`.
pub fn split(path: &str) -> (&str, &str) {
    let point = ACCESS_POINTS.iter().find_map(|pattern| pattern.captures(path));
    let part = |name| point.as_ref().and_then(|point| point.name(name)).map(|part| part.as_str());
    match (part("bucket"), part("key")) {
        (Some(bucket), Some(key)) => (bucket, key),
        _ => path.split_once('/').unwrap_or((path, "")),
    }
}

/// Whether a bucket is one of S3 Express One Zone.
pub fn is_directory_bucket(bucket: &str) -> bool {
    bucket.ends_with("--x-s3")
}

/// One side of a command, as its listing is made and names are formed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// It is in S3, and not among the job's files.
    pub in_s3: bool,
    /// `bucket/key`, or the absolute path of a file. A folder or prefix ends in a slash.
    pub path: String,
    /// What goes there keeps its name.
    pub keeps_names: bool,
}

impl Place {
    /// What the user has typed as a path. A command over a folder or prefix is `recursive`.
    pub fn new(typed: &str, recursive: bool, files: &dyn Files) -> Self {
        if let Some(path) = typed.strip_prefix(SCHEME) {
            let is_prefix = recursive || path.ends_with('/');
            let slash = if recursive && !path.ends_with('/') { "/" } else { "" };
            return Self { in_s3: true, path: format!("{path}{slash}"), keeps_names: is_prefix };
        }
        let path = absolute(typed);
        let is_folder = recursive || typed.ends_with('/') || kind(files, &path) == Kind::Folder;
        let slash = if is_folder && path != "/" { "/" } else { "" };
        Self { in_s3: false, path: format!("{path}{slash}"), keeps_names: is_folder }
    }
}

/// A path as messages show it: `s3://bucket/key`, or that of a file from where commands run.
pub fn shown(in_s3: bool, path: &str) -> String {
    if in_s3 { format!("{SCHEME}{path}") } else { relative(path) }
}

/// A file's path from the root of the job's files, which is where commands run.
pub fn absolute(path: &str) -> String {
    format!("/{}", normal(path))
}

/// A file's path as the official CLI shows it.
fn relative(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match normal(folder).as_str() {
        "" => format!("./{name}"),
        folder => format!("{folder}/{name}"),
    }
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A folder: files are below it.
    Folder,
    /// Nothing.
    Missing,
}

/// What is among the job's files at a path that the user has typed.
pub fn kind(files: &dyn Files, path: &str) -> Kind {
    match files.read(path) {
        _ if path.is_empty() => Kind::Missing,
        Err(FileError::Folder(_)) => Kind::Folder,
        Ok(_) if !path.ends_with('/') => Kind::File,
        _ => Kind::Missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::MemoryFiles;

    #[test]
    fn paths_name_a_bucket_and_a_key() {
        assert_eq!((ACCESS_POINTS.len(), OBJECT_LAMBDA.len(), OUTPOST_BUCKET.len()), (2, 1, 1));
        let point = "arn:aws:s3:us-west-2:123456789012:accesspoint/my";
        let outpost = "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-1/accesspoint/my";
        for (path, bucket, key) in [
            ("", "", ""),
            ("s3://", "", ""),
            ("b", "b", ""),
            ("s3://b/", "b", ""),
            ("s3://b/a/c", "b", "a/c"),
            (point, point, ""),
            (&format!("s3://{point}/pre/x"), point, "pre/x"),
            (&format!("s3://{outpost}/pre/x"), outpost, "pre/x"),
        ] {
            assert_eq!(bucket_and_key(path), Ok((bucket, key)), "{path}");
        }
        for path in [
            "s3://arn:aws:s3-object-lambda:us-west-2:123456789012:accesspoint/my/k",
            "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-1/bucket/my",
        ] {
            assert!(bucket_and_key(path).is_err(), "{path}");
        }
    }

    #[test]
    fn places_keep_names_where_there_is_a_folder() {
        let files = MemoryFiles::new(100);
        files.write("d/a", bytes::Bytes::new()).unwrap();
        for (typed, recursive, path, keeps_names) in [
            ("s3://b/k", false, "b/k", false),
            ("s3://b/k", true, "b/k/", true),
            ("s3://b/k/", false, "b/k/", true),
            ("new", false, "/new", false),
            ("./new/", false, "/new/", true),
            ("d", false, "/d/", true),
            ("", false, "/", true),
            ("d/../d/a", false, "/d/a", false),
            (".", true, "/", true),
            ("../../d/a", true, "/d/a/", true),
        ] {
            let place = Place::new(typed, recursive, &files);
            assert_eq!((place.path.as_str(), place.keeps_names), (path, keeps_names), "{typed}");
        }
    }

    #[test]
    fn files_are_shown_from_where_commands_run() {
        for (path, shown) in [("/a", "./a"), ("/d/a", "d/a"), ("/d/", "d/"), ("/d//e/../a", "d/a")] {
            assert_eq!(relative(path), shown);
        }
    }
}
