//! Command lines, one word a line: what they mean, what they would do, and what is sent.
#![no_main]

use awscli::catalog::service;
use awscli::classify::{Impact, classify};
use awscli::files::{Files, MemoryFiles};
use awscli::session::Effect;
use awscli_fuzz::{BYTES, Yes, context, run, words};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let words = words(text);
    let files = MemoryFiles::new(BYTES);
    for (path, content) in [("a.json", "{\"a\": [1]}"), ("d/b.yaml", "a: 1"), ("c.bin", "\u{1}\u{2}")] {
        files.write(path, Bytes::from_static(content.as_bytes())).expect("there is room");
    }
    let classified = classify(&words, context(&files));
    let (output, calls) = run(&words, &files, &Yes);
    match classified {
        // What a policy was asked about is all that happens.
        Ok(classified) => {
            for call in calls {
                let is_write = call.effect == Effect::Write;
                assert!(!is_write || classified.impact > Impact::Read, "{call:?} by what only reads");
                // What hands out credentials without a call has a name of its own.
                let is_sent =
                    service(&call.service).is_some_and(|s| s.operation_named(&call.operation).is_some());
                let name = (call.service, call.operation);
                assert!(!is_sent || classified.sends, "{name:?} by what sends nothing");
                assert!(!is_sent || classified.operations.contains(&name), "{name:?} by {classified:?}");
            }
        }
        Err(error) => {
            assert!(output.exit_status != 0 && calls.is_empty(), "it runs in spite of {}", error.stderr);
        }
    }
});
