//! `--output text`: one line a structure, its scalars by the order of their keys and separated by tabs; what is below
//! comes after it on lines that start with its key in capitals.

use std::collections::BTreeSet;

use super::{Sink, python_text};
use crate::value::{Map, Value};

/// Writes a result.
pub fn text(value: &Value, sink: &mut Sink) {
    item(value, sink, None, None);
}

fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::List(_) | Value::Map(_))
}

fn item(value: &Value, sink: &mut Sink, name: Option<&str>, scalar_keys: Option<&BTreeSet<&str>>) {
    match value {
        Value::Map(map) => structure(map, sink, name, scalar_keys),
        Value::List(items) => list(items, sink, name),
        scalar => line(&[python_text(scalar)], sink),
    }
}

fn line(columns: &[String], sink: &mut Sink) {
    sink.push(&columns.join("\t"));
    sink.push("\n");
}

fn list(items: &[Value], sink: &mut Sink, name: Option<&str>) {
    let maps = || items.iter().filter_map(|item| if let Value::Map(map) = item { Some(map) } else { None });
    if maps().next().is_some() {
        // All structures of a list have the same columns.
        let scalars = maps().flatten().filter(|(_, value)| is_scalar(value));
        let keys: BTreeSet<&str> = scalars.map(|(key, _)| key.as_str()).collect();
        items.iter().for_each(|element| item(element, sink, name, Some(&keys)));
    } else {
        let (scalars, lists): (Vec<&Value>, Vec<&Value>) = items.iter().partition(|item| is_scalar(item));
        match name {
            Some(name) => {
                let name = name.to_uppercase();
                for scalar in scalars {
                    if sink.is_cut() {
                        return;
                    }
                    line(&[name.clone(), python_text(scalar)], sink);
                }
            }
            None if scalars.is_empty() => {}
            None => line(&scalars.into_iter().map(python_text).collect::<Vec<_>>(), sink),
        }
        lists.into_iter().for_each(|list| item(list, sink, name, None));
    }
}

fn structure(map: &Map, sink: &mut Sink, name: Option<&str>, scalar_keys: Option<&BTreeSet<&str>>) {
    let own: BTreeSet<&str>;
    let keys = match scalar_keys {
        Some(keys) => keys,
        None => {
            own = map.iter().filter(|(_, value)| is_scalar(value)).map(|(key, _)| key.as_str()).collect();
            &own
        }
    };
    if sink.is_cut() {
        return;
    }
    let cells = keys.iter().map(|key| map.get(*key).map(python_text).unwrap_or_default());
    let columns: Vec<String> = name.map(str::to_uppercase).into_iter().chain(cells).collect();
    if !keys.is_empty() {
        line(&columns, sink);
    }
    let mut below: Vec<(&String, &Value)> =
        map.iter().filter(|(key, _)| !keys.contains(key.as_str())).collect();
    below.sort_by_key(|(key, _)| *key);
    for (key, value) in below {
        item(value, sink, Some(key), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It would be 64 GB, of which little is kept.
    #[test]
    fn a_name_is_not_repeated_further_than_it_is_kept() {
        let items = || Value::List(vec![Value::Int(1); 1_000_000]);
        let named = Map::from_iter([("x".repeat(64 << 10), items())]);
        for value in [Value::Map(named.clone()), Value::List(vec![Value::Map(named); 2])] {
            let mut sink = Sink::new(5 << 20);
            text(&value, &mut sink);
            assert!(sink.is_cut() && sink.into_bytes().len() == 5 << 20);
        }
    }

    #[test]
    fn results_become_lines_of_columns() {
        let cases = [
            (r#"{"b":1,"a":"x","c":{"d":true},"e":[]}"#, "x\t1\nC\tTrue\n"),
            (r#"{"I":[{"n":"a"},{"n":"b","m":null}]}"#, "I\t\ta\nI\tNone\tb\n"),
            (r#"{"Names":["a","b"]}"#, "NAMES\ta\nNAMES\tb\n"),
            (r#"[["a",1.0],["b",2]]"#, "a\t1.0\nb\t2\n"),
            (r#"["a","b"]"#, "a\tb\n"),
            ("[]", ""),
            ("{}", ""),
            ("null", "None\n"),
        ];
        for (input, output) in cases {
            let mut sink = Sink::new(usize::MAX);
            text(&Value::from_json(&serde_json::from_str(input).unwrap()), &mut sink);
            assert_eq!(String::from_utf8(sink.into_bytes()).unwrap(), output, "{input}");
        }
    }
}
