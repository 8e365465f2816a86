//! `--output table`: boxes drawn with ASCII characters. Structures become sections, lists of structures become rows, and
//! what is wider than a terminal of 80 columns is turned on its side.

use std::collections::BTreeSet;

use east_asian_width::east_asian_width;

use super::{Sink, python_text};
use crate::value::{Map, Value};

/// The width from which single rows are shown as columns. The official CLI takes it for output that is no terminal.
const TERMINAL_WIDTH: usize = 80;
/// What a column is wider than its longest text.
const PADDING: usize = 4;
/// How many cells a table may have. All rows of structures have a cell for each key of any of them, so a few structures
/// with many keys of their own would make more cells than there is memory for.
const MAX_CELLS: usize = 1_000_000;

/// Writes a result under `title`, the operation's name. The error is the one that the official CLI prints for results
/// that fit no table.
pub fn table(title: &str, value: &Value, sink: &mut Sink) -> Result<(), String> {
    let mut table = Table::default();
    if table.add(Some(title), value, 0)? {
        table.render(sink);
    }
    Ok(())
}

#[derive(Default)]
struct Table {
    sections: Vec<Section>,
    cells: usize,
}

#[derive(Default)]
struct Section {
    title: String,
    indent: usize,
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
    columns: Option<usize>,
    widths: Vec<usize>,
}

fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::List(_) | Value::Map(_))
}

/// What Python takes for false: there is nothing to show.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) | Value::Int(0) => true,
        Value::Float(value) => *value == 0.0,
        Value::Str(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.is_empty(),
        _ => false,
    }
}

/// Characters that are wide in East Asian fonts count as two, and so do those that are only sometimes, such as `é`.
fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.chars().map(|character| usize::from(east_asian_width((u32::from(character), true)).as_u8())).sum()
}

/// The keys of a structure's scalars, and its other keys.
fn group<'a>(maps: impl Iterator<Item = &'a Map>) -> (Vec<&'a str>, Vec<&'a str>) {
    let (mut scalars, mut others) = (BTreeSet::new(), BTreeSet::new());
    for (key, value) in maps.flatten() {
        if is_scalar(value) { &mut scalars } else { &mut others }.insert(key.as_str());
    }
    (scalars.into_iter().collect(), others.into_iter().collect())
}

impl Table {
    fn section(&mut self, title: &str, indent: usize) {
        self.sections.push(Section { title: title.to_owned(), indent, ..Section::default() });
    }

    fn row(&mut self, cells: impl ExactSizeIterator<Item = String>) -> Result<(), String> {
        self.count(cells.len())?;
        self.sections.last_mut().map_or(Ok(()), |section| section.row(cells.collect()))
    }

    /// Counts cells before memory is spent on them.
    fn count(&mut self, cells: usize) -> Result<(), String> {
        self.cells += cells;
        if self.cells > MAX_CELLS {
            return Err(format!("the table would have more than {MAX_CELLS} cells (use another --output)"));
        }
        Ok(())
    }

    fn header(&mut self, names: &[&str]) -> Result<(), String> {
        self.count(names.len())?;
        if let Some(section) = self.sections.last_mut() {
            section.widen(names.iter().map(|name| width(name)));
            section.columns.get_or_insert(names.len());
            section.headers = names.iter().map(|name| (*name).to_owned()).collect();
        }
        Ok(())
    }

    /// Adds `value`; gives false if there is nothing in it.
    fn add(&mut self, title: Option<&str>, value: &Value, indent: usize) -> Result<bool, String> {
        if is_empty(value) {
            return Ok(false);
        }
        if let Some(title) = title {
            self.section(title, indent);
        }
        match value {
            Value::Map(map) => self.structure(map, indent)?,
            Value::List(items) if matches!(items.first(), Some(Value::Map(_))) => {
                self.structures(items, indent, title.unwrap_or_default())?;
            }
            Value::List(items) => {
                for item in items {
                    match item {
                        Value::List(cells) if cells.iter().all(is_scalar) => {
                            self.row(cells.iter().map(python_text))?;
                        }
                        Value::List(_) | Value::Map(_) => drop(self.add(None, item, 0)?),
                        scalar => self.row(std::iter::once(python_text(scalar)))?,
                    }
                }
            }
            _ => {}
        }
        Ok(true)
    }

