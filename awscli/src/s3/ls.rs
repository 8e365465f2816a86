//! `aws s3 ls`: buckets, or the objects and prefixes below `s3://bucket/prefix`, one a line. The official CLI ignores
//! `--output` and `--query` here, and so do we.

use super::client::{Client, Problem, Side, parameters};
use super::path::bucket_and_key;
use crate::custom::Options;
use crate::format::{Sink, as_shown};
use crate::run::Failure;
use crate::send::CallError;
use crate::value::{Map, Timestamp, Value};

/// The exit status when a prefix was asked for and nothing is there.
const NOTHING_FOUND: i32 = 1;

/// Width of the column with the size of an object.
const SIZE_WIDTH: usize = 10;
/// Width of everything before a prefix's name, `PRE` included.
const PREFIX_WIDTH: usize = 30;

/// What to list.
struct ListCommand<'a> {
    options: &'a Options,
    /// A bucket's name or an access point's ARN. Empty to list the buckets.
    bucket: &'a str,
    /// The prefix of the keys.
    key: &'a str,
    /// `--recursive`: all keys, not only up to the next slash.
    recursive: bool,
    human_readable: bool,
}

/// Lists, page by page. `truncated` takes why that ended early. Gives the exit status.
pub async fn run(
    options: &Options,
    client: &Client<'_>,
    sink: &mut Sink,
    truncated: &mut Option<String>,
) -> Result<i32, Failure> {
    let path = options.text("paths").unwrap_or_default();
    let (bucket, key) = bucket_and_key(path).map_err(Failure::usage)?;
    let (recursive, human_readable) = (options.has("recursive"), options.has("human-readable"));
    let command = ListCommand { options, bucket, key, recursive, human_readable };
    let mut listing = Listing::default();
    let mut token = None;
    let mut pages = 0;
    loop {
        let page = match client.call(Side::Target, command.operation(), command.page(token)).await {
            Err(problem @ Problem::Call(CallError::Budget(_))) if pages > 0 => {
                *truncated = Some(problem.to_string());
                break;
            }
            page => page?,
        };
        listing.page(&command, &page, sink);
        pages += 1;
        token = command.next_page(&page);
        let limit = client.calls.session().budget.pages;
        if token.is_none() || sink.is_cut() {
            break;
        }
        if pages >= limit {
            *truncated = Some(format!("the limit of {limit} pages is reached"));
            break;
        }
    }
    Ok(listing.end(&command, sink))
}

impl ListCommand<'_> {
    /// The operation that is called, page by page.
    fn operation(&self) -> &'static str {
        if self.bucket.is_empty() { "ListBuckets" } else { "ListObjectsV2" }
    }

    /// The parameters of the page that `token` names, or of the first one.
    fn page(&self, token: Option<String>) -> Map {
        let mut asked = Map::new();
        let size = self.options.int("page-size").map(Value::Int);
        if self.bucket.is_empty() {
            for (option, member) in [("bucket-name-prefix", "Prefix"), ("bucket-region", "BucketRegion")] {
                if let Some(value) = self.options.text(option).filter(|value| !value.is_empty()) {
                    asked.extend(parameters([(member, value)]));
                }
            }
            asked.extend(size.map(|size| ("MaxBuckets".to_owned(), size)));
        } else {
            asked.extend(parameters([("Bucket", self.bucket), ("Prefix", self.key)]));
            if !self.recursive {
                asked.extend(parameters([("Delimiter", "/")]));
            }
            if let Some(payer) = self.options.text("request-payer") {
                asked.extend(parameters([("RequestPayer", payer)]));
            }
            asked.extend(size.map(|size| ("MaxKeys".to_owned(), size)));
        }
        asked.extend(token.map(|token| ("ContinuationToken".to_owned(), Value::Str(token))));
        asked
    }

    /// The token of the page after `result`, if there is one.
    fn next_page(&self, result: &Map) -> Option<String> {
        let token = if self.bucket.is_empty() { "ContinuationToken" } else { "NextContinuationToken" };
        result.get(token).and_then(Value::as_str).filter(|token| !token.is_empty()).map(str::to_owned)
    }
}

