//! Zip archives: told from other files, and made of files that a service takes in one.

use bytes::Bytes;
use crc::{CRC_32_ISO_HDLC, Crc};

/// The record at an archive's end, the same with a comment behind it, and an entry of the directory before it.
const END: [u8; 4] = *b"PK\x05\x06";
const END_BYTES: usize = 22;
const ENTRY: [u8; 4] = *b"PK\x01\x02";
const ENTRY_BYTES: usize = 46;

/// Whether `content` ends in a directory that can be read, which is all that Python's `zipfile` looks at.
pub fn is_zip(content: &[u8]) -> bool {
    entries(content).is_some()
}

fn entries(content: &[u8]) -> Option<usize> {
    // A comment of up to 64 KiB may follow the end record.
    let from = content.len().saturating_sub(END_BYTES + usize::from(u16::MAX));
    let at = from + content[from..].windows(END.len()).rposition(|window| window == END)?;
    let end = content.get(at..at + END_BYTES)?;
    let (size, offset) = (number(end, 12, 4)?, number(end, 16, 4)?);
    // What stands in front of the archive moves all that is in it.
    let start = at.checked_sub(size)?;
    start.checked_sub(offset)?;
    let mut directory = &content[start..at];
    let mut count = 0;
    while !directory.is_empty() {
        let entry = directory.get(..ENTRY_BYTES).filter(|entry| entry.starts_with(&ENTRY))?;
        let rest = number(entry, 28, 2)? + number(entry, 30, 2)? + number(entry, 32, 2)?;
        directory = directory.get(ENTRY_BYTES + rest..)?;
        count += 1;
    }
    Some(count)
}

/// A number of so many bytes, the lowest first.
fn number(bytes: &[u8], at: usize, count: usize) -> Option<usize> {
    Some(bytes.get(at..at + count)?.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

/// An archive of these files, one after the other as they are. All are of the first day that an archive can name, so
/// that the same files make the same archive.
pub fn archive(files: &[(String, Bytes)]) -> Vec<u8> {
    const FILE: [u8; 4] = *b"PK\x03\x04";
    /// What is needed to read it, its flags (names are UTF-8), how it is packed (not at all), and 1980-01-01.
    const HEAD: [u8; 10] = [20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0];
    /// Made on a system whose files have permissions: a plain file that all may read.
    const MADE_BY: [u8; 2] = [20, 3];
    const MODE: [u8; 4] = (0o100_644_u32 << 16).to_le_bytes();
    let length = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes();
    let short = |count: usize| u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes();
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let checksum = Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(content).to_le_bytes();
        let sizes = [length(content.len()), length(content.len())].concat();
        let head = [&HEAD[..], &checksum, &sizes, &short(name.len()), &[0; 2]].concat();
        directory.extend([&ENTRY[..], &MADE_BY, &head, &[0; 6], &MODE, &length(archive.len())].concat());
        directory.extend(name.as_bytes());
        archive.extend([&FILE[..], &head, name.as_bytes(), content].concat());
    }
    let count = short(files.len());
    let places = [length(directory.len()), length(archive.len())].concat();
    archive.extend(directory);
    archive.extend([&END[..], &[0; 4], &count, &count, &places, &[0; 2]].concat());
    archive
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_of_files_is_one() {
        let file = |name: &str| (name.to_owned(), Bytes::from_static(b"hello"));
        let one = archive(&[file("a")]);
        assert!(
            is_zip(&one) && is_zip(&archive(&[])) && entries(&archive(&[file("a"), file("b/c")])) == Some(2)
        );
        assert_eq!(&one[..4], b"PK\x03\x04");
        assert_eq!(&one[14..18], 0x3610_a686_u32.to_le_bytes());
        assert_eq!(&one[30..36], b"ahello");
    }

    /// What Python's `zipfile` takes and refuses.
    #[test]
    fn an_archive_is_known_by_its_directory() {
        let entry = [&ENTRY[..], &[0; 24], &[1, 0], &[0; 16], b"a"].concat();
        let end =
            |size: u8, offset: u8| [&END[..], &[0; 8], &[size, 0, 0, 0, offset, 0, 0, 0, 0, 0]].concat();
        let whole = [b"data", &entry[..], &end(47, 4)].concat();
        assert!(is_zip(&whole) && is_zip(&end(0, 0)));
        assert!(is_zip(&[&whole[..], b"xx"].concat()) && is_zip(&[b"#!/bin/sh\n", &whole[..]].concat()));
        for wrong in [&b""[..], b"hello", &whole[..whole.len() - 1], &end(4, 0), &whole[..END_BYTES]] {
            assert!(!is_zip(wrong), "{wrong:?}");
        }
        assert!(!is_zip(&[b"data", &entry[1..], b"x", &end(47, 4)].concat()));
    }
}