    fn structure(&mut self, map: &Map, indent: usize) -> Result<(), String> {
        let (scalars, others) = group(std::iter::once(map));
        let cell = |key: &str| map.get(key).map(python_text).unwrap_or_default();
        match scalars.as_slice() {
            [] => {}
            [only] => self.row([(*only).to_owned(), cell(only)].into_iter())?,
            several => {
                self.header(several)?;
                self.row(several.iter().map(|key| cell(key)))?;
            }
        }
        for key in others {
            self.add(Some(key), map.get(key).unwrap_or(&Value::Null), indent + 1)?;
        }
        Ok(())
    }

    fn structures(&mut self, items: &[Value], indent: usize, title: &str) -> Result<(), String> {
        let maps =
            || items.iter().filter_map(|item| if let Value::Map(map) = item { Some(map) } else { None });
        let (headers, others) = group(maps());
        self.header(&headers)?;
        for (index, map) in maps().enumerate() {
            if index > 0 && !others.is_empty() {
                self.section(title, indent);
                self.header(&headers)?;
            }
            self.row(headers.iter().map(|key| map.get(*key).map(python_text).unwrap_or_default()))?;
            let mut below: Vec<_> =
                map.iter().filter(|(key, _)| others.binary_search(&key.as_str()).is_ok()).collect();
            below.sort_unstable_by_key(|(key, _)| *key);
            for (key, value) in below {
                self.add(Some(key), value, indent + 1)?;
            }
        }
        Ok(())
    }

    fn width(&self) -> usize {
        self.sections.iter().map(Section::total_width).max().unwrap_or(0)
    }

    fn render(mut self, sink: &mut Sink) {
        if self.width() > TERMINAL_WIDTH {
            self.sections.iter_mut().for_each(Section::turn);
        }
        let width = self.width();
        sink.push(&format!("{}\n", "-".repeat(width)));
        for section in &self.sections {
            if sink.is_cut() {
                return;
            }
            section.render(width, sink);
        }
    }
}

impl Section {
    fn widen(&mut self, cells: impl Iterator<Item = usize>) {
        if self.widths.is_empty() {
            self.widths = cells.collect();
        } else {
            self.widths.iter_mut().zip(cells).for_each(|(width, cell)| *width = cell.max(*width));
        }
    }

    fn row(&mut self, cells: Vec<String>) -> Result<(), String> {
        let columns = *self.columns.get_or_insert(cells.len());
        if cells.len() != columns {
            return Err(format!("Row should have {columns} elements, instead it has {}", cells.len()));
        }
        self.widen(cells.iter().map(|cell| width(cell)));
        self.rows.push(cells);
        Ok(())
    }

    /// A single row under headers becomes a row for each header.
    fn turn(&mut self) {
        if self.rows.len() != 1 || self.headers.is_empty() {
            return;
        }
        let headers = std::mem::take(&mut self.headers);
        let cells = self.rows.pop().unwrap_or_default();
        self.widths.clear();
        self.columns = Some(2);
        for (header, cell) in headers.into_iter().zip(cells) {
            self.widen([width(&header), width(&cell)].into_iter());
            self.rows.push(vec![header, cell]);
        }
    }

    fn total_width(&self) -> usize {
        let columns: usize = self.widths.iter().map(|width| width + PADDING).sum();
        (columns + 2 + 2 * self.indent).max(width(&self.title) + 2 + 2 * self.indent)
    }

    /// The widths of the columns, scaled so that they fill `total`.
    fn scaled(&self, total: usize) -> Vec<i64> {
        let unscaled: Vec<i64> = self.widths.iter().map(|width| (width + PADDING) as i64).collect();
        if unscaled.is_empty() {
            return unscaled;
        }
        let factor = total as f64 / unscaled.iter().sum::<i64>() as f64;
        let mut scaled: Vec<i64> =
            unscaled.iter().map(|width| (factor * *width as f64).round_ties_even() as i64).collect();
        let columns = scaled.len();
        let off_by = scaled.iter().sum::<i64>() - total as i64;
        // What is too much is taken from the first columns, what is missing is given to the last ones.
        for step in 0..off_by.unsigned_abs() as usize {
            if off_by > 0 {
                scaled[step % columns] -= 1;
            } else {
                scaled[columns - 1 - step % columns] += 1;
            }
        }
        scaled
    }