/// Writes the pages of one command and counts what it has written.
#[derive(Debug, Default)]
struct Listing {
    nothing_in_a_page: bool,
    something_shown: bool,
    objects: u64,
    bytes: i128,
}

impl Listing {
    /// Writes one page.
    fn page(&mut self, command: &ListCommand<'_>, result: &Map, sink: &mut Sink) {
        let list = |name: &str| match result.get(name) {
            Some(Value::List(items)) => items.as_slice(),
            _ => &[],
        };
        if command.bucket.is_empty() {
            for bucket in list("Buckets") {
                sink.push(&format!("{} {}\n", time(bucket.get("CreationDate")), text(bucket.get("Name"))));
            }
            return;
        }
        let (prefixes, objects) = (list("CommonPrefixes"), list("Contents"));
        if prefixes.is_empty() && objects.is_empty() {
            self.nothing_in_a_page = true;
            return;
        }
        for prefix in prefixes {
            let prefix = text(prefix.get("Prefix"));
            let name = prefix.rsplit('/').nth(1).unwrap_or_default();
            sink.push(&format!("{:>PREFIX_WIDTH$} {name}/\n", "PRE"));
        }
        for object in objects {
            let size = match object.get("Size") {
                Some(Value::Int(size)) => *size,
                _ => 0,
            };
            self.bytes += i128::from(size);
            self.objects += 1;
            let key = text(object.get("Key"));
            let name = if command.recursive { &key } else { key.rsplit('/').next().unwrap_or(&key) };
            let size = size_text(i128::from(size), command.human_readable);
            sink.push(&format!("{} {size:>SIZE_WIDTH$} {name}\n", time(object.get("LastModified"))));
        }
        self.something_shown = true;
    }

    /// Writes the summary, if asked for, and gives the exit status.
    fn end(&self, command: &ListCommand<'_>, sink: &mut Sink) -> i32 {
        if command.options.has("summarize") {
            let size = size_text(self.bytes, command.human_readable);
            sink.push(&format!("\nTotal Objects: {}\n   Total Size: {size}\n", self.objects));
        }
        let found_nothing = self.nothing_in_a_page && !self.something_shown;
        if !command.key.is_empty() && found_nothing { NOTHING_FOUND } else { 0 }
    }
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A time in UTC, to the second.
fn time(value: Option<&Value>) -> String {
    match value {
        Some(Value::Timestamp(Timestamp(time))) => {
            let time = time.to_offset(time::UtcOffset::UTC);
            let (date, clock) = (time.date(), time.time());
            let month = u8::from(date.month());
            format!(
                "{}-{month:02}-{:02} {:02}:{:02}:{:02}",
                date.year(),
                date.day(),
                clock.hour(),
                clock.minute(),
                clock.second()
            )
        }
        Some(other) => {
            let mut shown = other.clone();
            as_shown(&mut shown);
            format!("{:<19}", text(Some(&shown)))
        }
        None => " ".repeat(19),
    }
}

/// A size in bytes, or in the unit that fits people.
pub(crate) fn size_text(bytes: i128, human_readable: bool) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    const BASE: f64 = 1024.0;
    match bytes {
        _ if !human_readable => return bytes.to_string(),
        1 => return "1 Byte".to_owned(),
        _ if bytes < 1024 => return format!("{bytes} Bytes"),
        _ => {}
    }
    let mut size = bytes as f64 / BASE;
    let mut units = UNITS.into_iter();
    let mut unit = units.next().unwrap_or_default();
    while size.round_ties_even() >= BASE {
        let Some(next) = units.next() else { break };
        size /= BASE;
        unit = next;
    }
    format!("{size:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_as_by_the_official_cli() {
        let cases = [
            (0, "0 Bytes"),
            (1, "1 Byte"),
            (1023, "1023 Bytes"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1_048_063, "1023.5 KiB"),
            (1_048_064, "1.0 MiB"),
            (1_023_999_999, "976.6 MiB"),
            (1 << 60, "1.0 EiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size_text(bytes, true), text, "{bytes}");
        }
        assert_eq!(size_text(1536, false), "1536");
    }
}
