//! Zip archives, as far as they must be told from other files.

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

#[cfg(test)]
mod tests {
    use super::*;

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