    fn render(&self, width_of_all: usize, sink: &mut Sink) {
        let edge = "|".repeat(self.indent);
        let total = width_of_all - 2 * self.indent;
        let line = |sink: &mut Sink, text: &str| sink.push(&format!("{edge}{text}{edge}\n"));
        if !self.title.is_empty() {
            line(sink, &centered(&self.title, total as i64, "|"));
            if self.headers.is_empty() && self.rows.is_empty() {
                line(sink, &format!("+{}+", "-".repeat(total.saturating_sub(2))));
            }
        }
        let widths = self.scaled(total);
        let dashes = |(index, width): (usize, &i64)| {
            let (left, edges) = if index == 0 { ("+", 2) } else { ("", 1) };
            format!("{left}{}+", "-".repeat(usize::try_from(width - edges).unwrap_or(0)))
        };
        let border: String = widths.iter().enumerate().map(dashes).collect();
        let left = |index: usize| if index == 0 { "|" } else { "" };
        if !self.headers.is_empty() {
            line(sink, &border);
            let cells = self.headers.iter().zip(&widths).enumerate();
            line(
                sink,
                &cells
                    .map(|(index, (header, width))| centered(header, *width, left(index)))
                    .collect::<String>(),
            );
        }
        if self.rows.is_empty() || widths.is_empty() {
            return;
        }
        line(sink, &border);
        for row in &self.rows {
            // A row is as wide as the widest text of the whole table.
            if sink.is_cut() {
                return;
            }
            let cells = row.iter().zip(&widths).enumerate();
            line(
                sink,
                &cells
                    .map(|(index, (cell, width))| left_aligned(cell, *width, left(index)))
                    .collect::<String>(),
            );
        }
        line(sink, &border);
    }
}

fn spaces(count: i64) -> String {
    " ".repeat(usize::try_from(count).unwrap_or(0))
}

fn centered(text: &str, length: i64, left_edge: &str) -> String {
    let text_length = width(text) as i64;
    let before = length / 2 - text_length / 2 - 1;
    let after = length - 1 - (left_edge.len() as i64 + before + text_length);
    format!("{left_edge}{}{text}{}|", spaces(before), spaces(after))
}

fn left_aligned(text: &str, length: i64, left_edge: &str) -> String {
    let edge = left_edge.len() as i64;
    let text_length = width(text) as i64;
    let padding = if text_length + 2 + edge < length { 2 } else { 0 };
    format!("{left_edge}{}{text}{}|", spaces(padding), spaces(length - edge - padding - text_length - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(input: &str) -> String {
        let mut sink = Sink::new(usize::MAX);
        table("ListTables", &Value::from_json(&serde_json::from_str(input).unwrap()), &mut sink).unwrap();
        String::from_utf8(sink.into_bytes()).unwrap()
    }

    /// The drawings are those of the official CLI 2.38.5.
    #[test]
    fn results_are_drawn_as_boxes() {
        let expected = "\
--------------
| ListTables |
+------------+
||TableNames||
|+----------+|
||  a       ||
||  b       ||
|+----------+|
";
        assert_eq!(drawn(r#"{"TableNames":["a","b"]}"#), expected);
        assert_eq!(drawn("{}"), "");
    }

    /// Both would take hours and more memory than there is, although little is kept of them.
    #[test]
    fn a_table_is_not_drawn_further_than_it_is_kept_and_not_larger_than_memory() {
        let wide: Vec<Value> = ["x".repeat(1 << 20)]
            .into_iter()
            .chain((0..20_000).map(|number| number.to_string()))
            .map(Value::Str)
            .collect();
        let mut sink = Sink::new(3 << 20);
        table("T", &Value::List(wide), &mut sink).unwrap();
        assert!(sink.is_cut() && sink.into_bytes().len() == 3 << 20);

        let item = |number: usize, value: &Value| {
            let keys = (0..300).map(|key| (format!("{number}-{key}"), value.clone()));
            Value::Map(keys.collect())
        };
        let items = |value: &Value| Value::List((0..300).map(|number| item(number, value)).collect());
        let refused = table("T", &items(&Value::Int(1)), &mut Sink::new(5 << 20));
        assert_eq!(
            refused.unwrap_err(),
            "the table would have more than 1000000 cells (use another --output)"
        );
        let mut sink = Sink::new(1 << 20);
        table("T", &items(&Value::List(vec![Value::Int(1)])), &mut sink).unwrap();
        assert!(sink.is_cut());
    }

    #[test]
    fn rows_of_different_lengths_are_refused() {
        let rows = Value::from_json(&serde_json::from_str(r#"[["a"],["b","c"]]"#).unwrap());
        let refused = table("T", &rows, &mut Sink::new(usize::MAX));
        assert_eq!(refused, Err("Row should have 1 elements, instead it has 2".to_owned()));
    }
}
