//! The files of one job. Commands read and write these and no others: there is no way from a command's words to a file of
//! the host.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use thiserror::Error;

/// A place where files are kept by path. A path is what the user typed, without `./` in front and with single slashes;
/// folders are only the parts of paths.
pub trait Files: Send + Sync {
    /// The content of a file.
    ///
    /// # Errors
    /// When there is no file of this path.
    fn read(&self, path: &str) -> Result<Bytes, FileError>;

    /// Keeps a file in place of what was there under its path.
    ///
    /// # Errors
    /// When the path names a folder, or there is no room for the content. What was there stays then.
    fn write(&self, path: &str, content: Bytes) -> Result<(), FileError>;

    /// Sets when a file was written, as a download does to the time at which its object was.
    ///
    /// # Errors
    /// When there is no file of this path.
    fn set_modified(&self, path: &str, time: SystemTime) -> Result<(), FileError>;

    /// Takes a file away.
    ///
    /// # Errors
    /// When there is no file of this path.
    fn remove(&self, path: &str) -> Result<(), FileError>;

    /// All files in the order of their paths' bytes.
    fn list(&self) -> Vec<FileEntry>;
}

/// One file of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Where it is.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// When it was written.
    pub modified: SystemTime,
}

/// Why a file cannot be read or written. The texts are those of Python's `OSError`, which the official CLI shows.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FileError {
    /// There is none.
    #[error("[Errno 2] No such file or directory: '{0}'")]
    Missing(String),
    /// The path names a folder.
    #[error("[Errno 21] Is a directory: '{0}'")]
    Folder(String),
    /// A part of the path is a file.
    #[error("[Errno 20] Not a directory: '{0}'")]
    NotFolder(String),
    /// There is no room for it.
    #[error("[Errno 28] No space left on device: '{path}' ({limit} bytes may be kept in files)")]
    Full {
        /// The file that was written.
        path: String,
        /// How many bytes all files may have together.
        limit: usize,
    },
}

/// Files in memory.
#[derive(Debug)]
pub struct MemoryFiles {
    limit: usize,
    files: Mutex<BTreeMap<String, (Bytes, SystemTime)>>,
}

impl MemoryFiles {
    /// No files yet, and room for `limit` bytes in all of them together.
    pub const fn new(limit: usize) -> Self {
        Self { limit, files: Mutex::new(BTreeMap::new()) }
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<String, (Bytes, SystemTime)>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files for MemoryFiles {
    fn read(&self, path: &str) -> Result<Bytes, FileError> {
        let files = self.files();
        let place = normal(path);
        match files.get(&place) {
            Some((content, _)) => Ok(content.clone()),
            None if is_folder(&files, &place) => Err(FileError::Folder(path.to_owned())),
            None => Err(FileError::Missing(path.to_owned())),
        }
    }

    fn write(&self, path: &str, content: Bytes) -> Result<(), FileError> {
        let mut files = self.files();
        let place = normal(path);
        if place.is_empty() || path.ends_with('/') || is_folder(&files, &place) {
            return Err(FileError::Folder(path.to_owned()));
        }
        let mut above = place.as_str();
        while let Some((folder, _)) = above.rsplit_once('/') {
            if files.contains_key(folder) {
                return Err(FileError::NotFolder(path.to_owned()));
            }
            above = folder;
        }
        let others = files.iter().filter(|(other, _)| **other != place);
        let used: usize = others.map(|(_, (content, _))| content.len()).sum();
        if content.len() > self.limit.saturating_sub(used) {
            return Err(FileError::Full { path: path.to_owned(), limit: self.limit });
        }
        files.insert(place, (content, SystemTime::now()));
        Ok(())
    }

    fn set_modified(&self, path: &str, time: SystemTime) -> Result<(), FileError> {
        let mut files = self.files();
        let file = files.get_mut(&normal(path)).ok_or_else(|| FileError::Missing(path.to_owned()))?;
        file.1 = time;
        Ok(())
    }

    fn remove(&self, path: &str) -> Result<(), FileError> {
        let gone = self.files().remove(&normal(path));
        gone.map(|_| ()).ok_or_else(|| FileError::Missing(path.to_owned()))
    }

    fn list(&self) -> Vec<FileEntry> {
        let entry = |(path, (content, modified)): (&String, &(Bytes, SystemTime))| FileEntry {
            path: path.clone(),
            size: content.len() as u64,
            modified: *modified,
        };
        self.files().iter().map(entry).collect()
    }
}

/// All files of a folder, by their paths in it.
pub(crate) fn in_folder(files: &dyn Files, folder: &str) -> Vec<(String, Bytes)> {
    let mut below = normal(folder);
    if !below.is_empty() {
        below.push('/');
    }
    let entries = files.list();
    let names = entries.iter().filter_map(|entry| {
        let name = entry.path.strip_prefix(&below)?;
        Some((name.to_owned(), files.read(&entry.path).ok()?))
    });
    names.collect()
}

/// A path in its one form: without empty parts and `.`, and with `..` taking a part away.
pub(crate) fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn is_folder(files: &BTreeMap<String, (Bytes, SystemTime)>, place: &str) -> bool {
    let below = format!("{place}/");
    place.is_empty() || files.range(below.clone()..).next().is_some_and(|(path, _)| path.starts_with(&below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_every_way_to_write_its_path() {
        let files = MemoryFiles::new(100);
        files.write("a/b.txt", Bytes::from_static(b"1")).unwrap();
        for path in ["a/b.txt", "./a/b.txt", "/a//b.txt", "a/./c/../b.txt", "../a/b.txt"] {
            assert_eq!(files.read(path).unwrap(), "1", "{path}");
        }
        assert_eq!(files.list().iter().map(|entry| &*entry.path).collect::<Vec<_>>(), ["a/b.txt"]);
        let time = SystemTime::UNIX_EPOCH;
        files.set_modified("./a/b.txt", time).unwrap();
        assert_eq!(files.list()[0].modified, time);
        assert!(files.set_modified("a", time).is_err(), "a folder has no time");
        files.remove("./a/b.txt").unwrap();
        assert_eq!(files.read("a/b.txt"), Err(FileError::Missing("a/b.txt".to_owned())));
    }

    #[test]
    fn files_and_folders_do_not_stand_in_each_others_place() {
        let files = MemoryFiles::new(100);
        files.write("a/b", Bytes::new()).unwrap();
        assert_eq!(files.read("a"), Err(FileError::Folder("a".to_owned())));
        assert_eq!(files.write("a", Bytes::new()), Err(FileError::Folder("a".to_owned())));
        assert_eq!(files.write("a/b/c", Bytes::new()), Err(FileError::NotFolder("a/b/c".to_owned())));
        assert_eq!(files.write("c/", Bytes::new()), Err(FileError::Folder("c/".to_owned())));
        assert!(files.remove("a").is_err());
    }

    #[test]
    fn all_files_together_have_a_limit_and_what_does_not_fit_leaves_the_old_file() {
        let files = MemoryFiles::new(10);
        files.write("a", Bytes::from_static(b"1234")).unwrap();
        files.write("b", Bytes::from_static(b"123456")).unwrap();
        assert!(matches!(files.write("c", Bytes::from_static(b"1")), Err(FileError::Full { limit: 10, .. })));
        assert!(files.write("a", Bytes::from_static(b"12345")).is_err());
        assert_eq!(files.read("a").unwrap(), "1234");
        files.write("a", Bytes::from_static(b"123")).unwrap();
        files.write("c", Bytes::from_static(b"1")).unwrap();
    }
}
