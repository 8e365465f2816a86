//! A result, as JSON, in every format of output.
#![no_main]

use awscli::format::{Sink, json, table, text, yaml, yaml_item};
use awscli::parse::from_json_text;
use awscli::value::Value;
use awscli::yaml::{Dialect, read};
use awscli_fuzz::BYTES;
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|document: &str| -> Corpus {
    let Some(value) = from_json_text(document) else { return Corpus::Reject };
    let shown = |show: &dyn Fn(&mut Sink)| {
        let mut sink = Sink::new(BYTES);
        show(&mut sink);
        let cut = sink.is_cut();
        let text = String::from_utf8(sink.into_bytes()).expect("what is shown is text");
        (!cut).then_some(text)
    };
    shown(&|sink| text(&value, sink));
    shown(&|sink| drop(table("GetThing", &value, sink)));
    shown(&|sink| yaml_item(value.clone(), sink));
    if !is_finite(&value) {
        return Corpus::Keep;
    }
    // What is finite can be read again.
    let again = shown(&|sink| json(&value, sink)).filter(|text| !text.is_empty());
    if let Some(again) = again {
        assert_eq!(from_json_text(&again).as_ref(), Some(&value), "{again}");
    }
    // What is neither list nor structure is printed as JSON in YAML's place, too.
    if !matches!(value, Value::List(_) | Value::Map(_)) {
        return Corpus::Keep;
    }
    let again = shown(&|sink| yaml(&value, sink)).filter(|text| !text.is_empty());
    if let Some(again) = again {
        let document = read(&again, Dialect::Plain).unwrap_or_else(|error| panic!("{error}: {again}"));
        assert_eq!(document.value, value, "{again}");
    }
    Corpus::Keep
});

fn is_finite(value: &Value) -> bool {
    match value {
        Value::Float(number) => number.is_finite(),
        Value::List(items) => items.iter().all(is_finite),
        Value::Map(map) => map.values().all(is_finite),
        _ => true,
    }
}
