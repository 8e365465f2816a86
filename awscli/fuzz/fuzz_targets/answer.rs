//! Answers of services in every protocol. The first line names one of `COMMANDS`; below it are the answers that it gets.
#![no_main]

use awscli::files::MemoryFiles;
use awscli_fuzz::{BYTES, Recorded, run, split, words};
use crc::{CRC_32_ISO_HDLC, Crc};
use libfuzzer_sys::{Corpus, fuzz_target};

/// The commands that read answers, each at a line of the input's first words.
const COMMANDS: &str = include_str!("../commands.txt");

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some((command, answers)) = split(data, b"\n") else { return Corpus::Reject };
    let Some(command) = COMMANDS.lines().find(|line| line.as_bytes() == command) else {
        return Corpus::Reject;
    };
    let Some(answers) = Recorded::read(answers, |body| {
        if command.contains("select-object-content") || command.contains("start-live-tail") {
            seal(body);
        }
    }) else {
        return Corpus::Reject;
    };
    let (output, _) = run(&words(&command.replace(' ', "\n")), &MemoryFiles::new(BYTES), &answers);
    // What is printed is text, but for the bodies of objects.
    assert!(command.ends_with(" -") || String::from_utf8(output.stdout).is_ok(), "no text");
    Corpus::Keep
});

/// Sets the checksums of each message of a stream of events: no input would come past them otherwise.
fn seal(mut stream: &mut [u8]) {
    const LENGTHS: usize = 8;
    const CHECKSUM: usize = 4;
    let crc = |bytes: &[u8]| Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(bytes).to_be_bytes();
    while let Some((total, _)) = stream.split_first_chunk::<CHECKSUM>() {
        let Some((message, rest)) = stream.split_at_mut_checked(u32::from_be_bytes(*total) as usize) else {
            return;
        };
        let Some((sealed, checksum)) = message.split_last_chunk_mut::<CHECKSUM>() else { return };
        if let Some((lengths, rest)) = sealed.split_first_chunk_mut::<LENGTHS>()
            && let Some(prelude) = rest.first_chunk_mut::<CHECKSUM>()
        {
            *prelude = crc(lengths);
        }
        *checksum = crc(sealed);
        stream = rest;
    }
}
