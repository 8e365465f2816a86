//! A JMESPath expression in the first line, and below it the JSON that it is for.
#![no_main]

use awscli::format::{Sink, json};
use awscli::parse::from_json_text;
use awscli::query::Expression;
use awscli_fuzz::BYTES;
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|text: &str| -> Corpus {
    let Some((expression, document)) = text.split_once('\n') else { return Corpus::Reject };
    let Some(document) = from_json_text(document) else { return Corpus::Reject };
    if let Ok(expression) = Expression::parse(expression)
        && let Ok(found) = expression.search(&document)
    {
        json(&found, &mut Sink::new(BYTES));
    }
    Corpus::Keep
});
